"""The script of a run of real processes, and the wires of it. The runs: ``make chaos``."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.chaos.fleet import KINDLY, STAFF, script, struck
from tests.chaos.wire import Wire

pytestmark = pytest.mark.chaos


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that says again what it is told."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                mine, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=repeat, args=(mine,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


def repeat(mine: socket.socket) -> None:
    with mine:
        while told := mine.recv(100):
            mine.sendall(told)


@pytest.fixture
def wire(echo: int) -> Iterator[Wire]:
    made = Wire(echo)
    yield made
    made.end()


def is_over(here: socket.socket) -> bool:
    try:
        while here.recv(10):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


def test_a_script_comes_again_with_its_seed() -> None:
    assert script(7) == script(7) != script(8)


@pytest.mark.parametrize("seed", range(1, 30))
def test_the_servers_are_away_one_after_another_and_nobody_is_struck_twice_at_once(
    seed: int,
) -> None:
    blows = script(seed)
    assert len(blows) > 8
    for part in ("servers", *STAFF):
        for first, second in pairwise(blow for blow in blows if part in struck(blow)):
            assert second.at > first.at + max(first.lasts, KINDLY)


def test_what_is_swallowed_arrives_later(wire: Wire) -> None:
    with socket.create_connection(("127.0.0.1", wire.port), timeout=5) as here:
        here.sendall(b"one")
        assert here.recv(10) == b"one"
        wire.swallow()
        here.sendall(b"two")
        here.settimeout(0.3)
        with pytest.raises(TimeoutError):
            here.recv(10)
        wire.mend(forgets=False)
        here.settimeout(5)
        assert here.recv(10) == b"two"


def test_a_firewall_that_was_restarted_breaks_off_what_it_knew(wire: Wire) -> None:
    with socket.create_connection(("127.0.0.1", wire.port), timeout=5) as here:
        here.sendall(b"one")
        assert here.recv(10) == b"one"
        wire.swallow()
        here.sendall(b"two")
        wire.mend(forgets=True)
        assert is_over(here)
    with socket.create_connection(("127.0.0.1", wire.port), timeout=5) as here:
        here.sendall(b"three")
        assert here.recv(10) == b"three"
