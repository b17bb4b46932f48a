"""The page of the mailed address. Looking at it changes nothing, whoever or whatever looks."""

from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from access.clock import db_now
from links.models import Invitation
from links.visiting import browsers, codes, evidence
from links.visiting.caller import Caller
from links.visiting.errors import Refusal
from links.visiting.showing import masked
from links.visiting.standing import COMING, standing_of
from links.visiting.views import pages
from links.visiting.views.entering import by_token, cookie_of
from links.visiting.views.over import over
from links.visiting.wording import said, status_of


@require_safe
@by_token
def landing(
    request: HttpRequest, invitation: Invitation, caller: Caller, token: str
) -> HttpResponse:
    evidence.landed(invitation, caller, str(request.method))
    return _page(request, invitation, token)


@require_POST
@by_token
def send(request: HttpRequest, invitation: Invitation, caller: Caller, token: str) -> HttpResponse:
    """From here on the browser is known by its cookie, and the address is needed no more."""
    known = browsers.browser_for(cookie_of(request), db_now())
    if known and known.verified_at and known.invitation_id == invitation.pk:
        return pages.see("visit-session")
    try:
        once = request.POST.get("once", "")
        cookie = codes.ask(invitation, cookie=cookie_of(request), caller=caller, once=once)
    except Refusal as refusal:
        return _page(request, invitation, token, refusal)
    return pages.with_cookie(pages.see("visit-code"), cookie)


def _page(
    request: HttpRequest, invitation: Invitation, token: str, refusal: Refusal | None = None
) -> HttpResponse:
    standing = standing_of(invitation, db_now())
    back = reverse("visit", args=[token])
    if standing.stage not in COMING:
        answer = over(request, invitation, standing, back=back)
        answer.headers["Referrer-Policy"] = pages.SAYS_ORIGIN
        return answer
    facts = {
        "invitation": invitation,
        "standing": standing,
        "token": token,
        "once": browsers.new_cookie(),  # like one, and none
        "masked": masked(invitation.mail),
        "early": standing.starts_at - timedelta(seconds=settings.VENDOR_EARLY_SECONDS),
        "problem": said(refusal) if refusal else "",
    }
    status = status_of(refusal)
    return pages.page(
        request, "landing", facts, status=status, back=back, referrer=pages.SAYS_ORIGIN
    )
