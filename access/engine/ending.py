"""When a grant is over, and how: by its time, by an order, or because it has lost its ground.

Called under the gate's lock, for grants that were read after it was taken, by the database's
clock. An end by time may be soft: the door is shut at once as always, and whoever is connected
may finish until ``finish_by``. Every other end is hard, also one that comes during that grace.
"""

from datetime import datetime, timedelta
from typing import Any

from access.clock import db_now
from access.engine.lines import Lines
from access.gatekeeping import reason_to_end
from access.lockdowns import InForce, ended_in, sentence
from access.models import EndedHow, EndOrder, Grant
from access.states import HOLDING, WANTING, GrantState, move_grant

OVER = "Its time is over."
COMPANION_GONE = "The access that it belongs to is over."
GIVEN_BACK = "Ended early by the vendor, who was done."
MISSED = "Its time was over before it could be opened."
NOT_AGAIN = "Its time was over before it was approved again."


def end_if_due(grant: Grant, now: datetime, lines: Lines, shut: InForce) -> None:
    """``shut``: the lockdowns in force, read after the gate's lock was taken: an approval that
    was committed in the same instant as a confirmation meets it here."""
    if grant.state == GrantState.CLOSING:
        _cut_grace_short(grant, now, lines, shut)
    if grant.state not in WANTING:
        return
    order: EndOrder | None = getattr(grant, "end_order", None)
    if order is not None:
        due = min(order.at, grant.ends_at)
        begin_closing(grant, reason=reason_of(order), due_at=due, lines=lines)
    elif grant.ends_at <= now:
        _end_by_time(grant, lines)
    elif why := _lost(grant, shut):
        begin_closing(grant, reason=why, due_at=now, lines=lines)


def begin_closing(
    grant: Grant, *, reason: str, due_at: datetime, lines: Lines, finish_by: datetime | None = None
) -> None:
    """From here on closing is owed, and will be tried until Azure shows it done.

    ``finish_by``: of a soft end. Without it the end is hard. What has not begun at a door that
    somebody else holds cannot hold it besides, and is closed at once.
    """
    if grant.state == GrantState.SCHEDULED and door_is_taken(grant, lines):
        _close_unbegun(grant, reason, due_at, lines)
        return
    grant.state = move_grant(grant.state, GrantState.CLOSING)
    grant.close_reason = reason
    grant.due_at, grant.finish_by, grant.shut_at = due_at, finish_by, None
    grant.grace_minutes = grant.grace_minutes if finish_by else 0
    grant.sent_at = grant.sent_until = grant.not_before = None
    grant.tries, grant.erred, grant.outstanding, grant.problem = 0, 0, "", ""
    lines.save(
        grant,
        "state", "close_reason", "due_at", "finish_by", "shut_at", "grace_minutes", "sent_at",
        "sent_until", "not_before", "tries", "erred", "outstanding", "problem",
    )  # fmt: skip
    lines.ended(grant)
    soft: dict[str, Any] = {"finish_by": finish_by} if finish_by else {}
    lines.about(grant, "grant.closing", reason=reason, due_at=due_at, **soft)


def _close_unbegun(grant: Grant, reason: str, due_at: datetime, lines: Lines) -> None:
    """Azure was never asked for it, and what it would show at that door is somebody else's."""
    grant.state = move_grant(move_grant(grant.state, GrantState.CLOSING), GrantState.CLOSED)
    grant.close_reason, grant.due_at, grant.closed_at = reason, due_at, db_now()
    grant.grace_minutes, grant.outstanding, grant.problem = 0, "", ""
    lines.save(
        grant,
        "state", "close_reason", "due_at", "closed_at", "grace_minutes", "outstanding", "problem",
    )  # fmt: skip
    lines.ended(grant)
    lines.about(grant, "grant.closing", reason=reason, due_at=due_at)
    lines.about(grant, "grant.closed", reason=reason, others_still_hold_it=True)


def door_is_taken(grant: Grant, lines: Lines) -> bool:
    """An exclusive door is handed on only when the one before was seen to be shut."""
    if not grant.exclusive:
        return False
    lines.flush()  # another may have begun to hold it in this very transaction
    return (
        Grant.objects.filter(
            machine_id=grant.machine_id, kind=grant.kind, port=grant.port, state__in=HOLDING
        )
        .exclude(pk=grant.pk)
        .exists()
    )


def reason_of(order: EndOrder) -> str:
    """For people. What somebody wrote stands in it, as they wrote it."""
    who = order.by.display_name if order.by else ""
    return {
        EndedHow.BY_OWNER: f"Ended early by {who}.",
        EndedHow.REVOKED: sentence(f"Revoked by {who}: {order.reason}"),
        EndedHow.LOCKDOWN: ended_in(order.reason),
        EndedHow.BY_VENDOR: GIVEN_BACK,
    }[EndedHow(order.how)]


def _end_by_time(grant: Grant, lines: Lines) -> None:
    missed = NOT_AGAIN if grant.access_request.hold else MISSED
    reason = OVER if grant.opened_at else missed
    soft = bool(grant.opened_at and grant.grace_minutes)
    finish = grant.ends_at + timedelta(minutes=grant.grace_minutes) if soft else None
    begin_closing(grant, reason=reason, due_at=grant.ends_at, lines=lines, finish_by=finish)


def _lost(grant: Grant, shut: InForce) -> str:
    """The ground on which it may stay open, or wait to be opened."""
    if why := shut.reason_to_end(grant.machine):
        return why
    if grant.state != GrantState.SCHEDULED and (why := reason_to_end(grant)):
        return why
    return COMPANION_GONE if _left_behind(grant) else ""


def _left_behind(grant: Grant) -> bool:
    """A link without its window leads to a shut port, and a window without its link to nobody."""
    companions = [g for g in grant.access_request.grants.all() if g.pk != grant.pk]
    return any(g.machine_id == grant.machine_id and g.state not in WANTING for g in companions)


def _cut_grace_short(grant: Grant, now: datetime, lines: Lines, shut: InForce) -> None:
    """Somebody ordered its end after its time was over, or it lost its ground: sessions go now."""
    if not grant.grace_minutes:
        return
    order: EndOrder | None = getattr(grant, "end_order", None)
    why = reason_of(order) if order else shut.reason_to_end(grant.machine) or reason_to_end(grant)
    if not why:
        return
    grant.grace_minutes, grant.not_before = 0, None
    grant.finish_by = min(grant.finish_by or now, now)
    grant.close_reason = f"{OVER} {why}"
    lines.save(grant, "grace_minutes", "not_before", "finish_by", "close_reason")
    lines.about(grant, "grant.grace_cut", reason=why)
