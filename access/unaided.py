"""Looking without being woken: what workers do by the database alone while no sweep is seen.

Sweeps come over the broker, from the schedule through a worker of their own. Where one of the three
is away, what is due would wait for it. So each worker that looks at gates watches for the sweep's
sign of life, and where that is missing it asks the database itself, about once a second.
"""

import logging
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

from django.db import Error, close_old_connections
from django.db.models.functions import Now

from access import engine
from access.gatekeeping import CLOSER, UNAIDED
from access.heartbeats import beat
from access.models import Heartbeat

logger = logging.getLogger(__name__)
Found = TypeVar("Found")
SILENCE = timedelta(seconds=9)  # the sweep gives a sign about every five
WATCHING, LOOKING = 5.0, 1.0  # seconds between two questions, at most
AT_ONCE = 4  # gates
MOST = 40  # gates of one turn: a sweep that came back is soon noticed


class Unaided:
    """One for each worker process. ``stop`` and ``start`` may come in any order, and again."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is None:
            self._over.clear()
            self._thread = threading.Thread(target=self._run, name="unaided", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread = None

    def _run(self) -> None:
        standing_in, pause = False, LOOKING
        with ThreadPoolExecutor(AT_ONCE, "unaided") as pool:
            while not self._over.wait(pause):
                left = _spared(until_silence)
                if left is not None and (left <= 0) != standing_in:
                    standing_in = left <= 0
                    logger.warning(_WORDS[standing_in])
                pause = LOOKING if standing_in or left is None else min(left, WATCHING)
                if standing_in:
                    turn(lambda gate: pool.submit(_spared, lambda: engine.look_at(gate)).result)


def until_silence() -> float:
    """Seconds until the last sign of a sweep is too old, if no other comes: there is no need to ask
    sooner. Not above zero where it is too old already, or there is none."""
    signs = Heartbeat.objects.filter(name=CLOSER).annotate(now=Now())
    row = signs.values_list("at", "now").first()
    return (row[0] + SILENCE - row[1]).total_seconds() if row else 0.0


def turn(looking: Callable[[int], Callable[[], object]]) -> None:
    """Look at what is due, some gates at once. The sign of life comes after the work, and only when
    it could be done: who cannot read the database must not look alive.

    ``looking``: begins a look at a gate, and returns what waits for its end.
    """
    due = _spared(engine.due_gates)
    if due is None:
        return
    random.shuffle(due)  # many workers stand in at once, and each gate is one's alone
    for wait in [looking(gate) for gate in due[:MOST]]:
        wait()
    _spared(lambda: beat(UNAIDED))


_WORDS = {
    True: "no sweep is seen: this worker goes by the database alone",
    False: "sweeps are seen again",
}


def _spared(work: Callable[[], Found]) -> Found | None:
    """A thread of its own, so connections are its own to tend; and it must outlive everything."""
    try:
        close_old_connections()
        return work()
    except Error as fault:
        logger.warning("the database does not answer: %s", type(fault).__name__)
    except Exception:
        logger.exception("a turn without a sweep broke down")
    finally:
        close_old_connections()  # back to the pool, which tasks want too
    return None


standing_by = Unaided()
