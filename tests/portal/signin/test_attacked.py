"""Sign-in under attack. Each test is named for the harm that it once let happen."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from access.clock import db_now
from access.models import LedgerEntry, Person
from portal.signin import middleware
from portal.signin.ending import end_all
from portal.signin.entra import bearer, flow, keys, tokens
from portal.signin.entra.config import entra as settings_of_entra
from portal.signin.entra.problems import Refused
from portal.signin.entra.tokens import application_token
from portal.signin.middleware import opens
from tests.access.test_races import all_at_once
from tests.portal.signin.conftest import SignIn, back, begun, is_signed_in, through
from tests.portal.signin.test_rereading import decide, read_long_ago
from tests.support import entra as fake
from tests.support.cast import Cast, ask, be_seen
from tests.support.entra import Entra, User
from tests.support.estate import machine

pytestmark = pytest.mark.django_db
AGAIN = "/sign-in/again/entra/"


def part(value: str) -> str:
    return base64.urlsafe_b64encode(value.encode()).rstrip(b"=").decode()


def call(token: str, **more: Any) -> Any:
    return Client(**more).get("/api/v1/requests/", headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def bob(entra: Entra) -> User:
    return entra.user("Bob", "Engineer", "Approver")


class TestTokens:
    def test_a_stranger_makes_no_error_with_brackets(self, entra: Entra) -> None:
        """A header nested deeper than Python reads was a 500 for whoever sent it."""
        deep = part("[" * 5000)
        for raw in (f"{deep}.e30.eA", f"{part(json.dumps({'alg': 'RS256'}))}.{deep}.eA"):
            assert call(raw, raise_request_exception=False).status_code == 401

    def test_a_signed_token_nested_too_deep_is_unreadable(self, entra: Entra) -> None:
        call(entra.application_token("Robot", "Auditor"))
        deep = {"alg": "RS256", "kid": entra.key.kid}
        raw = f"{part(json.dumps(deep))}.{part('[' * 5000)}.eA"
        assert call(raw, raise_request_exception=False).status_code == 401

    @pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
    @pytest.mark.parametrize(
        "value", [float("nan"), float("inf"), True, "1", str(int(time.time())), [1], {}, 10**400]
    )
    def test_a_moment_that_is_no_number_is_no_moment(
        self, name: str, value: Any, entra: Entra
    ) -> None:
        raw = raw_signed(entra.claims_of(entra.user("Alice"), **{name: value}), entra)
        with pytest.raises(Refused):
            tokens.id_token(raw, settings_of_entra(), nonce=None)

    @pytest.mark.parametrize("iat", ["1", str(int(time.time())), float("nan"), True])
    def test_a_programs_token_with_such_a_moment_is_refused(self, iat: Any, entra: Entra) -> None:
        def sign(claims: dict[str, Any], _key: Any) -> str:
            return raw_signed(claims, entra)

        entra.sign_with = sign
        token = entra.application_token("Robot", "Auditor", iat=iat)
        entra.sign_with = fake.signed
        assert call(token, raise_request_exception=False).status_code == 401

    @pytest.mark.parametrize(
        "odd", [{"n": "AQAB"}, {"n": "!", "e": "AQAB"}, {"n": 7, "e": 7}, {"n": "AQAB", "e": ""}]
    )
    def test_one_key_that_is_not_understood_locks_nobody_out(
        self, odd: dict[str, Any], entra: Entra, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = fake.Key()
        row = {"kty": "RSA", "kid": "odd", "use": "sig", **odd}
        monkeypatch.setattr(other, "as_jwk", lambda: row)
        entra.published = [other, entra.key]
        raw = fake.signed(entra.claims_of(entra.user("Alice")), entra.key)
        tokens.id_token(raw, settings_of_entra(), nonce=None)

    def test_who_comes_while_keys_are_asked_for_is_not_turned_away(
        self, entra: Entra, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In the morning, with no key known, everybody but the first read that Entra was away."""
        raw = fake.signed(entra.claims_of(entra.user("Alice")), entra.key)
        real, ours = keys._read, settings_of_entra()

        def slowly(*args: Any) -> Any:
            time.sleep(0.3)
            return real(*args)

        monkeypatch.setattr(keys, "_read", slowly)
        done = all_at_once(*[lambda: tokens.id_token(raw, ours, nonce=None)] * 3)
        assert not [one for one in done if isinstance(one, Exception)], done
        assert entra.asked_times("/keys") == 1

    def test_two_first_calls_of_a_program_are_one_program(self, entra: Entra) -> None:
        """The loser of the race read an error."""
        claims = application_token(entra.application_token("Robot", "Auditor"), settings_of_entra())
        real = Person.objects.filter(object_id=claims["oid"]).first
        assert real() is None
        made: list[Person] = []

        def first(rows: Any) -> Any:
            if not made:
                made.append(_program_of_other_call(claims))
                return None
            return next(iter(rows[:1]), None)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("django.db.models.query.QuerySet.first", first)
            found = bearer._program_of(claims)
        assert found == made[0]

    def test_an_id_token_is_no_key_to_the_api(self, entra: Entra) -> None:
        raw = fake.signed(entra.claims_of(entra.user("Alice", "Auditor")), entra.key)
        assert call(raw).status_code == 403
        raw = fake.signed(
            entra.claims_of(entra.user("Alice", "Auditor"), idtyp="app", scp="x"), entra.key
        )
        assert call(raw).status_code == 403

    def test_a_programs_token_with_a_persons_id_is_not_the_person(
        self, entra: Entra, sign_in: SignIn, bob: User
    ) -> None:
        sign_in(bob)
        token = entra.application_token("Robot", "Auditor", oid=bob.oid)
        assert call(token).status_code == 403
        assert Person.objects.get().held_roles == {"engineer", "approver"}

    def test_a_critical_extension_that_nobody_knows_is_refused(self, entra: Entra) -> None:
        import jwt

        head = {"kid": entra.key.kid, "crit": ["never-heard-of"], "never-heard-of": 1}
        claims = entra.claims_of(entra.user("Alice"))
        raw = jwt.encode(claims, entra.key.private, "RS256", headers=head)
        with pytest.raises(Refused):
            tokens.id_token(raw, settings_of_entra(), nonce=None)

    @pytest.mark.parametrize("head", [{"jwk": {}}, {"jku": "https://evil.test/keys"}, {"x5u": "x"}])
    def test_a_token_brings_no_key_of_its_own(self, head: dict[str, Any], entra: Entra) -> None:
        import jwt

        mine = fake.Key()
        claims = entra.claims_of(entra.user("Alice"))
        headers = {"kid": mine.kid, **head}
        raw = jwt.encode(claims, mine.private, "RS256", headers=headers)
        with pytest.raises(Refused, match="unknown-key"):
            tokens.id_token(raw, settings_of_entra(), nonce=None)

    @pytest.mark.parametrize("kid", ["", None, "../keys", "\0", "a" * 9000])
    def test_no_name_of_a_key_is_a_way_around_it(self, kid: Any, entra: Entra) -> None:
        mine = fake.Key()
        mine.kid = kid
        head = {"alg": "RS256", "kid": kid} if kid is not None else {"alg": "RS256"}
        claims = entra.claims_of(entra.user("Alice"))
        raw = raw_signed(claims, entra, head=head, key=mine)
        with pytest.raises(Refused):
            tokens.id_token(raw, settings_of_entra(), nonce=None)


