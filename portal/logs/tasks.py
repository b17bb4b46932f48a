"""The trail of a task: which task it is, and which request called for it.

The id travels in a message's headers, beside the arguments, which are row ids. Whoever can write
to the broker can write any id; it must have the form of one and decides nothing.
"""

import logging
from contextvars import Token
from logging.config import dictConfig
from threading import get_ident
from typing import Any

from celery.signals import before_task_publish, setup_logging, task_postrun, task_prerun
from django.conf import settings

from portal.logs import trail

HEADER = "request_id"
# By Celery's id and the thread: a message that came twice may be at work twice at once.
_begun: dict[tuple[str, int], Token[trail.Trail]] = {}


@before_task_publish.connect
def carry(headers: dict[str, Any] | None = None, **_: Any) -> None:
    if headers is not None and trail.request_id():
        headers[HEADER] = trail.request_id()


@task_prerun.connect
def arrive(task_id: str, task: Any, **_: Any) -> None:
    carried = str(getattr(task.request, HEADER, None) or "")
    known = carried if trail.FORM.fullmatch(carried) else ""
    _begun[task_id, get_ident()] = trail.begin(trail.Trail(known, task=task.name))


@task_postrun.connect
def leave(task_id: str, **_: Any) -> None:
    token = _begun.pop((task_id, get_ident()), None)
    if token is not None:
        trail.end(token)


@setup_logging.connect
def as_everywhere(**_: Any) -> None:
    """Celery would set up handlers of its own, with formats of its own."""
    dictConfig(settings.LOGGING)


class NoBodies(logging.Filter):
    """For Celery's consumer, which writes down the whole message where it understands none."""

    def filter(self, record: logging.LogRecord) -> bool:
        first = record.getMessage().partition("\n\n")[0].partition(" [type:")[0]
        record.msg, record.args, record.exc_info = first, (), None
        return True
