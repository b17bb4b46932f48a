"""How much is asked of Azure at once, and which of many closings a look is concerned with.

Azure takes so many links of a host under way at once and no more (see docs/azure.md), and a look
that carried five hundred of them from one transaction to the next would do so for nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db.models import Q, QuerySet

from access.engine.compare import Act, Judged, Rules
from access.models import Gate, Grant
from access.states import GrantState


class Row(NamedTuple):
    """What must be known of a grant to tell whether a look is about it."""

    pk: int
    state: str
    machine_id: int
    port: int
    ends_at: datetime
    end_order: int | None
    sent_at: datetime | None
    sent_until: datetime | None
    shut_at: datetime | None
    not_before: datetime | None
    due_at: datetime | None
    grace_minutes: int
    outstanding: str
    problem: str


COLUMNS = tuple(Row.__annotations__)


def until_whole(gate: Gate, now: datetime) -> float:
    """Seconds until it is time to look at what is simply open as well, and nobody has touched."""
    again = timedelta(seconds=settings.ACCESS_WHOLE_SECONDS)
    return max(0.0, (gate.whole_at + again - now).total_seconds()) if gate.whole_at else 0.0


def over(now: datetime) -> Q:
    """Grants that may be open no longer: their time is over, or somebody ordered it."""
    return Q(ends_at__lte=now) | Q(end_order__isnull=False)


def keep_to_chunk(judged: Sequence[Judged], rules: Rules) -> None:
    """What is beyond it waits for the next look, which comes as soon as Azure is done with this.
    Closing goes first."""
    free = max(0, settings.ACCESS_CHUNK - sum(_is_under_way(item, rules) for item in judged))
    for act in (Act.CLOSE, Act.OPEN):
        due = [item for item in judged if item.verdict.act is act]
        due.sort(key=lambda item: item.case.door.erred > 0)
        for item in due[free:]:
            item.verdict.act = Act.NOTHING
        free = max(0, free - len(due))


def _is_under_way(item: Judged, rules: Rules) -> bool:
    """Something was sent of which Azure shows nothing yet."""
    case = item.case
    if item.verdict.act is not Act.NOTHING or not item.verdict.moving:
        return False
    still = case.seen.open if not case.wanting else not case.seen.open
    sent = [grant.sent_at for grant in case.grants if grant.sent_at]
    recent = bool(sent) and max(sent) > rules.now - rules.settle
    return recent and (still or case.seen.settling)


@dataclass(frozen=True)
class Extent:
    """What a look is about beside what moves. ``whole``: also what is simply open. ``more``: also
    further endings, of which Azure may take some. ``tries``: of those that wait these are enough,
    to find out whether it takes any."""

    whole: bool
    more: bool = True
    tries: frozenset[int] | None = None


def concerned(live: QuerySet[Grant], now: datetime, extent: Extent) -> list[int]:
    """The grants that a look is about; of endings only those that it could do something for. Who
    shares a door with one of them comes along."""
    rows = [Row(*values) for values in live.values_list(*COLUMNS)]
    unsent = [row for row in rows if _waits_for_its_turn(row)]
    ended = [row for row in rows if row.state == GrantState.OPEN and _is_over(row, now)]
    ready = [row for row in unsent if row.not_before is None or row.not_before <= now]
    due = _first(ready) if extent.tries is None else [r for r in ready if r.pk in extent.tries]
    taken = {row.pk for row in [*due, *_first(ended)] if extent.more}
    left = {row.pk for row in [*unsent, *ended]} - taken
    if not extent.whole:
        left |= {row.pk for row in rows if _is_simply_open(row, now)}
    doors = {(row.machine_id, row.port) for row in rows if row.pk not in left}
    return [r.pk for r in rows if r.pk not in left or (r.machine_id, r.port) in doors]


def _first(rows: Sequence[Row]) -> list[Row]:
    """As many as Azure takes at once, of those that are owed to be closed, and of those that will
    be from now on: the latter must not wait until Azure is done with the former. What somebody
    ordered to be ended before its time begins first."""
    ordered = sorted(rows, key=_turn)
    return ordered[: settings.ACCESS_CHUNK]


def _turn(row: Row) -> tuple[bool, bool, datetime, int]:
    """Who was tried in vain goes behind who was not."""
    waits = row.due_at is not None or row.end_order is None
    return (row.not_before is not None, waits, row.due_at or row.ends_at, row.pk)


def _waits_for_its_turn(row: Row) -> bool:
    """Nothing was sent for it, and Azure has not shown it shut. A grace may have to be cut."""
    begun = row.sent_at or row.shut_at or row.grace_minutes
    return row.state == GrantState.CLOSING and not begun


def _is_over(row: Row, now: datetime) -> bool:
    return row.ends_at <= now or row.end_order is not None


def _is_simply_open(row: Row, now: datetime) -> bool:
    """Azure showed it open for as long as it was asked to be, and nothing has come up since."""
    asked = row.sent_until is not None and row.sent_until >= row.ends_at
    quiet = not (row.outstanding or row.problem or row.not_before)
    return row.state == GrantState.OPEN and asked and quiet and not _is_over(row, now)


def until_more(gate_id: int, beside: Sequence[int], now: datetime) -> float | None:
    """Seconds until a closing that a look left out may go on; ``None`` where there is none."""
    waiting = Grant.objects.filter(gate_id=gate_id, state=GrantState.CLOSING)
    rests = waiting.exclude(pk__in=beside).values_list("not_before", flat=True)
    seconds = [(each - now).total_seconds() if each else 0.0 for each in rests]
    return max(0.0, min(seconds)) if seconds else None
