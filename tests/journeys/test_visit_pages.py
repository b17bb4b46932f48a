"""Every page of a vendor in every state: accessible in light and dark, on a phone first, without
scripts, small, quiet, and asking nobody else."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from access.clock import db_now
from access.models import Grant
from links.models import Invitation, MoreTimeAsk
from tests.journeys.conftest import violations
from tests.support import estate
from tests.support.cast import Cast
from tests.support.visiting import (
    Visitor,
    asks,
    at_the_door,
    code_for,
    comes_in,
    invited,
    link_of,
    opened,
    token_of,
    wrong,
)

pytestmark = pytest.mark.browser
PICTURES = os.environ.get("VISIT_PICTURES", "")  # a directory: to look at every page
Open = Callable[..., Page]


@pytest.fixture
def invitation(people: Cast) -> Invitation:
    cache.clear()
    return opened(invited(estate.machine("vm-billing-prod-01"), people))


@pytest.fixture
def visit(chrome: Browser, live_server: LiveServer) -> Iterator[Open]:
    """``visit(visitor, scheme="dark")``: a page of a phone that holds the visitor's cookie."""
    contexts = []

    def opened_page(
        visitor: Visitor | None = None, *, width: int = 390, scripts: bool = True, **more: Any
    ) -> Page:
        context = chrome.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": 844},
            java_script_enabled=scripts,
            **more,
        )
        contexts.append(context)
        if visitor is not None:
            cookie = {"name": "visit", "value": visitor.cookie, "url": live_server.url}
            context.add_cookies([{**cookie, "sameSite": "Strict", "httpOnly": True}])
        return context.new_page()

    yield opened_page
    for context in contexts:
        context.close()


def grants(invitation: Invitation) -> Any:
    return Grant.objects.filter(access_request=invitation.access_request)


def arrives(invitation: Invitation) -> tuple[Visitor | None, str]:
    return None, f"/visit/{token_of(invitation)}/"


def too_early(invitation: Invitation) -> tuple[Visitor | None, str]:
    later = db_now() + timedelta(hours=3)
    grants(invitation).update(
        state="scheduled", opened_at=None, starts_at=later, ends_at=later + timedelta(days=2)
    )
    return arrives(invitation)


def types_the_code(invitation: Invitation) -> tuple[Visitor | None, str]:
    visitor = asks(invitation)
    code_for(visitor)
    return visitor, "/visit/code/"


def reads_the_terms(invitation: Invitation) -> tuple[Visitor | None, str]:
    return comes_in(invitation), "/visit/terms/"


def is_inside(invitation: Invitation) -> tuple[Visitor | None, str]:
    return at_the_door(invitation), "/visit/session/"


def waits_for_its_time(invitation: Invitation) -> tuple[Visitor | None, str]:
    door = at_the_door(invitation)
    soon = db_now() + timedelta(minutes=10)
    grants(invitation).update(
        state="scheduled", opened_at=None, starts_at=soon, ends_at=soon + timedelta(days=2)
    )
    return door, "/visit/session/"


def waits_for_the_link(invitation: Invitation) -> tuple[Visitor | None, str]:
    door = at_the_door(invitation)
    grants(invitation).update(state="opening", opened_at=None)
    return door, "/visit/session/"


def is_asked_whether_finished(invitation: Invitation) -> tuple[Visitor | None, str]:
    return at_the_door(invitation), "/visit/finish/"


def wishes(invitation: Invitation) -> tuple[Visitor | None, str]:
    return at_the_door(invitation), "/visit/more-time/"


def waits_for_more(invitation: Invitation) -> tuple[Visitor | None, str]:
    MoreTimeAsk.objects.create(
        invitation=invitation, minutes=60, why="The import runs late", at=db_now()
    )
    return at_the_door(invitation), "/visit/session/"


