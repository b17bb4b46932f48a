"""Walks the URLconf: what must hold for each address, and for each one that is added later."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from access.models import PersonRole, Role
from tests.support.cast import Cast, ask, be_seen
from tests.support.estate import machine

pytestmark = pytest.mark.long
PUBLIC = {"healthz", "readyz", "sign-in", "demo-sign-in", "sign-out", "theme", "signed-out"}
PUBLIC |= {"api-device", "api-device-token"}  # of programs that have nobody's name yet
PUBLIC |= {"visit-left", "visit-brand", "visit-leave", "visit-language"}  # nobody's, or one's own
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
    pages = name in {"request", "review", "wish-answer", "invitation-send"}
    pages = pages or name.startswith("request-")
    first = REFERENCE if pages else "1"
    values = {"reference": REFERENCE, "pk": first, "language": "bash", "number": "1"}
    values["handle"], values["token"] = "0" * 16, "1"
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
    least = {"same-origin", "no-referrer"} if name.startswith("visit") else {"same-origin"}
    assert answer.headers["Referrer-Policy"] in least
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.status_code < 500


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("api-export")])
def test_looking_changes_nothing(name: str, cast: Cast) -> None:
    """Mail scanners and prefetching browsers GET whatever they find. What an export takes away is
    written down, which is all that it changes."""
    from access.models import LedgerEntry

    asked = ask(machine(), by=cast.alice)
    client = Client()
    client.force_login(cast.bob)
    before = LedgerEntry.objects.count()
    client.get(address(name))
    asked.refresh_from_db()
    assert (asked.state, LedgerEntry.objects.count()) == ("pending", before)


def cursor(position: str) -> str:
    return base64.b64encode(f"p={position}".encode()).decode()


ASKED = (
    "again", "code", "from", "host", "instead", "kind", "level", "machine", "person", "policy", "q",
    "role", "shown", "since", "start", "state", "until", "way", "when", "with",
)  # fmt: skip
SENT = (
    "answer", "based_on", "comment", "days", "deputy", "ends", "key", "name", "next", "note",
    "reason", "scopes", "source", "starts", "target", "terms_digest", "text", "theme",
)  # fmt: skip
STRANGE = ("\0", "1\0", "machine|\0", "9" * 40, "9" * 4400, "²", "0001-01-01", "9999-12-31")
CURSORS = [cursor(each) for each in ("%00", "x", "9" * 40, "0001-01-01T00:00:00+14:00")]


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
def test_what_makes_no_sense_is_refused_and_breaks_nothing(name: str, cast: Cast) -> None:
    """What PostgreSQL or Python cannot hold comes from an address as easily as anything."""
    be_seen()
    ask(machine(), by=cast.alice)
    held = (Role.ENGINEER, Role.APPROVER, Role.AUDITOR)
    PersonRole.objects.bulk_create(PersonRole(person=cast.dana, role=role) for role in held)
    client = Client(raise_request_exception=False)
    client.force_login(cast.dana)
    told = [("get", dict.fromkeys(ASKED, strange)) for strange in STRANGE]
    told += [("get", {"q": "\0"}), ("get", {"until": "9999-12-31"}), ("get", {"with": "9" * 4400})]
    told += [("get", {"cursor": each}) for each in CURSORS]
    told += [("post", dict.fromkeys(ASKED + SENT, strange)) for strange in STRANGE]
    broken = []
    for method, said in told:
        status = getattr(client, method)(address(name), said).status_code
        if status >= 500 and name != "readyz":
            broken.append((method, said))
    assert not broken
