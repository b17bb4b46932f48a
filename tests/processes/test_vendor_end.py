"""At the end of a vendor's time the link is gone, whatever dies in that very moment.

All parts run as processes, on a PostgreSQL and a Redis of their own, with a vendor connected. The
portal may say "closed" late, but never before simulated Azure's own record shows the link deleted.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import requests
from django.db import connection
from pytest_django import DjangoDbBlocker

from tests.processes.parts import Shape, Visitor, dump_of, shape
from tests.processes.servers import Postgres, Redis, own_redis, postgres
from tests.support.azure import SimulatedAzure
from tests.support.product import ROOT, eventually
from tests.support.receivers import Inbox, mail_server

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.processes,
    pytest.mark.timeout(300),
    pytest.mark.django_db,  # so that there is a database to be copied
]

LEFT = 6.0  # seconds, once the vendor is connected
NEVER = datetime.min.replace(tzinfo=UTC)
SPONSOR, VENDOR = "alice@example.test", "technician@vendor.test"
MACHINES = ("vm-app-01", "vm-app-02", "vm-win-01")
ASK = f"""
from access.models import Machine, Person
from portal.sync import sync_estate
from tests.support.cast import Cast, approved
cast = Cast.create()
Person.objects.update(tenant_id="demo")
Person.objects.filter(pk=cast.alice.pk).update(mail="{SPONSOR}")
sync_estate()
for name in {MACHINES}:
    machine = Machine.objects.get(name=name)
    way = {{"kind": "link", "port": machine.login_port}}
    grant = approved(machine, by=cast.alice, approver=cast.bob, **way)
    print("made", name, grant.pk, grant.access_request_id)
"""


@dataclass
class World:
    """The product, and what it depends on."""

    database: Postgres
    redis: Redis
    azure: SimulatedAzure
    inbox: Inbox
    parts: Shape
    made: dict[str, tuple[int, int]]  # by machine: the grant of its link, and its request

    def alive_again(self, since: datetime) -> datetime:
        """When a worker first said so after that moment: to start takes them a while."""
        query = "SELECT min(at) FROM access_heartbeat WHERE at > %s"
        eventually(lambda: self.database.ask(query, since) != [(None,)], seconds=90)
        return datetime.now(UTC)


@dataclass
class Visit:
    """An open link, somebody connected through it, and what the portal says of it all the time."""

    world: World
    grant: int
    asked: int
    machine: str
    address: str = ""
    ends_at: datetime = NEVER

    @property
    def page(self) -> str:
        """What the portal's hand-off redirects to."""
        return f"{self.world.azure.url}/stand-in/{self.address.removeprefix('https://')}"

    @property
    def reference(self) -> str:
        return f"BA-{self.asked:06d}"

    def state(self) -> str:
        query = "SELECT state FROM access_grant WHERE id = %s"
        return str(self.world.database.ask(query, self.grant)[0][0])

    def connect(self) -> None:
        rows = self.world.azure.state()["links"]
        (self.address,) = (row["bsl"] for row in rows if row["vm"].endswith(self.machine))
        answer = requests.post(self.page, {"user": "vendor-local"}, timeout=10)
        assert "is connected" in answer.text, answer.text
        assert self.connected() == 1

    def connected(self) -> int:
        rows = self.world.azure.state()["sessions"]
        return sum(row["targetHostName"] == self.machine for row in rows)

    def bring_the_end_near(self) -> None:
        """As if all but the last seconds had gone by."""
        moved = (
            "UPDATE access_grant SET starts_at = starts_at - (ends_at - now()),"
            " ends_at = now() + make_interval(secs => %s)"
            " WHERE access_request_id = %s RETURNING ends_at"
        )
        self.ends_at = self.world.database.ask(moved, LEFT, self.asked)[0][0]

    def until_the_end(self) -> float:
        return (self.ends_at - datetime.now(UTC)).total_seconds()

    def effects(self, operation: str) -> list[datetime]:
        """When Azure did so at this machine, by its own record."""
        rows = self.world.azure.record(operation)
        mine = [row for row in rows if row["resource"].endswith(self.machine)]
        return [datetime.fromisoformat(row["at"]) for row in mine]

    def lines(self, event: str) -> list[dict[str, Any]]:
        query = "SELECT at, data FROM access_ledgerentry WHERE event = %s AND reference = %s"
        rows = self.world.database.ask(query, event, self.reference)
        told = [{"at": at, **_object(data)} for at, data in rows]
        return [line for line in told if line["grant"] == self.grant]


