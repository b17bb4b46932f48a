"""Who is before a page: whoever holds a mailed address, or a browser that asked for a code."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone, translation

from access.clock import db_now
from links.models import Invitation
from links.moments import zone_named
from links.visiting import browsers, evidence, guessing, keys, languages
from links.visiting.caller import caller_of
from links.visiting.views import pages

View = Callable[..., HttpResponse]


def by_token(view: View) -> View:
    """Hands over the invitation. What leads to none is no page, whatever is wrong with it. Who has
    a right address never waits: any site that they look at could ask for wrong ones from there."""

    @wraps(view)
    def asking(request: HttpRequest, token: str) -> HttpResponse:
        caller = caller_of(request)
        invitation = keys.invitation_for(token)
        if invitation is None:
            if guessing.too_many(caller):
                return pages.problem(request, 429)
            guessing.missed(caller)
            raise Http404
        with reading(request, invitation):
            return view(request, invitation, caller, token)

    return asking


def by_browser(view: View) -> View:
    """Hands over the browser, which gave the right code."""

    @wraps(view)
    def asking(request: HttpRequest) -> HttpResponse:
        caller = caller_of(request)
        browser = browsers.browser_for(cookie_of(request), db_now())
        if browser is None:
            return pages.signed_out(request)
        if browser.verified_at is None:
            return pages.see("visit-code")
        evidence.other_address(browser, caller)
        with reading(request, browser.invitation):
            return view(request, browser, caller)

    return asking


def by_any_browser(view: View) -> View:
    """Also one that has no more than asked for a code."""

    @wraps(view)
    def asking(request: HttpRequest) -> HttpResponse:
        browser = browsers.browser_for(cookie_of(request), db_now())
        if browser is None:
            return pages.signed_out(request)
        with reading(request, browser.invitation):
            return view(request, browser, caller_of(request))

    return asking


def cookie_of(request: HttpRequest) -> str:
    return request.COOKIES.get(settings.VENDOR_COOKIE_NAME, "")


@contextmanager
def reading(request: HttpRequest, invitation: Invitation) -> Iterator[None]:
    """In the reader's language, and in the time zone that their sponsor gave for them."""
    language = languages.wanted(request) or invitation.language
    with translation.override(language), timezone.override(zone_named(invitation.zone)):
        yield
