"""A program without a browser is signed in by a person who has one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from access.models import ApiToken, DeviceSignIn, LedgerEntry, Notice, Person
from access.services import devices
from tests.access.api.calling import nobody, with_secret
from tests.support.browsers import signed_in
from tests.support.cast import Cast


def begin(**changes: Any) -> dict[str, Any]:
    body = {"client": "bastion-access 1.0 on build-7", "scopes": ["read", "request"], **changes}
    answer = nobody().post("device/", body)
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def poll(asked: dict[str, Any]) -> Any:
    DeviceSignIn.objects.update(polled_at=None)  # time goes by
    return nobody().post("device/token/", {"device_code": asked["device_code"]})


def kind(answer: Any) -> str:
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    return str(answer.json()["type"]).removeprefix("urn:bastion-access:")


def answer(who: Person, asked: dict[str, Any], what: str) -> Any:
    return signed_in(who).post("/device/", {"code": asked["user_code"], "answer": what})


def test_a_person_lets_a_program_in(cast: Cast) -> None:
    asked = begin()
    assert asked["verification_uri_complete"].endswith(f"/device/?code={asked['user_code']}")
    assert kind(poll(asked)) == "authorization-pending"
    page = signed_in(cast.alice).get("/device/", {"code": asked["user_code"].lower()})
    for words in ("bastion-access 1.0 on build-7", "127.0.0.1", "Only if you started", "12 hours"):
        assert words in page.content.decode()
    assert kind(poll(asked)) == "authorization-pending"  # looking allows nothing
    assert answer(cast.alice, asked, "allow").status_code == 302
    assert not ApiToken.objects.exists()  # not before it is fetched
    got = poll(asked).json()
    assert (got["token_type"], got["scopes"]) == ("Bearer", ["read", "request"])
    assert with_secret(got["token"]).get("me/").json()["name"] == "Alice"
    token = ApiToken.objects.get()
    assert token.by_device
    assert token.expires_at <= timezone.now() + timedelta(hours=12)
    assert kind(poll(asked)) == "expired-token"  # once
    events = list(LedgerEntry.objects.values_list("event", flat=True).order_by("seq"))
    assert events[-2:] == ["device.allowed", "token.made"]
    assert Notice.objects.filter(event="token.by_device", person=cast.alice).exists()


def test_refused_is_refused(cast: Cast) -> None:
    asked = begin()
    answer(cast.alice, asked, "refuse")
    assert kind(poll(asked)) == "access-denied"
    assert answer(cast.alice, asked, "allow").status_code == 400
    assert kind(poll(asked)) == "access-denied"


def test_too_eager_is_told_to_slow_down(cast: Cast) -> None:
    asked = begin()
    sent = {"device_code": asked["device_code"]}
    assert kind(nobody().post("device/token/", sent)) == "authorization-pending"
    assert kind(nobody().post("device/token/", sent)) == "slow-down"


def test_after_ten_minutes_it_is_over(cast: Cast) -> None:
    asked = begin()
    DeviceSignIn.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert kind(poll(asked)) == "expired-token"
    assert answer(cast.alice, asked, "allow").status_code == 400


def test_an_unknown_code_is_told_nothing_else(db: None) -> None:
    assert kind(nobody().post("device/token/", {"device_code": "x" * 43})) == "expired-token"


def test_codes_are_not_guessed(cast: Cast) -> None:
    """Ten wrong ones, and the right one is of no use for a while; of nobody else's neither."""
    asked, alice = begin(), signed_in(cast.alice)
    for _ in range(devices.TRIES):
        assert alice.get("/device/", {"code": "BBBB-BBBB"}).status_code == 400
    page = alice.get("/device/", {"code": asked["user_code"]})
    assert "too many wrong codes" in page.content.decode()


def test_who_disabled_meanwhile_gives_nothing(cast: Cast) -> None:
    asked = begin()
    answer(cast.alice, asked, "allow")
    Person.objects.filter(pk=cast.alice.pk).update(is_active=False)
    assert poll(asked).status_code == 403
    assert not ApiToken.objects.exists()


def test_another_site_cannot_answer_for_a_person(cast: Cast) -> None:
    asked, client = begin(), Client(enforce_csrf_checks=True)
    client.force_login(cast.alice, backend="portal.signin.backend.VouchedFor")
    sent = {"code": asked["user_code"], "answer": "allow"}
    assert client.post("/device/", sent).status_code == 403
    assert kind(poll(asked)) == "authorization-pending"


def test_nobody_is_led_to_sign_in_first(db: None) -> None:
    asked = begin()
    led = Client().get("/device/", {"code": asked["user_code"]})
    assert led.status_code == 302
    assert "next=" in led["Location"]


def test_codes_are_kept_as_digests(db: None) -> None:
    asked = begin()
    kept = str(DeviceSignIn.objects.values().get())
    assert asked["device_code"] not in kept
    assert asked["user_code"] not in kept
    assert asked["user_code"].replace("-", "") not in kept


@pytest.mark.parametrize(
    "changes",
    [{"client": ""}, {"client": "x" * 121}, {"scopes": ["approve"]}, {"scopes": []},
     {"scopes": "read"}, {"person": 1}, {"client": "\x00"}],
)  # fmt: skip
def test_what_no_program_can_ask_for(db: None, changes: dict[str, Any]) -> None:
    answered = nobody().post("device/", {"client": "c", **changes})
    assert answered.status_code == 400
    assert answered["Content-Type"] == "application/problem+json"


def test_programs_that_ask_too_often_are_told_when_to_come_back(db: None, settings: Any) -> None:
    rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    settings.REST_FRAMEWORK = {
        **settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {**rates, "devices": "2/min"},
    }  # fmt: skip
    begin()
    begin()
    refused = nobody().post("device/", {"client": "c"})
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0
    assert refused["RateLimit-Remaining"] == "0"
