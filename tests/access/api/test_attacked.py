"""The API attacked: each test is named for the harm."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from access.errors import NotAllowed
from access.models import ApiToken, LedgerEntry, Notice, Person, Role
from access.origin import network_of
from access.services import devices, tokens
from access.tables import write_csv
from portal.signin.ending import sign_out_everywhere
from tests.access.api.calling import in_session, nobody, token_of, with_secret
from tests.support.browsers import signed_in
from tests.support.cast import Cast, ask, person
from tests.support.estate import machine


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    cache.clear()


def limited(settings: Any, **rates: str) -> None:
    usual = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    settings.REST_FRAMEWORK = {
        **settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {**usual, **rates},
    }  # fmt: skip


def allowed_by(who: Person) -> devices.Asked:
    asked = devices.ask("c", ["read"], address="192.0.2.1")
    found = devices.find(asked.user_code, by=who, address="192.0.2.1")
    assert found is not None
    devices.allow(found, by=who)
    return asked


def test_a_token_made_in_a_stolen_session_outlives_its_end(cast: Cast) -> None:
    """An administrator ends all sessions of somebody: what was made in one must end with them."""
    caller, token = token_of(cast.alice)
    asked = allowed_by(cast.alice)
    other, _ = token_of(cast.alan)
    sign_out_everywhere(cast.alice, by=cast.dana, reason="Laptop stolen")
    assert caller.get("me/").status_code == 401
    with pytest.raises(devices.DeviceNotYet) as refused:
        devices.fetch(asked.device_code)
    assert refused.value.code == "access-denied"
    assert other.get("me/").status_code == 200
    line = LedgerEntry.objects.get(event="token.revoked")
    assert (line.actor_id, line.data["token"]) == (cast.dana.identity, token.prefix)
    assert Notice.objects.filter(event="session.ended", person=cast.alice).exists()


def test_an_administrator_does_not_see_that_tokens_are_left(cast: Cast) -> None:
    _, token = token_of(cast.alice)
    dana = signed_in(cast.dana)
    assert "Signed in: 1 token<" in dana.get("/people/").content.decode()
    page = dana.get(f"/people/{cast.alice.pk}/browsers/").content.decode()
    assert token.prefix in page
    assert "End all sessions" in page


def test_a_thief_makes_a_token_and_its_person_hears_nothing(cast: Cast) -> None:
    token_of(cast.alice)
    assert Notice.objects.filter(event="token.made", person=cast.alice).exists()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_program_fetches_while_its_person_is_signed_out(transactional_db: None) -> None:
    """Whoever comes first, nothing signs them in afterwards."""
    cast = Cast.create()
    for _ in range(5):
        asked = allowed_by(cast.alice)
        _, token = token_of(cast.alice)
        _at_once(
            lambda code=asked.device_code: devices.fetch(code),
            lambda: sign_out_everywhere(cast.alice, by=cast.dana, reason="Stolen"),
            lambda token=token: tokens.revoke(token, by=cast.alice),
        )
        left = ApiToken.objects.filter(person=cast.alice, revoked_at__isnull=True)
        assert not left.exists()


def _at_once(*calls: Callable[[], object]) -> None:
    def run(call: Callable[[], object]) -> None:
        try:
            call()
        except devices.DeviceNotYet:
            pass
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        list(pool.map(run, calls))


def test_a_token_that_may_do_nothing_fills_the_ledger(cast: Cast, settings: Any) -> None:
    limited(settings, writes="3/min")
    caller, _ = token_of(cast.alice, "read")
    answers = [caller.post("requests/", {}).status_code for _ in range(6)]
    assert answers == [403, 403, 403, 429, 429, 429]
    assert LedgerEntry.objects.filter(event="token.refused").count() == 3


@pytest.mark.parametrize(
    "body",
    ['{"\\ud800": 1}', '{"client": "c", "scopes": ["\\ud800"]}', '{"client": "\\ud800"}',
     '["\\udfff"]', '"\\ud800"'],
)  # fmt: skip
def test_half_a_character_is_a_fault_of_ours(db: None, body: str) -> None:
    """Anybody could fill the log of faults, signed in or not."""
    client = Client(raise_request_exception=False)
    answer = client.post("/api/v1/device/", body.encode(), content_type="application/json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_half_a_character_in_a_request(cast: Cast) -> None:
    caller, _ = token_of(cast.alice)
    caller.client.raise_request_exception = False
    sent = {"machine_id": machine().pk, "kind": "\ud800", "port": 22, "minutes": 5, "reason": "x"}
    for path in ("requests/", "requests/preview/"):
        answer = caller.client.generic(
            "POST", f"/api/v1/{path}", json.dumps(sent), "application/json", headers=caller.headers
        )
        assert answer.status_code == 400


@pytest.mark.parametrize("charset", ["zlib", "bz2", "hex", "rot13", "undefined", "idna"])
def test_a_charset_that_unpacks(db: None, charset: str) -> None:
    """A body of a few kilobytes must not become one of megabytes; codecs of Python can do that."""
    client = Client(raise_request_exception=False)
    kind = f"application/json; charset={charset}"
    answer = client.generic("POST", "/api/v1/device/", b"{}", content_type=kind)
    assert answer.status_code == 400


def test_the_description_keeps_a_processor_busy(cast: Cast, settings: Any) -> None:
    limited(settings, descriptions="2/min")
    one, other = token_of(cast.alice)[0], token_of(cast.alice)[0]
    assert [each.get("schema/").status_code for each in (one, other, one)] == [200, 200, 429]
    assert token_of(cast.alan)[0].get("schema/").status_code == 200


def test_a_problem_of_the_description_is_no_json(cast: Cast) -> None:
    for answer in (nobody().get("schema/"), in_session(cast.alice).delete("schema/")):
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
    odd = Client().get("/api/v1/me/", headers={"Accept": "image/png"})
    assert odd.json()["status"] == odd.status_code == 406


def test_one_network_of_ipv6_starts_every_sign_in(db: None, settings: Any) -> None:
    """Whoever has one address has 2^64: counted alone, they would fill all places that wait."""
    limited(settings, devices="2/min")
    client = Client()
    statuses = [
        client.post(
            "/api/v1/device/", {"client": "c"}, content_type="application/json", REMOTE_ADDR=address
        ).status_code
        for address in ("2001:db8::1", "2001:db8::2", "2001:db8::ffff:3", "2001:db8:0:1::1")
    ]
    assert statuses == [200, 200, 429, 200]
    assert [network_of(each) for each in ("", "192.0.2.1")] == ["", "192.0.2.1"]


def test_a_colleague_behind_the_same_address_locks_everybody_out(cast: Cast) -> None:
    asked = devices.ask("c", ["read"], address="192.0.2.1")
    for _ in range(devices.TRIES):
        devices.find("BBBB-BBBB", by=cast.alan, address="192.0.2.1")
    with pytest.raises(devices.TooManyTries):
        devices.find(asked.user_code, by=cast.alan, address="198.51.100.1")
    assert devices.find(asked.user_code, by=cast.alice, address="192.0.2.1") is not None


def test_many_accounts_behind_one_network_guess_codes(cast: Cast) -> None:
    for number in range(devices.TRIES_OF_NETWORK // devices.TRIES):
        one = person(f"Guest {number}", Role.ENGINEER)
        for last in range(devices.TRIES):
            devices.find("BBBB-BBBB", by=one, address=f"2001:db8::{last}")
    with pytest.raises(devices.TooManyTries):
        devices.find("BBBB-BBBB", by=cast.alice, address="2001:db8::1234")


def test_a_formula_where_semicolons_separate_cells() -> None:
    """X-61: half of Europe's spreadsheets part a quoted cell at ``;`` and at ends of lines."""
    kept = StringIO()
    write_csv([["BA-1", "x;=1+1;y"], ["BA-2", "x\n@SUM(A1)"], ["BA-3", "x; \t-1"]], kept)
    for line in kept.getvalue().replace("\r\n", "\n").splitlines():
        for cell in line.replace("\t", ";").split(";"):
            assert not cell.strip().startswith(("=", "+", "-", "@"))
    assert next(csv.reader(StringIO(kept.getvalue()))) == ["BA-1", "x;'=1+1;y"]


