"""A session ends while a page is open: said in time, and what was typed is not lost unsaid."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from portal.models import BrowserSession
from portal.signin.ending import end_all
from tests.journeys.conftest import SignIn, violations
from tests.support import estate
from tests.support.cast import Cast, ask

pytestmark = pytest.mark.browser
A_POLL = 40_000  # milliseconds: longer than any page waits between two
HALF_AN_HOUR = 30 * 60 * 1000


@pytest.fixture
def alices(people: Cast, sign_in: SignIn) -> Page:
    """Alice looks at her own request, which asks by itself how it stands."""
    asked = ask(estate.machine(), by=people.alice)
    page = sign_in()
    page.clock.install()
    page.goto("/sign-in/")
    page.click("button[value=alice]")
    page.goto(f"/requests/{asked.reference}/")
    return page


def seen() -> object:
    return BrowserSession.objects.get().seen_at


def test_before_it_ends_one_can_stay(alices: Page) -> None:
    warning = alices.locator("#soon-out")
    expect(warning).to_be_hidden()
    alices.clock.fast_forward(HALF_AN_HOUR - 170_000)
    expect(warning).to_be_visible()
    assert violations(alices) == []
    BrowserSession.objects.update(seen_at=timezone.now() - timedelta(minutes=28))
    before = seen()
    alices.click("text=Stay signed in")
    expect(warning).to_be_hidden()
    assert seen() > before  # type: ignore[operator]


def test_polls_keep_nobody_signed_in_and_typing_into_a_search_does(alices: Page) -> None:
    long_ago = timezone.now() - timedelta(minutes=10)
    BrowserSession.objects.update(seen_at=long_ago)
    with alices.expect_response(lambda answer: "/live/" in answer.url):
        alices.clock.fast_forward(A_POLL)
    assert seen() == long_ago
    alices.goto("/machines/")
    BrowserSession.objects.update(seen_at=long_ago)
    with alices.expect_response(lambda answer: "q=vm" in answer.url):
        alices.locator("#q").press_sequentially("vm")
        alices.clock.fast_forward(1000)
    assert seen() != long_ago


def test_what_was_typed_stays_on_the_page(alices: Page, people: Cast) -> None:
    alices.fill("textarea >> nth=0", "Half a comment")
    end_all(people.alice, by="test", why="test")
    alices.clock.fast_forward(A_POLL)
    told = alices.locator("#signed-out")
    expect(told).to_be_visible()
    assert alices.input_value("textarea >> nth=0") == "Half a comment"
    assert violations(alices) == []
    told.locator("a").click()
    expect(alices.locator("main")).to_contain_text("Your account or your roles changed")
    alices.click("button[value=alice]")
    expect(alices.locator("h1")).to_contain_text("BA-")


def test_a_page_without_anything_typed_goes_to_the_sign_in(alices: Page, people: Cast) -> None:
    end_all(people.alice, by="test", why="test")
    alices.clock.fast_forward(A_POLL)
    expect(alices.locator("h1")).to_have_text("Sign in")
    expect(alices.locator("main")).to_contain_text("Your account or your roles changed")
