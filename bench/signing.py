"""What knowing who somebody is costs: beside the same answer given to nobody, and beside the bare
libraries that do the work."""

from __future__ import annotations

import time
from typing import Any

from bench.deciding import _p, _times
from bench.ledger import prepare
from bench.places import folder

ROWS = 200


def main() -> None:
    prepare()
    from django.test.utils import setup_test_environment

    setup_test_environment()
    _calls()
    _tokens()
    _asking_entra()
    _lines()


def _calls() -> None:
    """A call of the API, whole, in one process."""
    from django.conf import settings
    from django.test import Client

    from access import services
    from access.models import AccessRequest, Person
    from access.services.tokens import TokenWish, make
    from tests.support.cast import be_seen, person, submission
    from tests.support.estate import machine

    be_seen()
    settings.ACCESS_MOST_WAITING_OF_PERSON = ROWS
    settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"].update(calls="100000/min")
    alice = person("Alice", *_roles("engineer"))
    for number in range(ROWS):
        services.submit(submission(machine(f"vm-{number}")), by=alice)
    secret = make(TokenWish("bench", ["read"], 1), by=Person.objects.get(pk=alice.pk)).secret
    nobody, session, token = Client(), Client(), Client(HTTP_AUTHORIZATION=f"Bearer {secret}")
    session.force_login(alice)
    rows = [
        ("health check, nobody asked for", lambda _: nobody.get("/healthz")),
        ("who am I, by session", lambda _: session.get("/api/v1/me/")),
        ("who am I, by personal token", lambda _: token.get("/api/v1/me/")),
        ("50 requests, by personal token", lambda _: token.get("/api/v1/requests/")),
    ]
    base = _times(lambda _: list(AccessRequest.objects.order_by("-pk")[:50]))
    _print("plain query of 50 requests", base, base)
    for name, act in rows:
        assert act(0).status_code == 200, name
        _print(name, _times(act), base)


def _tokens() -> None:
    """An ID token: PyJWT alone with the key at hand, and all that is asked of it here."""
    import jwt
    from django.conf import settings

    from portal.signin.entra.config import entra as configured
    from portal.signin.entra.tokens import id_token
    from tests.support.entra import CLIENT, TENANT, Entra, oid

    with Entra.started(folder()) as entra:
        entra.point(settings)
        now = int(time.time())
        claims = {
            "iss": entra.issuer, "aud": CLIENT, "exp": now + 600, "nbf": now, "iat": now,
            "tid": TENANT, "oid": oid("Alice"), "ver": "2.0", "nonce": "n", "roles": ["Engineer"],
            "sub": "s",
        }  # fmt: skip
        raw = jwt.encode(claims, entra.key.private, "RS256", headers={"kid": entra.key.kid})
        key, ours = entra.key.private.public_key(), configured()
        base = _times(lambda _: jwt.decode(raw, key, ["RS256"], audience=CLIENT))
        _print("PyJWT alone", base, base)
        _print("an ID token, validated", _times(lambda _: id_token(raw, ours, nonce="n")), base)


def _asking_entra() -> None:
    """Before each decision: a refresh at a provider on loopback that takes no time of its own."""
    import requests
    from django.conf import settings
    from django.test import Client

    from access.models import Person
    from portal.signin.entra.reread import reread
    from tests.portal.signin.conftest import through
    from tests.support.entra import Entra

    with Entra.started(folder()) as entra:
        entra.point(settings)
        settings.PORTAL_URL = "https://access.example.test"
        browser = Client()
        through(browser, entra, entra.user("Bob", "Engineer", "Approver"))
        bob, session = Person.objects.get(display_name="Bob"), browser.session
        known = f"{entra.issuer}/.well-known/openid-configuration"
        base = _times(lambda _: requests.get(known, verify=entra.ca_file, timeout=5))
        _print("one bare question over TLS", base, base)
        _print("roles asked again", _times(lambda _: reread(session, bob)), base)


def _lines() -> None:
    """A line of the log, and the same with secrets looked for."""
    import logging

    from portal.logs.formats import OneObject

    record = logging.LogRecord("portal.requests", 20, "x", 1, "GET machines 200 12 ms", (), None)
    plain, ours = logging.Formatter("%(asctime)s %(name)s %(message)s"), OneObject()
    base = _times(lambda _: [plain.format(record) for _ in range(100)])
    _print("100 plain log lines", base, base)
    found = _times(lambda _: [ours.format(record) for _ in range(100)])
    _print("100 lines as JSON, redacted", found, base)


def _roles(*names: str) -> list[Any]:
    from access.models import Role

    return [Role(name) for name in names]


def _print(name: str, found: list[float], base: list[float]) -> None:
    ratio = _p(found, 50) / _p(base, 50)
    print(f"{name:<35} {_p(found, 50):>8.2f} ms  p95 {_p(found, 95):>8.2f} ms  {ratio:>7.1f} x")


if __name__ == "__main__":
    main()
