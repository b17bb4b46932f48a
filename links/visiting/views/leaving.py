"""Signing this browser out. The access itself stays as it is."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from access.clock import db_now
from links.visiting import browsers
from links.visiting.caller import caller_of
from links.visiting.views import pages
from links.visiting.views.entering import cookie_of


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    browser = browsers.browser_for(cookie_of(request), db_now())
    if browser is not None:
        browsers.leave(browser, caller_of(request))
    response = pages.see("visit-left")
    response.delete_cookie(settings.VENDOR_COOKIE_NAME, samesite="Strict")
    return response


@require_safe
def left(request: HttpRequest) -> HttpResponse:
    said = {
        "heading": _("You are signed out of this browser"),
        "says": [
            _("Your access stays open until its end, and so does a session that you opened."),
            _("To come back, open the address in your mail again."),
        ],
    }
    return pages.page(request, "problem", said, back=reverse("visit-left"))
