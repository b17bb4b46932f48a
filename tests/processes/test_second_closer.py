"""The second closer as a process, with PostgreSQL gone or all workers dead; and a restore.

Nobody but it and the command line runs here: no worker, no sweeper, no Redis. PostgreSQL is stopped
as if the power failed, dumped with ``pg_dump``, and restored from that.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from tests.processes.parts import dump_of
from tests.processes.servers import Postgres, postgres
from tests.support.azure import SimulatedAzure
from tests.support.product import ROOT, eventually

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.processes,
    pytest.mark.chaos,
    pytest.mark.timeout(300),
    pytest.mark.django_db,  # so that there is a database to be copied
]

EVERY, OVERDUE = 1, 3  # seconds; 15 and 180 by default
BEGIN = """
import time
from django.utils import timezone
from access.anchoring import manifest, restorations
from access.models import *
from portal.sync import sync_estate
from tests.support.cast import Cast, approved, be_seen, run_engine
def work(grant=None, until="closed", tries=80):
    for _ in range(tries):
        run_engine()
        if grant and Grant.objects.get(pk=grant).state == until: return
        time.sleep(0.1)
def opened(name, minutes=30, tries=80):
    m = Machine.objects.get(name=name)
    alice, bob = Person.objects.get(object_id="alice"), Person.objects.get(object_id="bob")
    way = dict(kind="link", port=m.login_port, minutes=minutes)
    g = approved(m, by=alice, approver=bob, **way)
    work(g.pk, "open", tries); g.refresh_from_db(); restorations.look()
    print("made", name, g.pk, g.state, g.outstanding or "-")
    return g
