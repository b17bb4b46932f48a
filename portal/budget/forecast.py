"""When all that is due to be closed will be closed: a plain estimate, for people.

What is counted: the grants whose end has come and whose door was not seen shut, gate by gate. A
gate is looked at once for each chunk and once more to see that it is done; each look and each
chunk costs calls (``COSTS``), and those come from buckets as full as they are now. Gates are
worked on side by side, the chunks of one gate one after another. It is over when the last bucket
has given what it must, and the last gate, after its pause, has had its looks.

It takes for granted that workers are enough, that Azure answers, and that nobody else spends.
"""

import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count

from access.gatekeeping import overdue_grants
from portal.budget.left import Left, left
from portal.budget.rates import rate_of
from portal.budget.stores import Key

LOOK_SECONDS = 1.5  # one look, its calls, and the way to the next
Calls = dict[tuple[str, str], int]  # by (as whom, reads or writes or deletes)


@dataclass(frozen=True)
class Cost:
    """Calls for each look, for each chunk of doors that is shut, and for each door."""

    look: Calls = field(default_factory=dict)
    chunk: Calls = field(default_factory=dict)
    door: Calls = field(default_factory=dict)


COSTS = {
    # Listing links and sessions are POSTs; the list of sessions is then fetched.
    "link": Cost(look={("READER", "writes"): 2}, chunk={("CLOSER", "writes"): 1}),
    "window": Cost(
        look={("READER", "reads"): 2, ("READER", "writes"): 1},
        door={("CLOSER", "reads"): 1, ("CLOSER", "deletes"): 1},
    ),
}
UNKNOWN = Cost(look={("READER", "reads"): 1}, door={("CLOSER", "writes"): 1})


@dataclass(frozen=True)
class Forecast:
    """``backlog``: grants that are due to be closed and are not, at so many ``gates``. ``done_at``:
    ``None`` when there are none. ``waits_for``: what takes the longest, for people; or empty."""

    backlog: int
    gates: int
    done_at: datetime | None
    waits_for: str


def forecast(now: datetime, spent: list[Left] | None = None) -> Forecast:
    """``spent``: what ``left`` said, if it was asked. One query, and another where it was not."""
    rows = list(_due(now))
    if not rows:
        return Forecast(0, 0, None, "")
    buckets = left(now) if spent is None else spent
    ends = [_gate_done(row, now) for row in rows] + _budgets_done(rows, buckets, now)
    done_at, waits_for = max(ends, key=lambda end: end[0])
    return Forecast(sum(row["doors"] for row in rows), len(rows), done_at, waits_for)


def _due(now: datetime) -> Any:
    """One row for each gate."""
    gate = ("gate_id", "kind", "gate__resource_key", "gate__pause_until")
    return overdue_grants(now).order_by().values(*gate).annotate(doors=Count("pk"))


def _chunks(doors: int) -> int:
    return math.ceil(doors / int(settings.ACCESS_CHUNK))


def _gate_done(row: dict[str, Any], now: datetime) -> tuple[datetime, str]:
    begin, waits_for = now, ""
    if row["gate__pause_until"] and row["gate__pause_until"] > now:
        begin, waits_for = row["gate__pause_until"], "a Bastion host or policy that does not answer"
    looks = _chunks(row["doors"]) + 1
    return begin + timedelta(seconds=looks * LOOK_SECONDS), waits_for


def _budgets_done(
    rows: list[dict[str, Any]], buckets: list[Left], now: datetime
) -> list[tuple[datetime, str]]:
    needed: Counter[Key] = Counter()
    for row in rows:
        needed.update(_needed(row))
    return [_budget_done(key, n, _bucket(key, buckets), now) for key, n in needed.items()]


def _bucket(key: Key, buckets: list[Left]) -> Left | None:
    """The web process is not told as whom workers go: then the one with the least in it."""
    same = [b for b in buckets if (b.subscription, b.calls) == (key.subscription, key.calls)]
    mine = [bucket for bucket in same if bucket.principal == key.principal]
    return min(mine or same, key=lambda bucket: bucket.tokens, default=None)


def _needed(row: dict[str, Any]) -> Counter[Key]:
    cost, chunks = COSTS.get(row["kind"], UNKNOWN), _chunks(row["doors"])
    times = ((cost.look, chunks + 1), (cost.chunk, chunks), (cost.door, row["doors"]))
    calls: Counter[Key] = Counter()
    for which, count in times:
        for (identity, kind), each in which.items():
            calls[_key(row["gate__resource_key"], identity, kind)] += each * count
    return calls


def _key(resource_key: str, identity: str, calls: str) -> Key:
    """Of ``/subscriptions/{id}/…``, in lower case."""
    principal = getattr(settings, f"AZURE_{identity}_CLIENT_ID")
    return Key(resource_key.split("/")[2], principal, calls)


def _budget_done(key: Key, count: int, known: Left | None, now: datetime) -> tuple[datetime, str]:
    rate = rate_of(key.calls)
    tokens = known.tokens if known else rate.room
    begin, waits_for = now, "calls that Azure takes"
    if known and known.shut_until:
        begin, waits_for = known.shut_until, f"Azure, which takes no {key.calls} until then"
    missing = max(0.0, count - tokens - rate.per_second * (begin - now).total_seconds())
    end = begin + timedelta(seconds=missing / rate.per_second)
    return (end, waits_for) if end > now else (now, "")
