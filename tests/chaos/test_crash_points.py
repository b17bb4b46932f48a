"""kill -9 at each point of opening and of closing: what must hold afterwards.

The worker's process ends itself at the point, another goes on; on PostgreSQL, with real leases.
Azure's own record says how often a door was opened, and the ledger must agree with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE

import pytest

from access import ledger, services
from access.models import Grant, LedgerEntry
from access.states import GrantState
from tests.access.contract import Story, connect
from tests.chaos.record import Record
from tests.processes.worker import environment
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast
from tests.support.product import ROOT, eventually

LONG = os.environ.get("CHAOS") == "long"
pytestmark = [
    pytest.mark.postgres,
    pytest.mark.processes,
    pytest.mark.chaos,
    pytest.mark.timeout(240),
]
OPENING = ("K1", "K2", "K3", "K4", "K5", "K6", "K9")
CLOSING = ("K1", "K2", "K3", "K4", "K5", "K6", "K7", "K8", "K9")
LEASE = 3.0


def cases(points: tuple[str, ...], first: int) -> list[object]:
    """Each point with one kind, in turns; the long form has both."""
    kinds = ("window", "link")
    return [
        pytest.param(point, kind, id=f"{point} {kind}")
        for number, point in enumerate(points, first)
        for kind in (kinds if LONG else [kinds[number % 2]])
    ]


def story_of(kind: str, azure: SimulatedAzure, cast: Cast) -> Story:
    if kind == "window":
        return Story(azure, cast, "window", "jit.opened", "jit.initiate", "rule.delete")
    return Story(azure, cast, "link", "link.created", "link.create", "link.delete")


class Nursery:
    """Where worker processes come from, all loaded already."""

    def __init__(self, azure: SimulatedAzure, folder: Path) -> None:
        self.log = folder / "log"
        env = environment(azure, "redis://127.0.0.1:1/0")
        env["ACCESS_LEASE_SECONDS"] = str(LEASE)
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "tests.chaos.mortal"],
                cwd=ROOT, env=env, stdin=PIPE, stdout=PIPE, stderr=out, text=True,
            )  # fmt: skip
        assert self._read() == "ready"

    def child(self, point: str, act: str, kind: str, file: Path) -> int:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{point} {act} {kind} {file}\n")
        self.process.stdin.flush()
        return int(self._read())

    def _read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.kill()
        self.process.wait(timeout=5)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


class Scene:
    """One who dies, one who goes on, and the file that says that it happened."""

    def __init__(self, nursery: Nursery, file: Path, point: str, act: str, kind: str) -> None:
        self.file, self.nursery = file, nursery
        self.dying = nursery.child(point, act, kind, self.file)
        self.other = nursery.child("-", act, kind, self.file)
        self.said = nursery.log.stat().st_size

    def has_died(self) -> bool:
        return self.file.exists()

    def log(self) -> str:
        return self.nursery.log.read_bytes()[self.said :].decode(errors="replace")

    def end(self) -> None:
        for pid in (self.dying, self.other):
            if lives(pid):
                os.kill(pid, signal.SIGKILL)
            eventually(lambda pid=pid: not lives(pid), seconds=5)  # type: ignore[misc]


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.fixture(scope="module")
def nursery(
    _simulator: SimulatedAzure,
    django_db_setup: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Nursery]:
    made = Nursery(_simulator, tmp_path_factory.mktemp("nursery"))
    yield made
    made.end()


@contextmanager
def scene(nursery: Nursery, file: Path, point: str, act: str, kind: str) -> Iterator[Scene]:
    made = Scene(nursery, file, point, act, kind)
    try:
        yield made
    finally:
        made.end()


@pytest.mark.parametrize(("point", "kind"), cases(OPENING, 0))
def test_killed_while_opening(
    point: str,
    kind: str,
    live_estate: SimulatedAzure,
    cast: Cast,
    nursery: Nursery,
    tmp_path: Path,
) -> None:
    story = story_of(kind, live_estate, cast)
    _slow_down(story, point, story.open_call)
    with scene(nursery, tmp_path / "died", point, "open", kind) as here:
        grant = story.granted()
        eventually(here.has_died)
        _what_holds_at_once(point, grant, story)
        _let_it_sleep(point, here)
        eventually(lambda: _state(grant) == GrantState.OPEN, seconds=40)
        _wake(point, here)

        assert len(_openings(story)) == 1
        assert story.doors_in_azure() == 1
        assert _lines(grant, "grant.opened") == 1
        _the_rest_holds(story, point)


@pytest.mark.parametrize(("point", "kind"), cases(CLOSING, 1))
def test_killed_while_closing(
    point: str,
    kind: str,
    live_estate: SimulatedAzure,
    cast: Cast,
    nursery: Nursery,
    tmp_path: Path,
) -> None:
    story = story_of(kind, live_estate, cast)
    grant = story.open()
    connect(live_estate, grant)
    _slow_down(story, point, story.close_call)
    live_estate.control("POST", "pace", {"sessions": 0.2})
    with scene(nursery, tmp_path / "died", point, "close", kind) as here:
        services.end(grant, by=cast.alice)
        eventually(here.has_died)
        _what_holds_at_once(point, grant, story)
        assert _state(grant) != GrantState.CLOSED
        _let_it_sleep(point, here)
        eventually(lambda: _state(grant) == GrantState.CLOSED, seconds=40)
        _wake(point, here)

        assert story.doors_in_azure() == 0
        assert live_estate.state()["sessions"] == []
        assert len(_openings(story)) == 1
        assert _lines(grant, "grant.closed") == 1
        _the_rest_holds(story, point)


def _slow_down(story: Story, point: str, call: str) -> None:
    if point == "K3":
        story.azure.fault(operation=call, action="slow", seconds=3, when="after", times=1)


def _what_holds_at_once(point: str, grant: Grant, story: Story) -> None:
    """Before anybody else has looked."""
    grant.refresh_from_db()
    opening = grant.opened_at is None
    sent = story.sent(story.open_call if opening else story.close_call)
    if point == "K1":
        intent = grant.sent_at is not None and grant.state != GrantState.OPEN
        assert (sent, intent) == (0, False)
    if point == "K2":
        assert (sent, grant.sent_at is not None) == (0, True)
    if point == "K5":  # the change and its line stand or fall together
        assert grant.state == (GrantState.OPENING if opening else GrantState.CLOSING)
        assert _lines(grant, "grant.opened") == (0 if opening else 1)
        assert _lines(grant, "grant.closed") == 0
    if point == "K8":
        assert "connected" in grant.outstanding
        assert story.azure.state()["sessions"]
        assert story.doors_in_azure() == 0


def _let_it_sleep(point: str, here: Scene) -> None:
    if point != "K9":
        eventually(lambda: not lives(here.dying), seconds=10)
    else:
        time.sleep(LEASE)


def _wake(point: str, here: Scene) -> None:
    """The zombie goes on, long after another has taken over, and must change nothing."""
    if point == "K9":
        os.kill(here.dying, signal.SIGCONT)
        eventually(lambda: "was lost" in here.log(), seconds=10)  # its token fits no longer
        time.sleep(1)
        assert lives(here.dying)


def _the_rest_holds(story: Story, point: str) -> None:
    assert ledger.verify()[1] is None
    told = {c["client_request_id"] for line in LedgerEntry.objects.all()
            for c in line.data.get("calls", [])}  # fmt: skip
    mine = story.azure.record(story.open_call) + story.azure.record(story.close_call)
    untold = [row for row in mine if row["client_request_id"] not in told]
    assert len(untold) <= (1 if point in {"K3", "K4", "K9"} else 0)


def _openings(story: Story) -> list[object]:
    """Of this very kind: a link's window is another."""
    made = Record(story.azure.record()).openings
    return [each for each in made if each.kind == story.kind]


def _lines(grant: Grant, event: str) -> int:
    return LedgerEntry.objects.filter(event=event, data__grant=grant.pk).count()


def _state(grant: Grant) -> str:
    grant.refresh_from_db()
    return str(grant.state)