"""


@dataclass
class World:
    database: Postgres
    azure: SimulatedAzure
    env: dict[str, str]
    anchor: Path

    def shell(self, code: str) -> str:
        return self.manage("shell", "-v", "0", "-c", BEGIN + code)

    def manage(self, *words: str, fails: bool = False) -> str:
        told = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert (told.returncode != 0) == fails, told.stderr[-3000:]
        return told.stdout + told.stderr

    def opened(self, name: str) -> int:
        """The number of a grant whose link is open, with somebody connected."""
        told = self.shell(f"opened({name!r})")
        found = re.search(rf"made {name} (\d+) (\w+)", told)
        assert found, told
        assert found[2] == "open", told
        (link,) = (row for row in self.azure.state()["links"] if row["vm"].endswith(name))
        host = self.database.ask("SELECT resource_id FROM access_bastionhost")[0][0]
        sent = {"vm": link["vm"], "bastion": host, "userName": "vendor"}
        sent["protocol"] = "RDP" if "win" in name else "SSH"
        self.azure.control("POST", "sessions", sent)
        return int(found[1])

    def ends_in(self, grant: int, seconds: float) -> datetime:
        """As if all but those had gone by; and a worker has looked at it since."""
        moved = (
            "UPDATE access_grant SET starts_at = starts_at - (ends_at - now()),"
            " ends_at = now() + make_interval(secs => %s) WHERE access_request_id ="
            " (SELECT access_request_id FROM access_grant WHERE id = %s) RETURNING ends_at"
        )
        ends_at: datetime = self.database.ask(moved, seconds, grant)[0][0]
        self.shell("for gate in Gate.objects.all(): manifest.after_look(gate)")
        return ends_at

    def is_over(self, name: str) -> bool:
        state = self.azure.state()
        held = [*state["links"], *state["open_windows"]]
        inside = [row for row in state["sessions"] if row["targetHostName"] == name]
        return not inside and not [row for row in held if str(row["vm"]).endswith(name)]

    def lateness(self, name: str, ends_at: datetime) -> dict[str, float]:
        """By Azure's own record, in seconds after the end."""
        rows = [r for r in self.azure.record() if r.get("resource", "").endswith(name)]
        return {
            word: (datetime.fromisoformat(row["at"]) - ends_at).total_seconds()
            for row in rows
            for word in (row["operation"],)
            if word in {"link.deleted", "session.disconnected", "jit.closed", "rule.deleted"}
        }

    def state(self, grant: int) -> str:
        return str(self.database.ask("SELECT state FROM access_grant WHERE id = %s", grant)[0][0])

    def told(self, grant: int) -> set[str]:
        query = (
            "SELECT event FROM access_ledgerentry WHERE actor_name = 'second closer'"
            " AND (data->>'grant')::int = %s"
        )
        return {event for (event,) in self.database.ask(query, grant)}

    def calls_agree(self) -> bool:
        """Every call that the second closer made is a line, and every line is a call."""
        query = (
            "SELECT c->>'client_request_id' FROM access_ledgerentry,"
            " jsonb_array_elements(data->'calls') c WHERE actor_name = 'second closer'"
            " AND c->>'call' NOT LIKE 'GET %%'"
        )
        told = {key for (key,) in self.database.ask(query)}
        rows = [row for row in self.azure.record() if "status" in row]
        made = {r["client_request_id"] for r in rows if r["principal"] == "portal-second-closer"}
        return told == made

    @contextmanager
    def closer(self, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
        env = {**self.env, "DJANGO_SETTINGS_MODULE": "portal.settings.closer_trial"}
        for name in ("REDIS_URL", "FIELD_KEYS", "SECRET_KEY"):
            env.pop(name, None)
        with (folder / "closer.log").open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "closer"],
                cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            before = self.alive()
            eventually(lambda: self.alive() != before, seconds=60)
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0, (folder / "closer.log").read_text()[-3000:]
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(timeout=5)

    def alive(self) -> dict[str, Any]:
        file = self.anchor / "closer/alive.json"
        if not file.exists():
            return {}
        told: dict[str, Any] = json.loads(file.read_text().partition("\nsigned:")[0])
        return told


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[World]:
    anchor = tmp_path_factory.mktemp("outside")
    with postgres() as database, SimulatedAzure.started() as azure:
        azure.reset()
        known = {name: value for name, value in os.environ.items() if not name.startswith("TEST_")}
        env = {
            **known,
            "DJANGO_SETTINGS_MODULE": "portal.settings.trial", "PYTHONWARNINGS": "ignore",
            "DATABASE_URL": database.url, "REDIS_URL": "redis://127.0.0.1:1/0",
            "AZURE_ENDPOINT": azure.url, "IDENTITY_ENDPOINT": f"{azure.url}/msi/token",
            "IDENTITY_HEADER": "simulated", "ACCESS_ANCHOR": str(anchor),
            "ACCESS_ANCHOR_KEYS": "of-this-test-alone-0123456789-abcdefghij-klmno",
            "CLOSER_EVERY_SECONDS": str(EVERY), "CLOSER_OVERDUE_SECONDS": str(OVERDUE),
        }  # fmt: skip
        with django_db_blocker.unblock():
            database.load(dump_of(connection.settings_dict))  # migrating takes half a minute
        made = World(database, azure, env, anchor)
        made.shell("cast = Cast.create(); sync_estate(); be_seen()")
        yield made


def test_postgresql_is_gone_when_the_link_ends(world: World, tmp_path: Path) -> None:
    """R-09: nobody but the second closer knows, and only from what was written down outside."""
    name = "vm-app-01"
    grant = world.opened(name)
    with world.closer(tmp_path):
        ends_at = world.ends_in(grant, 6)
        eventually(lambda: world.alive().get("goes_by") == "ledger", seconds=30)
        world.database.stop()
        try:
            stopped = datetime.now(UTC)
            eventually(lambda: world.alive().get("goes_by") == "manifests", seconds=30)
            assert not world.is_over(name)  # it is no more than due
            eventually(lambda: world.is_over(name), seconds=90)
            gone = world.lateness(name, ends_at)
            print("seconds after the end:", gone, "stopped", (stopped - ends_at).total_seconds())
        finally:
            world.database.start()
        assert min(gone.values()) >= OVERDUE
        told = {"second_closer.close_sent", "second_closer.disconnect_sent"}
        eventually(lambda: world.told(grant) == told, seconds=60)
    assert world.state(grant) == "open"
    world.shell(f"work({grant})")
    assert world.state(grant) == "closed"
    assert world.calls_agree()
    assert "ledger holds" in world.manage("verify_ledger")
    assert list((world.anchor / "told").glob("*")) == []


