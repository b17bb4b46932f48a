"""One-time codes: asked for by a browser, made with their letter, and given once.

Whoever tries codes of one invitation waits for each other at its row, so no try is lost. What a
wrong try counts stays counted: it is committed before it is refused.
"""

import secrets
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from access import notices
from access.clock import db_now
from access.services.tokens import digest_of
from links import following
from links.models import Invitation, VendorBrowser, VendorCode
from links.visiting import browsers, evidence, sources
from links.visiting.caller import LONGEST_ADDRESS, Caller
from links.visiting.errors import Refusal
from links.visiting.standing import Standing, standing_of

DIGITS = 8
MOST_TRIES = 5  # of one code
MOST_WRONG, WITHIN = 10, timedelta(hours=1)  # of one invitation, whichever browser …
LOCKED_FOR = timedelta(minutes=15)  # … then it takes none for a while
MOST_ASKED, ASKED_WITHIN = 3, timedelta(minutes=15)


def ask(invitation: Invitation, *, cookie: str, caller: Caller, once: str = "") -> str:
    """Have a code sent to the registered address. Returns the cookie that the browser is to hold:
    its own, if it has one of this invitation. ``once``: of the form, so that a browser that sends
    it twice before it holds a cookie is one browser all the same. Raises ``Refusal``.

    While the letter of a code is not yet written, asking again from the same browser changes
    nothing. Who came by an address that was replaced in this instant is signed out with the rest.
    """
    with evidence.one_transaction("vendor.ask_code", invitation, caller):
        locked = evidence.lock(invitation)
        if locked.mailed != invitation.mailed:
            raise Refusal("signed-out")
        now = db_now()
        _check_may_have_code(locked, caller, now)
        browser = browsers.of_invitation(cookie, locked, now)
        if browser is None and (again := browsers.cookie_of_form(once, locked)):
            cookie, browser = again, browsers.of_invitation(again, locked, now)
        if browser is not None and _waits(browser, now):
            return cookie
        _check_not_too_often(locked, now)
        if browser is None:
            cookie = browsers.unused(once, locked)
            browser = browsers.make(locked, caller, now, cookie=cookie)
        code = VendorCode.objects.create(invitation=locked, browser=browser, asked_at=now)
        evidence.note("vendor.code_asked", locked, caller, browser=browser.pk)
        following.tell_vendor("visit.code", locked, key=f"code.{code.pk}", code=code.pk)
    return cookie


def make(code_id: int) -> tuple[str, VendorCode] | None:
    """The digits, for the letter that is being written; nothing of them is kept but a digest.
    ``None`` when nobody needs them any more: they were asked for too long ago, the browser has
    given another or is signed out, or the access is over.

    The letter may be tried again, and an attempt that was called lost may have arrived: so each
    makes a code of its own, and the earlier one stays valid as long as it was.
    """
    asked = VendorCode.objects.select_related("invitation").filter(pk=code_id).first()
    if asked is None:
        return None
    with transaction.atomic():
        locked = evidence.lock(asked.invitation)
        now = db_now()
        code = VendorCode.objects.select_related("browser").filter(pk=code_id).first()
        if code is None or not _is_wanted(code, standing_of(locked, now), now):
            return None
        if code.digest:
            code = VendorCode(invitation=locked, browser=code.browser, asked_at=code.asked_at)
        digits = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
        code.digest = _digest(code.browser, digits)
        code.sent_at, code.expires_at = now, now + _lasts()
        code.save()
    return digits, code


def give(browser: VendorBrowser, typed: str, caller: Caller) -> str:
    """The code that was mailed, typed into the browser that asked for it. Returns the browser's
    new cookie, and the one it had is worth nothing any more. Raises ``Refusal``."""
    with evidence.one_transaction("vendor.give_code", browser.invitation, caller):
        locked = evidence.lock(browser.invitation)
        now = db_now()
        mine = browsers.as_it_is(browser, now, verified=False)
        _check_may_have_code(locked, caller, now)
        digits = _plain(typed)
        live = _live_codes(mine, now)
        right = next((code for code in live if _is_right(code, mine, digits)), None)
        if right is not None:
            return _let_in(locked, mine, right, caller, now)
        if len(digits) != DIGITS:
            raise Refusal("wrong-code", left=_left(live))  # none that could have been right
        wrong = _count_wrong(locked, live, caller, now)
    raise wrong


def _check_may_have_code(invitation: Invitation, caller: Caller, now: datetime) -> None:
    standing = standing_of(invitation, now)
    if not standing.may_ask_code:
        raise refusal_of(standing)
    sources.check(invitation, caller)
    until = invitation.locked_until
    if until is not None and now < until:
        raise Refusal("locked", until=until)


def refusal_of(standing: Standing) -> Refusal:
    """What the stage says to somebody who wants in."""
    moments = {"starts_at": standing.starts_at, "ended_at": standing.ended_at}
    return Refusal(standing.stage.value, **moments)


