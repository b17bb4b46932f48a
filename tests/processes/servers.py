"""A PostgreSQL and a Redis of a test's own, which it may stop, kill and start again."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from tests.support.azure import free_port
from tests.support.product import eventually


@dataclass
class Postgres:
    folder: Path
    programs: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgres://portal@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        how = (
            f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c max_connections=200"
        )
        self._run("pg_ctl", "-w", "-s", "-l", str(self.folder / "log"), "-o", how, "start")

    def stop(self) -> None:
        """As if the power failed: nothing is finished, and it recovers at its next start."""
        self._run("pg_ctl", "-s", "-m", "immediate", "stop")

    def ask(self, query: str, *words: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(query, words)
            return cursor.fetchall() if cursor.description else []

    def load(self, dump: str) -> None:
        """What ``pg_dump`` wrote of another."""
        command = [self.programs / "psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.url]
        subprocess.run(command, input=dump, text=True, check=True, stdout=subprocess.DEVNULL)

    def _run(self, program: str, *words: str) -> None:
        as_whom = ("runuser", "-u", "postgres", "--") if os.geteuid() == 0 else ()
        command = [*as_whom, str(self.programs / program), "-D", str(self.folder / "pg"), *words]
        with (self.folder / "said").open("ab") as out:
            subprocess.run(command, cwd=self.folder, check=True, stdout=out, stderr=out, timeout=60)


@contextmanager
def postgres() -> Iterator[Postgres]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        pytest.skip("needs PostgreSQL's own programs, in /usr/lib/postgresql")
    folder = Path(tempfile.mkdtemp())  # pytest's own are for one user alone
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    made = Postgres(folder, found[-1], free_port())
    try:
        made._run("initdb", "-U", "portal", "-A", "trust", "--no-sync")
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Redis:
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Empty: it keeps nothing on the disk."""
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        eventually(self.answers, seconds=10)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=5)

    def empty(self) -> None:
        with redis.Redis.from_url(self.url) as known:
            known.flushall()

    def answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as known:
                return bool(known.ping())
        except redis.ConnectionError:
            return False


@contextmanager
def own_redis() -> Iterator[Redis]:
    made = Redis(free_port())
    made.start()
    try:
        yield made
    finally:
        made.kill()