def was_declined(invitation: Invitation) -> tuple[Visitor | None, str]:
    asked = invitation.access_request
    MoreTimeAsk.objects.create(
        invitation=invitation, minutes=60, why="Late", at=db_now(), answered_at=db_now(),
        answered_by=asked.requester, answer="Tomorrow is early enough.",
    )  # fmt: skip
    return at_the_door(invitation), "/visit/more-time/"


def is_closing(invitation: Invitation) -> tuple[Visitor | None, str]:
    door, now = at_the_door(invitation), db_now()
    grants(invitation).update(starts_at=now - timedelta(hours=2), ends_at=now)
    return door, "/visit/session/"


def is_closed(invitation: Invitation) -> tuple[Visitor | None, str]:
    door, now = at_the_door(invitation), db_now()
    grants(invitation).update(
        state="closed", starts_at=now - timedelta(hours=2), ends_at=now, due_at=now,
        closed_at=now, close_reason="Its time is over.",
    )  # fmt: skip
    return door, "/visit/session/"


def never_opened(invitation: Invitation) -> tuple[Visitor | None, str]:
    now = db_now()
    grants(invitation).update(
        state="closed", opened_at=None, due_at=now, closed_at=now, close_reason="No room."
    )
    return arrives(invitation)


def was_revoked(invitation: Invitation) -> tuple[Visitor | None, str]:
    from access.services.end import end

    end(link_of(invitation), by=_dana(), reason="An incident")
    return arrives(invitation)


def is_held(invitation: Invitation) -> tuple[Visitor | None, str]:
    grants(invitation).update(state="scheduled", opened_at=None)
    asked = invitation.access_request
    asked.hold, asked.held_at = "Bob left.", db_now()
    asked.save()
    return arrives(invitation)


def is_nowhere(invitation: Invitation) -> tuple[Visitor | None, str]:
    return None, "/visit/nowhere/"


def is_signed_out(invitation: Invitation) -> tuple[Visitor | None, str]:
    return None, "/visit/session/"


def has_left(invitation: Invitation) -> tuple[Visitor | None, str]:
    return None, "/visit/left/"


STATES = [
    arrives, too_early, types_the_code, reads_the_terms, is_inside, waits_for_its_time,
    waits_for_the_link, is_asked_whether_finished, wishes, waits_for_more, was_declined,
    is_closing, is_closed, never_opened, was_revoked, is_held, is_nowhere, is_signed_out, has_left,
]  # fmt: skip
LOOKS = [("light", 390), ("dark", 390), ("light", 1280), ("dark", 1280)]


def _dana() -> Any:
    from access.models import Person

    return Person.objects.get(display_name="Dana")


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    state: Callable[..., Any], invitation: Invitation, visit: Open
):
    visitor, path = state(invitation)
    found = {}
    for scheme, width in LOOKS:
        page = visit(visitor, width=width, color_scheme=scheme, bypass_csp=True)
        page.goto(path)
        if wrong_here := violations(page):
            found[scheme, width] = wrong_here
        _picture(page, f"{state.__name__}-{scheme}-{width}")
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert not found


@pytest.mark.parametrize("language", ["de", "fr", "es", "ja"])
def test_each_language_fits(language: str, invitation: Invitation, visit: Open):
    door = at_the_door(invitation)
    token, found = token_of(invitation), []
    page = visit(door, width=320, bypass_csp=True, locale=language)
    for name, path in (("landing", token), ("session", "session"), ("more", "more-time")):
        page.goto(f"/visit/{path}/")
        assert page.evaluate("document.documentElement.lang") == language
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        found += violations(page)
        _picture(page, f"{name}-{language}")
    assert not found


def test_a_wrong_code_and_a_wish_without_a_reason_read_well(invitation: Invitation, visit: Open):
    visitor = asks(invitation)
    right = code_for(visitor)
    page = visit(visitor, bypass_csp=True)
    page.goto("/visit/code/")
    page.fill("#id_code", wrong(right))
    page.click("#give-code")
    expect(page.locator("#code-error")).to_contain_text("You can try 4 more times")
    assert page.evaluate("document.activeElement.id") == "id_code"
    found = violations(page)
    _picture(page, "wrong-code")
    page.fill("#id_code", f"{right[:4]} {right[4:]}")
    page.click("#give-code")
    page.click("#more-time")
    page.click("#send-wish")
    expect(page.locator("#why-error")).to_contain_text("Say why")
    found += violations(page)
    _picture(page, "wish-without-reason")
    assert not found


