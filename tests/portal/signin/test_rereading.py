"""X-31: roles are those of the directory now, whatever a session began with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import requests
from django.db import connection
from django.test import Client
from django.urls import resolve

from access.clock import db_now
from access.models import AccessRequest, Grant, LedgerEntry, Person
from portal.signin.middleware import opens
from tests.portal.signin.conftest import SignIn, is_signed_in
from tests.support.cast import Cast, ask, be_seen
from tests.support.entra import Entra, User
from tests.support.estate import machine

pytestmark = pytest.mark.django_db


def read_long_ago(seconds: float = 400) -> None:
    Person.objects.update(roles_read_at=db_now() - timedelta(seconds=seconds))


def decide(browser: Client, asked: AccessRequest, how: str = "approve") -> Any:
    asked.refresh_from_db()
    said = {"terms_digest": asked.terms_digest, "revision": asked.revision, "comment": "Why not"}
    return browser.post(f"/requests/{asked.reference}/{how}/", said)


@pytest.fixture
def asked(cast: Cast) -> AccessRequest:
    be_seen()
    return ask(machine(), by=cast.alice)


@pytest.fixture
def bob(entra: Entra) -> User:
    return entra.user("Robert", "Engineer", "Approver")


class TestRoleIsRemoved:
    def test_a_minute_ago_and_the_decision_is_not_made(
        self, entra: Entra, sign_in: SignIn, bob: User, asked: AccessRequest
    ) -> None:
        here, elsewhere = sign_in(bob), sign_in(bob)
        read_long_ago(60)
        bob.roles = ["Engineer"]
        answer = decide(here, asked)
        assert answer.status_code == 302
        assert answer.url.startswith("/sign-in/")
        asked.refresh_from_db()
        assert asked.state == "pending"
        assert not is_signed_in(here)
        assert not is_signed_in(elsewhere)
        changed = LedgerEntry.objects.filter(event="person.roles_changed").last()
        assert changed is not None
        assert changed.data["before"] == ["approver", "engineer"]
        assert changed.data["after"] == ["engineer"]
        assert changed.data["how"] == "reread"
        ended = LedgerEntry.objects.get(event="session.ended")
        assert ended.data["sessions"] == 2

    def test_and_five_minutes_later_merely_looking_signs_out(
        self, entra: Entra, sign_in: SignIn, bob: User
    ) -> None:
        browser = sign_in(bob)
        bob.roles = ["Engineer"]
        assert is_signed_in(browser)
        read_long_ago()
        assert not is_signed_in(browser)

    def test_all_roles_are_gone(self, entra: Entra, sign_in: SignIn, bob: User) -> None:
        browser = sign_in(bob)
        bob.roles = []
        read_long_ago()
        assert not is_signed_in(browser)
        assert not Person.objects.get().held_roles

    def test_the_page_that_asks_by_itself_is_led_away_too(
        self, entra: Entra, sign_in: SignIn, bob: User
    ) -> None:
        browser = sign_in(bob)
        bob.roles = []
        read_long_ago()
        answer = browser.get("/open/", headers={"HX-Request": "true"})
        assert answer.status_code == 204

    def test_the_api_says_it_in_its_own_way(self, entra: Entra, sign_in: SignIn, bob: User) -> None:
        browser = sign_in(bob)
        bob.roles = ["Engineer"]
        read_long_ago()
        answer = browser.get("/api/v1/requests/")
        assert answer.status_code == 401
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:bastion-access:sign-in-again"


class TestEntraSaysNo:
    def test_a_disabled_account_is_signed_out_everywhere(
        self, entra: Entra, sign_in: SignIn, bob: User, asked: AccessRequest
    ) -> None:
        here, elsewhere = sign_in(bob), sign_in(bob)
        bob.disabled = True
        read_long_ago(60)
        assert decide(here, asked).status_code == 302
        assert not is_signed_in(here)
        assert not is_signed_in(elsewhere)
        why = LedgerEntry.objects.get(event="session.ended").data["why"]
        assert "AADSTS50173" in why
        assert "example.test" not in why

    @pytest.mark.parametrize("error", ["interaction_required", "login_required"])
    def test_a_sign_in_that_entra_wants_anew(
        self, error: str, entra: Entra, sign_in: SignIn, bob: User
    ) -> None:
        browser = sign_in(bob)
        entra.error = (error, "AADSTS50076: …")
        read_long_ago()
        assert not is_signed_in(browser)

    def test_a_token_of_somebody_else_ends_it(
        self, entra: Entra, sign_in: SignIn, bob: User
    ) -> None:
        browser = sign_in(bob)
        entra.tamper = {"oid": entra.user("Mallory").oid}
        read_long_ago()
        assert not is_signed_in(browser)
        assert Person.objects.count() == 1

    def test_a_key_that_was_lost_ends_this_browser_only(
        self, entra: Entra, sign_in: SignIn, bob: User, settings: Any
    ) -> None:
        from cryptography.fernet import Fernet

        one, two = sign_in(bob), sign_in(bob)
        kept = settings.FIELD_KEYS
        settings.FIELD_KEYS = [Fernet.generate_key().decode()]
        read_long_ago()
        assert not is_signed_in(one)
        settings.FIELD_KEYS = kept
        assert is_signed_in(two)


class TestEntraIsAway:
    def test_nothing_is_decided_and_the_page_says_so(
        self, entra: Entra, sign_in: SignIn, bob: User, asked: AccessRequest
    ) -> None:
        browser = sign_in(bob)
        read_long_ago(60)
        with entra.away():
            answer = decide(browser, asked)
        assert answer.status_code == 503
        html = answer.content.decode()
        assert "Nothing was changed" in html
        assert f'<input type="hidden" name="terms_digest" value="{asked.terms_digest}">' in html
        assert '<input type="hidden" name="comment" value="Why not">' in html
        asked.refresh_from_db()
        assert asked.state == "pending"
        assert decide(browser, asked).status_code == 302
        asked.refresh_from_db()
        assert asked.state == "approved"

    def test_the_api_says_it_in_its_own_way(
        self, entra: Entra, sign_in: SignIn, bob: User, asked: AccessRequest
    ) -> None:
        browser = sign_in(bob)
        read_long_ago(60)
        with entra.away():
            answer = browser.post(
                f"/api/v1/requests/{asked.reference}/approve/",
                {"terms_digest": asked.terms_digest},
                content_type="application/json",
            )
        assert answer.status_code == 503
        assert answer.json()["type"] == "urn:bastion-access:directory-away"
        asked.refresh_from_db()
        assert asked.state == "pending"

    def test_break_glass_is_for_outages_and_goes_by_the_last_hour(
        self, entra: Entra, sign_in: SignIn, bob: User
    ) -> None:
        """Entra itself is out, and with it whoever must get in to mend things."""
        browser = sign_in(bob)
        read_long_ago(50 * 60)
        with entra.away():
            answer = browser.post("/break-glass/", {})
            assert answer.status_code == 302  # as far as the form, which names no machine
            assert answer.url == "/machines/"
            line = LedgerEntry.objects.get(event="person.roles_not_confirmed")
            assert line.data["path"] == "/break-glass/"
            assert line.actor_name == "Robert"
            read_long_ago(70 * 60)
            assert browser.post("/break-glass/", {}).status_code == 503
            assert browser.post("/requests/new/", {}).status_code == 503

    def test_everything_else_goes_on(
        self, entra: Entra, sign_in: SignIn, asked: AccessRequest, cast: Cast
    ) -> None:
        from tests.support.cast import approve

        dana = sign_in(entra.user("Diana", "Admin"))
        approve(asked, by=cast.bob)
        grant = Grant.objects.first()
        assert grant is not None
        read_long_ago(3600)
        with entra.away():
            assert is_signed_in(dana)
            answer = dana.post(f"/grants/{grant.pk}/end/", {"reason": "Incident"})
            assert answer.status_code == 302
            assert dana.post("/sign-out/").status_code in (200, 302)
        grant.refresh_from_db()
        assert hasattr(grant, "end_order")

    def test_pages_wait_for_it_once_and_not_each_time(
        self, entra: Entra, sign_in: SignIn, bob: User
    ) -> None:
        browser = sign_in(bob)
        read_long_ago(3600)
        before = entra.asked_times("/token")
        with entra.away():
            for _ in range(4):
                assert is_signed_in(browser)
        assert entra.asked_times("/token") == before + 1

    def test_an_answer_that_cannot_be_believed_says_nothing_of_the_person(
        self, entra: Entra, sign_in: SignIn, bob: User, asked: AccessRequest
    ) -> None:
        from tests.support.entra import signed_with_an_unknown_key

        browser = sign_in(bob)
        read_long_ago(60)
        entra.sign_with = signed_with_an_unknown_key
        assert decide(browser, asked).status_code == 503
        assert is_signed_in(browser)

    def test_the_portals_own_secret_ran_out(
        self, entra: Entra, sign_in: SignIn, bob: User, asked: AccessRequest, settings: Any
    ) -> None:
        browser = sign_in(bob)
        settings.ENTRA_CLIENT_SECRET = "old"
        read_long_ago(60)
        assert decide(browser, asked).status_code == 503
        assert is_signed_in(browser)


class TestWhenItIsAsked:
    def test_not_again_within_five_minutes(self, entra: Entra, sign_in: SignIn, bob: User) -> None:
        browser, before = sign_in(bob), entra.asked_times("/token")
        for _ in range(3):
            assert is_signed_in(browser)
        assert entra.asked_times("/token") == before
        read_long_ago()
        assert is_signed_in(browser)
        assert is_signed_in(browser)
        assert entra.asked_times("/token") == before + 1

    def test_before_each_decision(
        self, entra: Entra, sign_in: SignIn, bob: User, asked: AccessRequest
    ) -> None:
        browser, before = sign_in(bob), entra.asked_times("/token")
        read_long_ago(6)
        assert decide(browser, asked).status_code == 302
        assert entra.asked_times("/token") == before + 1

    def test_a_role_that_was_gained_counts_at_once(
        self, entra: Entra, sign_in: SignIn, asked: AccessRequest
    ) -> None:
        carol = entra.user("Carol", "Engineer")
        browser = sign_in(carol)
        carol.roles = ["Engineer", "Approver"]
        read_long_ago(60)
        assert decide(browser, asked).status_code == 302
        asked.refresh_from_db()
        assert asked.state == "approved"
        assert is_signed_in(browser)

    def test_the_demos_people_are_never_asked_about(
        self, entra: Entra, cast: Cast, asked: AccessRequest, browser: Any
    ) -> None:
        decide(browser(cast.bob), asked)
        assert entra.asked_times("/token") == 0

    @pytest.mark.django_db(transaction=True)
    def test_never_in_a_transaction(
        self, entra: Entra, sign_in: SignIn, bob: User, asked: AccessRequest,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        within: list[bool] = []
        real = requests.Session.send

        def send(self: Any, *args: Any, **kwargs: Any) -> Any:
            within.append(connection.in_atomic_block)
            return real(self, *args, **kwargs)

        monkeypatch.setattr(requests.Session, "send", send)
        browser = sign_in(bob)
        read_long_ago(60)
        assert decide(browser, asked).status_code == 302
        assert len(within) >= 3
        assert not any(within)


class TestMarks:
    @pytest.mark.parametrize(
        "path",
        [
            "/requests/new/", "/requests/BA-000001/approve/", "/requests/BA-000001/deny/",
            "/requests/BA-000001/change/", "/requests/BA-000001/extend/", "/break-glass/",
            "/policies/1/approve/", "/lockdown/1/lift/", "/approvals/deny/", "/me/deputies/",
            "/jit/machines/1/", "/outside/new/", "/outside/1/", "/device/",
            "/api/v1/requests/", "/api/v1/requests/BA-000001/approve/",
            "/api/v1/requests/BA-000001/deny/", "/api/v1/requests/BA-000001/change/",
            "/api/v1/requests/BA-000001/extend/",
        ],
    )  # fmt: skip
    def test_what_may_open_access_is_marked(self, path: str) -> None:
        view = resolve(path).func
        assert opens(view, "POST")
        assert not opens(view, "GET")

    @pytest.mark.parametrize(
        "path",
        [
            "/requests/BA-000001/withdraw/", "/grants/1/end/", "/sessions/1/disconnect/",
            "/lockdown/", "/lockdown/1/confirm/", "/sign-out/", "/outside/1/retire/",
            "/me/deputies/1/end/", "/policies/1/reject/",
            "/api/v1/requests/BA-000001/withdraw/", "/api/v1/grants/1/end/",
            "/api/v1/sessions/1/disconnect/",
        ],
    )  # fmt: skip
    def test_what_ends_it_is_not(self, path: str) -> None:
        assert not opens(resolve(path).func, "POST")
