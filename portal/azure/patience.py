"""Waiting for an operation of Azure, but not for ever: the next look takes it up again.

Azure asks for 10 s between two questions and for more as time goes by. A worker that waited it out
would lose its lease; one that asked anew each time would never hear an answer.
"""

import time
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.polling import LROPoller
from azure.mgmt.core.polling.arm_polling import ARMPolling
from django.db import connections

from access.errors import Later
from portal.azure.budget import OutOfBudgetError

FORGET_AFTER = 300.0  # an operation that took so long is not waited for any more
# Operations under way, of this process alone: what is lost with it is simply asked again.
_under_way: dict[str, tuple[str, float]] = {}


class OutOfPatienceError(AzureError):
    """Time is up; the poller keeps a token by which it can go on."""


class StillAtWork(Later):
    """Nothing went wrong: the answer is to be fetched later."""


class Beside(ARMPolling):
    """The SDK polls in a thread of its own. It is on the same errand as whoever began it, and
    leaves no connection to the database behind."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self._context = copy_context()

    def run(self) -> None:
        try:
            self._context.run(super().run)
        finally:
            connections.close_all()


class Glance(Beside):
    """Asks at once how an operation is doing, and never waits."""

    asked = False

    def _delay(self) -> None:
        if self.asked:
            raise OutOfPatienceError("not yet")
        self.asked = True

    @property
    def seconds(self) -> float:
        """After which Azure wants to be asked again."""
        return float(self._extract_delay())


def glance(key: str, begin: Callable[..., LROPoller[Any]]) -> tuple[Any, float]:
    """The result of an operation that was begun under ``key``, or is begun now, and how many
    seconds ago it was begun. Raises ``StillAtWork``, with when to come back.

    Nothing waits here: a worker that slept until Azure is done could look after nothing else.
    """
    token = _token(key)
    since = _under_way[key][1] if token else time.monotonic()
    method = Glance()
    more = {"continuation_token": token} if token else {}
    poller = begin(polling=method, **more)
    try:
        found = poller.result()
    except OutOfBudgetError:
        _under_way[key] = (poller.continuation_token(), since)
        raise
    except OutOfPatienceError:
        _under_way[key] = (poller.continuation_token(), since)
        wait = max(method.seconds, 1.0)
        raise StillAtWork("Azure has not answered yet.", retry_after=wait) from None
    except AzureError as error:
        if isinstance(error, HttpResponseError):
            forget(key)  # an answer was only lost: it may still be heard
        raise
    forget(key)
    return found, time.monotonic() - since


def is_under_way(key: str) -> bool:
    """Whether Azure is at work on it, and will be heard under this key."""
    return key in _under_way


def forget(key: str) -> None:
    """What the operation will tell is of no interest any more."""
    _under_way.pop(key, None)


def _token(key: str) -> str:
    token, since = _under_way.get(key, ("", 0.0))
    if token and time.monotonic() - since > FORGET_AFTER:
        del _under_way[key]
        return ""
    return token