def test_a_phone_without_scripts_gets_from_the_mail_to_bastion(
    invitation: Invitation, visit: Open, live_server: LiveServer, settings: Any
):
    """Four things to do, and what Bastion's page is asked for says nothing of where from (X-46)."""
    settings.VENDOR_BASTION_STAND_IN = live_server.url  # answers 404 there, which is enough
    page = visit(scripts=False)
    page.goto(f"/visit/{token_of(invitation)}/")
    page.click("#send-code")
    cookie = next(each for each in page.context.cookies() if each["name"] == "visit")
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    page.fill("#id_code", code_for(Visitor(invitation, cookie["value"])))
    page.click("#give-code")
    expect(page.locator("#ends")).to_contain_text("Ends on")
    assert page.locator(".countdown").is_hidden()
    asked: list[Any] = []

    def heard(request: Any) -> None:
        asked.append(request)

    page.context.on("request", heard)
    with page.context.expect_page() as there:
        page.click("#open-session-1")
    there.value.wait_for_load_state()
    led = [request for request in asked if "/stand-in/" in request.url]
    assert led
    assert not any("referer" in request.headers for request in led)
    assert "/api/shareable-url/" in there.value.url
    page.click("#finished")
    page.click("#finish-now")
    expect(page.locator("h1")).to_have_text("You are finished")


def test_the_countdown_runs_where_scripts_do(invitation: Invitation, visit: Open):
    page = visit(at_the_door(invitation), locale="de-DE")
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto("/visit/session/")
    expect(page.locator(".countdown")).to_contain_text("in 29 Minuten")
    assert said == []


def test_the_language_is_chosen_on_the_page(invitation: Invitation, visit: Open):
    page = visit(scripts=False)
    page.goto(f"/visit/{token_of(invitation)}/")
    page.click("#language button[value=ja]")
    assert page.get_attribute("html", "lang") == "ja"
    assert page.url.endswith("/")
    expect(page.locator("time").first).to_contain_text("年")


def test_buttons_are_big_enough_to_touch(invitation: Invitation, visit: Open):
    page = visit(at_the_door(invitation))
    for path in ("session", "more-time", "finish"):
        page.goto(f"/visit/{path}/")
        for button in page.query_selector_all(
            "main .button, main .plain, main .choice, .languages button"
        ):
            box = button.bounding_box()
            assert box is None or box["height"] >= 44, button.inner_text()


def test_a_first_visit_is_small_and_asks_nobody_else(
    invitation: Invitation, visit: Open, live_server: LiveServer
):
    page = visit()
    got: dict[str, int] = {}
    page.on("response", lambda answer: got.update({answer.url: len(gzip.compress(answer.body()))}))
    page.goto(f"/visit/{token_of(invitation)}/", wait_until="networkidle")
    assert {url.split("/")[2] for url in got} == {live_server.url.split("/")[2]}
    assert len(got) <= 8
    assert sum(got.values()) <= 90 * 1024, got
    assert next(size for url, size in got.items() if "/visit/bav_" in url) <= 8 * 1024
    assert sum(size for url, size in got.items() if ".css" in url) <= 15 * 1024


def test_paper_and_forced_colours(invitation: Invitation, visit: Open):
    page = visit(at_the_door(invitation), forced_colors="active", reduced_motion="reduce")
    page.goto("/visit/session/")
    _picture(page, "forced-colours")
    page.emulate_media(media="print")
    assert page.locator("#sign-out").is_hidden()
    assert page.locator("#ends").is_visible()
    _picture(page, "print")


def _picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)
