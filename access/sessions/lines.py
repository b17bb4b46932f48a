"""Ledger lines about sessions, gathered while rows are changed and written last: appending locks
the ledger's head until the commit."""

from typing import Any

from access import ledger
from access.models import LiveSession

WORKER = "worker"


class Lines:
    def __init__(self) -> None:
        self._pending: list[dict[str, Any]] = []

    def about(
        self, session: LiveSession, event: str, *, outcome: str = "success", **more: Any
    ) -> None:
        """Needs host and machine loaded, or asks for each."""
        line = {"event": event, "outcome": outcome}
        self._pending.append({**line, "subject": subject(session), "data": facts(session) | more})

    def write(self) -> None:
        for line in self._pending:
            ledger.record(line.pop("event"), by=WORKER, **line)
        self._pending = []


def subject(session: LiveSession) -> str:
    """The machine, or the host where the machine is not known."""
    found = session.machine or session.host
    return found.resource_key


def facts(session: LiveSession) -> dict[str, Any]:
    return {
        "session": session.session_id,
        "host": session.host.resource_key,
        "machine": session.machine.name if session.machine else session.target or session.address,
        "user_name": session.user_name,
        "protocol": session.protocol,
        "since": session.started_at,
    }
