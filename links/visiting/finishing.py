"""The vendor's person is done, and gives back what is left."""

from access import notices
from access.clock import db_now
from access.services.end import give_back
from links.models import Invitation, VendorBrowser
from links.visiting import browsers, evidence
from links.visiting.caller import Caller
from links.visiting.codes import refusal_of
from links.visiting.standing import OVER, Standing, standing_of


def finish(browser: VendorBrowser, caller: Caller) -> None:
    """Orders the end of everything that the request opened. Safe to repeat. Raises ``Refusal``
    when it was over without them."""
    with evidence.one_transaction("vendor.finish", browser.invitation, caller):
        locked = evidence.lock(browser.invitation)
        now = db_now()
        browsers.as_it_is(browser, now)
        if locked.finished_at is not None:
            return
        standing = standing_of(locked, now)
        if standing.stage in OVER:
            raise refusal_of(standing)
        locked.finished_at = now
        locked.save(update_fields=["finished_at"])
        asked = locked.access_request
        if not give_back(asked, by=evidence.outsider_of(locked)):
            raise refusal_of(_as_others_ended_it(locked))
        evidence.note("vendor.finished", locked, caller, until=standing.ends_at)
        notices.tell(
            "vendor.finished",
            key=f"{asked.reference}.finished",
            to=[asked.requester],
            about=asked,
            data={"name": locked.name, "until": standing.ends_at},
        )


def _as_others_ended_it(locked: Invitation) -> Standing:
    """In the instant in which the vendor was about to."""
    locked.finished_at = None
    return standing_of(locked, db_now())
