"""A house to be measured: PostgreSQL, Redis and simulated Azure of its own, and the product's
processes in the production shape. All on free ports, all ended by their numbers at the end.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from tests.processes.parts import COMMANDS
from tests.processes.servers import Postgres, Redis, own_redis, postgres
from tests.support.azure import SimulatedAzure, free_port
from tests.support.product import ROOT, eventually

LATENCY = 0.15  # of each answer of Azure, as design's targets have it
LOOP = ("sweeper", "beat")


@dataclass
class House:
    folder: Path
    database: Postgres
    broker: Redis
    azure: SimulatedAzure
    env: dict[str, str] = field(repr=False)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *, as_name: str = "") -> None:
        """``as_name``: a second one of the same."""
        known = as_name or name
        with (self.folder / f"{known}.log").open("ab") as out:
            self.processes[known] = subprocess.Popen(
                COMMANDS[name], cwd=ROOT, env=self.env, stdout=out, stderr=subprocess.STDOUT
            )

    def start_workers(self, count: int) -> None:
        for number in range(count):
            self.start("worker", as_name=f"worker-{number + 1}")
        for name in LOOP:
            self.start(name)

    def stop_all(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=5)
        self.processes.clear()

    def family(self, name: str) -> list[psutil.Process]:
        me = psutil.Process(self.processes[name].pid)
        return [me, *me.children(recursive=True)]

    def memory(self, name: str) -> float:
        """MB that all processes of that name hold."""
        return sum(each.memory_info().rss for each in self.family(name)) / 2**20

    def cpu(self, name: str) -> float:
        """Seconds of a core, until now."""
        times = [each.cpu_times() for each in self.family(name)]
        return sum(each.user + each.system for each in times)

    def slow_down(self, seconds: float = LATENCY) -> None:
        """Every answer of Azure takes so long; what it does afterwards takes its own time."""
        self.azure.fault(action="slow", seconds=seconds)

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")


@contextmanager
def house(estate: dict[str, Any] | None = None) -> Iterator[House]:
    """With an empty database, migrated; this very process's Django is pointed at it, so there
    can be one in the life of a process."""
    signal.signal(signal.SIGTERM, _leave)  # else what it started would outlive it
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        database, broker = stack.enter_context(postgres()), stack.enter_context(own_redis())
        _count_statements(database)
        words: tuple[str, ...] = ()
        if estate is not None:
            (folder / "estate.json").write_text(json.dumps(estate))
            words = ("--estate", str(folder / "estate.json"))
        azure = stack.enter_context(SimulatedAzure.started(*words))
        made = House(folder, database, broker, azure, _environment(folder, database, broker, azure))
        stack.callback(made.stop_all)
        _point(made.env)
        yield made


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(1)


def _count_statements(database: Postgres) -> None:
    database.ask("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
    database.stop()
    database.start()
    database.ask("CREATE EXTENSION pg_stat_statements")


def _environment(
    folder: Path, database: Postgres, broker: Redis, azure: SimulatedAzure
) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "portal.settings.trial",
        "DATABASE_URL": database.url,
        "REDIS_URL": broker.url,
        "AZURE_ENDPOINT": azure.url,
        "IDENTITY_ENDPOINT": f"{azure.url}/msi/token",
        "IDENTITY_HEADER": "simulated",
        "BIND": f"127.0.0.1:{free_port()}",
        "WEB_CONCURRENCY": "1",
        "STATIC_ROOT": str(folder / "static"),
        "LOG_LEVEL": "WARNING",
        "PYTHONWARNINGS": "ignore",
    }


def _point(env: dict[str, str]) -> None:
    os.environ.update(env)
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def wait_for(check: Any, seconds: float) -> bool:
    """Whether it came about in that time."""
    try:
        eventually(check, seconds=seconds)
    except AssertionError:
        return False
    return True
