"""Where secrets are, after a day of the production shape: nowhere but in their owners' hands.

The parts run as processes, on PostgreSQL and Redis, with sign-in by Entra, mail, a webhook, tokens
and a shareable link. Then a thief gets everything that is kept or said: a dump of the database, all
that Redis holds and all it was ever asked, what every process wrote, and their command lines.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import uuid
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.fernet import Fernet
from django.conf import settings
from django.db import connection

from access.models import Gate, Notice, NoticeState
from tests.processes.parts import Broker, Shape, Visitor, broker, dump_of, fill_in, shape
from tests.support.azure import SimulatedAzure
from tests.support.canaries import LINK, Watch
from tests.support.collector import Collector, collector
from tests.support.entra import CLIENT, SECRET, TENANT, Entra, User
from tests.support.product import FOR_A_VENDOR, eventually
from tests.support.receivers import Inbox, Service, http_service, mail_server

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.processes]


@pytest.fixture
def watch() -> Watch:
    return Watch()


def given(watch: Watch, entra: Entra) -> None:
    """Every code and token from now on is learned as it is issued."""
    answer, arrive = entra.token_for, entra.authorized

    def token_for(sent: dict[str, str]) -> tuple[int, dict[str, Any]]:
        for name in ("code", "code_verifier", "client_secret", "refresh_token"):
            watch.learn(f"Entra's {name}", sent.get(name))
        status, told = answer(sent)
        for name in ("id_token", "access_token", "refresh_token"):
            watch.learn(f"Entra's {name}", told.get(name))
        return status, told

    def authorized(asked: dict[str, str]) -> tuple[str, dict[str, str]]:
        to, told = arrive(asked)
        watch.learn("Entra's code", told.get("code"))
        return to, told

    entra.token_for, entra.authorized = token_for, authorized  # type: ignore[method-assign]


def environment(
    watch: Watch, azure: SimulatedAzure, redis: Broker, entra: Entra, inbox: Inbox
) -> dict[str, str]:
    made = connection.settings_dict
    known = {
        "SECRET_KEY": secrets.token_urlsafe(64),
        "FIELD_KEYS": Fernet.generate_key().decode(),
        "EMAIL_HOST_PASSWORD": secrets.token_urlsafe(24),
        "ENTRA_CLIENT_SECRET": SECRET,
    }
    # A server that trusts this machine takes any password; the canary travels all the same.
    password = made["PASSWORD"] or secrets.token_urlsafe(24)
    for name, value in known.items():
        watch.learn(name, value)
    watch.learn("the database's password", password)
    watch.learn("the broker's password", redis.url.partition("@")[0].rpartition(":")[2])
    where = f"{made['USER']}:{password}@{made['HOST']}:{made['PORT']}/{made['NAME']}"
    return {
        **os.environ, **known,
        "DJANGO_SETTINGS_MODULE": "tests.processes.settings",
        "DATABASE_URL": f"postgres://{where}", "REDIS_URL": redis.url,
        "AZURE_ENDPOINT": azure.url, "IDENTITY_ENDPOINT": f"{azure.url}/msi/token",
        "IDENTITY_HEADER": "simulated", "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": str(inbox.port), "EMAIL_USE_TLS": "false",
        "EMAIL_FROM": "portal@example.test", "ENTRA_TENANT_ID": TENANT,
        "ENTRA_CLIENT_ID": CLIENT, "ENTRA_AUTHORITY": entra.authority,
        "ENTRA_CA_FILE": entra.ca_file,
    }  # fmt: skip


class Walk:
    """What people do in the meantime."""

    def __init__(self, made: Shape, entra: Entra, watch: Watch) -> None:
        self.shape, self.entra, self.watch = made, entra, watch
        self.visitors: list[Visitor] = []

    def sign_in(self, user: User) -> Visitor:
        visitor = Visitor(self.shape.url)
        first = visitor.session.get(
            f"{self.shape.url}/sign-in/entra/", allow_redirects=False, timeout=20
        )
        assert first.status_code == 302, first.text
        back = self.entra.visit(first.headers["Location"], user)
        path = back.partition("/sign-in/")[2]
        assert visitor.get(f"/sign-in/{path}").ok
        self.visitors.append(visitor)
        self.learn_cookies(visitor)
        return visitor

    def learn_cookies(self, visitor: Visitor) -> None:
        for cookie in visitor.session.cookies:
            if cookie.name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME):
                self.watch.learn(f"the cookie {cookie.name}", cookie.value)

    def endpoint(self, dana: Visitor, service: Service) -> None:
        address = f"{service.address}?sig={secrets.token_urlsafe(24)}"
        self.watch.learn("an endpoint's address", address)
        self.watch.learn("an endpoint's address", address.rpartition("=")[2])
        page = dana.post(
            "/notices/endpoints/new/", name="SIEM", kind="webhook", address=address,
            families=["open", "deciding", "decided"],
        ).text  # fmt: skip
        self.watch.learn("an endpoint's secret", shown(page, r"[A-Za-z0-9_-]{40,}"))

    def token(self, alice: Visitor) -> str:
        sent = {
            "key": str(uuid.uuid4()),
            "name": "laptop",
            "scopes": ["read", "request"],
            "days": 30,
        }
        page = alice.post("/me/tokens/new/", **sent).text
        made = shown(page, r"bax_[a-z0-9]{8}_[\w-]{43}")
        self.watch.learn("a personal token", made)
        return made

    def device(self, alice: Visitor) -> None:
        url = f"{self.shape.url}/api/v1/device/"
        told = requests.post(url, json={"client": "a robot"}, timeout=20).json()
        self.watch.learn("a device code", told["device_code"])
        self.watch.learn("a user code", told["user_code"])
        assert alice.get(f"/device/?code={told['user_code']}").ok
        assert alice.post("/device/", code=told["user_code"], answer="allow").ok
        sent = {"device_code": told["device_code"]}
        made = requests.post(f"{url}token/", json=sent, timeout=20).json()
        self.watch.learn("a personal token", made["token"])


def shown(page: str, pattern: str) -> str:
    """The secret that a page shows once."""
    (main,) = re.findall(r"<main.*?</main>", page, re.DOTALL)
    without = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", main)
    found: list[str] = re.findall(pattern, without)
    assert found, main
    return max(found, key=len)


def test_after_a_day_no_secret_is_kept_or_said_anywhere(
    watch: Watch, live_estate: SimulatedAzure, tmp_path: Path
) -> None:
    """X-50, X-82"""
    assert shutil.which("redis-server")
    assert shutil.which("pg_dump")
    password = secrets.token_urlsafe(24)
    with (
        Entra.started(tmp_path) as entra,
        mail_server() as inbox,
        http_service() as service,
        broker(tmp_path, password) as redis,
        collector() as told,
    ):
        given(watch, entra)
        env = environment(watch, live_estate, redis, entra, inbox)
        env |= {"OTEL_EXPORTER_OTLP_ENDPOINT": told.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
        with shape(tmp_path, env) as made:
            a_day(Walk(made, entra, watch), live_estate, service, inbox)
            every_line_is_an_object(made)
            one_id_leads_from_the_click_to_azure(made, told, live_estate)
            lines = made.command_lines()
            kept = redis.contents()
            redis.plant(f"as a thief would like it: {password}")
            planted = redis.contents()
    dump = dump_of(connection.settings_dict)
    assert {"a personal token", "a device code", "the address of a link", "an endpoint's secret",
            "a vendor's key", "a vendor's code", "a visit's cookie", "Entra's id_token",
            "Entra's refresh_token", "Entra's code", "the cookie sessionid",
            } <= {canary.what for canary in watch.canaries.values()}  # fmt: skip
    assert "Certificate has run out" in dump  # the dump, Redis and the logs are really of this day
    assert "access.look" in kept[1][1]
    assert "request_id" in kept[1][1]  # of the request that a task was called for by
    everywhere = [*made.logs(), *lines, *kept, ("a dump of the database", dump)]
    everywhere += mails(inbox)
    everywhere += [("what the collector of traces was told", told.text())]
    everywhere += [("what the webhook was told", got.body.decode()) for got in service.got]
    assert watch.found_in(everywhere) == []
    assert watch.found_in(planted) == [
        f"the broker's password ({password[:4]}…) in the keys of Redis",
        f"the broker's password ({password[:4]}…) in what Redis was asked",
    ]


def a_day(walk: Walk, azure: SimulatedAzure, service: Service, inbox: Inbox) -> None:
    alice = walk.sign_in(walk.entra.user("Alice", "Engineer"))
    bob = walk.sign_in(walk.entra.user("Bob", "Approver"))
    dana = walk.sign_in(walk.entra.user("Dana", "Admin"))
    walk.endpoint(dana, service)
    bearer = {"Authorization": f"Bearer {walk.token(alice)}"}
    walk.device(alice)
    api = f"{walk.shape.url}/api/v1/"
    machines = requests.get(f"{api}machines/", headers=bearer, timeout=20).json()["results"]
    (vm,) = [row for row in machines if row["name"] == "vm-app-01"]
    wish = {
        "machine_id": vm["id"], "kind": "link", "port": 22, "minutes": 30,
        "reason": "Certificate has run out", **FOR_A_VENDOR,
    }  # fmt: skip
    got = requests.post(f"{api}requests/", json=wish, headers=bearer, timeout=20)
    assert got.status_code == 201, got.text
    asked = got.json()
    unasked = Gate.objects.filter(audited_at__isnull=True)
    eventually(lambda: not unasked.exists(), seconds=20)  # an audit keeps others from its gate
    bob.api(f"requests/{asked['reference']}/approve/", terms_digest=asked["terms_digest"])
    eventually(lambda: grants(api, bearer) == {"open"}, seconds=30)
    for row in azure.state()["links"]:
        assert LINK.fullmatch(row["bsl"])
        walk.watch.learn("the address of a link", row["bsl"])
        walk.watch.learn("the address of a link", row["bsl"].rpartition("/")[2])
    a_visit(walk, azure, inbox)
    for visitor in (alice, bob, dana):
        assert visitor.get(f"/requests/{asked['reference']}/").ok
    assert requests.get(f"{api}nowhere/?code=0.AXoA&token={bearer}", timeout=20).status_code == 404
    for row in requests.get(f"{api}grants/", headers=bearer, timeout=20).json()["results"]:
        if row["state"] == "open":
            requests.post(f"{api}grants/{row['id']}/end/", headers=bearer, timeout=20)
    eventually(lambda: grants(api, bearer) == {"closed"}, seconds=30)
    waiting = Notice.objects.filter(state=NoticeState.QUEUED)
    eventually(lambda: not waiting.exists() and bool(service.got) and bool(inbox.raw), seconds=20)
    for visitor in walk.visitors:
        walk.learn_cookies(visitor)
        visitor.post("/sign-out/")


LETTER = "a letter to the vendor"


def mails(inbox: Inbox) -> list[tuple[str, str]]:
    vendor = FOR_A_VENDOR["vendor_mail"]
    pairs = zip(inbox.raw, inbox.to, strict=True)
    return [(LETTER if vendor in to else "a mail", raw.decode(errors="replace"))
            for raw, to in pairs]  # fmt: skip


def a_visit(walk: Walk, azure: SimulatedAzure, inbox: Inbox) -> None:
    """The vendor's person reads the letter, gives the code and goes through the door."""
    vendor, to = Visitor(walk.shape.url), FOR_A_VENDOR["vendor_mail"]
    letter = written(inbox, to, r"/visit/(bav_[\w-]+)/")
    walk.watch.learn("a vendor's key", letter, LETTER)
    landing = vendor.get(f"/visit/{letter}/")
    assert landing.ok
    fill_in(vendor, landing, f"/visit/{letter}/code/")
    code = written(inbox, to, r"\b(\d{4} ?\d{4})\b")
    walk.watch.learn("a vendor's code", code, LETTER)
    walk.watch.learn("a vendor's code", code.replace(" ", ""), LETTER)
    learn_visit(walk, vendor)
    page = vendor.get("/visit/code/")
    fill_in(vendor, page, "/visit/code/", code=code)
    learn_visit(walk, vendor)
    page = vendor.get("/visit/session/")
    bastion = fill_in(vendor, page, "/visit/open/", number="1")
    assert "stands in for Azure Bastion" in bastion.text
    assert requests.post(bastion.url, {"user": "vendor-local"}, timeout=20).ok
    assert [row["userName"] for row in azure.state()["sessions"]] == ["vendor-local"]


