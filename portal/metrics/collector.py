"""The figures, each with its one line of help. docs/metrics.md has a row for each of them.

No label names a person, a machine or a request: figures travel further than the ledger does.
"""

import platform
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from prometheus_client.core import (
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from access import measures
from access.kinds import all_kinds
from access.measures import BOUNDS_MS, Lateness
from portal import budget
from portal.operations import state
from portal.operations.state import CHECKPOINT, PARTS, Closing, State

PREFIX = "bastion_access"


class Figures(Collector):
    """Asks the database when it is scraped, in five queries."""

    def collect(self) -> Iterable[Metric]:
        now = state.read()
        yield _lateness()
        yield from _closing(now)
        yield from _parts(now)
        yield from _beside(now)
        yield from _azure(now)
        build = InfoMetricFamily(f"{PREFIX}_build", "What runs here.")
        build.add_metric([], {"python": platform.python_version()})
        yield build


def _lateness() -> Metric:
    family = HistogramMetricFamily(
        f"{PREFIX}_close_lateness_seconds",
        "How long after its end access was seen closed in Azure, by kind.",
        labels=["kind"],
    )
    found = measures.lateness()
    for kind in sorted({*all_kinds(), *found}):
        mine, so_far, buckets = found.get(kind, Lateness()), 0, []
        for bound, count in zip(BOUNDS_MS, mine.within, strict=True):
            so_far += count
            name = "+Inf" if bound == BOUNDS_MS[-1] else f"{bound / 1000}"
            buckets.append((name, float(so_far)))
        family.add_metric([kind], buckets, mine.total_ms / 1000)
    return family


def _closing(now: State) -> Iterator[Metric]:
    rows = {row.kind: row for row in now.closing}
    kinds = {kind: rows.get(kind, Closing(kind)) for kind in sorted({*all_kinds(), *rows})}
    figures: tuple[tuple[str, str, Callable[[Closing], float]], ...] = (
        ("open_grants", "Access that is open, by kind.", lambda row: row.open),
        ("backlog", "Access that should be closed by now and is not yet.", lambda row: row.backlog),
        ("overdue", "Access open for more than 60 s past its end.", lambda row: row.overdue),
        ("needs_human", "Closing was tried so often in vain that somebody should look.",
         lambda row: row.needs_human),
        ("oldest_overdue_seconds", "How long the oldest overdue access has been so; 0: none is.",
         lambda row: _since(row.oldest, now)),
    )  # fmt: skip
    for name, told, figure in figures:
        family = GaugeMetricFamily(f"{PREFIX}_{name}", told, labels=["kind"])
        for kind, row in kinds.items():
            family.add_metric([kind], figure(row))
        yield family


def _parts(now: State) -> Iterator[Metric]:
    seen = "1 while closing is looked after; at 0 nothing new is opened."
    yield _one("closer_seen", seen, int(now.closer_seen))
    ages = GaugeMetricFamily(
        f"{PREFIX}_heartbeat_age_seconds",
        "Since a part was last seen working; a part that never was has none.",
        labels=["part"],
    )
    for part in PARTS:
        if (age := now.age(part)) is not None:
            ages.add_metric([part], age.total_seconds())
    yield ages
    kept = "Since the ledger's last line was kept outside the database; none where that is off."
    yield _one("checkpoint_age_seconds", kept, _seconds(now.age(CHECKPOINT)))


def _beside(now: State) -> Iterator[Metric]:
    yield _one("pending_requests", "Requests that wait for a decision.", now.pending)
    yield _one("outbox_waiting", "Notices that are not sent yet, digests apart.", now.queued)
    yield _one(
        "outbox_age_seconds",
        "How long the oldest of these has waited; 0: none waits.",
        _since(now.queued_since, now),
    )
    yield _one(
        "restoration_open",
        "1 while the database is known to have gone back in time and nobody has reconciled it.",
        int(now.restoration is not None),
    )
    yield _one("ledger_head", "The number of the ledger's last line.", now.head_seq)
    estate, directory = (
        None if at is None else _since(at, now) for at in (now.estate_at, now.directory_at)
    )
    yield _one("estate_age_seconds", "Since the estate was last read whole.", estate)
    yield _one("directory_age_seconds", "Since the directory was last read whole.", directory)


def _azure(now: State) -> Iterator[Metric]:
    names = ["subscription", "principal", "calls"]
    left = GaugeMetricFamily(
        f"{PREFIX}_azure_tokens",
        "Calls left of Azure's budget, as the portal counts.",
        labels=names,
    )
    full = GaugeMetricFamily(
        f"{PREFIX}_azure_bucket", "Calls that the full budget has.", labels=names
    )
    shut = GaugeMetricFamily(
        f"{PREFIX}_azure_shut_seconds", "How long Azure will take no calls; 0: it takes them.",
        labels=names,
    )  # fmt: skip
    rows = budget.left(now.now)
    for row in rows:
        labels = [row.subscription, row.principal or "default", row.calls]
        left.add_metric(labels, row.tokens)
        full.add_metric(labels, row.bucket)
        shut.add_metric(labels, _until(row.shut_until, now))
    yield from (left, full, shut)
    finish = "How long closing what is owed should take, by the budget that is left; 0: nothing is."
    yield _one(
        "backlog_finish_seconds", finish, _until(budget.forecast(now.now, rows).done_at, now)
    )


def _one(name: str, told: str, value: float | None) -> Metric:
    """A figure without labels; ``None``: there is none to tell."""
    family = GaugeMetricFamily(f"{PREFIX}_{name}", told)
    if value is not None:
        family.add_metric([], value)
    return family


def _seconds(age: timedelta | None) -> float | None:
    return None if age is None else age.total_seconds()


def _until(at: datetime | None, now: State) -> float:
    return 0.0 if at is None else max((at - now.now).total_seconds(), 0.0)


def _since(at: datetime | None, now: State) -> float:
    return 0.0 if at is None else max((now.now - at).total_seconds(), 0.0)
