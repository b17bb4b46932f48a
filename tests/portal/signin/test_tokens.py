"""Tokens that are not what they should be. MSAL lets all of these through: it only decodes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from access.models import LedgerEntry, Person
from portal.signin.entra import keys, tokens
from portal.signin.entra.config import entra as settings_of_entra
from portal.signin.entra.problems import Refused
from tests.portal.signin.conftest import SignIn, is_signed_in, through
from tests.support import entra as fake
from tests.support.entra import CLIENT, OTHER_TENANT, TENANT, Entra, Key

pytestmark = pytest.mark.django_db


def now() -> int:
    return int(time.time())


def refused(entra: Entra) -> str:
    """The code that the ledger has of a sign-in that must fail."""
    browser = Client()
    answer = through(browser, entra, entra.user("Alice"))
    assert answer.status_code == 403
    assert "answer was not accepted" in answer.content.decode()
    assert not is_signed_in(browser)
    assert not Person.objects.exists()
    line = LedgerEntry.objects.get(event="person.sign_in.refused")
    assert line.outcome == "denied"
    return str(line.data["reason"])


class TestForgedTokens:
    """X-26: seven tokens, each with one thing wrong."""

    def test_1_made_for_another_application(self, entra: Entra) -> None:
        entra.tamper = {"aud": "0d2f0f5e-3a5b-4b0e-8a59-2b7d3f3f0bff"}
        assert refused(entra) == "wrong-audience"

    def test_2_of_another_issuer(self, entra: Entra) -> None:
        entra.tamper = {"iss": f"{entra.authority}/{OTHER_TENANT}/v2.0"}
        assert refused(entra) == "wrong-issuer"

    def test_3_expired(self, entra: Entra) -> None:
        entra.tamper = {"iat": now() - 7200, "nbf": now() - 7200, "exp": now() - 200}
        assert refused(entra) == "expired"

    def test_4_not_valid_yet(self, entra: Entra) -> None:
        entra.tamper = {"nbf": now() + 300}
        assert refused(entra) == "not-yet-valid"

    def test_5_not_signed_at_all(self, entra: Entra) -> None:
        entra.sign_with = fake.unsigned
        assert refused(entra) == "wrong-algorithm"

    def test_6_signed_with_the_public_key_as_if_it_were_a_secret(self, entra: Entra) -> None:
        entra.sign_with = fake.signed_with_the_public_key
        assert refused(entra) == "wrong-algorithm"

    def test_7_signed_with_a_key_nobody_knows(self, entra: Entra) -> None:
        entra.sign_with = fake.signed_with_an_unknown_key
        assert refused(entra) == "unknown-key"


class TestOtherForgeries:
    @pytest.mark.parametrize(
        ("tamper", "code"),
        [
            ({"aud": [CLIENT, "another"]}, "wrong-audience"),
            ({"aud": None}, "incomplete"),
            ({"iss": None}, "incomplete"),
            ({"nbf": None}, "incomplete"),
            ({"exp": None}, "incomplete"),
            ({"iat": 9_999_999_999}, "not-yet-valid"),
            ({"exp": "never"}, "unreadable"),
            ({"oid": None}, "incomplete"),
            ({"oid": "not-a-guid"}, "incomplete"),
            ({"oid": ["a"]}, "incomplete"),
            ({"tid": None}, "incomplete"),
            ({"ver": "1.0"}, "wrong-version"),
            ({"ver": 2.0}, "wrong-version"),
            ({"nonce": None}, "wrong-nonce"),
        ],
    )
    def test_one_claim_is_wrong(self, tamper: dict[str, Any], code: str, entra: Entra) -> None:
        entra.tamper = tamper
        # A nonce that MSAL misses is refused by MSAL; without it, by us.
        assert refused(entra) in {code, "unreadable"}

    def test_signed_with_a_key_that_bears_the_name_of_the_real_one(self, entra: Entra) -> None:
        entra.sign_with = fake.signed_with_a_stolen_name
        assert refused(entra) == "bad-signature"

    def test_of_the_issuer_of_version_one(self, entra: Entra) -> None:
        entra.tamper = {"iss": f"https://sts.windows.net/{TENANT}/", "ver": "1.0"}
        assert refused(entra) == "wrong-issuer"

    @pytest.mark.parametrize("raw", ["", "x", "a.b.c", "e30.e30.", None, 7, "é.é.é", "y" * 70_000])
    def test_no_token_at_all(self, raw: object, entra: Entra) -> None:
        with pytest.raises(Refused, match=r"unreadable|wrong-algorithm"):
            tokens.id_token(raw, settings_of_entra(), nonce=None)

    def test_a_nonce_is_compared_by_us_too(self, entra: Entra) -> None:
        raw = fake.signed(entra.claims_of(entra.user("Alice"), nonce="theirs"), entra.key)
        with pytest.raises(Refused, match="wrong-nonce"):
            tokens.id_token(raw, settings_of_entra(), nonce="ours")

    def test_clocks_may_differ_by_two_minutes(self, entra: Entra, sign_in: SignIn) -> None:
        entra.tamper = {"exp": now() - 100, "nbf": now() + 100}
        assert is_signed_in(sign_in(entra.user("Alice")))

    def test_what_is_refused_says_nothing_of_the_token(self, entra: Entra) -> None:
        raw = fake.signed(entra.claims_of(entra.user("Alice"), aud="wrong"), entra.key)
        with pytest.raises(Refused) as refusal:
            tokens.id_token(raw, settings_of_entra(), nonce=None)
        assert str(refusal.value) == "wrong-audience"
        assert refusal.value.__cause__ is None


class TestKeys:
    def token(self, entra: Entra, key: Key | None = None) -> str:
        return fake.signed(entra.claims_of(entra.user("Alice")), key or entra.key)

    def check(self, entra: Entra, raw: str) -> None:
        tokens.id_token(raw, settings_of_entra(), nonce=None)

    def test_are_asked_for_once(self, entra: Entra) -> None:
        for _ in range(3):
            self.check(entra, self.token(entra))
        assert entra.asked_times("/keys") == 1

    def test_a_new_key_is_learned_when_it_is_first_used(
        self, entra: Entra, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.check(entra, self.token(entra))
        self.let_pass(monkeypatch, 301)
        new = Key()
        entra.published = [entra.key, new]
        self.check(entra, self.token(entra, new))
        assert entra.asked_times("/keys") == 2

    def test_invented_key_ids_make_us_ask_once_in_five_minutes(
        self, entra: Entra, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.check(entra, self.token(entra))
        for _ in range(5):
            with pytest.raises(Refused, match="unknown-key"):
                self.check(entra, self.token(entra, Key()))
        assert entra.asked_times("/keys") == 1
        self.let_pass(monkeypatch, 301)
        for _ in range(5):
            with pytest.raises(Refused, match="unknown-key"):
                self.check(entra, self.token(entra, Key()))
        assert entra.asked_times("/keys") == 2
        self.check(entra, self.token(entra))

    def test_a_key_that_was_withdrawn_is_forgotten_after_a_day(
        self, entra: Entra, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old = entra.key
        self.check(entra, self.token(entra, old))
        entra.published = [Key()]
        self.let_pass(monkeypatch, 86_401)
        with pytest.raises(Refused, match="unknown-key"):
            self.check(entra, self.token(entra, old))

    def test_a_key_that_is_not_for_signing_is_no_key(
        self, entra: Entra, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = entra.key.as_jwk
        monkeypatch.setattr(entra.key, "as_jwk", lambda: {**real(), "use": "enc"})
        with pytest.raises(Refused, match="unknown-key"):
            self.check(entra, self.token(entra))

    def let_pass(self, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
        real: Callable[[], float] = time.monotonic
        monkeypatch.setattr(keys.time, "monotonic", lambda: real() + seconds)
