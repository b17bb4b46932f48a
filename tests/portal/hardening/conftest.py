"""The real servers, on loopback, asked with bytes that no client library would send."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.portal.test_settings import GOOD, ROOT

HOST = GOOD["ALLOWED_HOSTS"]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def seen(self) -> dict[str, str]:
        """What ``echo`` saw."""
        found: dict[str, str] = json.loads(self.body)
        return found


@dataclass(frozen=True)
class Server:
    port: int
    log: Path

    def send(self, raw: bytes) -> Answer:
        """Status 0: the server closed the connection without a word."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as line:
            line.sendall(raw)
            parts = []
            try:
                while part := line.recv(65536):
                    parts.append(part)
            except ConnectionResetError:
                pass  # it said no before it had read everything
        return _parsed(b"".join(parts))

    def get(self, path: str = "/", *headers: str, host: str = HOST) -> Answer:
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close", *headers]
        return self.send("\r\n".join([*lines, "", ""]).encode("latin-1"))


def _parsed(raw: bytes) -> Answer:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    if not first:
        return Answer(0, {}, b"")
    pairs = (line.partition(":") for line in rest)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    return Answer(int(first.split(" ")[1]), headers, body)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def production(**changes: str) -> dict[str, str]:
    """The environment of a production process."""
    ours = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "portal.settings.production"}
    return {**ours, **GOOD, "ENTRA_CLIENT_SECRET": "of-a-test", **changes}


@pytest.fixture(scope="session")
def collected(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Static files, as the image has them."""
    root = str(tmp_path_factory.mktemp("static"))
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
        cwd=ROOT, env=production(STATIC_ROOT=root), check=True, timeout=60,
    )  # fmt: skip
    return root


@contextmanager
def gunicorn(application: str, log: Path, **env: str) -> Iterator[Server]:
    """Started as the image starts it, with one worker and on loopback."""
    port = free_port()
    ours = {"BIND": f"127.0.0.1:{port}", "WEB_CONCURRENCY": "1", **env}
    command = [sys.executable, "-m", "gunicorn", "--config", "python:portal.serving", application]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env=production(**ours), stdout=out, stderr=subprocess.STDOUT
        )
        try:
            _wait_for(port, process)
            yield Server(port, log)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait_for(port: int, process: subprocess.Popen[Any]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        assert process.poll() is None, "it did not start"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("nobody answers")


@pytest.fixture(scope="session")
def echoing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("gunicorn") / "log"
    with gunicorn("tests.portal.hardening.echo:application", log) as server:
        yield server


@pytest.fixture(scope="session")
def alone(collected: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The portal in production, with no proxy in front of it."""
    log = tmp_path_factory.mktemp("alone") / "log"
    with gunicorn("portal.wsgi:application", log, STATIC_ROOT=collected) as server:
        yield server


@pytest.fixture(scope="session")
def proxied(collected: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The portal in production, told that a proxy of ours is in front."""
    log = tmp_path_factory.mktemp("proxied") / "log"
    env = {"STATIC_ROOT": collected, "BEHIND_TLS_PROXY": "true"}
    with gunicorn("portal.wsgi:application", log, **env) as server:
        yield server