def written(inbox: Inbox, to: str, pattern: str) -> str:
    """What a mail to that address says, once there is one."""

    def found() -> list[str]:
        bodies = [mail.get_body(("plain",)) for mail in inbox.to_whom(to)]
        text = "\n".join(body.get_content() for body in bodies if body)
        return re.findall(pattern, text)

    eventually(lambda: bool(found()), seconds=30)
    return found()[-1]


def learn_visit(walk: Walk, vendor: Visitor) -> None:
    for cookie in vendor.session.cookies:
        if cookie.name == settings.VENDOR_COOKIE_NAME:
            walk.watch.learn("a visit's cookie", cookie.value)


def grants(api: str, bearer: dict[str, str]) -> set[str]:
    rows = requests.get(f"{api}grants/", headers=bearer, timeout=20).json()["results"]
    return {row["state"] for row in rows}


def every_line_is_an_object(made: Shape) -> None:
    """And each request has its one, with its id."""
    for name, text in made.logs():
        for line in text.splitlines():
            assert isinstance(json.loads(line), dict), (name, line)
    web = [json.loads(line) for line in made.said_by("web").splitlines()]
    told = [row for row in web if row["logger"] == "portal.requests"]
    assert {row["route"] for row in told} >= {"entra-callback", "request", "token-new", "device"}
    assert all(row["request"] for row in told)


def one_id_leads_from_the_click_to_azure(
    made: Shape, told: Collector, azure: SimulatedAzure
) -> None:
    """Who asks why a door opened late has the answer's id, and finds by it what Azure was asked:
    in the logs of two processes, in the trace, and in Azure's own record."""
    web, worker = ([json.loads(line) for line in made.said_by(name).splitlines()]
                   for name in ("web", "worker"))  # fmt: skip
    (click,) = [row for row in web if row.get("route") == "api-request-approve"]
    mine = [row for row in worker if row.get("request") == click["request"]]
    calls = [row for row in mine if row["logger"] == "portal.azure.calls"]
    assert calls, "the worker told of no call for this request"
    sent = {row["client_request_id"] for row in calls}
    assert sent & {row.get("client_request_id") for row in azure.record()}
    way = ["POST api-request-approve", "run access.look"]

    def traced() -> bool:
        found = [s for s in told.spans if s.attributes.get("azure.client_request_id") in sent]
        return any(told.above(span)[:2] == way for span in found)

    eventually(traced, seconds=10)
    assert {span.attributes["portal.request_id"] for span in told.named(way[0])} == {
        click["request"]
    }
