"""All that runs in production, as processes of this machine, with simulated Azure: to be disturbed.

PostgreSQL, Redis, gunicorn, workers, sweeper, notifier, beat and the second closer. PostgreSQL and
Redis are reached over wires that can be cut; who looks at them from outside goes past the wires.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.wire import Wire
from tests.processes.parts import COMMANDS, Shape
from tests.processes.servers import Postgres, Redis, own_redis, postgres
from tests.processes.shifted import ahead_by
from tests.support.azure import SimulatedAzure, free_port
from tests.support.product import ROOT

OVERDUE, EVERY = 30.0, 5.0  # seconds: what the second closer takes, and how often it looks


@dataclass
class House:
    database: Postgres
    redis: Redis
    azure: SimulatedAzure
    parts: Shape
    wires: dict[str, Wire] = field(default_factory=dict)
    clocks: dict[str, float] = field(default_factory=dict)  # who is ahead, by how many seconds

    def start(self, name: str) -> None:
        """``worker2`` is another worker, and so on."""
        env, command = self.parts.env, ahead_by(self.clocks.get(name, 0), _command(name))
        if name == "closer":
            env = {**env, "DJANGO_SETTINGS_MODULE": "portal.settings.closer_trial"}
        if "worker" in command:
            command += ["--hostname", f"{name}@%h"]
        with (self.parts.folder / f"{name}.log").open("ab") as out:
            self.parts.processes[name] = subprocess.Popen(
                command, cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT
            )

    def kill(self, name: str, how: int = signal.SIGKILL) -> None:
        process = self.parts.processes[name]
        process.send_signal(how)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:  # it was asked kindly
            process.kill()
            process.wait(timeout=5)

    def count(self, state: str) -> int:
        query = "SELECT count(*) FROM access_grant WHERE state = %s AND kind = 'link'"
        return int(self.database.ask(query, state)[0][0])

    def manage(self, *words: str) -> str:
        env = {**self.parts.env, "DATABASE_URL": self.database.url, "REDIS_URL": self.redis.url}
        told = subprocess.run(
            [sys.executable, "-W", "ignore", "manage.py", *words], cwd=ROOT, env=env,
            capture_output=True, text=True, timeout=400, check=False,
        )  # fmt: skip
        if told.returncode:
            raise RuntimeError(told.stderr[-2000:])
        return told.stdout


def _command(name: str) -> tuple[str, ...]:
    if name == "closer":
        return (sys.executable, "manage.py", "closer")
    return COMMANDS[name.rstrip("2")]


@contextmanager
def house(estate: str | dict[str, Any], **env: str) -> Iterator[House]:
    """``estate``: the name of one of the simulator's, or a whole one. ``env``: what differs."""
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        (folder / "anchor").mkdir()
        if not isinstance(estate, str):
            (folder / "estate.json").write_text(json.dumps(estate))
            estate = str(folder / "estate.json")
        database, redis = held.enter_context(postgres()), held.enter_context(own_redis())
        azure = held.enter_context(SimulatedAzure.started("--estate", estate))
        wires = {"postgres": Wire(database.port), "redis": Wire(redis.port)}
        for wire in wires.values():
            held.callback(wire.end)
        parts = Shape(folder, free_port(), {})
        made = House(database, redis, azure, parts, wires)
        parts.env = {**_environment(made), **env}
        made.manage("migrate", "-v", "0")
        held.callback(_end, made)
        yield made


def _environment(made: House) -> dict[str, str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith("TEST_")}
    parts, azure = made.parts, made.azure
    return {
        **known,
        "DJANGO_SETTINGS_MODULE": "portal.settings.trial",
        "DATABASE_URL": f"postgres://portal@127.0.0.1:{made.wires['postgres'].port}/postgres",
        "REDIS_URL": f"redis://127.0.0.1:{made.wires['redis'].port}/0",
        "AZURE_ENDPOINT": azure.url,
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
