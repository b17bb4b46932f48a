"""Requests that another site makes a person's browser send."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from portal.web.problems import csrf_failure

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")


class NoForgery:
    """Beside Django's check of origin and token, what browsers say themselves: a write that comes
    from another site is refused, also where an endpoint is exempt from tokens."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: object, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """After the session was read, so that the refusal can name the person."""
        del view, args, kwargs
        site = request.headers.get("Sec-Fetch-Site", "")
        if request.method in SAFE or site != "cross-site":
            return None
        return csrf_failure(request, reason="the browser says that another site sent it")
