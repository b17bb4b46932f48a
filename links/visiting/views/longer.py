"""A wish for more time, which the sponsor answers."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from access.clock import db_now
from links.models import VendorBrowser
from links.visiting import showing, wishing
from links.visiting.caller import Caller
from links.visiting.errors import Refusal
from links.visiting.forms import WishForm, lengths
from links.visiting.standing import COMING, standing_of
from links.visiting.views import pages
from links.visiting.views.entering import by_browser
from links.visiting.wording import said, status_of


@require_http_methods(["GET", "HEAD", "POST"])
@by_browser
def more_time(request: HttpRequest, browser: VendorBrowser, caller: Caller) -> HttpResponse:
    if request.method != "POST":
        return _page(request, browser, WishForm())
    form = WishForm(request.POST)
    if not form.is_valid():
        return _page(request, browser, form)
    try:
        wishing.wish(browser, **form.cleaned_data, caller=caller)
    except Refusal as refusal:
        if refusal.code == "wish-waits":  # sent twice, or from another tab
            return pages.see("visit-more-time")
        return _page(request, browser, form, refusal)
    return pages.see("visit-more-time")


def _page(
    request: HttpRequest, browser: VendorBrowser, form: WishForm, refusal: Refusal | None = None
) -> HttpResponse:
    if refusal is not None and refusal.code == "signed-out":
        return pages.signed_out(request)
    standing = standing_of(browser.invitation, db_now())
    if standing.stage not in COMING:
        return pages.see("visit-session")
    facts = {
        "invitation": browser.invitation,
        "standing": standing,
        "form": form,
        "lengths": lengths(),
        "wish": showing.wish_of(browser.invitation),
        "problem": said(refusal) if refusal else "",
    }
    status = 400 if form.errors else status_of(refusal)
    return pages.page(request, "more_time", facts, status=status, back=reverse("visit-more-time"))
