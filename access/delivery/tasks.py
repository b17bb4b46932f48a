"""The wake-ups of delivery. Their queue is their own: who waits for a service that does not answer
keeps no worker from closing a door."""

import threading

from celery import shared_task

from access.delivery.closing import NOTIFIER, look_after
from access.delivery.forgetting import forget_old
from access.delivery.reminding import remind_all
from access.delivery.worker import deliver as deliver_route
from access.sessions.forgetting import forget_sessions
from access.waking import unless_away

AT_ONCE = 2  # in one process, where all work is shared by a few threads
_running = threading.BoundedSemaphore(AT_ONCE)


@shared_task(name="access.deliver", ignore_result=True)
def deliver(route: str) -> None:
    """Deliver one route now. Who comes while others are at it leaves it to the next sweep."""
    if not _running.acquire(blocking=False):
        return
    try:
        deliver_route(route)
    finally:
        _running.release()


@shared_task(name="access.remind", ignore_result=True)
@unless_away
def remind() -> None:
    """What nobody does but time: access that ends soon or is overdue, and requests that wait."""
    remind_all()


@shared_task(name="access.forget", ignore_result=True)
def forget() -> None:
    """Old notices and sessions that ended long ago go, a part at a time."""
    forget_old()
    forget_sessions()


@shared_task(name="access.look_after", ignore_result=True)
@unless_away
def watch_closing() -> None:
    """Whether closing is looked after, as seen by who has no part in it."""
    look_after(NOTIFIER)
