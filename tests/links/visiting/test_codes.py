"""One-time codes: who gets one, how often it can be guessed at, and what it is worth afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest

from access import ledger
from access.clock import db_now
from access.models import LedgerEntry, Notice
from links.models import Invitation, VendorBrowser, VendorCode
from links.visiting import browsers, codes
from links.visiting.errors import Refusal
from tests.support.cast import Cast, let_pass
from tests.support.estate import machine
from tests.support.visiting import (
    FROM_ELSEWHERE,
    FROM_HOME,
    Visitor,
    asks,
    code_for,
    codes_age,
    comes_in,
    gives,
    invited,
    link_of,
    opened,
    wrong,
)


@pytest.fixture
def invitation(cast: Cast) -> Invitation:
    return opened(invited(machine(), cast))


def refused(visitor: Visitor, typed: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        codes.give(visitor.browser, typed, visitor.caller)
    return caught.value


def lines(event: str) -> list[LedgerEntry]:
    return list(LedgerEntry.objects.filter(event=event).order_by("seq"))


def test_the_right_code_lets_the_browser_in_and_changes_its_cookie(invitation: Invitation) -> None:
    visitor = asks(invitation)
    before = visitor.cookie
    gives(visitor, code_for(visitor))
    assert visitor.browser.verified_at is not None
    assert visitor.cookie != before
    assert browsers.browser_for(before, db_now()) is None  # whoever had fixed it has nothing
    (line,) = lines("vendor.code_given")
    assert line.data["address"] == FROM_HOME.address
    assert line.data["agent"] == FROM_HOME.agent
    assert (line.actor_kind, line.actor_id) == ("vendor", f"vendor/{invitation.contact_id}")


def test_there_is_no_code_before_its_letter_is_written(invitation: Invitation) -> None:
    visitor = asks(invitation)
    assert refused(visitor, "12345678").code == "no-code"
    assert not VendorCode.objects.get().digest
    letter = Notice.objects.get(event="visit.code")
    assert letter.contact == invitation.mail
    assert letter.data == {"invitation": invitation.pk, "code": VendorCode.objects.get().pk}


@pytest.mark.parametrize("how", ["{} {}", "{}-{}", " {}{}\n"])
def test_a_code_may_be_typed_in_groups(invitation: Invitation, how: str) -> None:
    visitor = asks(invitation)
    digits = code_for(visitor)
    assert gives(visitor, how.format(digits[:4], digits[4:])).browser.verified_at


def test_a_code_may_be_typed_with_wide_digits(invitation: Invitation) -> None:
    visitor = asks(invitation)
    wide = "".join(chr(0xFF10 + int(digit)) for digit in code_for(visitor))
    assert gives(visitor, wide).browser.verified_at


def test_x39_after_five_wrong_tries_a_code_is_dead(invitation: Invitation) -> None:
    """X-39: also for the right digits."""
    visitor = asks(invitation)
    digits = code_for(visitor)
    left = [refused(visitor, wrong(digits)).facts["left"] for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    assert refused(visitor, digits).code == "expired-code"
    assert VendorCode.objects.get().tries == 5
    assert [line.data["left"] for line in lines("vendor.code_wrong")] == left
    assert all(line.outcome == "denied" for line in lines("vendor.code_wrong"))
    assert all(line.data["address"] == FROM_HOME.address for line in lines("vendor.code_wrong"))


def test_x39_ten_wrong_codes_from_several_browsers_lock_the_invitation(
    invitation: Invitation, cast: Cast
) -> None:
    """X-39: the limit is the invitation's, so another browser does not help; the sponsor knows."""
    visitors = [asks(invitation), asks(invitation, caller=FROM_ELSEWHERE), asks(invitation)]
    digits = [code_for(visitor) for visitor in visitors]
    results = []
    for visitor, right in zip(visitors, digits, strict=True):
        results += [refused(visitor, wrong(right)).code for _ in range(4)]
    assert results == ["wrong-code"] * 9 + ["locked"] * 3
    assert refused(visitors[2], digits[2]).code == "locked"  # the right one, too
    invitation.refresh_from_db()
    assert invitation.wrong_codes == 10
    assert invitation.locked_until is not None
    assert timedelta(minutes=14) < invitation.locked_until - db_now() <= timedelta(minutes=15)
    assert len(lines("vendor.locked")) == 1
    told = Notice.objects.filter(event="vendor.locked")
    assert [notice.person for notice in told] == [cast.alice]
    with pytest.raises(Refusal, match="locked"):
        asks(invitation)


