"""What the database says of how the portal is: in few queries, which stay cheap at any size.

Nobody is asked but the database, and nothing here names a person or a machine.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    Count,
    DateTimeField,
    ExpressionWrapper,
    F,
    Min,
    Q,
    Subquery,
    When,
)
from django.db.models.functions import Coalesce, Least, Now

from access.delivery.closing import NOTIFIER
from access.gatekeeping import CLOSER, LOOKER, closer_is_seen, needs_human, overdue_grants
from access.models import (
    AccessRequest,
    Grant,
    Heartbeat,
    LedgerHead,
    Notice,
    NoticeState,
    Restoration,
    SyncRun,
)
from access.presenters.statuses import OVERDUE_AFTER
from access.states import GrantState, RequestState
from portal.models import DirectoryReading

SECOND_CLOSER, CHECKPOINT = "second-closer", "checkpoint"
PARTS = (CLOSER, LOOKER, SECOND_CLOSER, NOTIFIER)
# When closing began to be owed, as ``statuses`` says it of one grant, but for a grace cut short.
OWED_SINCE = Case(
    When(state=GrantState.CLOSING, shut_at__isnull=False, then=Coalesce("finish_by", "due_at")),
    When(state=GrantState.CLOSING, then=F("due_at")),
    default=Least("ends_at", Coalesce("end_order__at", "ends_at")),
    output_field=DateTimeField(),
)


@dataclass(frozen=True)
class Closing:
    """Of one kind: what is open, what is owed, what of that for more than a minute."""

    kind: str
    open: int = 0
    backlog: int = 0
    overdue: int = 0
    needs_human: int = 0
    oldest: datetime | None = None  # since when the oldest that is overdue has been owed


@dataclass(frozen=True)
class State:
    """``now``: the database's. ``seen``: heartbeats by name. ``None``: there is none."""

    now: datetime
    seen: dict[str, datetime | None]
    closer_seen: bool = False
    closing: list[Closing] = field(default_factory=list)
    queued: int = 0
    queued_since: datetime | None = None
    pending: int = 0
    restoration: int | None = None  # the row that waits for people
    head_seq: int = 0
    estate_at: datetime | None = None
    directory_at: datetime | None = None

    def age(self, name: str) -> timedelta | None:
        at = self.seen.get(name)
        return None if at is None else max(self.now - at, timedelta(0))


def read() -> State:
    """Two queries: one of single facts, and one of the grants that are not closed."""
    return replace(facts(), closing=closing())


def facts() -> State:
    """One query, and ``closing`` left out."""
    row = _facts()
    return State(
        now=row["now"],
        seen={name: row[_column(name)] for name in (*PARTS, CHECKPOINT)},
        closer_seen=row["closer_seen"],
        queued=row["queued"] or 0,
        queued_since=row["queued_since"],
        pending=row["pending"] or 0,
        restoration=row["restoration"],
        head_seq=row["seq"],
        estate_at=row["estate_at"],
        directory_at=row["directory_at"],
    )


def closing() -> list[Closing]:
    """By kind, and only of what is not closed: an index of its own holds these, however many were.
    A subquery says what is overdue, so that there is one meaning of the word."""
    owed, late = overdue_grants(Now()), overdue_grants(Now() - OVERDUE_AFTER)
    is_late = Q(pk__in=late.values("pk"))
    rows = (
        Grant.objects.exclude(state=GrantState.CLOSED)
        .order_by()
        .values("kind")
        .annotate(
            open=Count("pk", filter=Q(state=GrantState.OPEN)),
            backlog=Count("pk", filter=Q(pk__in=owed.values("pk"))),
            overdue=Count("pk", filter=is_late),
            needs_human=Count("pk", filter=Q(pk__in=needs_human().values("pk"))),
            oldest=Min(OWED_SINCE, filter=is_late),
        )
    )
    return [Closing(**row) for row in rows.order_by("kind")]


def _facts() -> dict[str, Any]:
    waiting = Notice.objects.filter(state=NoticeState.QUEUED, digest=False).order_by()
    outbox = waiting.values("state").annotate(n=Count("pk"), since=Min("created_at"))
    asked = AccessRequest.objects.filter(state=RequestState.PENDING).order_by()
    read_whole = SyncRun.objects.filter(complete=True).order_by("-finished_at")
    beats = {_column(name): _beat(name) for name in (*PARTS, CHECKPOINT)}
    found = LedgerHead.objects.values(
        "seq",
        now=Now(),
        closer_seen=ExpressionWrapper(closer_is_seen(Now()), BooleanField()),
        queued=Subquery(outbox.values("n")),
        queued_since=Subquery(outbox.values("since")),
        pending=Subquery(asked.values("state").annotate(n=Count("pk")).values("n")),
        restoration=Subquery(Restoration.objects.filter(waits=True).values("pk")),
        estate_at=Subquery(read_whole.values("finished_at")[:1]),
        directory_at=Subquery(DirectoryReading.objects.values("finished_at")[:1]),
        **beats,
    ).get(pk=1)
    return dict(found)


def _beat(name: str) -> Subquery:
    return Subquery(Heartbeat.objects.filter(name=name).values("at"))


def _column(name: str) -> str:
    return f"seen_{name.replace('-', '_')}"
