"""Which pages a host name serves. The vendors' stand apart from the portal: with ``VENDOR_URL`` on
a host name of their own, and in any case without the portal's session, which is neither read nor
set there.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.utils import translation

from links.visiting import languages

Handler = Callable[[HttpRequest], HttpResponse]
VISIT = "/visit/"
VENDORS_ADDRESSES = "portal.web.vendors_addresses"
PORTS = {"http": 80, "https": 443}


class HostsApart:
    """Before anything reads a cookie. Vendors' pages are made in the vendor's language, errors
    included."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if is_vendors_host(request):
            request.urlconf = VENDORS_ADDRESSES
        if not is_for_vendor(request):
            return self.get_response(request)
        request.COOKIES = {name: request.COOKIES[name] for name in _own(request)}
        with translation.override(languages.wanted(request) or languages.DEFAULT):
            return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: object, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """The portal's own host has no pages of vendors where they have one."""
        del view, args, kwargs
        if settings.VENDOR_URL and is_for_vendor(request) and not is_vendors_host(request):
            raise Http404
        return None


def is_vendors_host(request: HttpRequest) -> bool:
    """By its name, however it is spelled. A port is whatever the client says it is, so it counts
    only where the portal has the same name: on another one it would lead past this to the portal.
    """
    if not settings.VENDOR_URL:
        return False
    try:
        name, port = split_domain_port(request.get_host())
    except DisallowedHost:  # refused by what comes after this
        return False
    ours, portals = urlsplit(settings.VENDOR_URL), urlsplit(settings.PORTAL_URL)
    if name.strip("[]") != ours.hostname:
        return False
    # Behind a proxy the scheme of the request may be another; the port that counts is ours.
    usual = PORTS.get(ours.scheme, 443)
    return ours.hostname != portals.hostname or (port or f"{usual}") == f"{ours.port or usual}"


def is_for_vendor(request: HttpRequest) -> bool:
    """Also where nothing is found: the answer is made as vendors' pages are."""
    return request.path_info.startswith(VISIT) or is_vendors_host(request)


def _own(request: HttpRequest) -> list[str]:
    """The cookies that a vendor's page may know of, among those that were sent."""
    names = (
        settings.VENDOR_COOKIE_NAME,
        settings.VENDOR_LANGUAGE_COOKIE_NAME,
        settings.CSRF_COOKIE_NAME,
    )
    return [name for name in names if name in request.COOKIES]