def test_after_the_lock_the_right_code_lets_in(invitation: Invitation) -> None:
    visitor = asks(invitation)
    digits = code_for(visitor)
    Invitation.objects.update(wrong_codes=9, wrong_since=db_now())
    assert refused(visitor, wrong(digits)).code == "locked"
    Invitation.objects.update(locked_until=db_now())
    assert gives(visitor, digits).browser.verified_at


def test_x39_within_the_hour_one_more_wrong_code_locks_again(
    invitation: Invitation, cast: Cast
) -> None:
    visitor = asks(invitation)
    digits = code_for(visitor)
    Invitation.objects.update(wrong_codes=10, wrong_since=db_now())
    assert refused(visitor, wrong(digits)).code == "locked"
    Invitation.objects.update(wrong_since=db_now() - timedelta(hours=1), locked_until=None)
    assert refused(visitor, wrong(digits)).code == "wrong-code"
    invitation.refresh_from_db()
    assert invitation.wrong_codes == 1


def test_what_is_no_code_at_all_costs_no_try(invitation: Invitation) -> None:
    visitor = asks(invitation)
    code_for(visitor)
    refusal = refused(visitor, "1234")
    assert (refusal.code, refusal.facts["left"]) == ("wrong-code", 5)
    assert VendorCode.objects.get().tries == 0


def test_x40_a_code_is_used_once(invitation: Invitation) -> None:
    visitor = asks(invitation)
    digits = code_for(visitor)
    gives(visitor, digits)
    assert refused(visitor, digits).code == "expired-code"
    assert len(lines("vendor.code_given")) == 1


def test_x40_a_code_that_ran_out_is_refused(invitation: Invitation) -> None:
    visitor = asks(invitation)
    digits = code_for(visitor)
    codes_age(invitation, minutes=10)
    assert refused(visitor, digits).code == "expired-code"
    (line,) = lines("vendor.give_code.refused")
    assert (line.outcome, line.data["reason"]) == ("denied", "expired-code")
    assert line.data["address"] == FROM_HOME.address


def test_x40_x48_a_code_of_one_invitation_is_nothing_for_another(cast: Cast) -> None:
    """X-40, X-48: even of the same person."""
    first = opened(invited(machine("vm-1"), cast))
    second = opened(invited(machine("vm-2"), cast))
    of_first, of_second = asks(first), asks(second)
    digits = code_for(of_first)
    code_for(of_second)
    assert refused(of_second, digits).code == "wrong-code"
    assert gives(of_first, digits).browser.invitation == first


def test_x38_a_code_is_nothing_in_another_browser(invitation: Invitation) -> None:
    """X-38: the mailed address was forwarded; the code that was mailed on a colleague's request
    is of no use to them, nor is the vendor's own."""
    vendor, colleague = asks(invitation), asks(invitation, caller=FROM_ELSEWHERE)
    digits = code_for(vendor)
    code_for(colleague)
    assert refused(colleague, digits).code == "wrong-code"
    assert [notice.contact for notice in Notice.objects.filter(event="visit.code")] == (
        [invitation.mail] * 2
    )
    assert gives(vendor, digits).browser.verified_at


def test_x38_a_second_browser_needs_a_code_of_its_own_and_two_addresses_are_told_of(
    invitation: Invitation, cast: Cast
) -> None:
    """X-38"""
    comes_in(invitation)
    assert not Notice.objects.filter(event="vendor.two_addresses").exists()
    second = asks(invitation, caller=FROM_ELSEWHERE)
    assert second.browser.verified_at is None
    gives(second, code_for(second))
    told = Notice.objects.filter(event="vendor.two_addresses", person__isnull=False)
    assert {notice.person for notice in told} == {cast.alice, cast.dana}
    (line,) = lines("vendor.other_address")
    assert (line.outcome, line.data["address"]) == ("denied", FROM_ELSEWHERE.address)


def test_x41_no_more_than_three_codes_are_sent_in_a_quarter_of_an_hour(
    invitation: Invitation,
) -> None:
    """X-41: whichever browser asks."""
    for _ in range(3):
        asks(invitation)
    with pytest.raises(Refusal) as caught:
        asks(invitation)
    assert caught.value.code == "too-often"
    assert 0 < caught.value.facts["wait"] <= 900
    assert Notice.objects.filter(event="visit.code").count() == 3
    assert VendorBrowser.objects.count() == 3
    (line,) = lines("vendor.ask_code.refused")
    assert line.data["reason"] == "too-often"
    codes_age(invitation, minutes=15)
    asks(invitation)


