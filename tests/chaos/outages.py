"""Redis or PostgreSQL is away while links come to their end: real processes, real minutes.

PostgreSQL, Redis, gunicorn, two workers, sweeper, notifier, beat, the second closer and simulated
Azure, each a process. Figures are of Azure's own record.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.estates import hosts
from tests.chaos.scenarios import deleted, figures
from tests.processes.parts import COMMANDS, Shape
from tests.processes.servers import Postgres, Redis, own_redis, postgres
from tests.support.azure import SimulatedAzure, free_port
from tests.support.product import ROOT, eventually

HOSTS, OVERDUE, EVERY = 4, 30.0, 5.0
STAFF = ("web", "worker", "worker2", "sweeper", "notifier", "beat", "closer")
ASK = """
from access.models import Machine, Person
from portal.sync import sync_estate
from tests.support.cast import Cast, approved
cast = Cast.create()
Person.objects.update(tenant_id="demo")
sync_estate()
for machine in Machine.objects.filter(bastion__isnull=False).order_by("name")[:{links}]:
    approved(machine, by=cast.alice, approver=cast.bob, kind="link", port=22, minutes=240)
"""


@dataclass
class House:
    """All of it."""

    database: Postgres
    redis: Redis
    azure: SimulatedAzure
    parts: Shape

    def start(self, name: str) -> None:
        if name == "closer":
            env = {**self.parts.env, "DJANGO_SETTINGS_MODULE": "portal.settings.closer_trial"}
            self._start(name, (sys.executable, "manage.py", "closer"), env)
            return
        command = COMMANDS[name.rstrip("2")]
        more = ("--hostname", f"{name}@%h") if "worker" in command else ()
        self._start(name, (*command, *more), self.parts.env)

    def _start(self, name: str, command: tuple[str, ...], env: dict[str, str]) -> None:
        with (self.parts.folder / f"{name}.log").open("ab") as out:
            self.parts.processes[name] = subprocess.Popen(
                command, cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT
            )

    def count(self, state: str) -> int:
        query = "SELECT count(*) FROM access_grant WHERE state = %s AND kind = 'link'"
        return int(self.database.ask(query, state)[0][0])

    def manage(self, *words: str) -> str:
        told = subprocess.run(
            [sys.executable, "-W", "ignore", "manage.py", *words], cwd=ROOT, env=self.parts.env,
            capture_output=True, text=True, timeout=400, check=False,
        )  # fmt: skip
        if told.returncode:
            raise RuntimeError(told.stderr[-2000:])
        return told.stdout


@contextmanager
def house(links: int) -> Iterator[House]:
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        (folder / "anchor").mkdir()
        (folder / "estate.json").write_text(json.dumps(hosts(HOSTS, -(-links // HOSTS))))
        database = held.enter_context(postgres())
        redis = held.enter_context(own_redis())
        estate = str(folder / "estate.json")
        azure = held.enter_context(SimulatedAzure.started("--estate", estate))
        parts = Shape(folder, free_port(), {})
        parts.env = _environment(parts, database, redis, azure)
        made = House(database, redis, azure, parts)
        made.manage("migrate", "-v", "0")
        held.callback(_end, made)
        yield made


def _environment(
    parts: Shape, database: Postgres, redis: Redis, azure: SimulatedAzure
) -> dict[str, str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith("TEST_")}
    return {
        **known,
        "DJANGO_SETTINGS_MODULE": "portal.settings.trial", "DATABASE_URL": database.url,
        "REDIS_URL": redis.url, "AZURE_ENDPOINT": azure.url,
        "IDENTITY_ENDPOINT": f"{azure.url}/msi/token", "IDENTITY_HEADER": "simulated",
        "BIND": f"127.0.0.1:{parts.port}", "WEB_CONCURRENCY": "1", "PYTHONWARNINGS": "ignore",
        "STATIC_ROOT": str(parts.folder), "ACCESS_ANCHOR": str(parts.folder / "anchor"),
        "ACCESS_ANCHOR_KEYS": "chaos-" + "k" * 40, "CLOSER_EVERY_SECONDS": str(EVERY),
        "CLOSER_OVERDUE_SECONDS": str(OVERDUE),
    }  # fmt: skip


def _end(made: House) -> None:
    for process in made.parts.processes.values():
        process.kill()
        process.wait(timeout=10)


def outage(what: str, links: int, minutes: float) -> int:
    with house(links) as made:
        for name in STAFF:
            made.start(name)
        made.manage("shell", "-v", "0", "-c", ASK.format(links=links))
        eventually(lambda: made.count("open") == links, seconds=240)
        time.sleep(EVERY)
        ends = _spread(made, minutes)
        time.sleep(5)
        begins = datetime.now(UTC)
        _stop(made, what)
        time.sleep(minutes * 60)
        before = len(deleted(made.azure.record()))
        _start(made, what)
        back = datetime.now(UTC)
        eventually(lambda: made.count("closed") == links, seconds=300)
        return _report(made, what, ends, (begins, back), before)


def _stop(made: House, what: str) -> None:
    if what == "redis":
        made.redis.kill()
    else:
        made.database.stop()


def _start(made: House, what: str) -> None:
    (made.redis if what == "redis" else made.database).start()


def _spread(made: House, minutes: float) -> dict[str, datetime]:
    """Ends one after another, from the outage's beginning to its end. What is written down of them
    outside, as when they were opened, is written anew."""
    made.database.ask(
        "UPDATE access_grant g SET ends_at = now() + make_interval(secs => 10 + n.k * %s) FROM"
        " (SELECT id, row_number() OVER (ORDER BY id) AS k FROM access_grant WHERE kind = 'link') n"
        " WHERE n.id = g.id",
        (minutes * 60 - 20) / max(1, made.count("open")),
    )
    made.manage(
        "shell", "-v", "0", "-c",
        "from access.anchoring import manifest\nfrom access.models import Gate\n"
        "for gate in Gate.objects.filter(kind='link'): manifest.after_look(gate)",
    )  # fmt: skip
    rows = made.database.ask(
        "SELECT m.resource_key, g.ends_at FROM access_grant g JOIN access_machine m"
        " ON m.id = g.machine_id WHERE g.kind = 'link'"
    )
    return dict(rows)  # type: ignore[arg-type]


def _report(
    made: House,
    what: str,
    ends: dict[str, datetime],
    outage: tuple[datetime, datetime],
    before: int,
) -> int:
    rows = made.azure.record()
    gone = deleted(rows)
    late = [(gone[key] - end).total_seconds() for key, end in ends.items() if key in gone]
    closers = [r["principal"] for r in rows if r["operation"] == "link.delete"]
    forgotten = [key for key in ends if key not in gone]
    seconds = (outage[1] - outage[0]).total_seconds()
    print(f"{what} was away for {seconds:.0f} s; {len(ends)} links came to their end meanwhile")
    print(figures("gone after their end", late))
    print(f"gone while it was away: {before}; forgotten: {len(forgotten)}")
    calls = {name: closers.count(name) for name in sorted(set(closers))}
    print(f"calls to delete, by identity: {calls}")
    print(f"the second closer takes what is {OVERDUE:.0f} s overdue, and looks every {EVERY:.0f} s")
    told = made.manage("verify_ledger")
    print("the ledger:", re.sub(r"\s+", " ", told).strip())
    return 1 if forgotten else 0
