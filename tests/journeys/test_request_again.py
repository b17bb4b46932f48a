"""What came to nothing, or is over, is asked for again in few clicks; nothing is typed twice."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from access import services
from access.clock import db_now
from access.models import AccessRequest, Grant
from tests.journeys.conftest import SignIn
from tests.support import estate
from tests.support.cast import Cast, approve, ask

pytestmark = pytest.mark.browser
MOST_CLICKS = 3


class Clicks:
    """Counts what a person would have to press."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    def __call__(self, selector: str) -> None:
        self.page.click(selector)
        self.count += 1


def ended(asked: AccessRequest, how: str, people: Cast) -> None:
    if how == "denied":
        services.deny(
            asked, by=people.bob, terms_digest=asked.terms_digest, comment="Use the archive"
        )
    elif how == "withdrawn":
        services.withdraw(asked, by=people.alice)
    elif how == "lapsed":
        AccessRequest.objects.filter(pk=asked.pk).update(state="lapsed", decided_at=db_now())
        asked.doors.update(pending=False)
    else:
        approve(asked, by=people.bob)
        now = db_now()
        Grant.objects.update(
            state="closed", opened_at=now, due_at=now, closed_at=now, close_reason="Over."
        )


@pytest.mark.parametrize("scripts", [False, True], ids=["no-javascript", "javascript"])
@pytest.mark.parametrize("how", ["denied", "withdrawn", "lapsed", "closed"])
def test_request_again(how: str, scripts: bool, people: Cast, sign_in: SignIn) -> None:
    vm = estate.machine("vm-app-01")
    asked = ask(vm, by=people.alice, minutes=120, reason="Disk is full", ticket="INC-7")
    ended(asked, how, people)
    page = sign_in("alice", scripts=scripts)
    page.goto(f"/requests/{asked.reference}/")
    click = Clicks(page)
    click("main a:has-text('Request again')")
    assert page.input_value("#id_reason") == "Disk is full"
    assert page.input_value("#id_ticket") == "INC-7"
    assert page.is_checked("input[name=minutes][value='120']")
    click("button:has-text('Send request')")
    expect(page.locator("main")).to_contain_text("Waiting for approval")
    assert click.count <= MOST_CLICKS
    made = AccessRequest.objects.latest("pk")
    assert made != asked
    assert (made.duration_minutes, made.reason, made.ticket) == (120, "Disk is full", "INC-7")


def test_from_home_it_is_the_same_way_in(people: Cast, sign_in: SignIn) -> None:
    """On a machine with several ports it is the one that was asked for before."""
    vm = estate.machine("vm-app-01")
    estate.guard(vm, port=3389)
    services.withdraw(ask(vm, by=people.alice, port=3389), by=people.alice)
    page = sign_in("alice", scripts=False)
    click = Clicks(page)
    click("main a:has-text('Request again')")
    assert page.is_checked("input[name=way][value='window:3389']")
    click("input[name=minutes][value='60']")
    click("button:has-text('Send request')")
    expect(page.locator("main")).to_contain_text("Waiting for approval")
    assert click.count <= MOST_CLICKS
    assert AccessRequest.objects.latest("pk").doors.get().port == 3389


@pytest.mark.parametrize("scripts", [False, True], ids=["no-javascript", "javascript"])
def test_a_vendor_is_invited_again(scripts: bool, people: Cast, sign_in: SignIn) -> None:
    """Who they are and what they were told is there; only the sponsor's word is given anew."""
    asked = ask(estate.machine("vm-app-01"), by=people.alice, kind="link", minutes=120)
    services.withdraw(asked, by=people.alice)
    page = sign_in("alice", scripts=scripts)
    page.goto(f"/requests/{asked.reference}/")
    click = Clicks(page)
    click("main a:has-text('Request again')")
    click("#id_duties")
    click("button:has-text('Send request')")
    expect(page.locator("main")).to_contain_text("Waiting for approval")
    assert click.count <= MOST_CLICKS
    made = AccessRequest.objects.latest("pk")
    assert made != asked
    assert (made.vendor_mail, made.duration_minutes) == (asked.vendor_mail, 120)
    told = ("phone", "alias", "credentials", "zone", "checked_by", "checked_at")
    assert {name: made.details[name] for name in told} == {
        name: asked.details[name] for name in told
    }
