"""Where a notice leads: to a page of the portal, which asks who is there. Never to an act."""

from urllib.parse import urlsplit

from django.conf import settings
from django.urls import NoReverseMatch, reverse

from access.models.requests import REFERENCE_PREFIX

PAGES = {
    "approvals": "approvals",
    "home": "home",
    "open-now": "open-now",
    "drift": "drift",
    "settings": "settings",
    "notices": "notices",
    "policies": "policies",
    "lockdown": "lockdown",
    "people": "people",
    "logins": "rotations",
    "system": "system",
}
OF_REQUESTS = {"review": "review", "more-time": "request-extend", "wish": "wish-answer"}


def link_to(page: str, reference: str = "") -> str:
    """The whole address. A page that does not exist leads to the first one."""
    try:
        if page in ("request", *OF_REQUESTS):
            return f"{base()}{_request_path(page, reference)}"
        return f"{base()}{reverse(PAGES.get(page, 'home'))}"
    except NoReverseMatch:
        return f"{base()}{reverse('home')}"


def settings_link() -> str:
    return f"{base()}{reverse('settings')}#notices"


def base() -> str:
    return str(settings.PORTAL_URL).rstrip("/")


def host() -> str:
    """Of the portal, for the identities of messages."""
    return urlsplit(base()).hostname or "localhost"


def _request_path(page: str, reference: str) -> str:
    number = reference.removeprefix(REFERENCE_PREFIX)
    if not number.isdecimal():
        return reverse("home")
    return reverse(OF_REQUESTS.get(page, "request"), args=[reference])
