"""A visit from the code to the end: how long a browser lasts, being done, and wishing for more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from access import services
from access.clock import db_now
from access.models import EndOrder, Grant, LedgerEntry, Notice
from access.states import GrantState
from links import tasks
from links.models import Invitation, MoreTimeAsk, TermsAccepted, VendorBrowser, VendorCode
from links.visiting import browsers, finishing, forgetting, keys, wishing
from links.visiting.errors import Refusal
from links.visiting.standing import Stage, standing_of
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, let_pass, run_engine
from tests.support.estate import machine
from tests.support.visiting import (
    FROM_HOME,
    Visitor,
    asks,
    at_the_door,
    code_for,
    comes_in,
    gives,
    invited,
    link_of,
    opened,
    opened_by_engine,
)


@pytest.fixture
def invitation(cast: Cast) -> Invitation:
    return opened(invited(machine(), cast))


def age(visitor: Visitor, **columns: timedelta) -> None:
    row = VendorBrowser.objects.get(pk=visitor.browser.pk)
    changes = {name: getattr(row, name) - shift for name, shift in columns.items()}
    VendorBrowser.objects.filter(pk=row.pk).update(**changes)


def refused(act: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        act()
    return caught.value


def lines(event: str) -> list[LedgerEntry]:
    return list(LedgerEntry.objects.filter(event=event).order_by("seq"))


def test_a_browser_that_was_idle_for_half_an_hour_needs_a_new_code(invitation: Invitation) -> None:
    visitor = comes_in(invitation)
    age(visitor, seen_at=timedelta(minutes=29))
    assert visitor.browser.seen_at > db_now() - timedelta(minutes=1)  # being asked for counts
    age(visitor, seen_at=timedelta(minutes=31))
    assert browsers.browser_for(visitor.cookie, db_now()) is None


def test_after_eight_hours_a_browser_needs_a_new_code_however_busy(invitation: Invitation) -> None:
    visitor = comes_in(invitation)
    age(visitor, verified_at=timedelta(hours=8))
    assert browsers.browser_for(visitor.cookie, db_now()) is None


def test_being_seen_is_written_down_once_a_minute(invitation: Invitation) -> None:
    visitor = comes_in(invitation)
    before = VendorBrowser.objects.get().seen_at
    assert visitor.browser.seen_at == before
    age(visitor, seen_at=timedelta(seconds=61))
    assert visitor.browser.seen_at >= before


@pytest.mark.parametrize("cookie", ["", "x", "A" * 43, "A" * 10_000, "é" * 43, "A" * 42 + "\n"])
def test_a_cookie_that_is_nobodys_is_nobodys(invitation: Invitation, cookie: str) -> None:
    comes_in(invitation)
    assert browsers.browser_for(cookie, db_now()) is None


def test_the_digest_of_a_cookie_opens_nothing(invitation: Invitation) -> None:
    """X-50: whoever took the database has no cookie."""
    visitor = comes_in(invitation)
    assert browsers.browser_for(visitor.browser.digest[:43], db_now()) is None


def test_leaving_is_written_once_and_is_for_good(invitation: Invitation) -> None:
    visitor = comes_in(invitation)
    browser = visitor.browser
    browsers.leave(browser, FROM_HOME)
    browsers.leave(browser, FROM_HOME)
    assert browsers.browser_for(visitor.cookie, db_now()) is None
    assert [line.data["address"] for line in lines("vendor.left")] == [FROM_HOME.address]


def test_a_cookie_of_one_invitation_is_not_taken_over_by_another(
    invitation: Invitation, cast: Cast
) -> None:
    """X-48: the same technician was invited twice; each invitation wants a code of its own."""
    first = comes_in(invitation)
    other = opened(invited(machine("vm-2"), cast))
    second = asks(other, cookie=first.cookie)
    assert second.cookie != first.cookie
    assert (second.browser.invitation, second.browser.verified_at) == (other, None)
    assert first.browser.invitation == invitation


def test_who_came_in_may_ask_for_a_code_again(invitation: Invitation) -> None:
    visitor = comes_in(invitation)
    before = visitor.browser.pk
    again = asks(invitation, cookie=visitor.cookie)
    assert gives(again, code_for(again)).browser.pk == before


def test_finished_ends_link_and_window_and_the_sponsor_hears(
    live_estate: SimulatedAzure, cast: Cast
) -> None:
    visitor = at_the_door(opened_by_engine(cast))
    browser = visitor.browser
    finishing.finish(browser, FROM_HOME)
    run_engine()
    finishing.finish(browser, FROM_HOME)
    assert live_estate.state()["links"] == []
    assert live_estate.state()["open_windows"] == []
    assert {grant.state for grant in Grant.objects.all()} == {GrantState.CLOSED}
    invitation = Invitation.objects.get()
    standing = standing_of(invitation, db_now())
    assert (standing.stage, standing.ended_at) == (Stage.FINISHED, invitation.finished_at)
    (line,) = lines("vendor.finished")
    assert line.data["agent"] == FROM_HOME.agent
    told = Notice.objects.filter(event="vendor.finished", person__isnull=False)
    assert [notice.person for notice in told] == [cast.alice]
    assert {order.how for order in EndOrder.objects.all()} == {"vendor"}


def test_what_is_over_already_is_not_given_back(invitation: Invitation, cast: Cast) -> None:
    visitor = at_the_door(invitation)
    services.end(link_of(invitation), by=cast.dana, reason="Not them")
    refusal = refused(lambda: finishing.finish(visitor.browser, FROM_HOME))
    assert refusal.code == "revoked"
    (line,) = lines("vendor.finish.refused")
    assert (line.outcome, line.data["address"]) == ("denied", FROM_HOME.address)


def test_who_gave_no_code_cannot_give_anything_back(invitation: Invitation) -> None:
    visitor = asks(invitation)
    assert refused(lambda: finishing.finish(visitor.browser, FROM_HOME)).code == "signed-out"
    assert not EndOrder.objects.exists()


def test_a_wish_for_more_time_waits_for_the_sponsor(invitation: Invitation, cast: Cast) -> None:
    browser = comes_in(invitation).browser
    made = wishing.wish(browser, minutes=60, why=" Slow disk\u202e ", caller=FROM_HOME)
    assert (made.minutes, made.why) == (60, "Slow disk")
    told = Notice.objects.get(event="vendor.asks_more_time", person=cast.alice)
    assert (told.data["minutes"], told.data["why"]) == (60, "Slow disk")
    (line,) = lines("vendor.more_time_asked")
    assert line.data["address"] == FROM_HOME.address
    again = refused(lambda: wishing.wish(browser, minutes=30, why="And more", caller=FROM_HOME))
    assert again.code == "wish-waits"
    MoreTimeAsk.objects.update(answered_at=db_now(), answered_by=cast.alice)
    assert wishing.wish(browser, minutes=30, why="And more", caller=FROM_HOME)
    assert link_of(invitation).ends_at == standing_of(invitation, db_now()).ends_at


@pytest.mark.parametrize(
    ("minutes", "why", "code"),
    [
        (4, "Slow disk", "too-short"),
        (-60, "Slow disk", "too-short"),
        (10**9, "Slow disk", "too-long"),
        (60, " \u200b", "no-why"),
        (60, "x" * 501, "long-why"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(
    invitation: Invitation, minutes: int, why: str, code: str
) -> None:
    browser = comes_in(invitation).browser
    refusal = refused(lambda: wishing.wish(browser, minutes=minutes, why=why, caller=FROM_HOME))
    assert refusal.code == code
    assert not MoreTimeAsk.objects.exists()


def test_no_sponsor_is_asked_without_end(invitation: Invitation, cast: Cast) -> None:
    browser = comes_in(invitation).browser
    for _ in range(wishing.MOST_WISHES):
        wishing.wish(browser, minutes=30, why="More", caller=FROM_HOME)
        MoreTimeAsk.objects.update(answered_at=db_now(), answered_by=cast.alice)
    refusal = refused(lambda: wishing.wish(browser, minutes=30, why="More", caller=FROM_HOME))
    assert refusal.code == "too-often"
    assert refusal.facts["wait"] > 0


def test_more_time_for_what_is_over_is_none(invitation: Invitation) -> None:
    browser = comes_in(invitation).browser
    let_pass(link_of(invitation), 31)
    refusal = refused(lambda: wishing.wish(browser, minutes=30, why="More", caller=FROM_HOME))
    assert refusal.code == "ended"


def test_a_month_after_the_end_browsers_and_codes_are_forgotten(
    invitation: Invitation, cast: Cast
) -> None:
    at_the_door(invitation)
    forgetting.forget_old()
    assert VendorBrowser.objects.count() == 1
    now = db_now()
    words = {"state": GrantState.CLOSED, "due_at": now, "close_reason": "Over"}
    Grant.objects.update(**words, closed_at=now - timedelta(days=29))
    tasks.forget()
    assert VendorBrowser.objects.count() == 1
    Grant.objects.update(closed_at=now - timedelta(days=31))
    Grant.objects.filter(kind="window").update(closed_at=now)
    tasks.forget()
    assert VendorBrowser.objects.count() == 1
    Grant.objects.update(closed_at=now - timedelta(days=31))
    tasks.forget()
    assert not VendorBrowser.objects.exists()
    assert not VendorCode.objects.exists()
    assert TermsAccepted.objects.count() == 1
    assert lines("vendor.code_given")


def test_it_is_forgotten_now_and_then_on_a_queue_that_closes_nothing() -> None:
    from portal.settings import tasks as schedule

    assert schedule.CELERY_BEAT_SCHEDULE["visits"]["task"] == tasks.forget.name
    assert schedule.CELERY_TASK_ROUTES[tasks.forget.name] == {"queue": "notices"}


def test_an_address_of_the_portal_that_ends_in_a_slash_makes_no_broken_one(settings: Any) -> None:
    settings.VENDOR_URL, settings.PORTAL_URL = "", "https://access.example.test/"
    assert keys.address_of("token") == "https://access.example.test/visit/token/"