def test_x41_who_is_refused_without_end_does_not_fill_the_ledger(invitation: Invitation) -> None:
    for _ in range(3):
        asks(invitation)
    for _ in range(40):
        with pytest.raises(Refusal):
            asks(invitation)
    assert len(lines("vendor.ask_code.refused")) == 30


def test_asking_again_sends_another_and_keeps_the_earlier_valid(invitation: Invitation) -> None:
    visitor = asks(invitation)
    first = code_for(visitor)
    again = asks(invitation, cookie=visitor.cookie)
    assert again.cookie == visitor.cookie
    code_for(again)
    assert VendorCode.objects.count() == 2
    assert gives(visitor, first).browser.verified_at


def test_with_two_codes_a_guess_is_a_try_at_both(invitation: Invitation) -> None:
    visitor = asks(invitation)
    digits = code_for(visitor)
    refused(visitor, wrong(digits))
    asks(invitation, cookie=visitor.cookie)
    code_for(visitor)
    assert refused(visitor, wrong(digits)).facts["left"] == 4
    assert sorted(VendorCode.objects.values_list("tries", flat=True)) == [1, 2]


def test_a_double_click_on_send_again_sends_one(invitation: Invitation) -> None:
    visitor = asks(invitation)
    code_for(visitor)
    asks(invitation, cookie=visitor.cookie)
    asks(invitation, cookie=visitor.cookie)
    assert VendorCode.objects.count() == 2


def test_a_letter_that_is_tried_again_has_another_code_and_both_are_good(
    invitation: Invitation,
) -> None:
    """The mail server took the first and the answer was lost."""
    visitor = asks(invitation)
    asked = VendorCode.objects.get()
    first, second = codes.make(asked.pk), codes.make(asked.pk)
    assert first is not None
    assert second is not None
    assert first[1].pk != second[1].pk
    assert gives(visitor, first[0]).browser.verified_at
    assert codes.make(asked.pk) is None  # nobody waits for it any more
    for _ in range(2):  # the letters of one asking were counted once
        asks(invitation)
    with pytest.raises(Refusal, match="too-often"):
        asks(invitation)


def test_a_letter_that_is_written_too_late_has_no_code(invitation: Invitation) -> None:
    asks(invitation)
    codes_age(invitation, minutes=10)
    assert codes.make(VendorCode.objects.get().pk) is None
    assert codes.make(0) is None


def test_a_letter_that_is_written_after_the_end_has_no_code(invitation: Invitation) -> None:
    asks(invitation)
    let_pass(link_of(invitation), 31)
    assert codes.make(VendorCode.objects.get().pk) is None


def test_a_code_is_not_sent_long_before_the_start(cast: Cast) -> None:
    start = db_now() + timedelta(hours=2)
    invitation = invited(machine(), cast, start=start)
    with pytest.raises(Refusal) as caught:
        asks(invitation)
    assert caught.value.code == "not-yet"
    let_pass(link_of(invitation), 106)
    comes_in(invitation)


def test_a_code_is_not_sent_after_the_end(invitation: Invitation) -> None:
    let_pass(link_of(invitation), 31)
    with pytest.raises(Refusal) as caught:
        asks(invitation)
    assert caught.value.code == "ended"
    assert caught.value.facts["ended_at"] == link_of(invitation).ends_at
    assert not Notice.objects.filter(event="visit.code").exists()


def test_nothing_that_opens_is_kept(invitation: Invitation) -> None:
    """X-50: neither digits nor cookies, nor anything that is found by trying all digits without
    the key."""
    import hashlib

    visitor = asks(invitation)
    digits = code_for(visitor)
    code, browser = VendorCode.objects.get(), VendorBrowser.objects.get()
    assert digits not in str(vars(code))
    assert code.digest != hashlib.sha256(digits.encode()).hexdigest()
    assert visitor.cookie not in str(vars(browser))
    told = str(list(LedgerEntry.objects.values_list("data", flat=True)))
    told += str(list(Notice.objects.values_list("data", flat=True)))
    assert digits not in told
    assert visitor.cookie not in told
    assert ledger.verify()[1] is None
