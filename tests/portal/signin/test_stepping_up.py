"""X-32: a decision that wants a fresh sign-in gets one, and not merely a token that says so."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from access.models import LedgerEntry, Person
from portal.models import DirectoryReading
from tests.portal.signin.conftest import SignIn, back, begun, is_signed_in, through
from tests.support.entra import CONTEXT, Entra, User

pytestmark = pytest.mark.django_db
AGAIN = "/sign-in/again/entra/"


@pytest.fixture
def bob(entra: Entra) -> User:
    return entra.user("Bob", "Engineer", "Approver")


@pytest.fixture
def browser(entra: Entra, sign_in: SignIn, bob: User) -> Client:
    return sign_in(bob)


def reasons() -> list[Any]:
    rows = LedgerEntry.objects.filter(event="person.confirm.refused").order_by("seq")
    return [row.data["reason"] for row in rows]


def test_entra_is_asked_for_the_context_and_a_fresh_sign_in(browser: Client) -> None:
    asked = parse_qs(urlsplit(begun(browser, AGAIN)).query)
    assert asked["prompt"] == ["login"]
    assert asked["login_hint"] == ["bob@example.test"]
    assert json.loads(asked["claims"][0]) == {
        "id_token": {
            "acrs": {"essential": True, "value": CONTEXT},
            "auth_time": {"essential": True},
        }
    }


def test_who_shows_it_is_them_may_go_on(entra: Entra, browser: Client, bob: User) -> None:
    before = browser.cookies["sessionid"].value
    answer = through(browser, entra, bob, f"{AGAIN}?next=/approvals/")
    assert answer.url == "/approvals/"
    assert browser.session["confirmed_at"]
    assert browser.cookies["sessionid"].value != before
    line = LedgerEntry.objects.get(event="person.confirmed")
    assert line.data == {"how": "entra"}


def test_signing_in_is_no_confirmation(browser: Client) -> None:
    assert "confirmed_at" not in browser.session


def test_the_context_with_an_old_sign_in_is_refused(
    entra: Entra, browser: Client, bob: User
) -> None:
    entra.asks_anew = False
    bob.signed_in_at = int(time.time()) - 301
    answer = through(browser, entra, bob, AGAIN)
    assert answer.status_code == 200
    assert "without asking who you are" in answer.content.decode()
    assert "confirmed_at" not in browser.session
    assert is_signed_in(browser)


@pytest.mark.parametrize("auth_time", [None, 0, "now", True, 9_999_999_999])
def test_a_moment_that_makes_no_sense_is_refused(
    auth_time: Any, entra: Entra, browser: Client, bob: User
) -> None:
    entra.tamper = {"auth_time": auth_time}
    assert through(browser, entra, bob, AGAIN).status_code == 200
    assert "confirmed_at" not in browser.session


def test_a_fresh_sign_in_without_the_context_is_refused(
    entra: Entra, browser: Client, bob: User
) -> None:
    entra.steps_up = False
    answer = through(browser, entra, bob, AGAIN)
    assert answer.status_code == 200
    assert [reason.partition(".")[0] for reason in reasons()] == [
        "Microsoft did not confirm it in the way that your organisation asks for"
    ]


@pytest.mark.parametrize("acrs", [["c2"], "c2", [], [["c1"]], {"c1": 1}])
def test_another_context_is_not_the_one(
    acrs: Any, entra: Entra, browser: Client, bob: User
) -> None:
    entra.tamper = {"acrs": acrs}
    assert through(browser, entra, bob, AGAIN).status_code == 200
    assert "confirmed_at" not in browser.session


def test_somebody_else_cannot_confirm(entra: Entra, browser: Client) -> None:
    answer = through(browser, entra, entra.user("Mallory", "Approver"), AGAIN)
    assert answer.status_code == 200
    assert "Nobody else can confirm for you" in answer.content.decode()
    assert not Person.objects.filter(display_name="Mallory").exists()
    assert len(reasons()) == 1


def test_a_refusal_takes_back_an_earlier_confirmation(
    entra: Entra, browser: Client, bob: User
) -> None:
    through(browser, entra, bob, AGAIN)
    through(browser, entra, entra.user("Mallory"), AGAIN)
    assert "confirmed_at" not in browser.session


def test_without_a_context_it_is_refused_by_configuration(
    entra: Entra, browser: Client, bob: User, settings: Any
) -> None:
    address = begun(browser, AGAIN)
    settings.ENTRA_STEP_UP_CONTEXT = ""
    html = browser.get("/sign-in/again/").content.decode()
    assert "ENTRA_STEP_UP_CONTEXT" in html
    assert AGAIN not in html
    assert browser.get(AGAIN).url == "/sign-in/again/"
    assert back(browser, entra.visit(address, bob)).status_code == 200
    assert "confirmed_at" not in browser.session


def test_with_no_rule_behind_the_context_it_is_refused_by_configuration(
    entra: Entra, browser: Client, bob: User
) -> None:
    DirectoryReading.objects.update_or_create(pk=1, defaults={"step_up_guarded": False})
    html = browser.get("/sign-in/again/").content.decode()
    assert "No policy of Conditional Access" in html
    assert browser.get(AGAIN).url == "/sign-in/again/"
    DirectoryReading.objects.update(step_up_guarded=None)
    assert through(browser, entra, bob, AGAIN).status_code == 302


def test_the_callback_of_a_step_up_signs_nobody_in(
    entra: Entra, browser: Client, bob: User
) -> None:
    address = entra.visit(begun(browser, AGAIN), bob)
    browser.post("/sign-out/")
    assert back(browser, address).status_code == 403
    assert not is_signed_in(browser)


def test_a_role_that_is_gone_by_then_signs_out(entra: Entra, browser: Client, bob: User) -> None:
    address = begun(browser, AGAIN)
    bob.roles = ["Engineer"]
    answer = back(browser, entra.visit(address, bob))
    assert answer.url.startswith("/sign-in/")
    assert not is_signed_in(browser)


def test_the_demo_cannot_confirm_for_who_signed_in_with_entra(browser: Client, bob: User) -> None:
    assert browser.post("/sign-in/again/", {"person": bob.oid}).status_code == 404


def test_who_cancels_is_still_signed_in(entra: Entra, browser: Client) -> None:
    state = parse_qs(urlsplit(begun(browser, AGAIN)).query)["state"][0]
    said = f"state={state}&error=access_denied&error_description=AADSTS65004"
    answer = browser.get(f"/sign-in/entra/callback/?{said}")
    assert answer.url.startswith("/sign-in/entra/refused/?why=not-completed")
    assert is_signed_in(browser)
    assert "confirmed_at" not in browser.session
