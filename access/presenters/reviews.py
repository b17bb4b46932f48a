"""Openings by break-glass as who reviews them sees them: what happened, and what was said of it."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch, QuerySet

from access import policy
from access.models import (
    AccessRequest,
    Grant,
    LiveSession,
    Machine,
    Person,
    RequestedDoor,
    Review,
)
from access.presenters.moments import span
from access.presenters.statuses import Status
from access.presenters.ways import label_of
from access.services.reviews import JUSTIFIED
from access.sessions.covering import SLACK, covering
from access.states import WANTING

MOST_SESSIONS = 1000
SAID_YES = Status("green", "circle-check", "Justified")
SAID_NO = Status("red", "circle-x", "Not justified")


@dataclass(frozen=True)
class ReviewLine:
    """``length``: how long it was open, or has been until now; empty when it never was."""

    review: Review
    status: Status
    machine: Machine
    label: str
    opened_at: datetime | None
    length: str
    still_open: bool
    sessions: Sequence[LiveSession]
    may_review: bool
    overdue: bool

    @property
    def asked(self) -> AccessRequest:
        return self.review.access_request

    @property
    def may_decide(self) -> bool:
        """By this viewer, and now: not while it goes on, unless it is due."""
        return self.may_review and self.review.reviewed_at is None and not self.too_early

    @property
    def too_early(self) -> bool:
        return self.still_open and not self.overdue


def with_facts(rows: QuerySet[Review]) -> QuerySet[Review]:
    """All that a line needs but the sessions, in two more queries for all rows."""
    doors = RequestedDoor.objects.select_related("machine").order_by("pk")
    grants = Grant.objects.select_related("end_order").order_by("pk")
    return rows.select_related("access_request__requester", "reviewed_by").prefetch_related(
        Prefetch("access_request__doors", doors), Prefetch("access_request__grants", grants)
    )


def lines_for(rows: Collection[Review], viewer: Person, now: datetime) -> list[ReviewLine]:
    """Needs ``with_facts``. Two queries for the sessions of all."""
    sessions = _sessions(rows)
    return [line_for(row, viewer, now, sessions.get(row.access_request_id, ())) for row in rows]


def line_for(
    row: Review, viewer: Person, now: datetime, sessions: Sequence[LiveSession] = ()
) -> ReviewLine:
    asked = row.access_request
    door = next(d for d in asked.doors.all() if d.kind == asked.kind)
    grants = list(asked.grants.all())
    opened = [grant.opened_at for grant in grants if grant.opened_at]
    overdue = row.reviewed_at is None and row.due_at <= now
    return ReviewLine(
        review=row,
        status=status_of(row, now),
        machine=door.machine,
        label=label_of(door.kind, door.port),
        opened_at=min(opened, default=None),
        length=_length(grants, now),
        still_open=any(g.state in WANTING and not hasattr(g, "end_order") for g in grants),
        sessions=sessions,
        may_review=policy.may_review(asked, viewer),
        overdue=overdue,
    )


def status_of(row: Review, now: datetime) -> Status:
    if row.reviewed_at is not None:
        return SAID_YES if row.verdict == JUSTIFIED else SAID_NO
    if row.due_at <= now:
        return Status("red", "triangle-alert", "Review overdue")
    return Status("amber", "clock", "To review")


def _length(grants: Sequence[Grant], now: datetime) -> str:
    opened = [grant.opened_at for grant in grants if grant.opened_at]
    if not opened:
        return ""
    closed = [grant.closed_at or now for grant in grants if grant.opened_at]
    return span(max(closed) - min(opened))


def _sessions(rows: Collection[Review]) -> dict[int, list[LiveSession]]:
    """By request: who was connected through it, or may have been: Azure names no person."""
    grants = [g for row in rows for g in row.access_request.grants.all() if g.opened_at]
    if not grants:
        return {}
    earliest = min(grant.starts_at for grant in grants) - SLACK
    seen = LiveSession.objects.filter(
        machine__in={grant.machine_id for grant in grants}, last_seen_at__gte=earliest
    )
    found = list(seen.order_by("-first_seen_at", "-pk")[:MOST_SESSIONS])
    mine: dict[int, list[LiveSession]] = defaultdict(list)
    by_session = covering(found)
    for session in found:
        for grant in by_session[session.pk]:
            mine[grant.access_request_id].append(session)
    return mine
