"""The terms on a page of their own: to be accepted where they were not yet, to be read again."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods

from links.models import VendorBrowser
from links.visiting import terms as services
from links.visiting.caller import Caller
from links.visiting.errors import Refusal
from links.visiting.forms import AcceptedForm
from links.visiting.views import pages
from links.visiting.views.entering import by_browser
from links.visiting.wording import said, status_of


@require_http_methods(["GET", "HEAD", "POST"])
@by_browser
def terms(request: HttpRequest, browser: VendorBrowser, caller: Caller) -> HttpResponse:
    if request.method != "POST":
        return _page(request, browser)
    form = AcceptedForm(request.POST)
    if not form.is_valid():
        return _page(request, browser, Refusal("terms"))
    try:
        services.accept(browser, **form.cleaned_data, caller=caller)
    except Refusal as refusal:
        return _page(request, browser, refusal)
    return pages.see("visit-session")


def _page(
    request: HttpRequest, browser: VendorBrowser, refusal: Refusal | None = None
) -> HttpResponse:
    if refusal is not None and refusal.code == "signed-out":
        return pages.signed_out(request)
    facts = {
        "terms": services.current(get_language() or ""),
        "accepted": services.accepted(browser.invitation),
        "problem": said(refusal) if refusal else "",
    }
    status, back = status_of(refusal), reverse("visit-terms")
    return pages.page(request, "terms", facts, status=status, back=back)
