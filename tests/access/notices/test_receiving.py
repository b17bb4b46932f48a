"""What a receiver of our webhooks is told to do in docs/notices.md does what it should; and the
portal itself is nobody's receiver."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.permissions import AllowAny
from rest_framework.settings import api_settings

from access.delivery.worker import deliver
from access.sealed import seal
from tests.access.notices.moves import endpoint
from tests.support.cast import Cast, ask
from tests.support.estate import machine
from tests.support.receivers import Got, http_service

DOCS = Path(__file__).resolve().parents[3] / "docs" / "notices.md"
FIVE_MINUTES = 300
Check = Callable[[Mapping[str, str], bytes, str], bool]


@pytest.fixture
def is_ours() -> Check:
    """As it stands in the document, to be copied."""
    (block,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)  # it is ours, and it is what is tested
    check: Check = names["is_ours"]
    return check


@pytest.fixture
def got(transactional_db: None) -> Got:
    """One delivery, as it arrives."""
    cast = Cast.create()
    with http_service() as service:
        known = endpoint("SIEM", service.address, "webhook")
        ask(machine(), by=cast.alice)
        deliver(known.route)
    (arrived,) = service.got
    return arrived


def test_a_delivery_is_recognised(got: Got, is_ours: Check) -> None:
    assert is_ours(got.headers, got.body, "the secret")


def test_a_replay_after_five_minutes_is_refused(
    got: Got, is_ours: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X-65: nor is one believed that says to come from the future."""
    now = time.time()
    for passed, believed in ((FIVE_MINUTES - 30, True), (FIVE_MINUTES + 5, False), (-310, False)):
        monkeypatch.setattr(time, "time", lambda passed=passed: now + passed)
        assert is_ours(got.headers, got.body, "the secret") is believed


@pytest.mark.parametrize("name", ["Timestamp", "Id", "Signature"])
def test_a_header_that_was_changed_is_refused(got: Got, is_ours: Check, name: str) -> None:
    """X-65: a new time on an old signature, another id, a made-up signature."""
    soon = str(int(time.time()) + 1)
    changed = {"Timestamp": soon, "Id": "notice-1", "Signature": "v1=" + "0" * 64}
    forged = {**got.headers, f"X-Bastion-Access-{name}": changed[name]}
    assert not is_ours(forged, got.body, "the secret")


def test_a_body_that_was_changed_is_refused(got: Got, is_ours: Check) -> None:
    """X-65"""
    forged = got.body.replace(b"request.submitted", b"request.approved!")
    assert forged != got.body
    assert not is_ours(got.headers, forged, "the secret")


def test_who_does_not_know_the_secret_signs_nothing(got: Got, is_ours: Check) -> None:
    """X-65"""
    assert not is_ours(got.headers, got.body, "another secret")


def test_both_secrets_are_good_while_one_takes_the_place_of_the_other(
    transactional_db: None, is_ours: Check
) -> None:
    cast = Cast.create()
    with http_service() as service:
        known = endpoint("SIEM", service.address, "webhook", old_secret=seal("the old one"))
        ask(machine(), by=cast.alice)
        deliver(known.route)
    (arrived,) = service.got
    for secret in ("the secret", "the old one"):
        assert is_ours(arrived.headers, arrived.body, secret)


def views(root: URLResolver | None = None) -> list[URLPattern]:
    found: list[URLPattern] = []
    for pattern in (root or get_resolver()).url_patterns:
        found += views(pattern) if isinstance(pattern, URLResolver) else [pattern]
    return found


def test_the_portal_takes_no_webhook_of_anybody(db: None) -> None:
    """X-65: whoever has neither a session nor a token can send two things, both by a program that
    asks to be signed in; everything else wants a person's own page."""
    open_to_all = {
        str(pattern.name)
        for pattern in views()
        if getattr(pattern.callback, "csrf_exempt", False)
        and AllowAny in getattr(pattern.callback.cls, "permission_classes", [AllowAny])
    }
    assert open_to_all == {"api-device", "api-device-token"}
    assert AllowAny not in api_settings.DEFAULT_PERMISSION_CLASSES
    signed = {"HTTP_X_BASTION_ACCESS_SIGNATURE": "v1=00", "content_type": "application/json"}
    strict = Client(enforce_csrf_checks=True)
    for path in ("/notices/", "/webhook/", "/hooks/", "/api/v1/webhooks/", "/sign-in/demo/"):
        assert strict.post(path, "{}", **signed).status_code in {302, 403, 404, 405}
