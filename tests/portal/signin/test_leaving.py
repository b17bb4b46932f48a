"""Signing out, here and at Entra."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from tests.portal.signin.conftest import SignIn, is_signed_in
from tests.support.cast import Cast
from tests.support.entra import CLIENT, TENANT, Entra

pytestmark = pytest.mark.django_db
CLEAR = '"cache", "cookies", "storage"'


def test_the_session_ends_and_entra_is_told(entra: Entra, sign_in: SignIn) -> None:
    """X-34"""
    browser = sign_in(entra.user("Alice"))
    stolen = browser.cookies["sessionid"].value
    answer = browser.post("/sign-out/")
    assert answer.status_code == 200
    assert answer["Clear-Site-Data"] == CLEAR
    seconds, _, there = answer["Refresh"].partition("; url=")
    assert seconds == "0"
    assert there.startswith(f"{entra.authority}/{TENANT}/oauth2/v2.0/logout?")
    told = parse_qs(urlsplit(there).query)
    assert told["post_logout_redirect_uri"] == ["https://access.example.test/signed-out/"]
    assert told["client_id"] == [CLIENT]
    thief = Client()
    thief.cookies["sessionid"] = stolen
    assert not is_signed_in(thief)
    assert not is_signed_in(browser)


def test_with_entra_away_the_session_ends_all_the_same(entra: Entra, sign_in: SignIn) -> None:
    from portal.signin.entra import wire

    browser = sign_in(entra.user("Alice"))
    wire.forget()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "fetched", _away)
        answer = browser.post("/sign-out/")
    assert (answer.status_code, answer["Clear-Site-Data"]) == (302, CLEAR)
    assert not is_signed_in(browser)


def test_the_demos_people_leave_as_before(cast: Cast, client: Client) -> None:
    client.force_login(cast.alice)
    answer = client.post("/sign-out/")
    assert (answer.url, answer["Clear-Site-Data"]) == ("/sign-in/", CLEAR)


def test_where_entra_leads_back_to(client: Client) -> None:
    assert "You are signed out" in client.get("/signed-out/").content.decode()


def _away(*_args: object) -> None:
    from portal.signin.entra.problems import Unreachable

    raise Unreachable("away")
