"""One line in the log for each call of Azure, with the id by which Azure knows it: the last link of
the one id that leads from a click to what Azure did.
"""

import logging
import sys
import time
from typing import Any

from azure.core.pipeline import PipelineRequest, PipelineResponse, policies

from portal.logs.calls import call_of

logger = logging.getLogger("portal.azure.calls")
REFUSED = 400


class Told(policies.SansIOHTTPPolicy[Any, Any]):
    """After authentication, so that what it tells of was really sent."""

    def on_request(self, request: PipelineRequest[Any]) -> None:
        request.context["began"] = time.perf_counter()

    def on_response(
        self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]
    ) -> None:
        answer = response.http_response
        theirs = answer.headers.get("x-ms-correlation-request-id", "")
        _tell(request, answer.status_code, correlation_id=theirs)

    def on_exception(self, request: PipelineRequest[Any]) -> None:
        kind = sys.exc_info()[0]
        _tell(request, None, problem=kind.__name__ if kind else "")


def _tell(request: PipelineRequest[Any], status: int | None, **more: str) -> None:
    http = request.http_request
    took = round((time.perf_counter() - request.context["began"]) * 1000)
    call = call_of(http.method, http.url)
    ours = http.headers.get("x-ms-client-request-id", "")
    extra = {"call": call, "status": status, "ms": took, "client_request_id": ours, **more}
    logger.log(
        _level(http.method, status),
        "%s %s %s ms %s",
        call,
        status or "no answer",
        took,
        ours,
        extra=extra,
    )


def _level(method: str, status: int | None) -> int:
    """What only read, and was answered, is asked too often to be told of."""
    if status is None or status >= REFUSED:
        return logging.WARNING
    return logging.DEBUG if method == "GET" else logging.INFO
