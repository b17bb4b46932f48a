"""What is under way in this thread, for each line that is written meanwhile."""

import logging
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.functional import LazyObject, empty

KEY = "portal.request_id"  # in META, where no header can write: theirs begin with HTTP_
FORM = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Trail:
    """``request_id``: of the request, also in the task that it called for; empty without one."""

    request_id: str = ""
    request: HttpRequest | None = None
    task: str = ""


_NOTHING = Trail()
_trail: ContextVar[Trail] = ContextVar("trail", default=_NOTHING)


def new_id() -> str:
    return uuid.uuid4().hex


def current(record: logging.LogRecord) -> dict[str, str]:
    """Only what is known: ``request``, ``person`` (an identity, never a name) and ``task``.

    Django tells of a refused request when its trail has ended, and hangs it on the record.
    """
    trail, request = _trail.get(), getattr(record, "request", None)
    if trail is _NOTHING and isinstance(request, HttpRequest):
        trail = Trail(request.META.get(KEY, ""), request)
    named = {"request": trail.request_id, "person": person_of(trail.request), "task": trail.task}
    return {name: value for name, value in named.items() if value}


def request_id() -> str:
    return _trail.get().request_id


def person_of(request: HttpRequest | None) -> str:
    """The identity, if somebody asked for it already: a line in the log reads no session."""
    user = getattr(request, "user", None)
    if isinstance(user, LazyObject) and user._wrapped is empty:  # noqa: SLF001 - no public way
        return ""
    return str(getattr(user, "identity", ""))


def begin(trail: Trail) -> Token[Trail]:
    return _trail.set(trail)


def end(token: Token[Trail]) -> None:
    _trail.reset(token)


@contextmanager
def under(trail: Trail) -> Iterator[None]:
    token = begin(trail)
    try:
        yield
    finally:
        end(token)
