"""Walks the URLconf: what must hold for each address, and for each one that is added later."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.support.cast import Cast, ask, be_seen
from tests.support.estate import machine

PUBLIC = {"healthz", "readyz", "sign-in", "demo-sign-in", "sign-out", "theme"}
REFERENCE = "BA-000001"


def patterns(root: URLResolver | None = None) -> Iterator[URLPattern]:
    for found in (root or get_resolver()).url_patterns:
        if isinstance(found, URLResolver):
            yield from patterns(found)
        else:
            yield found


NAMES = sorted({str(pattern.name) for pattern in patterns()})


def address(name: str) -> str:
    pattern = next(found for found in patterns() if found.name == name)
    names = list(pattern.pattern.converters) or list(pattern.pattern.regex.groupindex)
    pages = name in ("request", "review") or name.startswith("request-")
    first = REFERENCE if pages else "1"
    values = {"reference": REFERENCE, "pk": first, "language": "bash", "number": "1"}
    return reverse(name, kwargs={key: values[key] for key in names if key != "format"})


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in NAMES if name not in PUBLIC])
@pytest.mark.parametrize("method", ["get", "post"])
def test_without_signing_in_nothing_is_there_to_see(name: str, method: str) -> None:
    answer = getattr(Client(), method)(address(name))
    led_to_sign_in = answer.status_code == 302 and answer.url.startswith("/sign-in/")
    assert led_to_sign_in or answer.status_code in {401, 403, 404, 405}, answer.status_code


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
def test_no_cache_keeps_it_and_no_frame_shows_it(name: str, cast: Cast) -> None:
    """X-24, and section 14 of ASVS: on every answer, errors included."""
    be_seen()
    ask(machine(), by=cast.alice)
    client = Client()
    client.force_login(cast.alice)
    answer = client.get(address(name))
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.status_code < 500


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
def test_looking_changes_nothing(name: str, cast: Cast) -> None:
    """Mail scanners and prefetching browsers GET whatever they find."""
    from access.models import LedgerEntry

    asked = ask(machine(), by=cast.alice)
    client = Client()
    client.force_login(cast.bob)
    before = LedgerEntry.objects.count()
    client.get(address(name))
    asked.refresh_from_db()
    assert (asked.state, LedgerEntry.objects.count()) == ("pending", before)