class Watcher(threading.Thread):
    """Asks the portal, over and over, whether it is closed; and Azure's record, each time after."""

    def __init__(self, visit: Visit) -> None:
        super().__init__(daemon=True)
        self.visit, self.done = visit, threading.Event()
        self.said: list[str] = []
        self.lies: list[str] = []
        self.alice = signed_in(visit.world.parts)

    def run(self) -> None:
        while not self.done.is_set():
            for said in (self._api, self._ledger):
                try:
                    state = said()
                except (requests.RequestException, psycopg.Error, KeyError):
                    continue  # what answers nothing says nothing
                self.said.append(state)
                if state == "closed" and not self.visit.effects("link.deleted"):
                    self.lies.append(f"{said.__name__}: closed before Azure's record")
                if state == "closed" and self.visit.connected():
                    self.lies.append(f"{said.__name__}: closed with somebody connected")
            self.done.wait(0.3)

    def _api(self) -> str:
        got = self.alice.get(f"/api/v1/grants/{self.visit.grant}/")
        got.raise_for_status()
        return str(got.json()["state"])

    def _ledger(self) -> str:
        return "closed" if self.visit.lines("grant.closed") else self.visit.state()


def signed_in(parts: Shape) -> Visitor:
    """As Alice, by the demo's sign-in."""
    visitor = Visitor(parts.url)
    page = visitor.get("/sign-in/").text
    token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[0]
    sent = {"person": "alice", "csrfmiddlewaretoken": token}
    headers = {"Referer": parts.url, "Origin": parts.url}
    assert visitor.session.post(f"{parts.url}/sign-in/demo/", sent, headers=headers, timeout=20).ok
    return visitor


def manage(env: dict[str, str], *words: str) -> str:
    told = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr[-3000:]
    return told.stdout


def environment(
    database: Postgres, redis: Redis, azure: SimulatedAzure, inbox: Inbox
) -> dict[str, str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith("TEST_")}
    return {
        **known,
        "DJANGO_SETTINGS_MODULE": "portal.settings.trial",
        "DATABASE_URL": database.url, "REDIS_URL": redis.url, "AZURE_ENDPOINT": azure.url,
        "IDENTITY_ENDPOINT": f"{azure.url}/msi/token", "IDENTITY_HEADER": "simulated",
        "ACCESS_LEASE_SECONDS": "8", "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(inbox.port),
        "EMAIL_USE_TLS": "false", "EMAIL_FROM": "portal@example.test",
    }  # fmt: skip


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("parts")
    with (
        postgres() as database,
        own_redis() as redis,
        SimulatedAzure.started() as azure,
        mail_server() as inbox,
    ):
        azure.reset()
        azure.control("POST", "pace", {"link_delete": 1.0, "sessions": 0.3})
        env = environment(database, redis, azure, inbox)
        with django_db_blocker.unblock():
            database.load(dump_of(connection.settings_dict))  # migrating took half a minute
        told = manage(env, "shell", "-v", "0", "-c", ASK)
        made = {
            name: (int(g), int(a)) for name, g, a in re.findall(r"made (\S+) (\d+) (\d+)", told)
        }
        with shape(folder, env) as parts:
            yield World(database, redis, azure, inbox, parts, made)


