"""How late closing was, counted in the transaction that writes it down.

The rows only grow, so a histogram of them can be scraped by anybody at any time; no figure is kept
in a process, where a restart would lose it.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import connection

from access.models.measures import ENDLESS, LatenessTally

BOUNDS_MS = (*(s * 1000 for s in (1, 2, 5, 10, 15, 30, 60, 120, 300, 900)), ENDLESS)
MOST_MS = 10 * 365 * 24 * 3600 * 1000  # what is called later than that is a clock gone wrong
# Table and columns are the model's own names; no value is part of the text.
_ADD = """
    INSERT INTO access_latenesstally (kind, bound_ms, count, total_ms) VALUES (%s, %s, %s, %s)
    ON CONFLICT (kind, bound_ms) DO UPDATE SET
        count = access_latenesstally.count + excluded.count,
        total_ms = access_latenesstally.total_ms + excluded.total_ms
"""


@dataclass
class Lateness:
    """Of one kind: ``within`` has a count for each of ``BOUNDS_MS``, each without those before."""

    within: list[int] = field(default_factory=lambda: [0] * len(BOUNDS_MS))
    total_ms: int = 0


def closed(lateness: Iterable[tuple[str, int]]) -> None:
    """(kind, milliseconds) of each grant that was seen closed. Called last in its transaction,
    after the ledger's head was taken, so that all lock in one order."""
    added: dict[tuple[str, int], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for kind, late in lateness:
        late_ms = min(max(late, 0), MOST_MS)  # early, by two clocks, is not late
        bound = BOUNDS_MS[min(bisect_left(BOUNDS_MS, late_ms), len(BOUNDS_MS) - 1)]
        count, total = added[kind, bound]
        added[kind, bound] = (count + 1, total + late_ms)
    with connection.cursor() as cursor:
        for (kind, bound), (count, total) in sorted(added.items()):
            cursor.execute(_ADD, [kind, bound, count, total])


def lateness() -> dict[str, Lateness]:
    """All that was ever counted, by kind, in one query."""
    found: dict[str, Lateness] = {}
    for row in LatenessTally.objects.order_by("kind", "bound_ms"):
        mine = found.setdefault(row.kind, Lateness())
        # A bound that is no longer used counts with the next one that is.
        mine.within[bisect_left(BOUNDS_MS, row.bound_ms)] += row.count
        mine.total_ms += row.total_ms
    return found
