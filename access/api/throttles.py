"""How often anybody may call, said in the headers of every answer.

Each token and each person has a bucket of their own, so that a script does not lock its owner out
of the pages; beside these there are buckets for writes and for what is costly, and for each address
of who is nobody yet. The headers are of whichever bucket has least left.
"""

import logging
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from access.counting import CACHE_AWAY
from access.models import Person
from access.origin import address_of, network_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Left:
    """Of one bucket. ``reset``: seconds until the oldest call in it is forgotten."""

    limit: int
    remaining: int
    reset: int
    window: int

    @property
    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
            "RateLimit-Policy": f"{self.limit};w={self.window}",
        }


class Bucket(SimpleRateThrottle):
    """A sliding window over the calls of one ``who``."""

    def get_rate(self) -> str:
        rates: Any = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
        return str(rates[str(self.scope)])

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        who = self.who(request, view)
        return None if who is None else f"throttle-{self.scope}-{who}"

    def who(self, request: Request, view: Any) -> str | None:
        """Whose bucket; ``None`` where this one does not count."""
        raise NotImplementedError

    def allow_request(self, request: Request, view: Any) -> bool:
        """Without the cache nothing is counted: to end access must always be possible."""
        try:
            allowed: bool = super().allow_request(request, view)
        except CACHE_AWAY as error:
            logger.warning("calls are not counted: %s", type(error).__name__)
            return True
        if self.key is not None:
            _tell(view, self._left())
        return allowed

    def _left(self) -> Left:
        limit, window = (int(part or 0) for part in self.parse_rate(self.rate))
        oldest = self.history[-1] if self.history else self.now
        reset = max(0, round(window - (self.now - oldest)))
        return Left(limit, max(0, limit - len(self.history)), reset, window)


class Calls(Bucket):
    """All calls: of a token, of a person's sessions, or of an address."""

    scope = "calls"

    def who(self, request: Request, view: Any) -> str:  # noqa: ARG002
        return caller(request)


class Writes(Bucket):
    """Calls that may change something."""

    scope = "writes"

    def who(self, request: Request, view: Any) -> str | None:  # noqa: ARG002
        return None if request.method in SAFE_METHODS else caller(request)


class OfPerson(Bucket):
    """For what is costly: of a person, with however many tokens."""

    def who(self, request: Request, view: Any) -> str:  # noqa: ARG002
        return f"person-{request.user.pk}"


class Exports(OfPerson):
    scope = "exports"


class Descriptions(OfPerson):
    """The API's own description takes most of a second to write."""

    scope = "descriptions"


class Devices(Bucket):
    """Programs that ask to be signed in, by address."""

    scope = "devices"

    def who(self, request: Request, view: Any) -> str:  # noqa: ARG002
        return _network(request)


class DevicePolls(Devices):
    scope = "device-polls"


def caller(request: Request) -> str:
    """A token, a person in sessions of theirs, or an address."""
    token = getattr(request.auth, "prefix", "")
    if token:
        return f"token-{token}"
    if isinstance(request.user, Person):
        return f"person-{request.user.pk}"
    return _network(request)


def _network(request: Request) -> str:
    return f"address-{network_of(address_of(request))}"


def _tell(view: Any, left: Left) -> None:
    """Unless a bucket with less left was told of before."""
    told = view.headers.get("RateLimit-Remaining")
    if told is None or left.remaining < int(told):
        view.headers.update(left.headers)