def _program_of_other_call(claims: Any) -> Person:
    identity = {"tenant_id": claims["tid"], "object_id": claims["oid"]}
    return Person.objects.create(**identity, display_name="Robot", is_application=True)


def raw_signed(
    claims: dict[str, Any], entra: Entra, *, head: Any = None, key: fake.Key | None = None
) -> str:
    """Signed over whatever JSON Python writes, which PyJWT would refuse to make."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    key = key or entra.key
    head = head or {"alg": "RS256", "kid": key.kid}
    text = f"{part(json.dumps(head))}.{part(json.dumps(claims))}"
    made = key.private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


class TestTheFlow:
    def test_who_lost_every_role_reads_why_and_no_error(
        self, entra: Entra, sign_in: SignIn, bob: User
    ) -> None:
        """Their session ended beneath the callback, and saving it failed."""
        for path in (AGAIN, "/sign-in/entra/"):
            bob.roles = ["Engineer"]
            browser = sign_in(bob)
            address = entra.visit(begun(browser, path), bob)
            bob.roles = []
            parts = urlsplit(address)
            answer = browser.get(f"{parts.path}?{parts.query}")
            assert answer.status_code == 302, (path, answer.content[:300])
            assert "no-role" in answer.url
            assert not is_signed_in(browser)

    def test_a_stranger_does_not_fill_the_ledger(self, entra: Entra) -> None:
        """Whoever has no account at all wrote a line for ever with every second request."""
        for _ in range(5):
            browser = Client()
            state = parse_qs(urlsplit(begun(browser)).query)["state"][0]
            browser.get(f"/sign-in/entra/callback/?state={state}&error=access_denied")
            state = parse_qs(urlsplit(begun(browser)).query)["state"][0]
            browser.get(f"/sign-in/entra/callback/?state={state}&code=invented")
            state = parse_qs(urlsplit(begun(browser)).query)["state"][0]
            browser.get(f"/sign-in/entra/callback/?state={state}")
        assert LedgerEntry.objects.filter(event="person.sign_in.refused").count() <= 2

    def test_a_session_that_ends_beneath_the_callback_is_no_error(
        self, entra: Entra, sign_in: SignIn, bob: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        browser = sign_in(bob)
        address = entra.visit(begun(browser), bob)
        browser.raise_request_exception = False
        real = flow._kept

        def kept(session: Any) -> Any:
            end_all(Person.objects.get(), by="test", why="test")
            return real(session)

        monkeypatch.setattr(flow, "_kept", kept)
        parts = urlsplit(address)
        assert browser.get(f"{parts.path}?{parts.query}").status_code == 400
        assert not is_signed_in(browser)

    def test_somebody_elses_browser_does_not_finish_a_sign_in(
        self, entra: Entra, bob: User
    ) -> None:
        address = entra.visit(begun(Client()), bob)
        victim = Client()
        begun(victim)
        assert back(victim, address).status_code == 403
        assert not is_signed_in(victim)

    def test_a_callback_works_once(self, entra: Entra, bob: User) -> None:
        browser = Client()
        address = entra.visit(begun(browser), bob)
        assert back(browser, address).status_code == 302
        assert back(browser, address).status_code == 403

    def test_a_code_of_another_sign_in_is_not_taken(self, entra: Entra, bob: User) -> None:
        """The code that a thief read, put behind a state of their own."""
        stolen = parse_qs(urlsplit(entra.visit(begun(Client()), bob)).query)["code"][0]
        thief = Client()
        state = parse_qs(urlsplit(begun(thief)).query)["state"][0]
        answer = thief.get(f"/sign-in/entra/callback/?state={state}&code={stolen}")
        assert "not-completed" in answer.url
        assert not is_signed_in(thief)

    @pytest.mark.parametrize(
        "evil", ["/%09/evil.test", "/%0a/evil.test", "/%5cevil.test", "///evil.test", "http:///x"]
    )
    def test_no_spelling_leads_elsewhere(self, evil: str, entra: Entra, bob: User) -> None:
        assert through(Client(), entra, bob, f"/sign-in/entra/?next={evil}").url == "/"

    def test_a_step_up_that_was_begun_as_somebody_else_confirms_nobody(
        self, entra: Entra, sign_in: SignIn, bob: User
    ) -> None:
        browser = sign_in(entra.user("Mallory", "Approver"))
        address = begun(browser, AGAIN)
        sign_in(bob, browser)
        answer = back(browser, entra.visit(address, bob))
        assert "confirmed_at" not in browser.session
        assert answer.status_code in (302, 403)


class TestStepUp:
    def test_a_sign_in_minutes_ago_is_not_taken_for_one_of_now(
        self, entra: Entra, sign_in: SignIn, bob: User
    ) -> None:
        """Five minutes at Entra and five more here let a decision stand on one ten minutes old."""
        browser = sign_in(bob)
        entra.asks_anew = False
        bob.signed_in_at = int(time.time()) - 290
        through(browser, entra, bob, AGAIN)
        from django.utils.dateparse import parse_datetime

        shown = parse_datetime(browser.session["confirmed_at"])
        assert shown is not None
        assert shown <= db_now() - timedelta(seconds=280)

    def test_clocks_ahead_lengthen_nothing(self, entra: Entra, sign_in: SignIn, bob: User) -> None:
        browser = sign_in(bob)
        entra.asks_anew = False
        bob.signed_in_at = int(time.time()) + 100
        through(browser, entra, bob, AGAIN)
        assert browser.session["confirmed_at"] <= db_now().isoformat()

    def test_a_new_sign_in_carries_no_confirmation_along(
        self, entra: Entra, sign_in: SignIn, bob: User
    ) -> None:
        browser = sign_in(bob)
        through(browser, entra, bob, AGAIN)
        assert "confirmed_at" in browser.session
        sign_in(entra.user("Mallory", "Approver"), browser)
        assert "confirmed_at" not in browser.session
        sign_in(bob, browser)
        assert "confirmed_at" not in browser.session


class TestRereading:
    def test_who_is_switched_off_while_entra_answers_decides_nothing(
        self, entra: Entra, sign_in: SignIn, bob: User, cast: Cast,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        """The person as read before stood in for one who could not be read any more."""
        be_seen()
        asked = ask(machine(), by=cast.alice)
        browser, real = sign_in(bob), middleware.reread

        def reread(*args: Any) -> None:
            real(*args)
            Person.objects.filter(object_id=bob.oid).update(is_active=False)

        monkeypatch.setattr(middleware, "reread", reread)
        read_long_ago(60)
        assert decide(browser, asked).url.startswith("/sign-in/")
        asked.refresh_from_db()
        assert asked.state == "pending"

    def test_a_reading_of_graph_that_lags_decides_nothing(
        self, entra: Entra, sign_in: SignIn, bob: User, cast: Cast
    ) -> None:
        """For five seconds after each reading, what Graph still said stood in for Entra."""
        be_seen()
        asked = ask(machine(), by=cast.alice)
        browser = sign_in(bob)
        bob.roles = ["Engineer"]
        Person.objects.filter(object_id=bob.oid).update(roles_read_at=db_now())
        assert decide(browser, asked).url.startswith("/sign-in/")
        asked.refresh_from_db()
        assert asked.state == "pending"

    def test_one_whose_answer_is_odd_keeps_nobody_else_from_being_asked_about(
        self, entra: Entra, sign_in: SignIn, bob: User
    ) -> None:
        """Their own odd token made the portal ask about nobody for half a minute each time."""
        odd = entra.user("Mallory", "Engineer")
        mallory, bobs = sign_in(odd), sign_in(bob)
        odd.claims = {"ver": "1.0"}
        bob.roles = ["Engineer"]
        read_long_ago()
        for _ in range(3):
            assert is_signed_in(mallory)
        asked = entra.asked_times("/token")
        assert not is_signed_in(bobs)
        assert entra.asked_times("/token") == asked + 1
        assert is_signed_in(mallory)
        assert entra.asked_times("/token") == asked + 1  # they themselves pause

    def test_a_token_endpoint_that_talks_nonsense_is_away_and_no_error(
        self, entra: Entra, sign_in: SignIn, bob: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        browser = sign_in(bob)
        browser.raise_request_exception = False
        odd = [f"{part('x')}.{part(claims)}.x" for claims in ("[]", '{"exp": []}', "[" * 5000)]
        made = [{"access_token": "x", "id_token": raw} for raw in (7, "a.b", "a.b.c", *odd)]
        for said in ([], "x", {}, *made):
            monkeypatch.setattr(entra, "token_for", lambda _sent, said=said: (200, said))
            middleware.AWAY.forget()
            read_long_ago()
            assert browser.get("/machines/").status_code == 200, said
            address = begun(other := Client(raise_request_exception=False))
            got = entra.visit(address, bob)
            parts = urlsplit(got)
            answer = other.get(f"{parts.path}?{parts.query}")
            assert answer.status_code == 302, said


# Names of addresses before which nobody asks Entra anew. They show something, end something, say
# something, or ask for nothing, or are for vendors, whom Entra does not know; what is new must be
# marked, or be thought about and stand here.
UNMARKED = """
    home machines requests request-preview request-preflight request request-live request-withdraw
    request-confirm request-comment request-ask-back request-answer request-calendar grant-end
    grant-script approvals open-now reviews reviews-approvals reviews-approvals-csv review
    session-disconnect drift drift-remove people people-tokens policies policy-simulator
    policy-version policy-difference policy-export policy-reject policy-withdraw verify ledger
    notices notice notice-retry endpoint-new endpoint endpoint-switch endpoint-test endpoint-secret
    endpoint-secret-drop lockdown lockdown-one lockdown-confirm settings notice-preferences
    deputy-end token-revoke theme sign-in demo-sign-in step-up entra-again entra-start
    entra-callback entra-refused sign-out signed-out browsers browsers-end-others browser-end
    person-browsers estate-read capacity capacity-hosts-csv capacity-retiring capacity-retiring-csv
    outside outside-retire healthz readyz metrics system api-device api-device-token
    api-request-preview
    api-request-withdraw api-comment-list api-grant-end api-session-disconnect
    vendors vendor vendor-edit vendor-block vendor-letter rotations rotation-done
    visit visit-send visit-code visit-again visit-terms visit-session visit-open visit-finish
    visit-more-time visit-leave visit-left visit-language visit-brand visit-logo
"""


def unmarked() -> Iterator[str]:
    """Names of the addresses whose view takes a POST, as far as it says so, and is not marked."""

    def walk(patterns: Any) -> Iterator[URLPattern]:
        for each in patterns:
            yield from walk(each.url_patterns) if isinstance(each, URLResolver) else [each]

    for address in walk(get_resolver().url_patterns):
        view = address.callback
        made_of, actions = getattr(view, "cls", None), getattr(view, "actions", None) or {}
        takes = made_of is None or hasattr(made_of, "post") or "post" in actions
        if takes and not opens(view, "POST"):
            yield str(address.name)


def test_no_new_address_opens_anything_on_roles_of_a_while_ago() -> None:
    assert set(unmarked()) == set(UNMARKED.split())
