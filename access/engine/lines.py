"""Ledger lines gathered while rows are changed, written last.

Appending locks the ledger's head until commit, so it comes after every other lock: two
transactions then cannot wait for each other. What a kind does of its own (``hooks``) comes before.
"""

from typing import Any

from access import ledger
from access.engine import hooks
from access.models import Finding, Gate, Grant
from access.notices.grants import EVENTS, tell_of_finding, tell_of_grants

WORKER = "worker"


class Lines:
    def __init__(self) -> None:
        self._pending: list[dict[str, Any]] = []
        self._told: list[tuple[str, Grant]] = []  # what people are told of as well
        self._found: list[Finding] = []
        self._ended: list[Grant] = []  # nothing that lets anybody in may be kept of them

    def about(self, grant: Grant, event: str, *, outcome: str = "success", **data: Any) -> None:
        if event in EVENTS:
            self._told.append((event, grant))
        self._pending.append(
            {
                "event": event,
                "outcome": outcome,
                "reference": grant.access_request.reference,
                "subject": grant.machine.resource_key,
                "data": {"grant": grant.pk, "kind": grant.kind, "port": grant.port, **data},
            }
        )

    def ended(self, grant: Grant) -> None:
        """Its kind is to forget what lets anybody in: when closing begins and when it is done."""
        self._ended.append(grant)

    def about_gate(self, gate: Gate, event: str, *, outcome: str = "success", **data: Any) -> None:
        self._pending.append(
            {
                "event": event,
                "outcome": outcome,
                "subject": gate.resource_key,
                "data": {"gate": gate.pk, "kind": gate.kind, **data},
            }
        )

    def about_finding(
        self, finding: Finding, event: str, *, outcome: str = "success", **data: Any
    ) -> None:
        if event == "drift.found":
            self._found.append(finding)
        self._pending.append(
            {
                "event": event,
                "outcome": outcome,
                "reference": finding.left_by,
                "subject": finding.resource_key,
                "data": {"finding": finding.pk, "port": finding.port, **finding.detail, **data},
            }
        )

    def write(self) -> None:
        tell_of_grants(self._told)
        for grant, why, fault in [*hooks.ended(self._ended), *hooks.told(self._told)]:
            self.about(grant, "portal.broke_down", outcome="failed", **_of(why, fault))
        for finding in self._found:
            tell_of_finding(finding)
        self._told, self._found, self._ended = [], [], []
        for line in self._pending:
            ledger.record(line.pop("event"), by=WORKER, **line)
        self._pending = []


def _of(why: str, fault: Exception) -> dict[str, str]:
    return {"reason": why, "fault": type(fault).__name__}
