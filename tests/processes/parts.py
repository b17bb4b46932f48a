"""The production shape as processes: gunicorn, worker, sweeper, notifier, beat; a Redis of their
own that wants a password; what each of them says, kept."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
import requests

from tests.support.azure import free_port
from tests.support.product import ROOT, eventually

CELERY = (sys.executable, "-m", "celery", "--quiet", "--skip-checks", "-A", "portal.celery")
THREADS = ("--pool", "threads", "--without-gossip", "--without-mingle", "--without-heartbeat")
COMMANDS = {
    "web": (sys.executable, "-m", "gunicorn", "--config", "python:portal.serving",
            "--graceful-timeout", "1", "portal.wsgi:application"),
    "worker": (*CELERY, "worker", "-Q", "celery", *THREADS, "--concurrency", "8"),
    "sweeper": (*CELERY, "worker", "-Q", "sweep", *THREADS, "--concurrency", "1"),
    "notifier": (*CELERY, "worker", "-Q", "notices", *THREADS, "--concurrency", "2"),
    "beat": (*CELERY, "beat", "--scheduler", "portal.timetable:Timetable", "--max-interval", "1"),
}  # fmt: skip


@dataclass
class Shape:
    """What runs, and where it wrote what it said."""

    folder: Path
    port: int
    env: dict[str, str] = field(repr=False)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as out:
            self.processes[name] = subprocess.Popen(
                COMMANDS[name], cwd=ROOT, env=self.env, stdout=out, stderr=subprocess.STDOUT
            )

    def kill(self, name: str) -> None:
        """SIGKILL: nothing of it gets to run any more."""
        self.processes[name].kill()
        self.processes[name].wait(timeout=5)

    def logs(self) -> list[tuple[str, str]]:
        return [(f"what {name} said", self.said_by(name)) for name in COMMANDS]

    def said_by(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def command_lines(self) -> list[tuple[str, str]]:
        """As every user of the machine may read them."""
        read = {name: Path(f"/proc/{p.pid}/cmdline") for name, p in self.processes.items()}
        return [(f"the command line of {name}", f.read_text()) for name, f in read.items()]

    def is_up(self) -> bool:
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).ok
        except requests.RequestException:
            return False


@contextmanager
def shape(folder: Path, env: dict[str, str]) -> Iterator[Shape]:
    port = free_port()
    env = {**env, "BIND": f"127.0.0.1:{port}", "WEB_CONCURRENCY": "1"}
    env["STATIC_ROOT"] = str(folder)
    env["PYTHONWARNINGS"] = "ignore"  # Celery's of running as root, where the tests do
    made = Shape(folder, port, env)
    try:
        for name in COMMANDS:
            made.start(name)
        eventually(made.is_up, seconds=90)
        yield made
    finally:
        for process in made.processes.values():
            process.terminate()
        for process in made.processes.values():
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=5)


@dataclass
class Broker:
    """A Redis, and a transcript of all that it was asked."""

    url: str
    transcript: Path

    def contents(self) -> list[tuple[str, str]]:
        known = redis.Redis.from_url(self.url)
        kept = [str(key) + repr(_value(known, key)) for key in known.scan_iter()]
        known.close()
        asked = self.transcript.read_text(errors="replace")
        return [("the keys of Redis", "\n".join(kept)), ("what Redis was asked", asked)]

    def plant(self, text: str) -> None:
        known = redis.Redis.from_url(self.url)
        known.set("planted", text)
        known.close()


@contextmanager
def broker(folder: Path, password: str) -> Iterator[Broker]:
    port = free_port()
    server = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
         "--requirepass", password], stdout=subprocess.DEVNULL,
    )  # fmt: skip
    made = Broker(f"redis://:{password}@127.0.0.1:{port}/0", folder / "monitor.txt")
    env = {**os.environ, "REDISCLI_AUTH": password}
    eventually(lambda: _answers(made.url), seconds=10)
    with made.transcript.open("wb") as out:
        listener = subprocess.Popen(["redis-cli", "-p", str(port), "MONITOR"], stdout=out, env=env)
    time.sleep(0.2)
    try:
        yield made
    finally:
        for process in (listener, server):
            process.terminate()
            process.wait(timeout=5)


def _answers(url: str) -> bool:
    known = redis.Redis.from_url(url)
    try:
        return bool(known.ping())
    except redis.ConnectionError:
        return False
    finally:
        known.close()


def _value(known: Any, key: bytes) -> Any:
    kind = known.type(key).decode()
    read = {
        "string": known.get, "hash": known.hgetall, "set": known.smembers,
        "list": lambda k: known.lrange(k, 0, -1),
        "zset": lambda k: known.zrange(k, 0, -1, withscores=True),
    }  # fmt: skip
    return read[kind](key)


def dump_of(database: dict[str, Any]) -> str:
    """What a thief of a backup holds."""
    where = ["-h", database["HOST"], "-p", str(database["PORT"]), "-U", database["USER"]]
    env = {**os.environ, "PGPASSWORD": database["PASSWORD"] or ""}
    command = ["pg_dump", "--no-owner", *where, database["NAME"]]
    told = subprocess.run(command, env=env, check=True, capture_output=True, timeout=60)
    return told.stdout.decode(errors="replace")


class Visitor:
    """A browser without JavaScript: cookies, pages, forms."""

    def __init__(self, base: str) -> None:
        self.base, self.session = base, requests.Session()
        self.session.trust_env = False

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.base + path, timeout=20)

    def post(self, path: str, /, **fields: Any) -> requests.Response:
        fields["csrfmiddlewaretoken"] = self.token()
        headers = {"Referer": self.base + path, "Origin": self.base}
        return self.session.post(self.base + path, fields, headers=headers, timeout=20)

    def api(self, path: str, **body: Any) -> Any:
        headers = {"X-CSRFToken": self.token(), "Referer": self.base, "Origin": self.base}
        got = self.session.post(
            f"{self.base}/api/v1/{path}", json=body, headers=headers, timeout=20
        )
        assert got.ok, got.text
        return got.json()

    def token(self) -> str:
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get("/me/").text)
        assert found
        return found[1]


def fill_in(
    vendor: Visitor, page: requests.Response, path: str, **fields: str
) -> requests.Response:
    """The form of that page, filled in."""
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    headers = {"Referer": page.url, "Origin": vendor.base}
    data = {**hidden, **fields}
    answer = vendor.session.post(vendor.base + path, data, headers=headers, timeout=20)
    assert answer.ok, answer.text
    return answer
