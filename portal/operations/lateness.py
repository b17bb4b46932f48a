"""How late closing was lately, exactly: from the moments that the grants themselves keep."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from access.kinds import all_kinds
from access.models import Grant

MOST = 20_000  # the newest of them: a day of an estate that closes one every four seconds


@dataclass(frozen=True)
class Late:
    """Of one kind. Half were at most ``half`` late, and 99 of 100 at most ``most``."""

    kind: str
    label: str
    count: int
    half: timedelta
    most: timedelta
    worst: timedelta


def of_the_last(period: timedelta, now: datetime) -> list[Late]:
    """One query. A grace that a soft end gave is not late; nor is what never was open."""
    rows = (
        Grant.objects.filter(closed_at__gte=now - period, opened_at__isnull=False)
        .order_by("-closed_at")
        .values_list("kind", "due_at", "finish_by", "closed_at")[:MOST]
    )
    found: dict[str, list[timedelta]] = defaultdict(list)
    for kind, due, finish_by, closed in rows:
        if due is None or closed is None:
            continue  # the database has both of what is closed
        owed = max(due, min(finish_by, closed)) if finish_by else due
        found[kind].append(max(closed - owed, timedelta(0)))
    return [_late(kind, sorted(each)) for kind, each in sorted(found.items())]


def _late(kind: str, ranked: list[timedelta]) -> Late:
    known = all_kinds()
    return Late(
        kind=kind,
        label=known[kind].label if kind in known else kind,
        count=len(ranked),
        half=_at(ranked, 0.5),
        most=_at(ranked, 0.99),
        worst=ranked[-1],
    )


def _at(ranked: list[timedelta], share: float) -> timedelta:
    """The smallest within which that share of them is."""
    return ranked[ceil(share * len(ranked)) - 1]
