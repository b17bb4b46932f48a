"""Lateness of links that end together: by the simulator's record, never by the portal's rows.

20 Bastion hosts, every answer of Azure 150 ms late, deleting takes Azure the simulator's usual
second. Real workers, sweeper and beat; PostgreSQL and Redis of its own. Arguments, for use as an
instrument: ``python -m bench.links_at_once LINKS[xWORKERS] …`` such as ``1000x1 10000x2``;
``1000x2@0`` has them all end at the same instant instead of within a minute.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import quantiles
from typing import Any

from bench import results
from bench.estates import hosts
from bench.house import House, house, wait_for
from bench.seeding import Template, open_links, spread, template

HOSTS = 20
USUAL = ("1000x1", "1000x2", "10000x1", "10000x2") + (
    ("1000x2@0", "10000x2@0") if os.environ.get("BENCH_LONG") else ()
)
SOON = 4  # seconds until the first ends
PATIENCE = 240  # seconds after the last end, until what is left counts as forgotten
LOOK = 0.3  # seconds at most, for one of many gates


@dataclass
class Run:
    links: int
    workers: int
    seconds: float = 60.0  # within which they end

    @property
    def name(self) -> str:
        within = f"within {self.seconds:.0f} s" if self.seconds else "at one instant"
        many = f"{self.workers} worker" + ("s" if self.workers > 1 else "")
        return f"{self.links:,} links end {within}, {many}"


@dataclass
class Lateness:
    late: list[float]  # seconds, of those that were removed
    forgotten: int
    early: int

    def p(self, percent: int) -> float:
        if len(self.late) < 2:
            return float("nan")
        return quantiles(self.late, n=100, method="inclusive")[percent - 1]

    def __str__(self) -> str:
        return (
            f"p50 {self.p(50):.1f} s, p99 {self.p(99):.1f} s, max {max(self.late, default=0):.1f} s"
            f", forgotten {self.forgotten}" + (f", too early {self.early}" if self.early else "")
        )


def main(wanted: list[str] | None = None) -> None:
    runs = [parse(text) for text in wanted or USUAL]
    most = max(run.links for run in runs)
    with house(hosts(HOSTS, -(-most // HOSTS) + 1)) as made:
        from portal.sync import sync_estate

        sync_estate()
        like = template()
        made.slow_down()
        for run in runs:
            found = measure(made, like, run)
            print(f"{run.name:<55} {found}", flush=True)
            _report(run, found)


def parse(text: str) -> Run:
    found = re.fullmatch(r"(\d+)(?:x(\d+))?(?:@(\d+))?", text)
    assert found, f"{text} is no run: LINKS[xWORKERS][@SECONDS]"
    return Run(int(found[1]), int(found[2] or 1), float(found[3] or 60))


def measure(made: House, like: Template, run: Run) -> Lateness:
    """Seeds, starts the processes, waits for the last to be gone, and reads the record."""
    from access import engine

    machines = machines_for(run.links)
    before = made.azure.control("GET", "record?since=999999999")["last"]
    grants = open_links(made, like, machines, [now() + timedelta(hours=2)] * run.links)
    made.start_workers(run.workers)
    try:
        be_settled(grants)
        ends = spread(now() + timedelta(seconds=SOON), run.seconds, run.links)
        end_at(made, grants, ends)
        due = {m.resource_key: end for m, end in zip(machines, ends, strict=True)}
        time.sleep(max(0.0, (ends[-1] - now()).total_seconds()))
        wait_for(lambda: left(made) <= 1, seconds=PATIENCE)  # the template's own stays
        found = lateness(made, due, before)
        wait_for(lambda: unclosed() <= 1, seconds=60)  # what the portal has still to write down
        return found
    finally:
        made.stop_all()
        engine.forget_leases()  # of workers that are gone


def be_settled(grants: Sequence[Any]) -> None:
    """The processes are up, and have looked at every gate that these grants are open through."""
    from access.models import Gate

    gates, began = {grant.gate_id for grant in grants}, now()
    looked = Gate.objects.filter(pk__in=gates, looked_at__gt=began, lease_token__isnull=True)
    patience = 180 + len(gates) * LOOK  # the reader's bucket binds where hosts are many
    assert wait_for(lambda: looked.count() == len(gates), seconds=patience), "nobody looks"


def end_at(made: House, grants: Sequence[Any], ends: Sequence[datetime]) -> None:
    """As if they had been approved until then. No time of Azure's own is moved: it knows none."""
    made.database.ask(
        "UPDATE access_grant g SET ends_at = e.at, sent_until = e.at FROM "
        "(SELECT unnest(%s::bigint[]) AS id, unnest(%s::timestamptz[]) AS at) e WHERE g.id = e.id",
        [grant.pk for grant in grants],
        list(ends),
    )


def lateness(made: House, due: dict[str, datetime], since: int) -> Lateness:
    rows = made.azure.control("GET", f"record?since={since}")["record"]
    gone = {
        row["resource"].lower(): datetime.fromisoformat(row["at"])
        for row in rows
        if row["operation"] == "link.deleted"
    }
    late = [(gone[key] - end).total_seconds() for key, end in due.items() if key in gone]
    early = sum(each < 0 for each in late)
    return Lateness([max(0.0, each) for each in late], len(due) - len(late), early)


def machines_for(count: int) -> list[Any]:
    """So many, the same number at each host, none with anything open."""
    from access.models import Grant, Machine

    taken = Grant.objects.exclude(state="closed").values("machine")
    free = Machine.objects.exclude(pk__in=taken).select_related("bastion__link_host")
    rows = list(free.order_by("bastion", "pk"))
    of_host: dict[int, list[Any]] = {}
    for row in rows:
        of_host.setdefault(row.bastion_id, []).append(row)
    turn = [group[place] for place in range(len(rows)) for group in of_host.values()
            if place < len(group)]  # fmt: skip
    return turn[:count]


def left(made: House) -> int:
    time.sleep(0.4)  # the state is a large answer, and the simulator has other work
    return len(made.azure.control("GET", "state?estate=no")["links"])


def unclosed() -> int:
    from access.models import Grant

    return Grant.objects.exclude(state="closed").count()


def now() -> datetime:
    from access.clock import db_now

    return db_now()


def _report(run: Run, found: Lateness) -> None:
    few = run.links <= 1000
    most = (3.0, 15.0) if few else (15.0, 60.0)
    met = found.p(50) <= most[0] and found.p(99) <= most[1] and not found.forgotten
    results.report("R-02" if few else "R-03", run.name,
                   f"p50 ≤ {most[0]:.0f} s, p99 ≤ {most[1]:.0f} s, 0 forgotten",
                   str(found), met=met)  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
