"""A quiet day: one link ends each second, for some minutes. Lateness by the simulator's record, the
memory of each process from the first minute to the last, and what the loop costs while nothing is
due. With a million grants stored, ``bench.large`` asks the same.

Baseline of the idle cost: PostgreSQL, Redis and simulated Azure with none of our processes.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import timedelta

from bench import results
from bench.estates import hosts
from bench.house import House, house, wait_for
from bench.links_at_once import HOSTS, be_settled, end_at, lateness, machines_for, now
from bench.seeding import Template, open_links, spread, template

LONG = bool(os.environ.get("BENCH_LONG"))
SECONDS = 3600 if LONG else 120
IDLE = 120 if LONG else 40
WARM = 20  # seconds until a process has done everything once
MOST_WORKER, MOST_WEB = 120.0, 150.0  # MB


def main() -> None:
    with house(hosts(HOSTS, SECONDS // HOSTS + 2)) as made:
        from portal.sync import sync_estate

        sync_estate()
        made.slow_down()
        report_idle(idle(made), "an empty database")
        like = template()  # afterwards: a link that is open is looked at
        _one_a_second(made, like)


def _one_a_second(made: House, like: Template) -> None:
    machines = machines_for(SECONDS)
    before = made.azure.control("GET", "record?since=999999999")["last"]
    grants = open_links(made, like, machines, [now() + timedelta(hours=2)] * SECONDS)
    made.start("web")
    made.start("notifier")
    made.start_workers(1)
    try:
        be_settled(grants)
        ends = spread(now() + timedelta(seconds=WARM), float(SECONDS), SECONDS)
        end_at(made, grants, ends)
        time.sleep(WARM)
        first = {name: made.memory(name) for name in made.processes}
        time.sleep(max(0.0, (ends[-1] - now()).total_seconds()) + 40)
        last = {name: made.memory(name) for name in made.processes}
    finally:
        made.stop_all()
    due = {machine.resource_key: end for machine, end in zip(machines, ends, strict=True)}
    found = lateness(made, due, before)
    print(f"one end a second for {SECONDS} s: {found}")
    worst = max(found.late, default=float("inf"))
    results.report(
        "R-01", f"one end a second for {SECONDS} s", "p50 ≤ 1 s, p99 ≤ 5 s, max ≤ 15 s",
        str(found),
        met=found.p(50) <= 1 and found.p(99) <= 5 and worst <= 15 and not found.forgotten,
    )  # fmt: skip
    _report_memory(first, last)


def _report_memory(first: dict[str, float], last: dict[str, float]) -> None:
    for name, after in last.items():
        print(f"memory of {name:<10} {first[name]:>6.0f} MB, then {after:>6.0f} MB")
    figure = ", ".join(f"{name} {first[name]:.0f} → {last[name]:.0f}" for name in last)
    # gunicorn is a master and one worker; the workers' is what a page's process holds
    within = all(
        after <= (2 * MOST_WEB if name == "web" else MOST_WORKER) for name, after in last.items()
    )
    results.report("P-15", f"memory after {SECONDS} s, MB", "web worker ≤ 150, others ≤ 120",
                   figure, met=within)  # fmt: skip


@dataclass
class Idle:
    cpu: float  # percent of one core, of the processes of the loop
    queries: float  # a second, of the loop's
    database_cpu: float  # percent of one core, of PostgreSQL's own processes
    base: float  # queries a second with none of ours


def idle(made: House) -> Idle:
    """Nothing is due. Web and notifier are no part of the loop."""
    base = _rate(made, 10)[0]
    made.start_workers(1)
    try:
        assert wait_for(_is_up, seconds=120), "the loop does not run"
        time.sleep(WARM)
        queries, spent, database = _rate(made, IDLE)
    finally:
        made.stop_all()
    return Idle(100 * spent, queries, 100 * database, base)


def _is_up() -> bool:
    """A sweep has said so, and every gate was looked at and asked what is nobody's."""
    from access.models import Gate, Heartbeat

    beaten = Heartbeat.objects.filter(name="closer", at__gt=now() - timedelta(seconds=6)).exists()
    return beaten and not Gate.objects.filter(audited_at__isnull=True).exists()


def _rate(made: House, seconds: float) -> tuple[float, float, float]:
    """(statements, seconds of CPU of ours, and of PostgreSQL's) for each second."""
    began, ours, database = time.monotonic(), _cpu(made), _database_cpu(made)
    before = _statements(made)
    time.sleep(seconds)
    after, passed = _statements(made), time.monotonic() - began
    return (
        max(0.0, after - before - 1) / passed,
        (_cpu(made) - ours) / passed,
        (_database_cpu(made) - database) / passed,
    )


def _cpu(made: House) -> float:
    return sum(made.cpu(name) for name in made.processes)


def _database_cpu(made: House) -> float:
    import psutil

    pid = int((made.database.folder / "pg" / "postmaster.pid").read_text().split()[0])
    me = psutil.Process(pid)
    spent = 0.0
    for each in [me, *me.children(recursive=True)]:
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        spent += times.user + times.system
    return spent


def _statements(made: House) -> float:
    """All that PostgreSQL carried out, but for BEGIN, COMMIT and the like."""
    return float(made.database.ask(
        "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query !~* "
        "'^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET|SHOW)'"
    )[0][0])  # fmt: skip


def report_idle(found: Idle, where: str) -> None:
    print(f"idle, {where}: {found.cpu:.1f} % of a core, PostgreSQL {found.database_cpu:.1f} %, "
          f"{found.queries:.1f} queries a second (without us {found.base:.1f})")  # fmt: skip
    results.report(
        "R-29", f"idle cost of the loop, {where}", "≤ 2 % of one core, ≤ 3 queries a second",
        f"{found.cpu:.1f} % (PostgreSQL's own {found.database_cpu:.1f} %), "
        f"{found.queries:.1f} queries a second",
        met=found.cpu <= 2 and found.queries <= 3,
    )  # fmt: skip


if __name__ == "__main__":
    main()
