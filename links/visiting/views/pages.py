"""How every page of a vendor is answered: its frame, its headers, and what goes wrong.

A page's forms must be able to say where they come from, so its referrer policy is ``same-origin``.
The page under the secret address says no more than its origin, and answers that lead elsewhere say
nothing.
"""

from typing import Any

from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from links.visiting import brand, languages

SAYS_NOTHING, SAYS_ORIGIN = "no-referrer", "strict-origin"
BASTION = "https://*.bastion.azure.com"
PROBLEMS = {
    400: (_("This could not be read"), [_("Go back, load the page again and send it once more.")]),
    403: (_("This page is not for you"), [_("Open the address in your mail again.")]),
    404: (
        _("There is nothing here"),
        [
            _("The address may be mistyped or cut off. Open it from your mail, as a whole."),
            _("An address that was sent again replaces those before: use the newest mail."),
            _("If it still leads here, ask the person who invited you."),
        ],
    ),
    409: (_("This could not be done"), [_("Go back and load the page again.")]),
    413: (_("That was too much at once"), [_("Nothing was changed. Go back and send less.")]),
    429: (
        _("Please wait for ten minutes"),
        [
            _("Too many wrong addresses were opened from your network."),
            _("Nothing is lost: open the address in your mail again after that."),
        ],
    ),
    500: (
        _("Something went wrong on our side"),
        [
            _("It was recorded. Load the page again before you repeat what you did."),
            _("What is open is closed on time all the same."),
        ],
    ),
    503: (
        _("This page cannot be reached at the moment"),
        [
            _("Nothing was changed by what you just did. Wait a minute and load the page again."),
            _("What is open is closed on time all the same."),
        ],
    ),
}
FORGED = (
    _("This page was open for too long"),
    [
        _("Nothing was changed. Go back, load the page again and send it once more."),
        _("If it happens again, allow cookies for this site."),
    ],
)


def page(
    request: HttpRequest,
    name: str,
    said: dict[str, Any],
    *,
    status: int = 200,
    back: str = "",
    referrer: str = "same-origin",
) -> HttpResponse:
    """``back``: where whoever chooses another language comes back to; empty: it is not offered."""
    context = {"frame": _frame(back), **said}
    response = HttpResponse(render_to_string(f"visit/{name}.html", context, request), status=status)
    response.headers["Referrer-Policy"] = referrer
    response.headers["Content-Language"] = get_language() or languages.DEFAULT
    return response


def problem(request: HttpRequest, status: int) -> HttpResponse:
    """The same bytes for whoever gets it, in each language."""
    heading, says = PROBLEMS[status]
    said = {"heading": heading, "says": says}
    return page(request, "problem", said, status=status, referrer=SAYS_NOTHING)


def forged(request: HttpRequest) -> HttpResponse:
    said = {"heading": FORGED[0], "says": FORGED[1]}
    return page(request, "problem", said, status=403, referrer=SAYS_NOTHING)


def signed_out(request: HttpRequest) -> HttpResponse:
    """Nothing of the invitation is known to this browser, or not any more. Where its cookie was not
    sent, as when another site led here, it may still be good and stays."""
    said = {
        "heading": _("You are signed out"),
        "says": [
            _("A browser stays signed in for 8 hours at most, and for 30 minutes without use."),
            _("Open the address in your mail again, and have another code sent."),
        ],
    }
    back = reverse("visit-session")
    response = page(request, "problem", said, status=403, back=back)
    if settings.VENDOR_COOKIE_NAME in request.COOKIES:
        response.delete_cookie(settings.VENDOR_COOKIE_NAME, samesite="Strict")
    return response


def see(name: str, *args: str) -> HttpResponse:
    return led_to(reverse(name, args=args))


def led_to(address: str) -> HttpResponse:
    """303 without a body, and nobody there learns where from."""
    headers = {"Location": address, "Referrer-Policy": SAYS_NOTHING, "Cache-Control": "no-store"}
    return HttpResponse(status=303, headers=headers)


def with_cookie(response: HttpResponse, value: str) -> HttpResponse:
    response.set_cookie(
        settings.VENDOR_COOKIE_NAME,
        value,
        max_age=settings.VENDOR_SESSION_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )
    return response


def may_lead_to_bastion(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Browsers hold a form to where its page may send it, also when the answer leads on."""
    wanted = [settings.VENDOR_BASTION_STAND_IN or BASTION]
    csp_update({"form-action": wanted})(lambda _request: response)(request)
    return response


def _frame(back: str) -> dict[str, Any]:
    return {
        "brand": settings.VENDOR_BRAND,
        "has_colour": bool(brand.colour()),
        "has_logo": brand.logo() is not None,
        "help": settings.VENDOR_HELP,
        "language": get_language() or languages.DEFAULT,
        "languages": languages.offered().items(),
        "back": back,
    }
