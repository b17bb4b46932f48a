"""Many at once, at the codes and at the door. Needs PostgreSQL: SQLite lets only one writer in."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest

from access import ledger, services
from access.clock import db_now
from access.models import EndOrder, LedgerEntry, Notice
from access.states import GrantState
from links.models import Invitation, MoreTimeAsk, VendorBrowser, VendorCode
from links.visiting import codes, evidence, finishing, handing, wishing
from links.visiting.errors import Refusal
from tests.access.test_races import all_at_once
from tests.support.cast import Cast
from tests.support.estate import machine
from tests.support.visiting import (
    FROM_ELSEWHERE,
    FROM_HOME,
    Visitor,
    asks,
    at_the_door,
    code_for,
    comes_in,
    invited,
    link_of,
    opened,
    wrong,
)

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
AT_ONCE = 40  # as many as any server lets in; each gives five times


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


@pytest.fixture
def invitation(cast: Cast) -> Invitation:
    return opened(invited(machine(), cast))


def tries(browser: VendorBrowser, *typed: str) -> list[str]:
    """What came of each. The browser as it was before any of them: whoever comes late would no
    longer find it by its cookie."""
    came = []
    for digits in typed:
        try:
            codes.give(browser, digits, FROM_HOME)
            came.append("in")
        except Refusal as refusal:
            came.append(refusal.code)
    return came


def came_of(results: list[Any]) -> Counter[str]:
    assert not [each for each in results if isinstance(each, Exception)]
    return Counter(itertools.chain.from_iterable(results))


@pytest.mark.timeout(240)
def test_x39_of_200_wrong_guesses_at_once_five_are_counted(invitation: Invitation) -> None:
    """X-39: none is lost on the way, and none beyond the fifth is judged."""
    visitor = asks(invitation)
    guess = wrong(code_for(visitor))
    browser = visitor.browser
    came = came_of(all_at_once(*[lambda: tries(browser, *[guess] * 5)] * AT_ONCE))
    assert came == {"wrong-code": 5, "expired-code": 195}
    assert VendorCode.objects.get().tries == 5
    invitation.refresh_from_db()
    assert invitation.wrong_codes == 5
    assert LedgerEntry.objects.filter(event="vendor.code_wrong").count() == 5
    assert ledger.verify()[1] is None


@pytest.mark.timeout(240)
def test_x39_of_200_guesses_over_several_browsers_ten_are_counted(invitation: Invitation) -> None:
    """X-39: each browser has a code of its own; the invitation has ten tries."""
    visitors = [asks(invitation) for _ in range(3)]
    guesses = [(visitor.browser, wrong(code_for(visitor))) for visitor in visitors]
    acts = [lambda b=b, g=g: tries(b, *[g] * 5) for b, g in guesses * (AT_ONCE // 3)]
    came = came_of(all_at_once(*acts))
    assert came["wrong-code"] + came["locked"] + came["expired-code"] == len(acts) * 5
    invitation.refresh_from_db()
    assert invitation.wrong_codes == 10
    assert max(VendorCode.objects.values_list("tries", flat=True)) <= 5
    assert LedgerEntry.objects.filter(event="vendor.locked").count() == 1
    assert Notice.objects.filter(event="vendor.locked").count() == 1


@pytest.mark.timeout(240)
def test_x40_of_200_times_the_right_code_at_once_one_lets_in(invitation: Invitation) -> None:
    """X-40: used once."""
    visitor = asks(invitation)
    digits = code_for(visitor)
    browser = visitor.browser
    came = came_of(all_at_once(*[lambda: tries(browser, *[digits] * 5)] * AT_ONCE))
    assert came == {"in": 1, "signed-out": 199}
    assert LedgerEntry.objects.filter(event="vendor.code_given").count() == 1
    assert ledger.verify()[1] is None


def test_x41_of_twenty_who_ask_at_once_three_get_a_code(invitation: Invitation) -> None:
    """X-41"""
    results = all_at_once(*[lambda: asks(invitation)] * 20)
    assert Counter(type(each) for each in results) == {Visitor: 3, Refusal: 17}
    assert VendorCode.objects.count() == VendorBrowser.objects.count() == 3
    assert Notice.objects.filter(event="visit.code").count() == 3


def test_two_writers_of_one_letter_make_two_codes(invitation: Invitation) -> None:
    asks(invitation)
    pk = VendorCode.objects.get().pk
    results = all_at_once(*[lambda: codes.make(pk)] * 4)
    assert len({made[1].pk for made in results}) == 4
    assert VendorCode.objects.exclude(digest="").count() == 4


def test_finishing_twice_at_once_is_one_order(invitation: Invitation) -> None:
    browser = at_the_door(invitation).browser
    results = all_at_once(*[lambda: finishing.finish(browser, FROM_HOME)] * 6)
    assert results == [None] * 6
    assert EndOrder.objects.count() == 2  # link and window
    assert LedgerEntry.objects.filter(event="vendor.finished").count() == 1


def test_the_vendor_and_the_sponsor_end_it_at_once_and_neither_waits_for_ever(
    invitation: Invitation, cast: Cast
) -> None:
    """One held the ledger and wanted the order, the other the order and wanted the ledger."""
    grant = link_of(invitation)
    browser = at_the_door(invitation).browser
    for _ in range(8):
        results = all_at_once(
            *[lambda: finishing.finish(browser, FROM_HOME)] * 2,
            *[lambda: services.end(grant, by=cast.alice)] * 2,
        )
        strange = [each for each in results if not isinstance(each, (Refusal, type(grant)))]
        assert not [each for each in strange if each is not None]
        assert EndOrder.objects.count() == 2
        EndOrder.objects.all().delete()
        Invitation.objects.update(finished_at=None)


def test_wishing_twice_at_once_is_one_wish(invitation: Invitation) -> None:
    browser = comes_in(invitation).browser
    results = all_at_once(
        *[lambda: wishing.wish(browser, minutes=30, why="Slow disk", caller=FROM_HOME)] * 6
    )
    assert Counter(type(each) for each in results) == {MoreTimeAsk: 1, Refusal: 5}


def test_a_second_address_is_told_of_once_by_all_that_see_it(invitation: Invitation) -> None:
    browser = comes_in(invitation).browser
    all_at_once(*[lambda: evidence.other_address(browser, FROM_ELSEWHERE)] * 6)
    assert LedgerEntry.objects.filter(event="vendor.other_address").count() == 1


def test_x42_whoever_ends_it_and_whoever_opens_it_agree_on_who_was_first(
    invitation: Invitation, cast: Cast
) -> None:
    """X-42: in the ledger no hand-off comes after the order that ended it."""
    browser, grant = at_the_door(invitation).browser, link_of(invitation)
    results = all_at_once(
        *[lambda: handing.hand_over(browser, 1, FROM_HOME)] * 8,
        lambda: services.end(grant, by=cast.alice),
    )
    assert not [each for each in results if not isinstance(each, (str, Refusal, type(grant)))]
    order = LedgerEntry.objects.filter(event="grant.end_ordered").earliest("seq")
    handed = LedgerEntry.objects.filter(event="vendor.handed_over")
    assert not handed.filter(seq__gt=order.seq).exists()


def test_x42_a_worker_that_begins_to_close_is_not_overtaken(invitation: Invitation) -> None:
    """X-42: it has moved the grant and not yet committed; its line is written before ours."""
    import threading

    from django.db import connection, transaction

    from links import keeping

    browser, grant = at_the_door(invitation).browser, link_of(invitation)
    moved, result = threading.Event(), []

    def close() -> None:
        with transaction.atomic():
            grant.state, grant.due_at, grant.close_reason = GrantState.CLOSING, db_now(), "Over"
            grant.save(update_fields=["state", "due_at", "close_reason"])
            keeping.purge([grant.pk])
            ledger.record("grant.closing", by="worker")
            moved.set()
            threading.Event().wait(0.5)
        connection.close()

    def hand_over() -> None:
        moved.wait(10)
        try:
            result.append(handing.hand_over(browser, 1, FROM_HOME))
        except Refusal as refusal:
            result.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=close), threading.Thread(target=hand_over)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert result == ["ended"]
    assert not LedgerEntry.objects.filter(event="vendor.handed_over").exists()
