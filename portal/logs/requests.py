"""One line for each request, and an id that ties together what was written meanwhile.

The route's name is told, never the address: what people typed into it stays out.
"""

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from portal.logs import trail
from portal.logs.redaction import redact

Handler = Callable[[HttpRequest], HttpResponse]
QUIET_ROUTES = {"healthz", "readyz", "metrics"}  # asked every few seconds, by machines
BROKEN = 500
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
logger = logging.getLogger("portal.requests")


class RequestTrail:
    """The outermost. The id is always ours: a client's could name another's lines."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        laid = trail.Trail(trail.new_id(), request)
        request.META[trail.KEY] = laid.request_id
        with trail.under(laid):
            response = self.get_response(request)
            response.headers["X-Request-ID"] = laid.request_id
            _tell(request, response.status_code, round((time.perf_counter() - began) * 1000))
        return response


class NoAddresses(logging.Filter):
    """For Django's own lines about refused requests, which say the path: a vendor's is a secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        return True


def is_quiet(request: HttpRequest, route: str = "") -> bool:
    """Asked so often, and by machines, that it is not worth a word; also before it has a route."""
    named = route or request.path_info.strip("/")
    return named in QUIET_ROUTES or request.path_info.startswith(settings.STATIC_URL)


def _tell(request: HttpRequest, status: int, took: int) -> None:
    route = request.resolver_match.view_name if request.resolver_match else "-"
    level = _level(request, route, status)
    if not logger.isEnabledFor(level):
        return
    method = request.method if request.method in METHODS else "OTHER"
    extra = {"method": method, "route": route, "status": status, "ms": took}
    logger.log(level, "%s %s %s %s ms", method, route, status, took, extra=extra)


def _level(request: HttpRequest, route: str, status: int) -> int:
    if status >= BROKEN:
        return logging.WARNING
    return logging.DEBUG if is_quiet(request, route) else logging.INFO
