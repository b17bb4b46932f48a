"""In which language a vendor reads: what they chose, else what their browser asks for."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation.trans_real import parse_accept_lang_header

DEFAULT = "en"
A_YEAR = 365 * 24 * 3600


def offered() -> dict[str, str]:
    """Code to the language's own name of itself."""
    return dict(settings.LANGUAGES)


def wanted(request: HttpRequest) -> str | None:
    """``None``: nothing that is offered was asked for, so whoever invites may say."""
    chosen = request.COOKIES.get(settings.VENDOR_LANGUAGE_COOKIE_NAME, "")
    if chosen in offered():
        return chosen
    asked = parse_accept_lang_header(request.headers.get("Accept-Language", ""))
    codes = (code.partition("-")[0] for code, _ in asked)
    return next((code for code in codes if code in offered()), None)


def keep(response: HttpResponse, code: str) -> None:
    response.set_cookie(
        settings.VENDOR_LANGUAGE_COOKIE_NAME,
        code,
        max_age=A_YEAR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
