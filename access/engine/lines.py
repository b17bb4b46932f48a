"""What a transaction of the engine changes, tells and records: gathered, and written at its end.

However many grants there are, that takes few statements. Ledger lines come last.

Appending locks the ledger's head until commit, so it comes after every other lock: two
transactions then cannot wait for each other. What a kind does of its own (``hooks``) comes before.
"""

from typing import Any

from access import ledger
from access.engine import hooks
from access.engine.changes import Changes
from access.models import Finding, Gate, Grant
from access.notices.grants import EVENTS, tell_of_finding, tell_of_grants

WORKER = "worker"


class Lines:
    def __init__(self) -> None:
        self._pending: list[ledger.Line] = []
        self._changes = Changes()
        self._told: list[tuple[str, Grant]] = []  # what people are told of as well
        self._found: list[Finding] = []
        self._ended: list[Grant] = []  # nothing that lets anybody in may be kept of them

    def save(self, grant: Grant, *fields: str) -> None:
        """Like ``grant.save(update_fields=fields)``, with all others of the transaction."""
        self._changes.note(grant, *fields)

    def flush(self) -> None:
        """Before the database is asked for what may have been changed here."""
        self._changes.write()

    def about(self, grant: Grant, event: str, *, outcome: str = "success", **data: Any) -> None:
        if event in EVENTS:
            self._told.append((event, grant))
        known = {"grant": grant.pk, "kind": grant.kind, "port": grant.port}
        reference, subject = grant.access_request.reference, grant.machine.resource_key
        self._add(event, outcome, {**known, **data}, reference=reference, subject=subject)

    def ended(self, grant: Grant) -> None:
        """Its kind is to forget what lets anybody in: when closing begins and when it is done."""
        self._ended.append(grant)

    def about_gate(self, gate: Gate, event: str, *, outcome: str = "success", **data: Any) -> None:
        known = {"gate": gate.pk, "kind": gate.kind}
        self._add(event, outcome, {**known, **data}, subject=gate.resource_key)

    def about_finding(
        self, finding: Finding, event: str, *, outcome: str = "success", **data: Any
    ) -> None:
        if event == "drift.found":
            self._found.append(finding)
        known = {"finding": finding.pk, "port": finding.port, **finding.detail}
        reference, subject = finding.left_by, finding.resource_key
        self._add(event, outcome, {**known, **data}, reference=reference, subject=subject)

    def write(self) -> None:
        self.flush()
        tell_of_grants(self._told)
        for grant, why, fault in [*hooks.ended(self._ended), *hooks.told(self._told)]:
            self.about(grant, "portal.broke_down", outcome="failed", **_of(why, fault))
        for finding in self._found:
            tell_of_finding(finding)
        self._told, self._found, self._ended = [], [], []
        ledger.record_many(self._pending)
        self._pending = []

    def _add(
        self, event: str, outcome: str, data: dict[str, Any], *, subject: str, reference: str = ""
    ) -> None:
        self._pending.append(ledger.Line(event, WORKER, reference, subject, outcome, data))


def _of(why: str, fault: Exception) -> dict[str, str]:
    return {"reason": why, "fault": type(fault).__name__}
