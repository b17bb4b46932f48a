"""Asking workers for what is due: gates, hosts to be read, routes with something to deliver.

Where more is due than workers get done, the same would be asked for each second: tens of thousands
of messages that mean nothing, and each costs a worker memory and a question to the database.

A message has no end of its own. Celery's would be set by the clock of who sends it and judged by
that of who takes it; where the two are a minute apart every message would be thrown away, and
nothing be opened or closed, while sweeps give their sign of life. So instead no more is put where
many wait already, as after an hour in which nobody took any; and whoever takes them without being
able to do anything gets rid of them at once.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial, wraps
from typing import Any

from celery import Celery, Task, current_app
from django.db import OperationalError as DatabaseAway
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)
FULL = 400  # messages of a queue; whoever serves it finds enough to do
MOST = 200
AGAIN = 5.0  # seconds until what has not come about is asked for once more
AWAY = 1.0  # seconds for which a database that did not answer is not asked again
Due = tuple[int, Any]  # an id, and when its turn came last


def put(task: "Task[Any, Any] | str", words: Iterable[object]) -> None:
    """A message for each, as far as there is room. Which of them is due is the database's to say,
    so one that is left out, or a broker that is away, costs latency and nothing else: a later
    sweep asks again. By its name where this process does not load the task."""
    if not (wanted := list(words)):
        return
    send: Callable[..., object]
    if isinstance(task, str):
        name, send = task, partial(current_app.send_task, task)
    else:
        name, send = task.name, task.apply_async
    try:
        room = max(0, FULL - waiting(name))
        for word in wanted[:room]:
            send((word,))
        if room < len(wanted):
            logger.warning("%s is not asked for, %d times: too many wait", name, len(wanted) - room)
    except OperationalError as error:
        logger.warning("no broker for %s, %d times: %s", name, len(wanted), error)


def waiting(task: str, app: "Celery | None" = None, producer: Any = None) -> int:
    """How many messages are in that task's queue, and taken by nobody: what a worker holds that
    lives and is behind is not counted. Raises ``OperationalError`` where the broker is away."""
    app = app or current_app
    if producer is None:
        with app.producer_pool.acquire(block=True) as mine:
            return waiting(task, app, mine)
    queue = app.amqp.router.route({}, task)["queue"]
    broker = producer.connection
    try:
        return int(producer.channel.queue_declare(queue.name, passive=True).message_count)
    except broker.channel_errors:
        return 0  # an empty one is none
    except broker.connection_errors as fault:
        raise OperationalError(str(fault)) from fault


def unless_away(work: Callable[[], None]) -> Callable[[], None]:
    """For what is asked for every few seconds. Each try at a database that is away takes as long as
    its pool waits, and more is asked for meanwhile; so what was asked for during such a try is done
    with after it."""
    again = [0.0]  # by this process's clock

    @wraps(work)
    def tried() -> None:
        if time.monotonic() < again[0]:
            return
        began = time.monotonic()
        try:
            work()
        except DatabaseAway:
            if time.monotonic() - began > AWAY:  # not a deadlock, which says the same
                again[0] = time.monotonic() + AWAY
            raise

    return tried


class Woken:
    """What one process asked for. What had its turn since, and is due again, is another matter than
    before. A message that is lost costs ``AGAIN``; so does a broker that was away."""

    def __init__(self) -> None:
        self._asked: dict[Due, float] = {}  # when, by this process's clock

    def anew(self, due: Sequence[Due]) -> list[int]:
        """The ids to ask for now, ``MOST`` at once."""
        now, before = time.monotonic(), self._asked
        asked = {one: before[one] for one in due if one in before}
        recent = {one: at for one, at in asked.items() if at > now - AGAIN}
        wanted = [one for one in due if one not in recent][:MOST]
        self._asked = recent | dict.fromkeys(wanted, now)
        return [key for key, _ in wanted]

    def forget(self) -> None:
        """As in a process that has just been started."""
        self._asked = {}