@pytest.fixture
def visit(world: World, request: pytest.FixtureRequest) -> Visit:
    """A vendor is connected, and has seconds left."""
    made = Visit(world, *world.made[request.param], request.param)
    eventually(lambda: _all_open(made), seconds=90)
    made.connect()
    made.bring_the_end_near()
    return made


def _all_open(visit: Visit) -> bool:
    query = "SELECT count(*) FROM access_grant WHERE access_request_id = %s AND state <> 'open'"
    return visit.world.database.ask(query, visit.asked) == [(0,)]


def workers_are_killed(world: World, meanwhile: Callable[[], None]) -> None:
    names = ("worker", "sweeper", "notifier", "beat")
    for name in names:
        world.parts.kill(name)
    meanwhile()
    for name in names:
        world.parts.start(name)


def redis_is_lost(world: World, meanwhile: Callable[[], None]) -> None:
    world.redis.empty()
    world.redis.kill()
    meanwhile()
    world.redis.start()


def the_database_stops(world: World, meanwhile: Callable[[], None]) -> None:
    world.database.stop()
    meanwhile()
    world.database.start()


DISTURBANCES = [
    pytest.param(workers_are_killed, "vm-app-01", id="every worker killed"),
    pytest.param(redis_is_lost, "vm-app-02", id="Redis emptied and killed"),
    pytest.param(the_database_stops, "vm-win-01", id="PostgreSQL stopped at once"),
]


@pytest.mark.parametrize(("disturb", "visit"), DISTURBANCES, indirect=["visit"])
def test_the_link_is_gone_after_its_end_whatever_dies_at_it(
    disturb: Callable[[World, Callable[[], None]], None], visit: Visit
) -> None:
    """X-44, X-45"""
    world, watcher = visit.world, Watcher(visit)
    watcher.start()
    time.sleep(max(0.0, visit.until_the_end() - 1))
    disturb(world, lambda: time.sleep(max(0.0, visit.until_the_end() + 2)))
    back = world.alive_again(datetime.now(UTC))
    eventually(lambda: visit.state() == "closed", seconds=90)
    time.sleep(1)
    watcher.done.set()
    watcher.join(timeout=20)

    assert watcher.lies == []
    assert {"open", "closing", "closed"} >= set(watcher.said)
    assert "closed" in watcher.said
    (gone,), (out,) = visit.effects("link.deleted"), visit.effects("session.disconnected")
    (line,) = visit.lines("grant.closed")
    assert max(gone, out) <= line["at"]
    assert out - max(back, visit.ends_at) < timedelta(seconds=30)
    state = world.azure.state()
    assert visit.connected() == 0
    for held in (*state["links"], *state["open_windows"]):
        assert not str(held["vm"]).endswith(visit.machine)
    closed = "SELECT count(*) FROM access_grant WHERE access_request_id = %s AND state <> 'closed'"
    eventually(lambda: world.database.ask(closed, visit.asked) == [(0,)], seconds=30)

    assert requests.get(visit.page, timeout=10).status_code == 404
    assert requests.post(visit.page, {"user": "vendor-local"}, timeout=10).status_code == 404
    assert visit.connected() == 0

    kept = "SELECT sealed, purged_at FROM links_sealedlink WHERE grant_id = %s"
    ((sealed, purged_at),) = world.database.ask(kept, visit.grant)
    assert (sealed, purged_at is not None) == ("", True)
    told = "SELECT state FROM access_notice WHERE event = %s AND reference = %s"
    for event, whom in (("visit.ended", VENDOR), ("grant.closed", SPONSOR)):
        eventually(
            lambda event=event: world.database.ask(told, event, visit.reference) == [("sent",)],  # type: ignore[misc]
            seconds=40,
        )
        assert world.inbox.to_whom(whom)
    manage(world.parts.env, "verify_ledger")


def _object(data: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(data) if isinstance(data, str) else data
    return found
