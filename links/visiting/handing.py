"""The one moment in which the address of a link leaves the portal.

The line is written first: from then on nobody else can write to the ledger, and whoever begins to
close has either done so already, which is seen here, or comes after this line.
"""

import re
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings

from access.clock import db_now
from access.gatekeeping import reason_to_end
from access.models import Grant, LedgerEntry
from access.sealed import Unreadable
from links import keeping
from links.models import Invitation, SealedLink, VendorBrowser
from links.visiting import browsers, evidence, sources, terms
from links.visiting.caller import Caller
from links.visiting.codes import refusal_of
from links.visiting.errors import Refusal
from links.visiting.standing import Doorway, Stage, Standing, standing_of

EVENT = "vendor.handed_over"
HOST = re.compile(r"bst-[0-9a-z-]+\.bastion\.azure\.com")
PATH = re.compile(r"/api/shareable-url/[0-9A-Za-z_-]+")
# Of one invitation: three times each of twenty machines. Each leaves a line, for which whoever
# closes something has to wait.
MOST, WITHIN = 60, timedelta(minutes=10)


def hand_over(browser: VendorBrowser, number: int, caller: Caller) -> str:
    """Where to send the browser, for the doorway of that number. Everything is judged at this
    instant, by the database's clock. Raises ``Refusal``."""
    with evidence.one_transaction("vendor.hand_over", browser.invitation, caller):
        locked = evidence.lock(browser.invitation)
        grant, sealed = _judged(locked, browser, number, caller, db_now())
        if reason_to_end(grant):  # such as a sponsor who is switched off; no worker saw it yet
            raise Refusal("not-ready")
        _check_not_too_often(locked, db_now())
        evidence.note(
            EVENT,
            locked,
            caller,
            subject=grant.machine.resource_key,
            grant=grant.pk,
            link_sha256=sealed.sha256,
            browser=browser.pk,
        )
        _, sealed = _judged(locked, browser, number, caller, db_now())
        evidence.seen_from(locked, caller)
        return _address(sealed)


def _judged(
    invitation: Invitation, browser: VendorBrowser, number: int, caller: Caller, now: datetime
) -> tuple[Grant, SealedLink]:
    browsers.as_it_is(browser, now)
    standing = standing_of(invitation, now)
    if standing.stage != Stage.OPEN:
        raise refusal_of(standing)
    if not terms.accepted(invitation):
        raise Refusal("terms")
    sources.check(invitation, caller)
    door = _door(standing, number)
    sealed: SealedLink = door.grant.sealed_link
    return door.grant, sealed


def _check_not_too_often(invitation: Invitation, now: datetime) -> None:
    reference = invitation.access_request.reference
    mine = LedgerEntry.objects.filter(reference=reference, event=EVENT, at__gt=now - WITHIN)
    times = list(mine.order_by("-seq").values_list("at", flat=True)[:MOST])
    if len(times) >= MOST:
        wait = times[-1] + WITHIN - now
        raise Refusal("too-often", wait=max(1, round(wait.total_seconds())))


def _door(standing: Standing, number: int) -> Doorway:
    """A number that is none of this invitation's is one of nobody's."""
    found = next((door for door in standing.doors if door.number == number), None)
    if found is None or not found.ready:
        raise Refusal("not-ready")
    return found


def _address(sealed: SealedLink) -> str:
    """Only ever a page of Bastion: what is kept may be read, and yet not be what it should."""
    try:
        found = keeping.reveal(sealed)
    except Unreadable as error:
        raise Refusal("unreadable") from error
    parts = urlsplit(found)
    is_bastion = HOST.fullmatch(parts.netloc) and PATH.fullmatch(parts.path)
    if parts.scheme != "https" or not is_bastion or parts.query or parts.fragment:
        raise Refusal("unreadable")
    if stand_in := settings.VENDOR_BASTION_STAND_IN:
        return f"{stand_in}/stand-in/{parts.netloc}{parts.path}"
    return found