def test_every_worker_is_dead(world: World, tmp_path: Path) -> None:
    name = "vm-app-02"
    grant = world.opened(name)
    ends_at = world.ends_in(grant, 0)
    with world.closer(tmp_path):
        eventually(lambda: world.is_over(name), seconds=90)
        print("seconds after the end:", world.lateness(name, ends_at))
        eventually(lambda: len(world.told(grant)) == 2, seconds=30)
        beats = "SELECT count(*) FROM access_heartbeat WHERE name = 'second-closer'"
        eventually(lambda: world.database.ask(beats) == [(1,)], seconds=30)
    world.shell(f"work({grant})")
    assert world.state(grant) == "closed"
    assert world.calls_agree()
    assert "ledger holds" in world.manage("verify_ledger")


def test_one_round_for_cron(world: World) -> None:
    world.env["DJANGO_SETTINGS_MODULE"] = "portal.settings.closer_trial"
    try:
        assert "by the ledger" in world.manage("closer", "--once")
    finally:
        world.env["DJANGO_SETTINGS_MODULE"] = "portal.settings.trial"


def test_restored_from_a_dump(world: World, tmp_path: Path) -> None:
    """R-27, the drill of docs/backup.md: a link is opened after the backup was taken."""
    name = "vm-win-01"
    world.shell("restorations.look()")
    backup = dump_of({"HOST": "127.0.0.1", "PORT": world.database.port, "USER": "portal",
                      "PASSWORD": "", "NAME": "postgres"})  # fmt: skip
    lost = world.opened(name)
    before = world.database.ask("SELECT seq FROM access_ledgerhead")[0][0]

    for line in ("DROP SCHEMA public CASCADE", "CREATE SCHEMA public"):
        world.database.ask(line)
    world.database.load(backup)
    assert world.database.ask("SELECT count(*) FROM access_grant WHERE id = %s", lost) == [(0,)]
    restored = time.monotonic()

    assert "differs at line" in world.manage("verify_ledger", fails=True)
    opens = len(world.azure.record("link.create"))
    told = world.shell("opened('vm-app-01', tries=3)")
    assert " open " not in told
    assert len(world.azure.record("link.create")) == opens
    with world.closer(tmp_path):
        waits = "SELECT count(*) FROM access_restoration WHERE waits"
        eventually(lambda: world.database.ask(waits) == [(1,)], seconds=60)
        print("seconds until it was found:", time.monotonic() - restored)
        eventually(lambda: world.is_over(name), seconds=60)
    line = "SELECT data FROM access_ledgerentry WHERE event = 'ledger.went_back'"
    data = world.database.ask(line)[0][0]
    data = json.loads(data) if isinstance(data, str) else data
    assert data["lost_to"] == before
    orphans = json.dumps(world.database.ask("SELECT orphans FROM access_restoration")[0][0])
    assert name in orphans

    told = world.shell("work(tries=3); print([g.outstanding for g in Grant.objects.all()])")
    assert "went back in time" in told
    assert len(world.azure.record("link.create")) == opens
    by = ("--by", "test/dana", "--note", "A drill.")
    assert "asked yet" in world.manage("reconcile", *by, fails=True)
    world.shell(
        "from access import engine\n"
        "Gate.objects.update(audited_at=None)\n"
        "for gate in Gate.objects.all(): engine.audit(gate.pk)"
    )
    assert "Reconciled" in world.manage("reconcile", *by)
    world.shell("restorations.look(); work(Grant.objects.latest('pk').pk, 'open')")
    assert len(world.azure.record("link.create")) == opens + 1  # what waited is open now
    world.shell(
        "from access import services\n"
        "grant = Grant.objects.latest('pk')\n"
        "services.end(grant, by=grant.access_request.requester); work(grant.pk)"
    )  # others want the machine
    assert world.is_over("vm-app-01")
    assert "ledger holds" in world.manage("verify_ledger")
