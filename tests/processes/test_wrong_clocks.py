"""Workers, sweeper and beat on machines whose clocks are wrong: what is due is the database's to
say, and a message is good whatever the clocks of who sends and who takes it say."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from access.models import Grant
from access.states import GrantState
from tests.access.contract import Story
from tests.processes.parts import COMMANDS
from tests.processes.servers import own_redis
from tests.processes.shifted import ahead_by
from tests.processes.worker import environment
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, let_pass
from tests.support.product import ROOT, eventually

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.processes]
WRONG = [("worker", 600), ("sweeper", 600), ("sweeper", -600), ("beat", -600)]


@contextmanager
def staff(env: dict[str, str], folder: Path, wrong: str, ahead: float) -> Iterator[Path]:
    """Each a process; one of them with a clock that is ahead. Gives the worker's log."""
    started, log = [], folder / "worker.log"
    for name in ("worker", "sweeper", "beat"):
        command = ahead_by(ahead if name == wrong else 0, COMMANDS[name])
        with (folder / f"{name}.log").open("ab") as out:
            started.append(
                subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT)
            )
    try:
        yield log
    finally:
        for process in started:
            process.kill()
            process.wait(timeout=10)


@pytest.mark.parametrize(("wrong", "ahead"), WRONG)
def test_nobody_opens_or_closes_by_their_own_clock(
    live_estate: SimulatedAzure, cast: Cast, wrong: str, ahead: float, tmp_path: Path
) -> None:
    """R-22"""
    story = Story(live_estate, cast, "link", "link.created", "link.create", "link.delete")
    with own_redis() as redis:
        env = environment(live_estate, redis.url)
        with staff(env, tmp_path, wrong, ahead) as log:
            grant = story.granted()
            eventually(lambda: _state(grant) == GrantState.OPEN, seconds=60)
            said = len(log.read_text())  # until then a worker may have been up before the others
            let_pass(grant, 31)
            eventually(lambda: _state(grant) == GrantState.CLOSED, seconds=60)
            assert "no sweep is seen" not in log.read_text()[said:]
    assert story.doors_in_azure() == 0
    assert story.sent(story.open_call) == 1


def _state(grant: Grant) -> str:
    grant.refresh_from_db()
    return str(grant.state)
