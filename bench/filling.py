"""A database as it is after years: a million requests and grants, a million lines of the ledger,
50,000 machines, 300,000 sessions. One request is asked, approved, opened and ended by the real
services and the real engine; the others are its copies, made by PostgreSQL. The ledger's lines are
chained with their real hashes, by the ledger's own canonical form.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from bench.house import House
from bench.seeding import Template

PEOPLE, HOSTS, OPEN, PENDING = 2000, 100, 500, 300
SECONDS_BETWEEN = 30  # two requests
SHARE_OF_ONE = 500  # every so manieth request is of one busy person, who has 2,500
EVENTS = (
    "request.submitted", "request.approved", "grant.opening", "azure.open_sent", "grant.opened",
    "grant.closing", "azure.close_sent", "grant.closed",
)  # fmt: skip
LINE = 1000  # of the ledger, written at once


@dataclass(frozen=True)
class Size:
    requests: int = 1_000_000
    lines: int = 1_000_000
    machines: int = 50_000
    sessions: int = 300_000


def fill(house: House, like: Template, size: Size) -> None:
    """In about two minutes for the usual size."""
    from access.models import LedgerEntry

    began = time.perf_counter()
    with _quickly(house):
        _people(house)
        _machines(house, size.machines)
        _requests(house, like, size)
        _sessions(house, size)
        _tell("requests and grants", began)
    _ledger(house, size.lines - LedgerEntry.objects.count())
    _tell("ledger", began)
    house.database.ask("ANALYZE")
    _tell("analysed", began)


def _tell(what: str, began: float) -> None:
    print(f"  filled {what:<22} {time.perf_counter() - began:>6.0f} s", flush=True)


@contextmanager
def _quickly(house: House) -> Iterator[None]:
    """Nothing is checked twice while rows are copied that were right already."""
    house.database.ask("ALTER ROLE portal SET session_replication_role = replica")
    for name, value in (("max_wal_size", "8GB"), ("synchronous_commit", "off"),
                        ("maintenance_work_mem", "256MB")):  # fmt: skip
        house.database.ask(f"ALTER SYSTEM SET {name} = '{value}'")
    house.database.ask("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        house.database.ask("ALTER ROLE portal RESET session_replication_role")
        house.database.ask("ALTER SYSTEM RESET synchronous_commit")
        house.database.ask("SELECT pg_reload_conf()")


def _do(house: House, sql: str) -> None:
    house.database.ask(sql.replace("%", "%%"))


def copies(house: House, table: str, of: int, numbers: tuple[int, int], **other: str) -> None:
    """Rows ``numbers`` (first and last) like the row ``of``. ``other``: SQL by column, in which
    ``n`` is the new row's number and ``x`` the row that is copied."""
    found = house.database.ask(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s "
        "AND table_schema = 'public' AND is_generated = 'NEVER' ORDER BY ordinal_position", table,
    )  # fmt: skip
    names = [str(row[0]) for row in found]
    values = [other.get(name, "n" if name == "id" else f'x."{name}"') for name in names]
    columns = ", ".join(f'"{name}"' for name in names)
    _do(
        house,
        f"INSERT INTO {table} ({columns}) SELECT {', '.join(values)} "
        f"FROM generate_series({numbers[0]}, {numbers[1]}) n, {table} x WHERE x.id = {of}",
    )
    house.database.ask(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {numbers[1]})")


def _last(house: House, table: str) -> int:
    return int(house.database.ask(f"SELECT max(id) FROM {table}")[0][0])


@contextmanager
def _without_indexes(house: House, *tables: str) -> Iterator[None]:
    """Made again at the end, all at once, which is much faster than row by row."""
    kept = house.database.ask(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s) AND indexname NOT IN "
        "(SELECT conname FROM pg_constraint WHERE contype IN ('p', 'u', 'x'))", list(tables),
    )  # fmt: skip
    for name, _ in kept:
        house.database.ask(f'DROP INDEX "{name}"')
    yield
    for _, definition in kept:
        house.database.ask(definition)


def _people(house: House) -> None:
    first = _last(house, "access_person")
    copies(
        house, "access_person", first, (first + 1, first + PEOPLE),
        object_id="'engineer-' || n", display_name="'Engineer No. ' || n",
        mail="'engineer-' || n || '@example.test'",
    )  # fmt: skip
    _do(
        house,
        "INSERT INTO access_personrole (person_id, role) SELECT id, 'engineer' FROM access_person "
        "WHERE object_id LIKE 'engineer-%' ON CONFLICT DO NOTHING",
    )


