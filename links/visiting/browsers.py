"""The browsers of a visit, known by a cookie of which only the digest is kept."""

import re
import secrets
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils.crypto import salted_hmac

from access.clock import db_now
from access.services.tokens import digest_of
from links.models import Invitation, VendorBrowser
from links.visiting import evidence
from links.visiting.caller import LONGEST_ADDRESS, Caller
from links.visiting.errors import Refusal

FORM = re.compile(r"[A-Za-z0-9_-]{43}")
TOUCHED_EVERY = timedelta(minutes=1)


def browser_for(cookie: str, now: datetime) -> VendorBrowser | None:
    """Whose cookie this is, verified or not; ``None`` when it is nobody's, signed out, or was idle
    or in use for too long. Being asked for keeps it from being idle."""
    if not FORM.fullmatch(cookie):
        return None
    rows = VendorBrowser.objects.select_related("invitation__access_request__requester")
    found = rows.select_related("invitation__contact").filter(digest=digest_of(cookie)).first()
    if found is None or not is_alive(found, now):
        return None
    _touch(found, now)
    return found


def is_alive(browser: VendorBrowser, now: datetime) -> bool:
    idle = timedelta(seconds=settings.VENDOR_IDLE_SECONDS)
    longest = timedelta(seconds=settings.VENDOR_SESSION_SECONDS)
    since = browser.verified_at or browser.made_at
    return browser.ended_at is None and now < browser.seen_at + idle and now < since + longest


def new_cookie() -> str:
    return secrets.token_urlsafe(32)


def cookie_of_form(once: str, invitation: Invitation) -> str:
    """The cookie that this one form brings about, however often it is sent; empty for what is no
    form of ours. Nobody can tell it from the form."""
    if not FORM.fullmatch(once):
        return ""
    whole = salted_hmac("links.visiting.form", f"{invitation.pk}.{once}", algorithm="sha256")
    return urlsafe_b64encode(whole.digest()).decode().rstrip("=")


def unused(once: str, invitation: Invitation) -> str:
    """Of the form, unless a browser had it that is signed out since."""
    wanted = cookie_of_form(once, invitation)
    taken = VendorBrowser.objects.filter(digest=digest_of(wanted)).exists() if wanted else True
    return new_cookie() if taken else wanted


def make(invitation: Invitation, caller: Caller, now: datetime, *, cookie: str) -> VendorBrowser:
    """Not verified: all that it may do is give a code."""
    return VendorBrowser.objects.create(
        invitation=invitation,
        digest=digest_of(cookie),
        made_at=now,
        seen_at=now,
        address=caller.address[:LONGEST_ADDRESS],
        agent=caller.agent,
    )


def of_invitation(cookie: str, invitation: Invitation, now: datetime) -> VendorBrowser | None:
    """The live browser that holds this cookie, if it is one of this invitation. Like
    ``browser_for``, inside the caller's transaction."""
    if not FORM.fullmatch(cookie):
        return None
    found = invitation.browsers.filter(digest=digest_of(cookie)).first()
    return found if found is not None and is_alive(found, now) else None


def as_it_is(browser: VendorBrowser, now: datetime, *, verified: bool = True) -> VendorBrowser:
    """Read anew under the invitation's lock. Raises ``Refusal`` when it was signed out, has got
    another cookie meanwhile, or ran out; or never gave a code and ``verified`` is wanted."""
    found = VendorBrowser.objects.filter(pk=browser.pk, digest=browser.digest).first()
    if found is None or not is_alive(found, now) or (verified and found.verified_at is None):
        raise Refusal("signed-out")
    return found


def leave(browser: VendorBrowser, caller: Caller) -> None:
    """Sign it out. Safe to repeat."""
    with evidence.one_transaction("vendor.leave", browser.invitation, caller):
        locked = evidence.lock(browser.invitation)
        mine = VendorBrowser.objects.filter(pk=browser.pk, ended_at__isnull=True)
        if mine.update(ended_at=db_now()):
            evidence.note("vendor.left", locked, caller)


def _touch(browser: VendorBrowser, now: datetime) -> None:
    """At most once a minute; of requests at the same instant, one."""
    before = now - TOUCHED_EVERY
    if browser.seen_at > before:
        return
    still = Q(pk=browser.pk, ended_at__isnull=True, seen_at__lte=before)
    if VendorBrowser.objects.filter(still).update(seen_at=now):
        browser.seen_at = now