def test_what_waits_is_hidden_from_whom_it_waits_for(cast: Cast) -> None:
    """Seeing is no decision: a program may say to its person that somebody waits for them."""
    asked = ask(machine(), by=cast.alice)
    reading, _ = token_of(cast.bob, "read")
    found = reading.get("requests/", waiting="true").json()["results"]
    assert [row["reference"] for row in found] == [asked.reference]
    sent = {"terms_digest": asked.terms_digest}
    assert reading.post(f"requests/{asked.reference}/approve/", sent).status_code == 403
    for who in (cast.alice, cast.dana, cast.erin):
        caller, _ = token_of(who)
        assert caller.get("requests/", waiting="true").json()["results"] == []
    writing, _ = token_of(cast.bob, "request")
    assert writing.get("requests/", waiting="true").status_code == 403


@pytest.mark.parametrize(
    "authorization",
    ["Garbage x", "Bearer", "Bearer x", "Bearer eyJ.a.b", "BEARER bax", "Basic eDp5", "bax_a"],
)
def test_another_site_decides_beside_an_authorization_of_its_own(
    cast: Cast, authorization: str
) -> None:
    """The session's cookie counts, so its forgery check does as well."""
    asked = ask(machine(), by=cast.alice)
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.bob, backend="portal.signin.backend.VouchedFor")
    answer = client.post(
        f"/api/v1/requests/{asked.reference}/approve/",
        {"terms_digest": asked.terms_digest},
        content_type="application/json",
        headers={"Authorization": authorization},
    )
    assert answer.status_code in (401, 403)
    asked.refresh_from_db()
    assert asked.state == "pending"


