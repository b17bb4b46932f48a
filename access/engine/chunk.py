"""How much is asked of Azure at once, and which of many closings a look is concerned with.

Azure takes so many links of a host under way at once and no more (see docs/azure.md), and a look
that carried five hundred of them from one transaction to the next would do so for nothing.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db.models import QuerySet

from access.engine.compare import Act, Judged, Rules
from access.models import Grant
from access.states import GrantState


class Row(NamedTuple):
    """What must be known of a grant to tell whether a look is about it."""

    pk: int
    state: str
    machine_id: int
    port: int
    sent_at: datetime | None
    shut_at: datetime | None
    not_before: datetime | None
    due_at: datetime | None
    grace_minutes: int


COLUMNS = tuple(Row.__annotations__)


def keep_to_chunk(judged: Sequence[Judged], rules: Rules) -> None:
    """What is beyond it waits for the next look, which comes as soon as Azure is done with this.
    Closing goes first."""
    free = max(0, settings.ACCESS_CHUNK - sum(_is_under_way(item, rules) for item in judged))
    for act in (Act.CLOSE, Act.OPEN):
        due = [item for item in judged if item.verdict.act is act]
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


def concerned(live: QuerySet[Grant], now: datetime) -> list[int]:
    """The grants that a look is about: all but the closings that it could do nothing for. Who
    shares a door with one of them comes along."""
    rows = [Row(*values) for values in live.values_list(*COLUMNS)]
    waiting = [row for row in rows if _waits_for_its_turn(row)]
    if not waiting:
        return [row.pk for row in rows]
    ready = [row for row in waiting if row.not_before is None or row.not_before <= now]
    ready.sort(key=lambda row: (row.due_at or now, row.pk))
    taken = {row.pk for row in ready[: settings.ACCESS_CHUNK]}
    left = {row.pk for row in waiting} - taken
    doors = {(row.machine_id, row.port) for row in rows if row.pk not in left}
    return [r.pk for r in rows if r.pk not in left or (r.machine_id, r.port) in doors]


def _waits_for_its_turn(row: Row) -> bool:
    """Nothing was sent for it, and Azure has not shown it shut. A grace may have to be cut."""
    begun = row.sent_at or row.shut_at or row.grace_minutes
    return row.state == GrantState.CLOSING and not begun


def until_more(gate_id: int, beside: Sequence[int], now: datetime) -> float | None:
    """Seconds until a closing that a look left out may go on; ``None`` where there is none."""
    waiting = Grant.objects.filter(gate_id=gate_id, state=GrantState.CLOSING)
    rests = waiting.exclude(pk__in=beside).values_list("not_before", flat=True)
    seconds = [(each - now).total_seconds() if each else 0.0 for each in rests]
    return max(0.0, min(seconds)) if seconds else None