def _machines(house: House, count: int) -> None:
    host, machine = _last(house, "access_bastionhost"), _last(house, "access_machine")
    gate, link = _last(house, "access_gate"), _last(house, "links_linkhost")
    more = {
        "resource_id": "x.resource_id || '-' || n",
        "resource_key": "x.resource_key || '-' || n",
    }
    copies(house, "access_bastionhost", host, (host + 1, host + HOSTS), name="x.name || n", **more)
    copies(house, "access_gate", gate, (gate + 1, gate + HOSTS), name="x.name || n", **more)
    copies(
        house, "links_linkhost", link, (link + 1, link + HOSTS),
        host_id=f"{host} + n - {link}", gate_id=f"{gate} + n - {link}",
    )  # fmt: skip
    with _without_indexes(house, "access_machine"):
        copies(
            house, "access_machine", machine, (machine + 1, machine + count),
            name="'vm-' || lpad((n % 977)::text, 3, '0') || '-' || lpad(n::text, 6, '0')",
            vm_id="gen_random_uuid()::text", owner="'team-' || n % 89",
            environment="(ARRAY['production', 'staging', 'test'])[1 + n % 3]",
            resource_group="'rg-' || n % 503", bastion_id=f"{host} + 1 + n % {HOSTS}", **more,
        )  # fmt: skip


def _requests(house: House, like: Template, size: Size) -> None:
    asked, grant = like.grant.access_request_id, like.grant.pk
    first, count = _last(house, "access_accessrequest"), size.requests
    span = (first + 1, first + count)
    live, undecided = span[1] - OPEN, span[1] - OPEN - PENDING
    machine = _last(house, "access_machine") - size.machines
    person = _last(house, "access_person") - PEOPLE
    at = f"now() - interval '1 second' * {SECONDS_BETWEEN} * ({span[1]} - n)"
    who = f"CASE WHEN n % {SHARE_OF_ONE} = 0 THEN {person} + 1 ELSE {person} + 1 + n % {PEOPLE} END"
    which = f"{machine} + 1 + n % {size.machines}"
    waits = f"n > {undecided} AND n <= {live}"
    denied = f"NOT ({waits}) AND n % 20 = 1 AND n <= {undecided}"
    tables = ("accessrequest", "requesteddoor", "decision", "grant")
    with _without_indexes(house, *(f"access_{name}" for name in tables), "links_invitation"):
        copies(
            house, "access_accessrequest", asked, span,
            requester_id=who, submission_key="gen_random_uuid()", created_at=at,
            lapses_at=f"{at} + interval '8 hours'", stage_since=at,
            ticket="'CHG-' || n", reason="'Disk is full, number ' || n",
            state=f"CASE WHEN {waits} THEN 'pending' WHEN {denied} THEN 'denied' "
                  "ELSE 'approved' END",
            approved_how=f"CASE WHEN {waits} OR {denied} THEN '' ELSE x.approved_how END",
            decided_by_id=f"CASE WHEN {waits} THEN NULL ELSE x.decided_by_id END",
            decided_at=f"CASE WHEN {waits} THEN NULL ELSE {at} + interval '5 minutes' END",
        )  # fmt: skip
        _doors(house, asked, span, which, who, waits)
        _decisions(house, asked, span, at)
        _grants(house, grant, span, (which, at, f"n > {live}"))


def _doors(
    house: House, asked: int, span: tuple[int, int], which: str, who: str, waits: str
) -> None:
    door = house.database.ask(
        "SELECT id FROM access_requesteddoor WHERE access_request_id = %s", asked
    )[0][0]
    copies(
        house, "access_requesteddoor", door, span,
        access_request_id="n", machine_id=which, requester_id=who, pending=waits,
    )  # fmt: skip


def _decisions(house: House, asked: int, span: tuple[int, int], at: str) -> None:
    said = house.database.ask("SELECT id FROM access_decision WHERE access_request_id = %s", asked)[
        0
    ][0]
    copies(
        house, "access_decision", said, span, access_request_id="n",
        at=f"{at} + interval '5 minutes'",
    )  # fmt: skip
    house.database.ask(
        "DELETE FROM access_decision WHERE access_request_id IN "
        "(SELECT id FROM access_accessrequest WHERE state = 'pending')"
    )
    copies(
        house, "links_invitation", _last(house, "links_invitation"), span,
        access_request_id="n", made_at=f"{at} + interval '5 minutes'",
    )  # fmt: skip
    house.database.ask(
        "DELETE FROM links_invitation WHERE access_request_id IN "
        "(SELECT id FROM access_accessrequest WHERE state <> 'approved')"
    )


