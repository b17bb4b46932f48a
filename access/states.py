"""The two state machines, as data: the only place that says which moves are legal.

A *request* is what people decide; a *grant* is what workers do. Neither has a failed state:
what cannot be opened is closed, and closing is tried for ever.
"""

from django.db.models import TextChoices

from access.errors import WrongState


class RequestState(TextChoices):
    PENDING = "pending", "Waiting for approval"
    APPROVED = "approved", "Approved"
    DENIED = "denied", "Denied"
    WITHDRAWN = "withdrawn", "Withdrawn"
    LAPSED = "lapsed", "Expired unanswered"


class GrantState(TextChoices):
    SCHEDULED = "scheduled", "Scheduled"
    OPENING = "opening", "Opening"
    OPEN = "open", "Open"
    CLOSING = "closing", "Closing"
    CLOSED = "closed", "Closed"


REQUEST_MOVES: dict[RequestState, frozenset[RequestState]] = {
    RequestState.PENDING: frozenset(
        {
            RequestState.APPROVED,
            RequestState.DENIED,
            RequestState.WITHDRAWN,
            RequestState.LAPSED,
        }
    ),
    RequestState.APPROVED: frozenset(),
    RequestState.DENIED: frozenset(),
    RequestState.WITHDRAWN: frozenset(),
    RequestState.LAPSED: frozenset(),
}

# SCHEDULED and OPENING may go straight to CLOSING: ended, refused or over before Azure opened.
# Nothing goes to CLOSED but by way of CLOSING, which asks Azure first.
GRANT_MOVES: dict[GrantState, frozenset[GrantState]] = {
    GrantState.SCHEDULED: frozenset({GrantState.OPENING, GrantState.CLOSING}),
    GrantState.OPENING: frozenset({GrantState.OPEN, GrantState.CLOSING}),
    GrantState.OPEN: frozenset({GrantState.CLOSING}),
    GrantState.CLOSING: frozenset({GrantState.CLOSED}),
    GrantState.CLOSED: frozenset(),
}

LIVE = (GrantState.SCHEDULED, GrantState.OPENING, GrantState.OPEN, GrantState.CLOSING)
HOLDING = (GrantState.OPENING, GrantState.OPEN, GrantState.CLOSING)
WANTING = (GrantState.SCHEDULED, GrantState.OPENING, GrantState.OPEN)
WANTING_NOW = (GrantState.OPENING, GrantState.OPEN)


def move_request(now: str, then: RequestState) -> RequestState:
    """The state after a legal move; raises ``WrongState`` for any other."""
    if then not in REQUEST_MOVES[RequestState(now)]:
        label = RequestState(now).label.lower()
        raise WrongState(f"This request is already {label}; nothing was changed.")
    return then


def move_grant(now: str, then: GrantState) -> GrantState:
    """The state after a legal move; raises ``WrongState`` for any other."""
    if then not in GRANT_MOVES[GrantState(now)]:
        raise WrongState(f"A grant that is {now} cannot become {then}.")
    return then
