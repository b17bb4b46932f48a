"""How long there is, the way in, and that it is not needed any more."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.clock import db_now
from links.models import VendorBrowser
from links.visiting import finishing, handing, showing, terms
from links.visiting.caller import Caller
from links.visiting.errors import Refusal
from links.visiting.standing import COMING, standing_of
from links.visiting.views import pages
from links.visiting.views.entering import by_browser
from links.visiting.views.over import over
from links.visiting.wording import said, status_of

LONGEST_NUMBER = 4  # digits


@require_safe
@by_browser
def session(request: HttpRequest, browser: VendorBrowser, caller: Caller) -> HttpResponse:
    del caller
    return _page(request, browser)


@require_POST
@by_browser
def open_session(request: HttpRequest, browser: VendorBrowser, caller: Caller) -> HttpResponse:
    """Where it leads to is in this one answer, and in nothing that is kept of it."""
    wanted = request.POST.get("number", "")
    plain = wanted.isascii() and wanted.isdecimal() and len(wanted) <= LONGEST_NUMBER
    try:
        return pages.led_to(handing.hand_over(browser, int(wanted) if plain else 0, caller))
    except Refusal as refusal:
        return _page(request, browser, refusal)


@require_http_methods(["GET", "HEAD", "POST"])
@by_browser
def finish(request: HttpRequest, browser: VendorBrowser, caller: Caller) -> HttpResponse:
    if request.method == "POST":
        try:
            finishing.finish(browser, caller)
        except Refusal as refusal:
            return _page(request, browser, refusal)
        return pages.see("visit-session")
    standing = standing_of(browser.invitation, db_now())
    if standing.stage not in COMING:
        return pages.see("visit-session")
    facts = {"invitation": browser.invitation, "standing": standing}
    return pages.page(request, "finish", facts, back=reverse("visit-finish"))


def _page(
    request: HttpRequest, browser: VendorBrowser, refusal: Refusal | None = None
) -> HttpResponse:
    if refusal is not None and refusal.code == "signed-out":
        return pages.signed_out(request)
    invitation, now = browser.invitation, db_now()
    standing, back = standing_of(invitation, now), reverse("visit-session")
    status = status_of(refusal)
    if standing.stage not in COMING:
        answer = over(request, invitation, standing, back=back, browser=browser)
        answer.status_code = status
        return answer
    if not terms.accepted(invitation):
        return pages.see("visit-terms")
    facts = {
        "invitation": invitation,
        "standing": standing,
        "now": now,
        "wish": showing.wish_of(invitation),
        "problem": said(refusal) if refusal else "",
    }
    answer = pages.page(request, "session", facts, status=status, back=back)
    return pages.may_lead_to_bastion(request, answer)
