"""kill -9 of a real worker while Azure has acted and nobody has written it down."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from access import ledger, services
from access.states import GrantState
from tests.access.contract import Story, connect
from tests.processes.worker import environment, running
from tests.support.azure import SimulatedAzure, free_port
from tests.support.cast import Cast
from tests.support.product import eventually

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.processes]


@pytest.fixture
def redis_url() -> Iterator[str]:
    """A Redis of our own, so that nothing of another run is in the queue."""
    given = os.environ.get("TEST_REDIS_URL")
    if not shutil.which("redis-server"):
        assert given
        yield given
        return
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    time.sleep(0.3)
    yield f"redis://127.0.0.1:{port}/0"
    server.terminate()
    server.wait(timeout=5)


@pytest.fixture(params=["window", "link"])
def story(request: pytest.FixtureRequest, live_estate: SimulatedAzure, cast: Cast) -> Story:
    if request.param == "window":
        return Story(live_estate, cast, "window", "jit.opened", "jit.initiate", "rule.delete")
    return Story(live_estate, cast, "link", "link.created", "link.create", "link.delete")


def test_killed_while_opening_exactly_one_door_is_open_in_the_end(
    story: Story, redis_url: str
) -> None:
    env = environment(story.azure, redis_url)
    story.azure.fault(operation=story.open_call, action="slow", seconds=8, when="after", times=1)
    with running(env) as worker:
        grant = story.granted()
        eventually(lambda: story.sent(story.open_call) == 1)
        worker.send_signal(signal.SIGKILL)
        worker.wait(timeout=5)
    with running(env):
        eventually(lambda: _state(grant) == GrantState.OPEN, seconds=60)
    assert (story.doors_in_azure(), story.sent(story.open_call)) == (1, 1)
    assert ledger.verify()[1] is None


def test_killed_while_closing_no_door_is_open_in_the_end(story: Story, redis_url: str) -> None:
    env = environment(story.azure, redis_url)
    with running(env) as worker:
        grant = story.granted()
        eventually(lambda: _state(grant) == GrantState.OPEN)
        connect(story.azure, grant)
        story.azure.fault(
            operation=story.close_call, action="slow", seconds=8, when="after", times=1
        )
        services.end(grant, by=story.cast.alice)
        eventually(lambda: story.sent(story.close_call) >= 1)
        worker.send_signal(signal.SIGKILL)
        worker.wait(timeout=5)
    assert _state(grant) == GrantState.CLOSING
    with running(env):
        eventually(lambda: _state(grant) == GrantState.CLOSED, seconds=60)
    assert story.doors_in_azure() == 0
    assert story.azure.state()["sessions"] == []
    assert ledger.verify()[1] is None


def test_all_killed_and_the_end_passes_meanwhile(story: Story, redis_url: str) -> None:
    """What fell due while nobody lived is closed by the first who lives again."""
    from tests.support.cast import let_pass

    env = environment(story.azure, redis_url)
    with running(env):
        grant = story.granted()
        eventually(lambda: _state(grant) == GrantState.OPEN)
    let_pass(grant, 31)
    with running(env):
        eventually(lambda: _state(grant) == GrantState.CLOSED, seconds=60)
    assert story.doors_in_azure() == 0


def _state(grant: object) -> str:
    grant.refresh_from_db()  # type: ignore[attr-defined]
    return str(grant.state)  # type: ignore[attr-defined]
