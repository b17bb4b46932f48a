"""A vendor's wish for more time: told to the sponsor, who makes a request of it or says no."""

from datetime import datetime, timedelta

from access import notices
from access.clock import db_now
from access.services.submission import clean_text
from links.models import Invitation, MoreTimeAsk, VendorBrowser
from links.visiting import browsers, evidence
from links.visiting.caller import Caller
from links.visiting.codes import refusal_of
from links.visiting.errors import Refusal
from links.visiting.standing import COMING, standing_of

SHORTEST, LONGEST = 5, 7 * 24 * 60  # minutes; the policy decides when the sponsor asks
LONGEST_WHY = 500
MOST_WISHES, WITHIN = 5, timedelta(hours=24)


def wish(browser: VendorBrowser, *, minutes: int, why: str, caller: Caller) -> MoreTimeAsk:
    """One waits at a time. Raises ``Refusal``; its code is ``too-short`` (least), ``too-long``
    (most), ``no-why``, ``long-why`` (most), ``wish-waits``, ``too-often`` (wait), or the stage's
    when it is over."""
    why = clean_text(why)
    with evidence.one_transaction("vendor.ask_more_time", browser.invitation, caller):
        locked = evidence.lock(browser.invitation)
        now = db_now()
        browsers.as_it_is(browser, now)
        standing = standing_of(locked, now)
        if standing.stage not in COMING:
            raise refusal_of(standing)
        _check_words(minutes, why)
        _check_turn(locked, now)
        made = MoreTimeAsk.objects.create(invitation=locked, minutes=minutes, why=why, at=now)
        evidence.note("vendor.more_time_asked", locked, caller, minutes=minutes, why=why)
        asked = locked.access_request
        notices.tell(
            "vendor.asks_more_time",
            key=f"{asked.reference}.wish.{made.pk}",
            to=[asked.requester],
            about=asked,
            data={
                "minutes": minutes,
                "why": why,
                "name": locked.name,
                "until": standing.ends_at,
            },
        )
    return made


def _check_words(minutes: int, why: str) -> None:
    if minutes < SHORTEST:
        raise Refusal("too-short", least=SHORTEST)
    if minutes > LONGEST:
        raise Refusal("too-long", most=LONGEST)
    if not why:
        raise Refusal("no-why")
    if len(why) > LONGEST_WHY:
        raise Refusal("long-why", most=LONGEST_WHY)


def _check_turn(invitation: Invitation, now: datetime) -> None:
    if invitation.wishes.filter(answered_at__isnull=True).exists():
        raise Refusal("wish-waits")
    times = list(invitation.wishes.filter(at__gt=now - WITHIN).values_list("at", flat=True))
    if len(times) >= MOST_WISHES:
        wait = min(times) + WITHIN - now
        raise Refusal("too-often", wait=max(1, round(wait.total_seconds())))