def _grants(house: House, grant: int, span: tuple[int, int], parts: tuple[str, str, str]) -> None:
    which, at, live = parts
    gate = _last(house, "access_gate") - HOSTS
    past = f"{at} + interval '65 minutes'"
    copies(
        house, "access_grant", grant, span, access_request_id="n", machine_id=which,
        gate_id=f"{gate} + 1 + n % {HOSTS}",
        state=f"CASE WHEN {live} THEN 'open' ELSE 'closed' END",
        starts_at=f"{at} + interval '5 minutes'",
        ends_at=f"CASE WHEN {live} THEN now() + interval '20 hours' ELSE {past} END",
        due_at=f"CASE WHEN {live} THEN NULL ELSE {past} END",
        closed_at=f"CASE WHEN {live} THEN NULL ELSE {past} + interval '3 seconds' END",
        close_reason=f"CASE WHEN {live} THEN '' ELSE 'Its time is over.' END",
    )  # fmt: skip
    house.database.ask(
        "DELETE FROM access_grant WHERE access_request_id IN "
        "(SELECT id FROM access_accessrequest WHERE state <> 'approved')"
    )


def _sessions(house: House, size: Size) -> None:
    """Of the last two months, each of an hour; 40 of them go on."""
    from access.models import BastionHost, LiveSession, Machine

    now = datetime.now(UTC)
    host, machine = BastionHost.objects.order_by("pk").last(), Machine.objects.order_by("pk").last()
    assert host is not None
    assert machine is not None
    made = LiveSession.objects.create(
        host=host, session_id="bench", machine=machine, user_name="root", protocol="ssh",
        started_at=now, first_seen_at=now, last_seen_at=now, ended_at=now,
    )  # fmt: skip
    span, step = (made.pk + 1, made.pk + size.sessions), timedelta(days=60) / size.sessions
    at = f"now() - interval '{step.total_seconds()} seconds' * ({span[1]} - n)"
    with _without_indexes(house, "access_livesession"):
        copies(
            house, "access_livesession", made.pk, span, session_id="'session-' || n",
            host_id=f"{host.pk} - n % {HOSTS}", machine_id=f"{machine.pk} - n % {size.machines}",
            started_at=at, first_seen_at=at, last_seen_at=f"{at} + interval '1 hour'",
            ended_at=f"CASE WHEN n > {span[1]} - 40 THEN NULL ELSE {at} + interval '1 hour' END",
        )  # fmt: skip


def _ledger(house: House, count: int) -> None:
    import psycopg

    from access import ledger
    from access.models import LedgerHead

    head = LedgerHead.objects.get()
    columns = "seq, at, event, outcome, actor_kind, actor_id, actor_name, reference, subject, data, prev_hash, hash"  # noqa: E501
    moment, seq, previous = datetime.now(UTC) - timedelta(seconds=count), head.seq, head.hash
    with _without_indexes(house, "access_ledgerentry"), psycopg.connect(house.database.url) as pg:
        with pg.cursor().copy(f"COPY access_ledgerentry ({columns}) FROM STDIN") as into:
            for start in range(0, count, LINE):
                text = io.StringIO()
                for number in range(start, min(start + LINE, count)):
                    seq += 1
                    line = _line(number, seq, moment + timedelta(seconds=number), previous)
                    previous = hashlib.sha256(ledger.canonical(line)).hexdigest()
                    text.write(_tabbed(line, previous))
                into.write(text.getvalue())
        pg.execute("UPDATE access_ledgerhead SET seq = %s, hash = %s", (seq, previous))


def _line(number: int, seq: int, at: datetime, previous: str) -> Any:
    request, event = number // len(EVENTS), EVENTS[number % len(EVENTS)]
    decided = event.startswith("request.")
    data = {"grant": request, "kind": "link", "port": 22}
    if not decided:
        data["calls"] = [{"call": "POST /subscriptions/…/deleteShareableLinks", "status": 202}]
    return SimpleNamespace(
        seq=seq, at=at, event=event, outcome="success" if number % 97 else "denied",
        actor_kind="person" if decided else "system",
        actor_id=f"test/engineer-{request % PEOPLE}" if decided else "worker",
        actor_name=f"Engineer No. {request % PEOPLE}" if decided else "worker",
        reference=f"BA-{request + 1:06d}",
        subject=f"/subscriptions/s/resourcegroups/rg-{request % 503}/vm-{request % 50000:06d}",
        data=data, prev_hash=previous,
    )  # fmt: skip


def _tabbed(line: Any, digest: str) -> str:
    data = json.dumps(line.data).replace("\\", "\\\\")
    return "\t".join((
        str(line.seq), line.at.isoformat(), line.event, line.outcome, line.actor_kind,
        line.actor_id, line.actor_name, line.reference, line.subject, data, line.prev_hash, digest,
    )) + "\n"  # fmt: skip
