"""What a request or a grant is called, with an icon and a tone: never a colour alone.

Nothing is called closed before its state is closed, and what is overdue says so first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from access.models import AccessRequest, Grant
from access.presenters.moments import near
from access.states import WANTING, WANTING_NOW, GrantState, RequestState

OVERDUE_AFTER = timedelta(seconds=60)


@dataclass(frozen=True)
class Status:
    tone: str  # blue, grey, green, amber or red
    icon: str
    text: str


OVERDUE = Status("red", "triangle-alert", "Overdue: still open")
COULD_NOT_OPEN = Status("grey", "ban", "Could not be opened")
CLOSED = Status("grey", "lock", "Closed")
CLOSING = Status("amber", "loader", "Closing")
FINISHING = Status("amber", "hourglass", "Shut, a session may finish")
REOPENING = Status("amber", "triangle-alert", "Shut in Azure, opening again")
OPEN = Status("green", "lock-open", "Open")
OPENING = Status("grey", "loader", "Opening")
DECIDED = {
    RequestState.PENDING: Status("blue", "clock", "Waiting for approval"),
    RequestState.DENIED: Status("grey", "circle-x", "Denied"),
    RequestState.WITHDRAWN: Status("grey", "undo-2", "Withdrawn"),
    RequestState.LAPSED: Status("grey", "hourglass", "Expired unanswered"),
}
HELD = Status("amber", "pause", "Needs re-approval")
BLOCKED = Status("amber", "pause", "No eligible approver")
ASKED_BACK = Status("amber", "circle-question-mark", "Waits for an answer")
EXTENDED = Status("green", "circle-check", "Approved, more time given")
# The state that a whole request is named after when its grants differ: the least safe first.
LEAST_SAFE = (
    GrantState.CLOSING,
    GrantState.OPENING,
    GrantState.OPEN,
    GrantState.SCHEDULED,
    GrantState.CLOSED,
)


def is_overdue(grant: Grant, now: datetime) -> bool:
    """Closing has been owed for more than a minute and Azure has not shown it done.

    It is owed from the end on, also while no worker lives that could have noticed. A door that
    was seen shut after a soft end owes nothing more until who is connected must have finished.
    """
    owed_since = _owed_since(grant)
    return owed_since is not None and owed_since + OVERDUE_AFTER < now


def _owed_since(grant: Grant) -> datetime | None:
    if grant.state == GrantState.CLOSING:
        return _closing_owed_since(grant)
    if grant.state not in WANTING_NOW:
        return None
    ordered = grant.end_order.at if hasattr(grant, "end_order") else grant.ends_at
    return min(ordered, grant.ends_at)


def _closing_owed_since(grant: Grant) -> datetime | None:
    if grant.due_at is None or grant.shut_at is None or grant.finish_by is None:
        return grant.due_at
    ordered = grant.end_order.at if hasattr(grant, "end_order") else grant.due_at
    return min(grant.finish_by, ordered) if ordered > grant.due_at else grant.finish_by


def is_finishing(grant: Grant, now: datetime) -> bool:
    """Its door was seen shut, and whoever is still connected may finish."""
    waits = grant.state == GrantState.CLOSING and grant.shut_at is not None
    return waits and grant.finish_by is not None and grant.finish_by > now


def is_ending(grant: Grant) -> bool:
    """Somebody ordered its end and workers have not begun yet. Needs end_order loaded, or asks."""
    return grant.state in WANTING and hasattr(grant, "end_order")


def of_grant(grant: Grant, now: datetime) -> Status:
    if is_overdue(grant, now):
        return OVERDUE
    if is_ending(grant) or grant.state == GrantState.CLOSING:
        return FINISHING if is_finishing(grant, now) else CLOSING
    if grant.state == GrantState.CLOSED:
        return COULD_NOT_OPEN if grant.never_opened else CLOSED
    if grant.state == GrantState.OPENING:
        return OPENING
    return _open(grant, now) if grant.state == GrantState.OPEN else _scheduled(grant, now)


def of_request(access_request: AccessRequest, grants: Sequence[Grant], now: datetime) -> Status:
    """One word for the whole: of several grants, the least safe speaks."""
    if access_request.state == RequestState.PENDING:
        return _undecided(access_request)
    if access_request.state != RequestState.APPROVED:
        return DECIDED[RequestState(access_request.state)]
    if access_request.extends_id is not None:
        return EXTENDED
    if not grants:
        return Status("blue", "calendar", "Approved")
    return of_grant(speaks_for(access_request, grants, now), now)


def speaks_for(access_request: AccessRequest, grants: Sequence[Grant], now: datetime) -> Grant:
    """An overdue grant, else one still moving, else the one that was asked for."""

    def rank(grant: Grant) -> tuple[bool, bool, int, bool]:
        asked_for = grant.kind == access_request.kind
        moving = grant.state in (GrantState.CLOSING, GrantState.OPENING)
        late = is_overdue(grant, now)
        return not late, not moving, _least_safe(grant), not asked_for

    return min(grants, key=rank)


def _least_safe(grant: Grant) -> int:
    return LEAST_SAFE.index(GrantState(grant.state))


def _undecided(access_request: AccessRequest) -> Status:
    """Why it waits, where it is not simply for a decision."""
    if access_request.blocked:
        return BLOCKED
    if access_request.asked_back_at is not None:
        return ASKED_BACK
    return DECIDED[RequestState.PENDING]


def _open(grant: Grant, now: datetime) -> Status:
    if grant.outstanding:
        return REOPENING
    return Status("green", "lock-open", f"Open, ends {near(grant.ends_at, now)}")


def _scheduled(grant: Grant, now: datetime) -> Status:
    if grant.access_request.hold:
        return BLOCKED if grant.access_request.blocked else HELD
    if grant.starts_at > now:
        return Status("blue", "calendar", f"Approved, starts {near(grant.starts_at, now)}")
    return Status("blue", "calendar", "Approved, opens next")
