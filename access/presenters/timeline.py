"""The story of a request in human words, from its ledger lines."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from access.models import LedgerEntry
from access.presenters.changes import changes_of
from access.presenters.moments import day_and_clock, duration
from access.presenters.timeline_vendors import ICONS as VENDORS_ICONS
from access.presenters.timeline_vendors import VENDORS, reason_in_words
from access.presenters.ways import label_of

WHAT_HAPPENED: dict[str, str] = {
    **VENDORS,
    "request.submitted": "asked for access",
    "request.approved": "approved the request",
    "request.denied": "denied the request",
    "request.withdrawn": "withdrew the request",
    "request.lapsed": "let the request expire, because nobody decided in time",
    "request.approval_given": "approved the request; it needs more approvals",
    "request.approval_dismissed": "dismissed an approval, which no longer counts",
    "request.approved_again": "approved the request anew",
    "request.approved_by_rule": "approved the request by a rule, without people",
    "request.changed": "changed the request",
    "request.extension_asked": "asked for more time",
    "request.blocked": "found nobody who could decide it, and told the administrators",
    "request.escalated": "asked more people to decide, because it had waited too long",
    "request.held": "held it until it is approved anew",
    "request.hold_over": "let go of it: nothing of it can be opened any more",
    "request.change.refused": "tried to change the request and was refused",
    "request.extend.refused": "tried to ask for more time and was refused",
    "request.submit.refused": "tried to ask for access and was refused",
    "request.approve.refused": "tried to approve and was refused",
    "request.deny.refused": "tried to deny and was refused",
    "request.withdraw.refused": "tried to withdraw and was refused",
    "request.commented": "commented",
    "request.asked_back": "asked for more information",
    "request.answered": "answered",
    "request.comment.refused": "tried to comment and was refused",
    "request.ask_back.refused": "tried to ask for more information and was refused",
    "request.answer.refused": "tried to answer and was refused",
    "token.made": "made a personal token",
    "token.revoked": "revoked a personal token",
    "token.refused": "used a token for what it is not for, or not any more, and was refused",
    "token.make.refused": "tried to make a token and was refused",
    "token.revoke.refused": "tried to revoke a token and was refused",
    "device.allowed": "let a program sign in",
    "device.refused": "refused a program that asked to be signed in",
    "device.allow.refused": "tried to let a program sign in and was refused",
    "device.refuse.refused": "tried to answer a program whose time was over",
    "export.made": "exported a list",
    "ledger.went_back": "found that the database had gone back in time, as after a restore",
    "ledger.reconciled": "reconciled the database that had gone back in time",
    "restoration.reconcile.refused": "tried to reconcile the database and was refused",
    "anchor.refused": "found what is remembered outside the database missing or not good",
    "second_closer.close_sent": "asked Azure, as the second closer, to close it",
    "second_closer.disconnect_sent": "asked Azure, as the second closer, to disconnect who was in",
    "break_glass.opened": "opened it by break-glass, without an approval",
    "break_glass.open.refused": "tried to break glass and was refused",
    "review.done": "reviewed the break-glass",
    "review.decide.refused": "tried to review a break-glass and was refused",
    "review.overdue": "saw that nobody has reviewed the break-glass in time",
    "reviews.exported": "took away the table of who approves whom",
    "grant.end_ordered": "ordered an early end",
    "grant.revoked": "revoked the access",
    "grant.end.refused": "tried to end access and was refused",
    "grant.opening": "began to open it",
    "grant.opened": "saw in Azure that it is open",
    "grant.closing": "began to close it",
    "grant.closed": "saw in Azure that it is closed",
    "grant.extended": "gave it more time, as was approved",
    "grant.grace_cut": "ended the grace in which whoever was connected could finish",
    "grant.held_back": "did not open it, because of an incident",
    "grant.held": "did not open it: it must be approved anew",
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
    "lockdown.ordered": "ordered that everything in a part of the estate be closed",
    "lockdown.confirmed": "confirmed that everything in a part of the estate be closed",
    "lockdown.lifted": "ended an incident, so that access can be opened again",
    "lockdown.lapsed": "let an order to close everything lapse, because nobody confirmed it",
    "lockdown.order.refused": "tried to close everything and was refused",
    "lockdown.confirm.refused": "tried to confirm that everything be closed and was refused",
    "lockdown.lift.refused": "tried to end an incident and was refused",
    "closing.silent": "saw that nothing looked after closing",
    "closing.back": "saw that closing is looked after again",
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
    "access_policy.proposed": "proposed a version of the access policy",
    "access_policy.in_force": "put a version of the access policy in force",
    "access_policy.rejected": "rejected a proposed version of the access policy",
    "access_policy.withdrawn": "withdrew a proposed version of the access policy",
    "access_policy.propose.refused": "tried to propose an access policy and was refused",
    "access_policy.put_in_force.refused": "tried to put an access policy in force and was refused",
    "access_policy.reject.refused": "tried to reject an access policy and was refused",
    "access_policy.withdraw.refused": "tried to withdraw an access policy and was refused",
    "access_policy.install.refused": "tried to install a first access policy and was refused",
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
    "deputy.named": "named a deputy",
    "deputy.taken_back": "ended a deputy's time",
    "deputy.name.refused": "tried to name a deputy and was refused",
    "deputy.take_back.refused": "tried to end a deputy's time and was refused",
    "endpoint.added": "added an endpoint that is told of things",
    "endpoint.changed": "changed an endpoint that is told of things",
    "endpoint.switched_off": "switched an endpoint off",
    "endpoint.switched_on": "switched an endpoint on",
    "endpoint.secret_added": "made a new secret for a webhook",
    "endpoint.secret_dropped": "dropped the old secret of a webhook",
    "endpoint.test_ordered": "sent a test to an endpoint",
    "endpoint.add.refused": "tried to add an endpoint and was refused",
    "endpoint.change.refused": "tried to change an endpoint and was refused",
    "endpoint.switch.refused": "tried to switch an endpoint on or off and was refused",
    "endpoint.rotate.refused": "tried to change the secret of a webhook and was refused",
    "endpoint.test.refused": "tried to send a test and was refused",
    "notice.given_up": "gave up a notice that could not be delivered",
    "notice.retry_ordered": "had a notice sent again",
    "notice.retry.refused": "tried to have a notice sent again and was refused",
    "notices.preferred": "chose what to be told by mail",
    "web.forgery_refused": "was refused a request that another site may have sent",
    "person.signed_in": "signed in",
    "person.signed_out": "signed out",
    "person.sign_in.refused": "let somebody not sign in",
    "person.created": "made an account for somebody who was given a role",
    "person.roles_changed": "changed which roles somebody holds",
    "person.roles_not_confirmed": "broke glass while the directory could not be asked",
    "person.facts_changed": "changed whose manager, guest or second account somebody is",
    "person.disabled": "switched an account off",
    "person.enabled": "switched an account on again",
    "session.ended": "ended a session of a browser, or all of a person",
    "session.end.refused": "tried to end sessions of browsers and was refused",
    "person.confirmed": "confirmed anew who they are",
    "person.confirm.refused": "tried to confirm as somebody else and was refused",
}
ICONS = {
    **VENDORS_ICONS,
    "request.approved": "circle-check",
    "request.denied": "circle-x",
    "request.withdrawn": "undo-2",
    "request.lapsed": "hourglass",
    "request.submitted": "send",
    "request.approval_given": "check",
    "request.approved_again": "circle-check",
    "request.approved_by_rule": "circle-check",
    "request.approval_dismissed": "undo-2",
    "request.changed": "pencil",
    "request.extension_asked": "send",
    "request.escalated": "users",
    "request.commented": "message-square",
    "request.asked_back": "circle-question-mark",
    "request.answered": "reply",
    "grant.extended": "hourglass",
    "grant.opened": "lock-open",
    "grant.closed": "lock",
    "grant.closing": "loader",
    "grant.opening": "loader",
    "grant.end_ordered": "circle-stop",
    "break_glass.opened": "shield-alert",
    "review.done": "shield-check",
}
SYSTEM_NAMES = {
    "worker": "The worker",
    "schedule": "The schedule",
    "policy": "The policy",
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
    if entry.actor_kind == "vendor":  # somebody's namesake may have an account here
        return f"{entry.actor_name} (vendor)"
    return entry.actor_name


def story(entries: Iterable[LedgerEntry]) -> list[Step]:
    """Oldest first. The same thing again and again, as in an outage, is one step."""
    steps: list[Step] = []
    for entry in entries:
        step = _step(entry)
        if steps and _gist(steps[-1]) == _gist(step):
            steps[-1].times += 1
            steps[-1].at = step.at
        else:
            steps.append(step)
    return steps


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
    said = reason_in_words(data.get("comment") or data.get("reason") or "")
    if event in ("request.submitted", "request.extension_asked"):
        return ""  # the terms stand on the page in full
    if event == "request.changed":
        return "\n".join(f"{c.what}: {c.before}, now {c.after}" for c in changes_of(data))
    if event == "request.approval_dismissed":
        return f"Of {data.get('approver', 'somebody')}. {said}".strip()
    if event == "grant.extended":
        return _extended(data)
    if event == "grant.closed" and "lateness_ms" in data:
        return f"{said} {_lateness(data)}".strip()
    caveats = [*data.get("caveats", []), data.get("seen", {}).get("caveat", "")]
    return " ".join(str(text) for text in (said, *caveats) if text)


def _extended(data: dict[str, Any]) -> str:
    until, before = (datetime.fromisoformat(data[name]) for name in ("until", "instead_of"))
    by = data.get("by_request", "")
    return f"Until {day_and_clock(until)} instead of {day_and_clock(before)}, by {by}."


def _which(data: dict[str, Any]) -> str:
    if "kind" not in data or "port" not in data:
        return ""
    return label_of(str(data["kind"]), int(data["port"]))


def _lateness(data: dict[str, Any]) -> str:
    """After a soft end the door and who was inside have each their own moment."""
    whole, door = int(data["lateness_ms"]), int(data.get("door_lateness_ms", 0))
    if door > whole:
        return f"Seen shut {_late(door)} after its end, and nobody stayed beyond their grace."
    return f"Seen closed {_late(whole)} after it was due."


def _late(milliseconds: int) -> str:
    seconds = milliseconds / 1000
    if seconds < 60:  # noqa: PLR2004 - seconds in a minute
        return f"{seconds:.1f} s"
    return duration(round(seconds / 60))