def test_a_token_gains_by_the_cookie_beside_it(cast: Cast) -> None:
    """Bob's session and Alice's token in one call: it is Alice's, and decides nothing."""
    asked = ask(machine(), by=cast.alan)
    caller, _ = token_of(cast.alice)
    client = signed_in(cast.bob)
    both = client.get("/api/v1/me/", headers=caller.headers).json()
    assert (both["name"], both["how"]) == ("Alice", "token")
    sent = {"terms_digest": asked.terms_digest}
    refused = client.post(
        f"/api/v1/requests/{asked.reference}/approve/", sent, "application/json",
        headers=caller.headers,
    )  # fmt: skip
    assert refused.status_code == 403
    wrong = {"Authorization": "Bearer bax_aaaaaaaa_" + "x" * 43}
    assert client.get("/api/v1/me/", headers=wrong).status_code == 401  # no way back to the cookie


def test_two_tokens_in_one_header(cast: Cast) -> None:
    caller, _ = token_of(cast.alice)
    one = caller.headers["Authorization"]
    both = with_secret(f"{one.removeprefix('Bearer ')},{one}")
    assert both.get("me/").status_code == 401


def test_a_key_tells_of_somebody_elses_request(cast: Cast) -> None:
    vm = machine()
    key = "4a1c4f0e-3c55-4b38-9a0f-5f7c1f6f2a11"
    sent = {"machine_id": vm.pk, "kind": "window", "port": 22, "minutes": 30, "reason": "Mine"}
    made = [
        token_of(who)[0].post("requests/", {**sent, "reason": who.display_name},
                              **{"Idempotency-Key": key})
        for who in (cast.alice, cast.alan)
    ]  # fmt: skip
    assert [each.status_code for each in made] == [201, 201]
    assert made[0].json()["reference"] != made[1].json()["reference"]
    assert made[1].json()["reason"] == "Alan"


def test_a_token_without_a_browser_makes_or_allows_another(cast: Cast) -> None:
    cast.alice.scopes = frozenset({"read", "request"})
    wish = tokens.TokenWish("x", ["read"], 1)
    with pytest.raises(NotAllowed):
        tokens.make(wish, by=cast.alice)
    asked = devices.ask("c", ["read"], address="")
    with pytest.raises(NotAllowed):
        devices.find(asked.user_code, by=cast.alice, address="")
    cast.alice.scopes = None
    caller, _ = token_of(cast.alice)
    page = caller.client.post(
        "/device/", {"code": asked.user_code, "answer": "allow"}, headers=caller.headers
    )
    assert page.status_code in (302, 403)  # to sign in: a token is nobody on the pages
    with pytest.raises(devices.DeviceNotYet):
        devices.fetch(asked.device_code)


@pytest.mark.parametrize("address", ["requests/", "me/", "machines/", "schema/", "device/"])
def test_another_site_reads(cast: Cast, address: str) -> None:
    """No CORS, for nobody, with or without a token."""
    caller, _ = token_of(cast.alice)
    for headers in ({}, caller.headers):
        answer = Client().options(
            f"/api/v1/{address}",
            headers={**headers, "Origin": "https://evil.example",
                     "Access-Control-Request-Method": "GET",
                     "Access-Control-Request-Headers": "authorization"},
        )  # fmt: skip
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
        assert answer.status_code in (401, 405)
