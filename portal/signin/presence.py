"""Middleware: where a session is used from, whether a person does it, and why it is over."""

from collections.abc import Callable
from typing import cast

from django.http import HttpRequest, HttpResponse

from portal.signin.sessions import SessionStore, client_of
from portal.web.address import client_address

SAFE = ("GET", "HEAD", "OPTIONS")
NAVIGATION = ("navigate", "")  # empty: an older browser, or no browser


class Presence:
    """Sets ``request.session_ended``: why the session of the cookie is over, or empty."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        session = cast("SessionStore", request.session)
        session.client = client_of(client_address(request), request.headers.get("User-Agent", ""))
        if is_by_hand(request):
            session.saw()
        session.get("")  # so that it is read; once for each request
        request.session_ended = session.ending or ""  # type: ignore[attr-defined]
        return self.get_response(request)


def is_by_hand(request: HttpRequest) -> bool:
    """Whether a person did this: opened a page, sent a form, or touched what asks for a part of
    one. What a page asks by itself keeps nobody signed in; so that a new poll cannot do it by
    oversight either, a script's reading counts only when it says ``Bastion-By-Hand``."""
    if request.method not in SAFE or "Bastion-By-Hand" in request.headers:
        return True
    mode = request.headers.get("Sec-Fetch-Mode", "")
    return "HX-Request" not in request.headers and mode in NAVIGATION
