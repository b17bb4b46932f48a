"""Asking workers for what is due: gates, hosts to be read, routes with something to deliver.

Where more is due than workers get done, the same would be asked for each second: tens of thousands
of messages that mean nothing, and each costs a worker memory and a question to the database.

A message has no end of its own. Celery's would be set by the clock of who sends it and judged by
that of who takes it; where the two are a minute apart every message would be thrown away, and
nothing be opened or closed, while sweeps give their sign of life. So instead no more is put where
many wait already, as after an hour in which nobody took any.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from celery import Celery, Task, current_app
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)
FULL = 400  # messages of a queue; whoever serves it finds enough to do
MOST = 200
AGAIN = 5.0  # seconds until what has not come about is asked for once more
Due = tuple[int, Any]  # an id, and when its turn came last


def put(task: "Task[Any, Any] | str", words: Iterable[object]) -> None:
    """A message for each, as far as there is room. Which of them is due is the database's to say,
    so one that is left out, or a broker that is away, costs latency and nothing else: the next
    sweep asks again. By its name where this process does not load the task."""
    if not (wanted := list(words)):
        return
    send: Callable[..., object]
    if isinstance(task, str):
        name, send = task, partial(current_app.send_task, task)
    else:
        name, send = task.name, task.apply_async
    try:
        for word in wanted[: max(0, FULL - waiting(name))]:
            send((word,))
    except OperationalError as error:
        logger.warning("no broker for %s, %d times: %s", name, len(wanted), error)


def waiting(task: str, app: "Celery | None" = None, producer: Any = None) -> int:
    """How many messages are in that task's queue, and taken by nobody. Raises ``OperationalError``
    where the broker is away."""
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
