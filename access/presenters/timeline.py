"""The story of a request in human words, from its ledger lines."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from access.models import LedgerEntry
from access.presenters.moments import duration
from access.presenters.ways import label_of

WHAT_HAPPENED: dict[str, str] = {
    "request.submitted": "asked for access",
    "request.approved": "approved the request",
    "request.denied": "denied the request",
    "request.withdrawn": "withdrew the request",
    "request.lapsed": "let the request expire, because nobody decided in time",
    "request.submit.refused": "tried to ask for access and was refused",
    "request.approve.refused": "tried to approve and was refused",
    "request.deny.refused": "tried to deny and was refused",
    "request.withdraw.refused": "tried to withdraw and was refused",
    "grant.end_ordered": "ordered an early end",
    "grant.end.refused": "tried to end access and was refused",
    "grant.opening": "began to open it",
    "grant.opened": "saw in Azure that it is open",
    "grant.closing": "began to close it",
    "grant.closed": "saw in Azure that it is closed",
    "grant.refused": "did not open it, because a check before opening failed",
    "grant.found_shut": "found it shut in Azure before its end and opens it again",
    "door.found_open": "found an earlier opening that belongs to nobody and removes it first",
    "azure.open_sent": "asked Azure to open it",
    "azure.close_sent": "asked Azure to close it",
    "azure.disconnect_sent": "asked Azure to disconnect the sessions",
    "azure.open_failed": "could not reach Azure to open it",
    "azure.close_failed": "could not reach Azure to close it; it is tried again",
    "azure.disconnect_failed": "could not reach Azure to disconnect; it is tried again",
    "azure.open_refused": "was refused by Azure when opening",
    "azure.close_refused": "was refused by Azure when closing; it is tried again",
    "azure.disconnect_refused": "was refused by Azure when disconnecting; it is tried again",
    "azure.look_failed": "could not read the state in Azure",
    "azure.answers_again": "reached Azure again",
    "drift.found": "found something open in Azure that nobody approved",
    "drift.removal_ordered": "ordered the removal of what nobody approved",
    "drift.removal_sent": "asked Azure to remove what nobody approved",
    "drift.gone": "saw in Azure that what nobody approved is gone",
    "drift.remove.refused": "tried to remove what nobody approved and was refused",
    "policy.change_ordered": "ordered a change of a JIT policy",
    "policy.change.refused": "tried to change a JIT policy and was refused",
    "policy.change_sent": "asked Azure to change a JIT policy",
    "policy.changed": "saw in Azure that a JIT policy is as ordered",
    "policy.change_failed": "gave up a change of a JIT policy",
    "capacity.exported": "took away a table of the capacity pages",
    "session.unexplained": "saw somebody connected whom no grant explains",
    "session.disconnect_ordered": "ordered that somebody be disconnected",
    "session.disconnect.refused": "tried to disconnect somebody and was refused",
    "session.disconnected": "saw somebody disconnected who was to be",
    "session.disconnect_failed": "could not disconnect somebody; it is tried again",
    "machine.gone": "saw that a machine is gone from Azure",
    "machine.moved": "saw that a machine was moved in Azure",
    "machine.recreated": "saw that a machine was re-created in Azure under its old name",
    "portal.broke_down": "broke down on a fault of the portal itself",
    "estate.read_ordered": "ordered that the estate be read",
    "outside.registered": "registered a machine outside Azure",
    "outside.changed": "changed a machine outside Azure",
    "outside.retired": "retired a machine outside Azure",
    "outside.register.refused": "tried to register a machine outside Azure and was refused",
    "outside.change.refused": "tried to change a machine outside Azure and was refused",
    "outside.retire.refused": "tried to retire a machine outside Azure and was refused",
    "person.signed_in": "signed in",
    "person.signed_out": "signed out",
}
ICONS = {
    "request.approved": "circle-check",
    "request.denied": "circle-x",
    "request.withdrawn": "undo-2",
    "request.lapsed": "hourglass",
    "request.submitted": "send",
    "grant.opened": "lock-open",
    "grant.closed": "lock",
    "grant.closing": "loader",
    "grant.opening": "loader",
    "grant.end_ordered": "circle-stop",
}
SYSTEM_NAMES = {
    "worker": "The worker",
    "schedule": "The schedule",
    "estate sync": "The estate sync",
}


@dataclass
class Step:
    """One line of the story; ``times`` counts repetitions that were folded into it."""

    at: datetime
    who: str
    what: str
    icon: str
    outcome: str
    detail: str
    event: str
    which: str  # of several ways in
    times: int = 1


def what_happened(event: str) -> str:
    """A sentence without its subject; an event that is unknown here goes by its name."""
    return WHAT_HAPPENED.get(event, event)


def who_did(entry: LedgerEntry) -> str:
    if entry.actor_kind == "system":
        return SYSTEM_NAMES.get(entry.actor_name, entry.actor_name)
    return entry.actor_name


def story(entries: Iterable[LedgerEntry]) -> list[Step]:
    """Oldest first. The same thing again and again, as in an outage, is one step."""
    steps: list[Step] = []
    for entry in entries:
        step = _step(entry)
        if steps and _same(steps[-1], step):
            steps[-1].times += 1
            steps[-1].at = step.at
        else:
            steps.append(step)
    return steps


def _same(one: Step, other: Step) -> bool:
    return _gist(one) == _gist(other)


def _gist(step: Step) -> tuple[str, ...]:
    return step.event, step.who, step.which, step.detail


def _step(entry: LedgerEntry) -> Step:
    fallback = "cloud" if entry.event.startswith("azure.") else "dot"
    icon = "triangle-alert" if entry.outcome != "success" else ICONS.get(entry.event, fallback)
    return Step(
        at=entry.at,
        who=who_did(entry),
        what=what_happened(entry.event),
        icon=icon,
        outcome=entry.outcome,
        detail=_detail(entry.event, entry.data),
        event=entry.event,
        which=_which(entry.data),
    )


def _detail(event: str, data: dict[str, Any]) -> str:
    """What a person wrote or Azure said, where there is something to say."""
    said = data.get("comment") or data.get("reason") or ""
    if event == "request.submitted":
        return ""  # the terms stand on the page in full
    if event == "grant.closed" and "lateness_ms" in data:
        return f"{said} {_lateness(int(data['lateness_ms']))}".strip()
    caveats = [*data.get("caveats", []), data.get("seen", {}).get("caveat", "")]
    return " ".join(str(text) for text in (said, *caveats) if text)


def _which(data: dict[str, Any]) -> str:
    if "kind" not in data or "port" not in data:
        return ""
    return label_of(str(data["kind"]), int(data["port"]))


def _lateness(milliseconds: int) -> str:
    seconds = milliseconds / 1000
    if seconds < 60:  # noqa: PLR2004 - seconds in a minute
        return f"Seen closed {seconds:.1f} s after it was due."
    return f"Seen closed {duration(round(seconds / 60))} after it was due."
