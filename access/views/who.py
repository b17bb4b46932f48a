"""Who is asking. Only somebody signed in gets past here."""

import json
from collections.abc import Callable
from functools import wraps
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme

from access.models import Person

View = Callable[..., HttpResponse]


def signed_in(view: View) -> View:
    """Hands the person to the view; anybody else is led to the sign-in page."""

    @wraps(view)
    def asking(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if isinstance(request.user, Person):
            return view(request, request.user, *args, **kwargs)
        return to_sign_in(request)

    return asking


def opens(view: View) -> View:
    """Marks a view whose POST may open access, or let somebody open it: what signs people in asks
    the directory for their roles of this very moment before it runs. See the wiring."""
    view.opens_access = True  # type: ignore[attr-defined]
    return view


def opens_in_emergency(view: View) -> View:
    """Like ``opens``; but while the directory does not answer, what it said a short while ago
    counts: an outage must not take the way in that is there for outages."""
    view.opens_in_emergency = True  # type: ignore[attr-defined]
    return opens(view)


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """With why the session is over, where it was, and whether anything typed was not sent."""
    facts = {"ended": getattr(request, "session_ended", "")}
    if "HX-Request" in request.headers:  # a poll must not pour the sign-in page into a list
        told = {
            "signed-out": {"to": _sign_in(facts)}
        }  # the page goes there, or keeps what is typed
        return HttpResponse(status=204, headers={"HX-Trigger": json.dumps(told)})
    if request.method in ("GET", "HEAD"):
        return redirect(_sign_in({"next": request.get_full_path(), **facts}))
    return redirect(_sign_in({"next": _page_of_the_form(request), **facts, "unsent": "yes"}))


def _sign_in(facts: dict[str, str]) -> str:
    said = {name: value for name, value in facts.items() if value}
    return resolve_url(settings.LOGIN_URL) + ("?" + urlencode(said, safe="/") if said else "")


def _page_of_the_form(request: HttpRequest) -> str:
    """Where a form was sent from, if that is a page of this site; else home."""
    page = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(page, {request.get_host()}, request.is_secure()):
        return "/"
    parts = urlsplit(page)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
