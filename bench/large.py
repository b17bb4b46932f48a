"""A million requests, grants and ledger lines, 50,000 machines: pages, searches, the ledger, the
sweep. Baseline of each page: the same page of the same database for somebody with nothing. Every
query is timed where it is sent; the slowest is named. Arguments: ``python -m bench.large [SIZE]``.
"""

from __future__ import annotations

import gc
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

import psutil

from bench import results
from bench.estates import hosts
from bench.filling import Size, fill
from bench.house import house
from bench.seeding import template
from bench.steady import idle, report_idle

PAGES = 200 if os.environ.get("BENCH_LONG") else 60
SLOW = 20.0  # ms: no query may take longer
FEWEST, TIMES, ENOUGH = 3, 15, 4000.0  # an act is repeated until it took so many ms


@dataclass
class Queries:
    """What was sent to PostgreSQL, and how long each took, in ms."""

    times: list[tuple[float, str]] = field(default_factory=list)

    def __call__(self, execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.times.append(((time.perf_counter() - began) * 1000, str(sql)))


@contextmanager
def watched() -> Iterator[Queries]:
    from django.db import connection

    found = Queries()
    with connection.execute_wrapper(found):
        yield found


def main(wanted: list[str] | None = None) -> None:
    count = int(wanted[0]) if wanted else 1_000_000
    with house(hosts(1, 2)) as made:
        from portal.sync import sync_estate

        sync_estate()
        like = template()
        fill(made, like, Size(requests=count, lines=count))
        logging.disable(logging.WARNING)
        report_idle(idle(made), f"{count:,} requests and grants")
        # In a new process: this one holds what it wrote, and each look through its memory for what
        # is garbage takes a third of a second, which fell on any page.
        subprocess.run([sys.executable, "-c", "import bench.large as b; b.measure()"], check=True)


def measure() -> None:
    """What ``house`` pointed the environment at."""
    import django

    django.setup()
    logging.disable(logging.WARNING)
    slow: list[tuple[float, str, str]] = []
    for part in (_sweep, _pages, _searches, _capacity, _exports, _ledger):
        part(slow)
        sys.stdout.flush()
    slow.sort(reverse=True)
    for took, what, sql in slow[:12]:
        print(f"  slow: {took:>7.1f} ms  {what}: {sql[:700]}")
    worst = slow[0] if slow else (0.0, "", "")
    figure = f"{len({(w, s) for _, w, s in slow})} above; slowest {worst[0]:.0f} ms ({worst[1]})"
    results.report("P-02", "queries at 1,000,000 requests", f"none above {SLOW:.0f} ms",
                   figure if slow else "none", met=not slow)  # fmt: skip


def _p95(found: list[float]) -> float:
    return quantiles(found, n=20)[18] if len(found) > 1 else found[0]


def _typical(queries: list[Queries]) -> list[tuple[float, str]]:
    """The same queries in each: each one's median, so that a hiccup is not called slow."""
    by_sql: dict[str, list[float]] = {}
    for each in queries:
        for took, sql in each.times:
            by_sql.setdefault(re.sub(r"\bIN \([^()]*\)", "IN (…)", sql), []).append(took)
    return [(median(times), sql) for sql, times in by_sql.items()]


def _note(what: str, queries: list[Queries], slow: list[tuple[float, str, str]]) -> float:
    typical = _typical(queries)
    slow += [(took, what, sql) for took, sql in typical if took > SLOW]
    return max((took for took, _ in typical), default=0.0)


def _repeat(
    what: str, act: Callable[[], Any], slow: list[tuple[float, str, str]]
) -> tuple[float, int, float]:
    """(p95 ms, queries, slowest query)."""
    times: list[float] = []
    seen: list[Queries] = []
    while len(times) < FEWEST or (len(times) < TIMES and sum(times) < ENOUGH):
        with watched() as queries:
            began = time.perf_counter()
            act()
            times.append((time.perf_counter() - began) * 1000)
        seen.append(queries)
    worst = _note(what, seen, slow)
    number = len(seen[-1].times)
    print(f"{what:<46} p95 {_p95(times):>8.1f} ms  {number:>3} queries  slowest {worst:>7.1f} ms")
    return _p95(times), number, worst


def _sweep(slow: list[tuple[float, str, str]]) -> None:
    """All that is asked of the database about each second, and what is asked more rarely."""
    from access import emergencies, engine, unconfirmed, waiting
    from access.clock import db_now
    from access.delivery.reminding import remind_all
    from access.gatekeeping import overdue_grants
    from access.notices.due import due_routes

    due = _repeat("sweep: which gates are due", engine.due_gates, slow)
    for what, act in (
        ("sweep: which audits are due", engine.due_audits),
        ("sweep: requests that lapse", waiting.lapse_due),
        ("sweep: held requests let go", waiting.let_go_of_held),
        ("sweep: lockdowns that lapse", unconfirmed.lapse_lockdowns),
        ("sweep: notices that are due", due_routes),
        ("every 20 s: who could decide", waiting.reckon_all),
        ("every 5 s: reminders", remind_all),
        ("every 20 s: escalations", waiting.escalate_due),
        ("every 20 s: reviews", emergencies.chase_due),
        ("health: what is overdue", lambda: overdue_grants(db_now()).count()),
    ):
        _repeat(what, act, slow)
    results.report("sweep", "asking which gates are due, 1,000,000 grants stored", "-",
                   f"p95 {due[0]:.1f} ms", met=None)  # fmt: skip


def _clients() -> dict[str, Any]:
    from django.conf import settings
    from django.test import Client
    from django.test.utils import setup_test_environment

    from access.models import Person, PersonRole, Role

    setup_test_environment()
    settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"].update(calls="1000000/min")
    overseer = Person.objects.filter(display_name="Approver").get()
    for role in (Role.ADMIN, Role.AUDITOR):
        PersonRole.objects.get_or_create(person=overseer, role=role)
    first = Person.objects.filter(object_id__startswith="engineer-").order_by("pk").first()
    idle, _ = Person.objects.get_or_create(
        tenant_id="test", object_id="idle", defaults={"display_name": "Idle"}
    )
    PersonRole.objects.get_or_create(person=idle, role=Role.ENGINEER)
    found = {}
    for name, person in (("overseer", overseer), ("engineer", first), ("nobody", idle)):
        found[name] = Client(headers={"host": "localhost"})
        found[name].force_login(person)
    return found


def _ask(client: Any, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code, answer.content[:300])
    return answer


LISTS = (
    ("engineer", "home", "/", 8),
    ("overseer", "home of an approver", "/", 8),
    ("engineer", "my requests, 2,500 of them", "/requests/", 6),
    ("engineer", "my requests, denied ones", "/requests/?state=denied", 6),
    ("overseer", "approvals", "/approvals/", 6),
    ("overseer", "open now", "/open/", 6),
    ("overseer", "the ledger", "/ledger/", 4),
    ("overseer", "the ledger, one event", "/ledger/?event=grant.closed", 4),
    ("overseer", "the ledger, a family of events", "/ledger/?event=request.", 4),
    ("overseer", "the ledger, one request", "/ledger/?reference=BA-000777", 4),
    ("overseer", "the ledger, one person", "/ledger/?actor=No.+777", 4),
    ("overseer", "the ledger, refused", "/ledger/?outcome=denied", 4),
    ("overseer", "the ledger, what failed (nothing)", "/ledger/?outcome=failed", 4),
    ("overseer", "the ledger, one day", "/ledger/?since=2020-01-01&until=2020-01-02", 4),
    ("overseer", "the ledger, an event of nobody's", "/ledger/?event=nothing.like-it", 4),
    ("overseer", "people", "/people/", 8),
    ("engineer", "machines", "/machines/", 6),
    ("overseer", "API: requests", "/api/v1/requests/", 8),
    ("engineer", "API: my requests", "/api/v1/requests/?mine=true", 8),
    ("overseer", "API: requests that wait", "/api/v1/requests/?state=pending", 8),
    ("overseer", "API: requests on a machine", "/api/v1/requests/?machine={machine}", 8),
    ("overseer", "API: grants", "/api/v1/grants/", 8),
    ("overseer", "API: open grants", "/api/v1/grants/?state=open", 8),
    ("overseer", "API: grants of a machine", "/api/v1/grants/?machine={machine}", 8),
    ("engineer", "API: my open grants", "/api/v1/grants/?mine=true&state=open", 8),
    ("overseer", "API: sessions", "/api/v1/sessions/", 8),
    ("overseer", "API: live sessions", "/api/v1/sessions/?live=true", 8),
    ("overseer", "API: the ledger", "/api/v1/ledger/?event=grant.closed", 8),
    ("overseer", "API: machines", "/api/v1/machines/", 8),
    ("overseer", "a request", "/requests/{reference}/", 10),
    ("overseer", "the reviews", "/reviews/", 8),
    ("overseer", "pairs of approvers", "/reviews/approvals/", 8),
)
DEEP = (
    ("engineer", "my requests", "/requests/"), ("overseer", "ledger", "/ledger/"),
    ("engineer", "machines", "/machines/"), ("overseer", "API requests", "/api/v1/requests/"),
    ("overseer", "API grants", "/api/v1/grants/"), ("overseer", "API ledger", "/api/v1/ledger/"),
)  # fmt: skip


def _pages(slow: list[tuple[float, str, str]]) -> None:
    from access.models import AccessRequest, Machine

    clients = _clients()
    names = {"machine": Machine.objects.order_by("pk").last().pk,  # type: ignore[union-attr]
             "reference": AccessRequest.objects.get(pk=777).reference}  # fmt: skip
    worst, many = 0.0, []
    _ask(clients["nobody"], "/requests/")
    none = "baseline: my requests, none"
    base, _, _ = _repeat(none, lambda: _ask(clients["nobody"], "/requests/"), slow)
    for who, what, path, most in LISTS:
        address = path.format(**names)
        _ask(clients[who], address)  # templates are read once in the life of a process
        took, count, _ = _repeat(
            what, lambda who=who, address=address: _ask(clients[who], address), slow
        )
        worst = max(worst, took)
        if count > most + SESSION:
            many.append(f"{what}: {count}")
    deep = max(_walk(clients[who], what, path, slow) for who, what, path in DEEP)
    figure = f"first pages p95 ≤ {worst:.0f} ms ({worst / base:.1f} x an empty list), {PAGES} pages deep and back p95 ≤ {deep:.0f} ms"  # noqa: E501
    results.report("P-03", "lists at 1,000,000 rows, any depth", "p95 ≤ 100 ms", figure,
                   met=max(worst, deep) <= 100)  # fmt: skip
    results.report("P-01", "queries of a page, without the session's two", "home 8, lists 6, request 10, ledger 4",  # noqa: E501
                   "; ".join(many) or "within", met=not many)  # fmt: skip


SESSION = 2  # queries that say who is asking


def _walk(client: Any, what: str, path: str, slow: list[tuple[float, str, str]]) -> float:
    """So many pages on, and all the way back. The p95 of a page."""
    times, seen, shown = [], [], []
    address = path
    for rel in ("next", "previous"):
        for _ in range(PAGES):
            with watched() as queries:
                began = time.perf_counter()
                answer = _ask(client, address)
                times.append((time.perf_counter() - began) * 1000)
            seen.append(queries)
            shown.append(_keys(answer))
            last, address = address, _turn(answer, rel, path)
            if not address:
                address = last
                break
    worst = _note(f"{what}, deep", seen, slow)
    keys = [key for page in shown[: len(shown) // 2] for key in page]
    assert len(keys) == len(set(keys)), f"{what}: a row came twice"
    print(f"{what + ', deep':<46} p95 {_p95(times):>8.1f} ms  {len(times)} pages, slowest query "
          f"{worst:.1f} ms")  # fmt: skip
    return _p95(times)


def _keys(answer: Any) -> list[Any]:
    if answer["Content-Type"].startswith("application/json"):
        rows = answer.json()["results"]
        return [row.get("id") or row.get("seq") or row.get("reference") for row in rows]
    return [row.pk for row in answer.context["page"].rows]


def _turn(answer: Any, rel: str, path: str) -> str:
    if answer["Content-Type"].startswith("application/json"):
        link = answer.json()[rel]
        return path + "?" + link.partition("?")[2] if link else ""
    query = getattr(answer.context["page"], rel)
    return path + query if query else ""


SEARCHES = (
    "vm-0", "vm-123-", "team-7", "production", "rg-77 staging", "nothing-like-it", "zq", "xy zq",
    "vm-000-nowhere", "0499",
)  # fmt: skip


def _searches(slow: list[tuple[float, str, str]]) -> None:
    from access.filters import machines_like
    from access.models import Machine

    rows = Machine.objects.filter(gone_at__isnull=True)
    some = Machine.objects.order_by("pk")[25_000].pk
    base, _, _ = _repeat("baseline: a machine by its key", lambda: Machine.objects.get(pk=some),
                         slow)  # fmt: skip
    worst = 0.0
    for words in SEARCHES:
        took, _, _ = _repeat(
            f"search {words!r}",
            lambda words=words: list(machines_like(rows, words).order_by("name", "id")[:26]), slow,
        )  # fmt: skip
        worst = max(worst, took)
    results.report("P-04", "searching 50,000 machines, also for what is not there", "p95 ≤ 150 ms",
                   f"p95 ≤ {worst:.0f} ms ({worst / base:.0f} x one by its key)",
                   met=worst <= 150)  # fmt: skip


def _capacity(slow: list[tuple[float, str, str]]) -> None:
    from datetime import timedelta

    from access.clock import db_now
    from portal.capacity import usage

    since = db_now() - timedelta(days=30)
    took, _, worst = _repeat("capacity: peaks of 30 days, 300,000 sessions",
                             lambda: usage.peaks(since), slow)  # fmt: skip
    results.report("capacity", "peaks of 30 days among 300,000 sessions", "query ≤ 20 ms",
                   f"{worst:.0f} ms, with what is made of it p95 {took:.0f} ms",
                   met=worst <= SLOW)  # fmt: skip


def _exports(_slow: list[tuple[float, str, str]]) -> None:
    client = _overseer()
    me = psutil.Process()
    gc.collect()
    before, began = me.memory_info().rss / 2**20, time.perf_counter()
    answer = client.get("/api/v1/exports/ledger.csv?seq__lt=100001")
    rows, most = 0, before
    for part in answer.streaming_content if answer.streaming else [answer.content]:
        rows += part.count(b"\n")
        most = max(most, me.memory_info().rss / 2**20)
    took = time.perf_counter() - began
    assert answer.status_code == 200, answer.content[:300]
    figure = f"{rows:,} lines in {took:.1f} s, memory + {most - before:.0f} MB to {most:.0f} MB"
    print(f"export: {figure}")
    results.report("P-14", "export of 100,000 ledger lines", "≤ 20 s, ≤ 150 MB", figure,
                   met=took <= 20 and most - before <= 150)  # fmt: skip


def _overseer() -> Any:
    from django.test import Client

    from access.models import Person

    client = Client(headers={"host": "localhost"})
    client.force_login(Person.objects.filter(display_name="Approver").get())
    return client


def _ledger(_slow: list[tuple[float, str, str]]) -> None:
    from django.db import transaction

    from access import ledger
    from access.clock import db_now
    from access.models import Heartbeat

    began = time.perf_counter()
    count, broken = ledger.verify()
    took = time.perf_counter() - began
    assert broken is None, broken
    print(f"verify {count:,} lines: {took:.1f} s, {count / took:,.0f} a second")
    results.report("R-25", f"verifying {count:,} ledger lines", "≤ 30 s", f"{took:.1f} s",
                   met=took <= 30)  # fmt: skip

    def append(number: int) -> None:
        with transaction.atomic():
            ledger.record("bench.line", by="bench", data={"number": number})

    def insert(number: int) -> None:
        with transaction.atomic():
            Heartbeat.objects.create(name=f"bench-{number}", at=db_now())

    plain, ours = _rate(insert), _rate(append)
    print(f"append {ours:,.0f} a second; a plain insert {plain:,.0f}")
    results.report("P-13", "ledger lines, one transaction each, after 1,000,000", "≥ 200 a second",
                   f"{ours:,.0f} a second ({ours / plain:.2f} of a plain insert)",
                   met=ours >= 200)  # fmt: skip


def _rate(act: Callable[[int], None], seconds: float = 4.0) -> float:
    began, number = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        act(number)
        number += 1
    return number / (time.perf_counter() - began)


if __name__ == "__main__":
    main(sys.argv[1:])
