"""The watch over secrets can fail: each secret, put into each place, is found there."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client

from access import services
from access.delivery.worker import deliver
from access.models import Machine, Notice, NoticeState, Person
from access.services import devices, tokens
from portal.celery import app
from tests.access.notices.moves import endpoint
from tests.support.azure import SimulatedAzure
from tests.support.browsers import Browser
from tests.support.canaries import Canary, Watch, tables, watching
from tests.support.cast import Cast, approved, run_engine
from tests.support.entra import Entra


@pytest.fixture
def watch() -> Iterator[Watch]:
    with watching() as made:
        yield made


def in_a_log_record(secret: str, cast: Cast) -> None:
    logging.getLogger("access").warning("it said %s", secret)


def in_an_exception(secret: str, cast: Cast) -> None:
    try:
        raise ValueError(secret)
    except ValueError:
        logging.getLogger("access").exception("it broke down")


def in_a_table(secret: str, cast: Cast) -> None:
    Person.objects.filter(pk=cast.charlie.pk).update(display_name=f"Charlie {secret}"[:200])


def in_a_json_column(secret: str, cast: Cast) -> None:
    from django.db import transaction

    from access import ledger

    with transaction.atomic():
        ledger.record("test.planted", by=cast.dana, data={"seen": [secret]})


def in_a_session(secret: str, cast: Cast) -> None:
    client = Client()
    session = client.session
    session["note"] = secret * 3  # long enough to be packed
    session.save()


def in_a_message(secret: str, cast: Cast) -> None:
    app.send_task("tests.planted", (7, secret))


def in_a_header_of_a_message(secret: str, cast: Cast) -> None:
    app.send_task("tests.planted", (7,), headers={"why": secret})


def in_an_answer(secret: str, cast: Cast) -> None:
    from django.core.handlers.base import BaseHandler

    request = HttpRequest()
    request.resolver_match = None
    handler = BaseHandler()
    handler._middleware_chain = lambda _: HttpResponse(f"<p>{secret}</p>")
    handler.get_response(request)


PLACES: dict[str, Callable[[str, Cast], None]] = {
    "a log record": in_a_log_record,
    "a log record ": in_an_exception,
    "the table access_person": in_a_table,
    "the table access_ledgerentry": in_a_json_column,
    "the table portal_browsersession": in_a_session,
    "a message to the broker": in_a_message,
    "a message to the broker ": in_a_header_of_a_message,
    "an answer of -": in_an_answer,
}


@pytest.fixture
def secrets_of_a_day(
    watch: Watch, cast: Cast, browser: Browser, settings: Any
) -> dict[str, Canary]:
    """One of each kind, come into being as it does."""
    settings.SECRET_KEY = "a-secret-key-of-the-test-that-is-long"
    settings.EMAIL_HOST_PASSWORD = "the-mail-servers-password"
    settings.ENTRA_CLIENT_SECRET = "the-secret-of-the-registration"
    settings.DATABASES["default"] = {**settings.DATABASES["default"], "PASSWORD": "of-the-database"}
    watch.learn_settings()
    client = Client()
    Person.objects.update(tenant_id="demo")
    client.get("/sign-in/")
    client.post("/sign-in/demo/", {"person": "alice"})
    endpoint("SIEM", "https://hooks.example.com/services/very-secret", "webhook")
    tokens.make(tokens.TokenWish("laptop", ["read"], 30), by=cast.alice)
    devices.ask("bastion-access 1.0", ["read"], address="203.0.113.7")
    return {canary.what: canary for canary in watch.canaries.values()}


KINDS = [
    "SECRET_KEY", "a field key", "the mail server's password", "the database's password",
    "Entra's client secret", "a session cookie", "a CSRF cookie", "what was sealed",
    "a personal token", "a device code", "a user code",
]  # fmt: skip


@pytest.mark.parametrize("where", PLACES)
def test_each_secret_is_found_in_each_place(
    where: str, secrets_of_a_day: dict[str, Canary], watch: Watch, cast: Cast
) -> None:
    """X-82: a watch that cannot fail would watch nothing."""
    assert set(KINDS) <= set(secrets_of_a_day)
    assert watch.found() == []
    for kind in KINDS:
        canary = secrets_of_a_day[kind]
        PLACES[where](canary.value, cast)
        assert f"{kind} ({canary.value[:4]}…) in {where.strip()}" in watch.found()
        watch.said.clear()


def test_a_secret_may_be_seen_where_it_is_needed_and_nowhere_else(watch: Watch) -> None:
    watch.learn("a personal token", "bax_12345678_abc", "token-new")
    watch.answers.append(("token-new", "Copy it now: bax_12345678_abc"))
    assert watch.found_in([("an answer of token-new", "bax_12345678_abc")]) == []
    assert watch.found_in([("an answer of settings", "bax_12345678_abc")]) != []


def test_it_is_recognised_in_the_clothes_that_pages_and_addresses_give_it() -> None:
    canary = Canary("x", 'a"b&c<d>/é')
    assert canary.stands_in("<p>a&quot;b&amp;c&lt;d&gt;/é</p>")
    assert canary.stands_in("?x=a%22b%26c%3Cd%3E%2F%C3%A9")
    assert canary.stands_in('{"x": "a\\"b&c<d>/\\u00e9"}')


def test_what_is_said_before_it_is_taken_out_counts(watch: Watch, db: None) -> None:
    """The last line of defence hides it in the file; the code is wrong all the same."""
    watch.learn("a personal token", "bax_abcdefgh_" + "A" * 43)
    logging.getLogger("access").warning("it said %s", "bax_abcdefgh_" + "A" * 43)
    assert watch.found() == ["a personal token (bax_…) in a log record"]


def test_the_whole_life_of_a_link_leaves_its_address_nowhere(
    watch: Watch, live_estate: SimulatedAzure, cast: Cast, browser: Browser
) -> None:
    """X-50, X-82: read, recognised by a digest, and forgotten."""
    machine = Machine.objects.get(name="vm-app-01")
    grant = approved(machine, by=cast.alice, approver=cast.bob, kind="link")
    run_engine()
    links = [row["bsl"] for row in live_estate.state()["links"]]
    assert links
    assert set(links) <= set(watch.canaries)
    browser(cast.alice).get(f"/requests/{grant.access_request.reference}/")
    services.end(grant, by=cast.alice)
    run_engine()
    assert live_estate.state()["links"] == []
    assert watch.found() == []


def test_a_vendors_visit_leaves_none_of_its_secrets_anywhere(
    watch: Watch,
    live_estate: SimulatedAzure,
    cast: Cast,
    settings: Any,
    mailoutbox: list[EmailMessage],
) -> None:
    """X-50: the address in the letter, the code, the visit's cookie and Bastion's address are in
    the letter, the cookie and the answer that need them; and what stands in the database in their
    place opens nothing."""
    from links.models import InvitationKey, VendorBrowser

    settings.EMAIL_HOST = "mail.example.test"
    grant = approved(Machine.objects.get(name="vm-app-01"), by=cast.alice, approver=cast.bob,
                     kind="link")  # fmt: skip
    run_engine()
    _post()
    token = _written(mailoutbox, r"/visit/(bav_[\w-]+)/")
    vendor = Client()
    assert vendor.get(f"/visit/{token}/").status_code == 200
    vendor.post(f"/visit/{token}/code/")
    _post()
    code = _written(mailoutbox, r"\b(\d{4} ?\d{4})\b")
    page = vendor.get("/visit/code/").content.decode()
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', page))
    vendor.post("/visit/code/", {**fields, "code": code})
    opened = vendor.post("/visit/open/", {"number": 1})
    (link,) = live_estate.state()["links"]
    assert opened.status_code == 303
    assert opened.headers["Location"].endswith(link["bsl"].removeprefix("https://"))
    kinds = {canary.what for canary in watch.canaries.values()}
    assert {"a vendor's key", "a vendor's code", "a visit's cookie"} <= kinds
    assert watch.found() == []
    for key in InvitationKey.objects.all():
        assert Client().get(f"/visit/bav_{key.prefix}_{key.digest[:43]}/").status_code == 404
    for browser in VendorBrowser.objects.all():
        thief = Client()
        thief.cookies["visit"] = browser.digest
        assert thief.post("/visit/open/", {"number": 1}).status_code != 303
    services.end(grant, by=cast.alice)
    run_engine()
    _post()
    assert watch.found() == []


def _post() -> None:
    """All that waits; a slow machine may need several turns for it."""
    for _ in range(20):
        if not Notice.objects.filter(state=NoticeState.QUEUED).exists():
            return
        deliver("mail")


def _written(mails: list[EmailMessage], pattern: str) -> str:
    """To the vendor, lately."""
    mine = [mail for mail in mails if mail.to == ["technician@vendor.test"]]
    found: list[str] = re.findall(pattern, "\n".join(str(mail.body) for mail in mine))
    assert found, [mail.subject for mail in mails]
    return found[-1]


def test_a_copy_of_the_database_signs_nobody_in(watch: Watch, cast: Cast) -> None:
    """X-50: what stands in its columns is of no use as a cookie, a token or a code."""
    Person.objects.update(tenant_id="demo")
    client = Client()
    client.post("/sign-in/demo/", {"person": "alice"})
    assert client.get("/").status_code == 200
    made = tokens.make(tokens.TokenWish("laptop", ["read"], 30), by=cast.alice)
    asked = devices.ask("bastion-access 1.0", ["read"], address="203.0.113.7")
    assert watch.found() == []
    stolen = "\n".join(text for _, text in tables())
    assert made.secret not in stolen
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_key FROM portal_browsersession")
        keys = [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT digest FROM access_apitoken")
        digests = [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT device_digest FROM access_devicesignin")
        codes = [row[0] for row in cursor.fetchall()]
    from django.conf import settings

    for key in keys:
        thief = Client()
        thief.cookies[settings.SESSION_COOKIE_NAME] = key
        assert thief.get("/").status_code == 302
    for digest in digests:
        bearer = {"HTTP_AUTHORIZATION": f"Bearer {made.token.prefix}_{digest}"}
        assert Client().get("/api/v1/me/", **bearer).status_code == 401
    for code in codes:
        with pytest.raises(devices.DeviceNotYet):
            devices.fetch(code)
    assert asked.device_code not in codes


def test_what_entra_gives_is_learned_and_is_nowhere(
    watch: Watch, db: None, settings: Any, tmp_path: Path
) -> None:
    """X-50, X-82: codes, verifiers and tokens of a sign-in, the sealed one included."""
    with Entra.started(tmp_path) as entra:
        entra.point(settings)
        client = Client()
        begun = client.get("/sign-in/entra/")
        back = entra.visit(begun.headers["Location"], entra.user("Alice", "Engineer"))
        arrived = client.get(f"/sign-in/entra/callback/?{back.partition('?')[2]}")
        assert arrived.status_code == 302
        assert client.get("/").status_code == 200
    kinds = {canary.what for canary in watch.canaries.values()}
    wanted = ("client_secret", "code", "code_verifier", "id_token", "access_token", "refresh_token")
    assert {f"Entra's {name}" for name in wanted} <= kinds
    assert watch.found() == []
