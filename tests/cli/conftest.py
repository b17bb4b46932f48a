"""The command line against a live portal: its real API, with real tokens. Only Azure's own client
``az`` is replaced, by a program that writes down how it was called."""

from __future__ import annotations

import json
import logging
import os
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer
from typer.testing import CliRunner, Result

from access.clock import db_now
from access.models import Grant, Heartbeat, Machine, Person
from access.services import tokens
from bastion_access import keeping, waiting
from bastion_access.app import app
from bastion_access.commands import signing
from tests.support.cast import Cast
from tests.support.estate import machine

ROOT = Path(__file__).resolve().parents[2]
STAND_IN = """#!{python} -S
import json, os, signal, subprocess, sys, time
with open({record!r}, "a") as file:
    call = {{"argv": sys.argv[1:], "pid": os.getpid(), "pgid": os.getpgrp()}}
    file.write(json.dumps(call) + "\\n")
if os.environ.get("AZ_STARTS"):  # as az starts ssh: a grandchild that does not listen
    subprocess.Popen([sys.executable, "-S", "-c",
        "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)"])
print("connected", flush=True)
time.sleep(float(os.environ.get("AZ_SECONDS", "0")))
sys.exit(int(os.environ.get("AZ_STATUS", "0")))
"""


@dataclass
class Az:
    """What the stand-in for ``az`` was called with."""

    record: Path

    @property
    def calls(self) -> list[dict[str, Any]]:
        if not self.record.exists():
            return []
        return [json.loads(line) for line in self.record.read_text().splitlines()]


class Terminal:
    """One person at one computer."""

    def __init__(self, url: str) -> None:
        self.url, self.runner = url, CliRunner()

    def run(self, *words: str, typed: str | None = None, **env: str) -> Result:
        return self.runner.invoke(app, list(words), input=typed, env=env)

    def ok(self, *words: str, **more: Any) -> str:
        """What stands on the standard output; it must have worked."""
        result = self.run(*words, **more)
        assert result.exit_code == 0, (result.exit_code, result.output, result.exception)
        return result.stdout

    def json(self, *words: str, **more: Any) -> Any:
        return json.loads(self.ok(*words, "--json", **more))


@pytest.fixture(autouse=True)
def _portal_is_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not, here: what its logging could not write would stand among what the command line
    says, when an earlier test left it a stream that is closed."""
    monkeypatch.setattr(logging, "raiseExceptions", False)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody's own configuration is read or written."""
    for name in ("BASTION_ACCESS_URL", "BASTION_ACCESS_TOKEN", "BROWSER", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(waiting, "QUICK", 0.1)
    monkeypatch.setattr(signing, "SLOWER", 0.0)
    return tmp_path


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.tasks.look.apply_async", lambda *_args, **_options: None)


@pytest.fixture
def people(transactional_db: None) -> Cast:
    made = Cast.create()
    Heartbeat.objects.update_or_create(name="closer", defaults={"at": db_now()})
    return made


@pytest.fixture
def vm(people: Cast) -> Machine:
    return machine("vm-app-01")


@pytest.fixture
def terminal(live_server: LiveServer) -> Terminal:
    return Terminal(live_server.url)


@pytest.fixture
def sits(terminal: Terminal) -> Callable[[Person], Terminal]:
    """``sits(cast.alice)``: a terminal at which alice is signed in, as ``sign-in`` leaves it."""

    def sit(person: Person) -> Terminal:
        wish = tokens.TokenWish("terminal", ("read", "request"), 1)
        made = tokens.make(wish, by=person)
        keeping.keep(keeping.Kept(terminal.url, made.secret, "terminal"))
        return terminal

    return sit


@pytest.fixture
def az(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Az:
    folder = tmp_path / "bin"
    folder.mkdir()
    made = Az(tmp_path / "az.jsonl")
    program = folder / "az"
    program.write_text(STAND_IN.format(python=sys.executable, record=str(made.record)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return made


def set_open(grant: Grant) -> Grant:
    Grant.objects.filter(pk=grant.pk).update(state="open", opened_at=db_now())
    grant.refresh_from_db()
    return grant
