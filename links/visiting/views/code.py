"""The code that was mailed, and the terms that are accepted with the first of them."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from access.clock import db_now
from links.models import VendorBrowser
from links.visiting import browsers, codes, showing, terms
from links.visiting.caller import Caller
from links.visiting.errors import Refusal
from links.visiting.forms import AcceptedForm
from links.visiting.standing import COMING, standing_of
from links.visiting.views import pages
from links.visiting.views.entering import by_any_browser, cookie_of
from links.visiting.views.over import over
from links.visiting.wording import OF_THE_CODE, said, status_of


@require_http_methods(["GET", "HEAD", "POST"])
@by_any_browser
def code(request: HttpRequest, browser: VendorBrowser, caller: Caller) -> HttpResponse:
    if browser.verified_at is not None:
        return pages.see("visit-session")
    if request.method != "POST":
        return _page(request, browser)
    typed = request.POST.get("code", "")
    if not typed.strip():
        return _page(request, browser, error=_("Enter the 8 digits of the code."))
    try:
        cookie = codes.give(browser, typed, caller)
    except Refusal as refusal:
        return _page(request, browser, refusal)
    _accept(request, cookie, caller)
    return pages.with_cookie(pages.see("visit-session"), cookie)


@require_POST
@by_any_browser
def again(request: HttpRequest, browser: VendorBrowser, caller: Caller) -> HttpResponse:
    if browser.verified_at is not None:
        return pages.see("visit-session")
    try:
        cookie = codes.ask(browser.invitation, cookie=cookie_of(request), caller=caller)
    except Refusal as refusal:
        return _page(request, browser, refusal)
    return pages.with_cookie(pages.see("visit-code"), cookie)


def _accept(request: HttpRequest, cookie: str, caller: Caller) -> None:
    """What stood beside the code. Where others are in force meanwhile, they come on a page of
    their own."""
    form, browser = AcceptedForm(request.POST), browsers.browser_for(cookie, db_now())
    if browser is None or not form.is_valid():
        return
    try:
        terms.accept(browser, **form.cleaned_data, caller=caller)
    except Refusal:
        return


def _page(
    request: HttpRequest, browser: VendorBrowser, refusal: Refusal | None = None, error: str = ""
) -> HttpResponse:
    if refusal is not None and refusal.code == "signed-out":
        return pages.signed_out(request)
    invitation, now = browser.invitation, db_now()
    invitation.refresh_from_db(fields=["finished_at", "locked_until"])
    standing, back = standing_of(invitation, now), reverse("visit-code")
    if standing.stage not in COMING:
        return over(request, invitation, standing, back=back)
    at_field = refusal is not None and refusal.code in OF_THE_CODE
    words = said(refusal) if refusal else ""
    facts = {
        "standing": standing,
        "masked": showing.masked(invitation.mail),
        "sent": showing.code_until(browser, now),
        "terms": None if terms.accepted(invitation) else terms.current(get_language() or ""),
        "error": error or (words if at_field else ""),
        "problem": "" if at_field else words,
    }
    status = 400 if error else status_of(refusal)
    return pages.page(request, "code", facts, status=status, back=back)