def _check_not_too_often(invitation: Invitation, now: datetime) -> None:
    """Letters of one asking count once."""
    recent = invitation.codes.filter(asked_at__gt=now - ASKED_WITHIN)
    times = list(recent.order_by("-asked_at").values_list("asked_at", flat=True).distinct())
    if len(times) >= MOST_ASKED:
        until = times[MOST_ASKED - 1] + ASKED_WITHIN
        raise Refusal("too-often", wait=max(1, round((until - now).total_seconds())))


def _waits(browser: VendorBrowser, now: datetime) -> bool:
    return browser.codes.filter(digest="", asked_at__gt=now - _lasts()).exists()


def _is_wanted(code: VendorCode, standing: Standing, now: datetime) -> bool:
    verified_at = code.browser.verified_at
    given = verified_at is not None and verified_at >= code.asked_at
    alive = browsers.is_alive(code.browser, now) and not given
    return alive and standing.may_ask_code and now < code.asked_at + _lasts()


def _live_codes(browser: VendorBrowser, now: datetime) -> list[VendorCode]:
    """Those that could be right. Raises ``Refusal`` where there is none to try."""
    sent = list(browser.codes.exclude(digest="").order_by("pk"))
    live = [code for code in sent if _is_live(code, now)]
    if not live:
        waits = not sent or _waits(browser, now)
        raise Refusal("no-code" if waits else "expired-code")
    return live


def _is_live(code: VendorCode, now: datetime) -> bool:
    in_time = code.expires_at is not None and now < code.expires_at
    return in_time and code.used_at is None and code.tries < MOST_TRIES


def _let_in(
    invitation: Invitation, browser: VendorBrowser, code: VendorCode, caller: Caller, now: datetime
) -> str:
    """Whoever fixed the browser's cookie before is left with the old one."""
    code.used_at = now
    code.save(update_fields=["used_at"])
    browser.codes.filter(expires_at__gt=now, used_at__isnull=True).update(expires_at=now)
    evidence.note("vendor.code_given", invitation, caller, browser=browser.pk)
    evidence.seen_from(invitation, caller)
    cookie = browsers.new_cookie()
    browser.digest = digest_of(cookie)
    browser.verified_at = browser.seen_at = now
    browser.address, browser.agent = caller.address[:LONGEST_ADDRESS], caller.agent
    browser.save(update_fields=["digest", "verified_at", "seen_at", "address", "agent"])
    return cookie


def _count_wrong(
    invitation: Invitation, live: Sequence[VendorCode], caller: Caller, now: datetime
) -> Refusal:
    """It is a try at each code that it could have been."""
    for code in live:
        code.tries += 1
        code.save(update_fields=["tries"])
    if invitation.wrong_since is None or invitation.wrong_since <= now - WITHIN:
        invitation.wrong_since, invitation.wrong_codes = now, 0
    invitation.wrong_codes += 1
    left = _left(live)
    evidence.note("vendor.code_wrong", invitation, caller, outcome="denied", left=left)
    refusal = Refusal("wrong-code", left=left)
    if invitation.wrong_codes >= MOST_WRONG:
        refusal = _lock_up(invitation, caller, now)
    invitation.save(update_fields=["wrong_since", "wrong_codes", "locked_until"])
    return refusal


def _lock_up(invitation: Invitation, caller: Caller, now: datetime) -> Refusal:
    """The sponsor is told once for each hour of guessing."""
    invitation.locked_until = until = now + LOCKED_FOR
    wrong = invitation.wrong_codes
    evidence.note("vendor.locked", invitation, caller, outcome="denied", until=until, wrong=wrong)
    asked, since = invitation.access_request, invitation.wrong_since
    notices.tell(
        "vendor.locked",
        key=f"{asked.reference}.locked.{since:%Y%m%d%H%M%S}",
        to=[asked.requester],
        about=asked,
        data={"locked_until": until, "wrong": wrong, "address": caller.address},
    )
    return Refusal("locked", until=until)


def _left(live: Sequence[VendorCode]) -> int:
    """Tries at the code that has most of them."""
    return max((MOST_TRIES - code.tries for code in live), default=0)


def _is_right(code: VendorCode, browser: VendorBrowser, digits: str) -> bool:
    return constant_time_compare(code.digest, _digest(browser, digits))


def _digest(browser: VendorBrowser, digits: str) -> str:
    """Eight digits would be found by trying all of them; without the key nobody can. Bound to the
    browser, and with it to its invitation."""
    whole = f"{browser.invitation_id}.{browser.pk}.{digits}"
    return salted_hmac("links.visiting.code", whole, algorithm="sha256").hexdigest()


def _plain(typed: str) -> str:
    """However it was typed: in groups, or with the digits of a Japanese keyboard."""
    plain = unicodedata.normalize("NFKC", typed[:64])
    return "".join(each for each in plain if each in "0123456789")


def _lasts() -> timedelta:
    return timedelta(seconds=settings.VENDOR_CODE_SECONDS)
