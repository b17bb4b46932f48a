"""Headers, cookies, addresses that lead elsewhere, and sizes: what holds for every page."""

from __future__ import annotations

import json
import re

import pytest
from django.conf import settings as live
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from access.models import Person, PersonRole
from portal.web.address import client_address
from tests.portal.test_every_address import NAMES, address
from tests.portal.test_settings import booted
from tests.support import estate
from tests.support.browsers import signed_in
from tests.support.cast import Cast, approved, ask

pytestmark = pytest.mark.long
EVIL = (
    "https://evil.test/", "//evil.test", "///evil.test", "////evil.test/a", "/\\evil.test",
    "\\/evil.test", "\\\\evil.test", "/\t/evil.test", "\t//evil.test", " //evil.test",
    "http:evil.test", "http:///evil.test", "https:/evil.test", "//evil.test\\@testserver",
    "https://testserver@evil.test/", "https://testserver.evil.test/", "//testserver:80@evil.test",
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "/\r\nLocation: //evil.test",
    "//evil%E3%80%82test", "/%09/evil.test", "//%5cevil.test", "evil.test", "?next=//evil.test",
    "https://[::1]/", "//[evil", "ftp://evil.test/", "\x00//evil.test", "/" * 3000 + "evil.test",
)  # fmt: skip
TAKEN = ("next", "back", "return", "return_to", "url", "redirect", "redirect_uri", "to", "r")


def leads_elsewhere(location: str) -> bool:
    """As browsers read it: tabs, line breaks and edges go, a backslash is a slash."""
    seen = location.strip().translate({9: None, 10: None, 13: None}).replace("\\", "/")
    return bool(seen) and (not seen.startswith("/") or seen.startswith("//"))


@pytest.fixture
def strict(cast: Cast) -> Client:
    return signed_in(cast.dana)


@pytest.mark.django_db
class TestRedirects:
    """Section 3.7 of ASVS: nothing in an address chooses where people land."""

    @pytest.mark.parametrize("evil", EVIL)
    def test_pages_that_lead_back_lead_nowhere_else(self, evil: str, cast: Cast):
        Person.objects.create(tenant_id="demo", object_id="engineer", display_name="Demo")
        alice, nobody = signed_in(cast.alice), Client()
        sent = {"next": evil, "theme": "dark", "person": "engineer"}
        answers = [
            alice.get("/sign-in/", sent),
            alice.post("/theme/", sent),
            alice.post("/sign-in/again/", {"next": evil, "person": cast.alice.object_id}),
            nobody.post("/sign-in/demo/", sent),
        ]
        for answer in answers:
            assert answer.status_code == 302
            assert not leads_elsewhere(answer.url), answer.url

    @pytest.mark.parametrize("name", NAMES)
    def test_no_page_leads_elsewhere_whatever_it_is_given(self, name: str, strict: Client):
        for evil in ("https://evil.test/", "/\\evil.test", "//evil.test"):
            sent = dict.fromkeys(TAKEN, evil)
            for answer in (strict.get(address(name), sent), strict.post(address(name), sent)):
                assert "evil.test" not in answer.headers.get("Location", "").split("?")[0]
                assert "evil.test" not in answer.headers.get("HX-Redirect", "")


@pytest.mark.django_db
class TestHeaders:
    @pytest.mark.parametrize(
        ("path", "status"),
        [("/", 200), ("/none/", 404), ("/machines/", 200), ("/api/v1/machines/", 200),
         ("/api/v1/none/", 404), ("/theme/", 405), ("/people/", 404), ("/healthz", 200)],
    )  # fmt: skip
    def test_each_answer_has_them(self, path: str, status: int, cast: Cast):
        answer = signed_in(cast.alice).get(path)
        assert answer.status_code == status
        headers = answer.headers
        assert headers["X-Robots-Tag"] == "noindex, nofollow, noarchive"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "no-store" in headers["Cache-Control"]
        for feature in ("camera", "usb", "geolocation", "payment", "publickey-credentials-get"):
            assert f"{feature}=()" in headers["Permissions-Policy"]
        said = headers["Content-Security-Policy"]
        for part in ("default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
            assert part in said
        assert "unsafe" not in said
        assert "*" not in said

    def test_static_files_have_theirs(self, client: Client):
        answer = client.get("/static/mark.svg")
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        answer.close()

    def test_nothing_stands_between_a_page_and_the_database(self):
        """What one person may read must never be another's by way of a cache."""
        assert not [name for name in live.MIDDLEWARE if "cache" in name.lower()]

    def test_no_page_has_code_or_style_of_its_own(self, strict: Client):
        html = strict.get("/").content.decode()
        assert "<script>" not in html
        assert " onclick=" not in html
        assert " style=" not in html

    @pytest.mark.parametrize(
        "header",
        ["X-MS-CLIENT-PRINCIPAL", "X-MS-CLIENT-PRINCIPAL-ID", "X-MS-CLIENT-PRINCIPAL-NAME",
         "X-MS-CLIENT-PRINCIPAL-IDP", "X-MS-TOKEN-AAD-ID-TOKEN", "X-MS-TOKEN-AAD-ACCESS-TOKEN",
         "X-Remote-User", "Remote-User", "X-Forwarded-User", "X-Auth-Request-Email",
         "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override"],
    )  # fmt: skip
    def test_headers_of_other_gateways_change_nothing(self, header: str, cast: Cast):
        """X-51: App Service's sign-in sets the first ones; a client can, too."""
        forged = {header: cast.dana.object_id}
        assert Client().get("/people/", headers=forged).status_code == 302
        alice = signed_in(cast.alice)
        assert alice.get("/people/", headers=forged).status_code == 404
        assert alice.get("/", headers={header: "/people/"}).status_code == 200
        assert alice.get("/sign-out/", headers={header: "POST"}).status_code == 405

    def test_another_host_is_refused(self, client: Client):
        assert client.get("/sign-in/", headers={"Host": "evil.test"}).status_code == 400
        answer = client.get("/machines/", headers={"X-Forwarded-Host": "evil.test"})
        assert "evil" not in answer.url


FLAGS = (
    "import json\nfrom django.conf import settings as s\n"
    "names = [n for n in dir(s) if '_COOKIE_' in n]\n"
    "print(json.dumps({n: getattr(s, n) for n in names}))"
)


@pytest.fixture(scope="module")
def ours() -> dict[str, object]:
    done = booted(FLAGS)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


class TestCookies:
    @pytest.fixture
    def production(self, ours: dict[str, object], settings) -> None:
        for name, value in ours.items():
            setattr(settings, name, value)

    def test_all_are_named_so_that_no_other_host_can_set_them(self, ours: dict[str, object]):
        names = [value for name, value in ours.items() if name.endswith("_COOKIE_NAME")]
        ours_only = [name for name in names if name != "django_language"]
        assert len(ours_only) == 6
        assert all(str(name).startswith("__Host-") for name in ours_only)

    @pytest.mark.django_db
    def test_each_is_secure_on_the_way_and_in_the_browser(
        self, production: None, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("portal.web.said.InCookie.cookie_name", live.MESSAGE_COOKIE_NAME)
        made = Person.objects.create(tenant_id="demo", object_id="a", display_name="A")
        PersonRole.objects.create(person=made, role="engineer")
        browser = Client()
        cookies = {}
        for answer in (
            browser.get("/sign-in/", secure=True),
            browser.post("/sign-in/demo/", {"person": "a"}, secure=True),
            browser.post("/theme/", {"theme": "dark"}, secure=True),
            browser.post("/me/", {"zone": "Europe/Paris"}, secure=True),
        ):
            cookies |= {name: cookie for name, cookie in answer.cookies.items() if cookie.value}
        assert set(cookies) == {"__Host-session", "__Host-csrf", "__Host-theme", "__Host-messages"}
        for name, cookie in cookies.items():
            assert cookie["secure"], name
            assert cookie["httponly"], name
            assert cookie["samesite"] in ("Lax", "Strict"), name
            assert cookie["path"] == "/", name
            assert not cookie["domain"], name


@pytest.mark.django_db
class TestEnumeration:
    """X-78: what is not for somebody and what does not exist cannot be told apart."""

    PAGES = ("request", "request-live", "request-approve", "request-deny", "request-withdraw",
             "request-confirm", "request-change", "request-extend", "request-comment",
             "request-ask-back", "request-answer", "request-calendar", "review")  # fmt: skip

    def look(self, client: Client, method: str, path: str) -> tuple[int, str, dict, list[str]]:
        cache.clear()
        with CaptureQueriesContext(connection) as asked:
            answer = getattr(client, method)(path)
        changing = {"X-Request-ID", "X-Request-Id", "Date", "Content-Length"}
        headers = {k: v for k, v in answer.headers.items() if k not in changing}
        shapes = [query["sql"].split(" WHERE ")[0] for query in asked]
        shapes = [shape for shape in shapes if "SAVEPOINT" not in shape]
        # What differs on any two visits: the clock, a form's token, and the address one asked for.
        html = re.sub(r'data-now="[^"]*"|datetime="[^"]*"|>\d\d:\d\d<', "", answer.content.decode())
        html = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", html).replace(path, "PATH")
        return answer.status_code, html, headers, shapes

    @pytest.mark.parametrize("method", ["get", "post"])
    @pytest.mark.parametrize("name", PAGES)
    def test_of_requests(self, name: str, method: str, cast: Cast):
        asked = ask(estate.machine(), by=cast.alice)
        charlie = signed_in(cast.charlie)
        there = self.look(charlie, method, reverse(name, args=[asked.reference]))
        absent = self.look(charlie, method, reverse(name, args=["BA-999999"]))
        assert there == absent
        assert there[0] in (404, 405)

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_of_grants_and_people_and_the_api(self, method: str, cast: Cast):
        grant = approved(estate.machine(), by=cast.alice, approver=cast.bob)
        charlie = signed_in(cast.charlie)
        for path, none in (
            (f"/grants/{grant.pk}/end/", "/grants/999999/end/"),
            (f"/grants/{grant.pk}/script/bash/", "/grants/999999/script/bash/"),
            (f"/people/{cast.alice.pk}/browsers/", "/people/999999/browsers/"),
            (f"/api/v1/grants/{grant.pk}/", "/api/v1/grants/999999/"),
            (f"/api/v1/requests/{grant.access_request_id}/", "/api/v1/requests/999999/"),
        ):
            assert self.look(charlie, method, path) == self.look(charlie, method, none), path

    def test_without_signing_in_nothing_differs(self, cast: Cast):
        asked = ask(estate.machine(), by=cast.alice)
        there = Client().get(f"/requests/{asked.reference}/")
        absent = Client().get("/requests/BA-999999/")
        assert there.status_code == absent.status_code == 302
        assert there.url.replace(asked.reference, "BA-999999") == absent.url


@pytest.mark.django_db
class TestSizes:
    """Refused with a page that says so, and never with a fault of ours."""

    def test_a_form_that_is_too_large(self, cast: Cast):
        answer = signed_in(cast.alice).post("/me/", {"zone": "x" * 300_000})
        assert answer.status_code == 413
        assert "too much at once" in answer.content.decode()
        assert answer.headers["X-Frame-Options"] == "DENY"

    def test_too_many_fields(self, cast: Cast):
        sent = {f"field{n}": "x" for n in range(101)}
        assert signed_in(cast.alice).post("/me/", sent).status_code == 400
        sent_long = {"zone": "UTC", **{f"f{n}": "x" for n in range(5000)}}
        assert signed_in(cast.alice).post("/me/", sent_long).status_code in (400, 413)

    def test_files_are_for_nobody(self, cast: Cast, tmp_path):
        file = tmp_path / "a.txt"
        file.write_text("x")
        with file.open("rb") as opened:
            answer = signed_in(cast.alice).post("/me/", {"zone": "UTC", "file": opened})
        assert answer.status_code == 400

    @pytest.mark.parametrize(
        ("body", "status"),
        [("[" * 100_000, 400), ('{"a":' * 50_000, 400), ('"' + "x" * 300_000 + '"', 413),
         ("NaN", 400), ("null", 400), ("[]", 400), ("{" * 10, 400), ('{"minutes": 1e999}', 400),
         ('{"minutes": ' + "9" * 5000 + "}", 400), ("\x00", 400)],
    )  # fmt: skip
    def test_the_api(self, body: str, status: int, cast: Cast):
        alice = signed_in(cast.alice)
        answer = alice.post("/api/v1/requests/", body, content_type="application/json")
        assert answer.status_code == status, answer.content[:200]
        assert answer.headers["Content-Type"].startswith("application/problem+json")

    @pytest.mark.parametrize("length", ["-1", "+5", "1e3", "0x5", "٣", "9" * 400, "abc"])
    def test_lengths_that_are_none(self, length: str, cast: Cast):
        answer = signed_in(cast.alice).generic("POST", "/me/", b"zone=UTC", CONTENT_LENGTH=length)
        assert answer.status_code == 413

    @pytest.mark.parametrize(
        "kind", ["application/xml", "text/yaml", "application/x-python-pickle"]
    )
    def test_the_api_reads_nothing_but_json(self, kind: str, cast: Cast):
        answer = signed_in(cast.alice).post("/api/v1/requests/", "x", content_type=kind)
        assert answer.status_code == 415


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "FOO", "OPTIONS", "PUT"])
def test_methods_that_no_page_has_do_nothing(name: str, method: str, cast: Cast):
    answer = signed_in(cast.dana).generic(method, address(name))
    assert answer.status_code in (200, 302, 400, 401, 403, 404, 405, 413, 415), answer.status_code
    if answer.status_code in (200, 302):
        assert method == "PUT" or not answer.content or name.startswith("api"), method


class TestClientAddress:
    def of(self, rf, settings, *, proxies: int = 0, peer: str = "10.0.0.9", said: str = "") -> str:
        settings.TRUSTED_PROXIES = proxies
        headers = {"X-Forwarded-For": said} if said else {}
        return client_address(rf.get("/", headers=headers, REMOTE_ADDR=peer))

    def test_without_a_proxy_no_header_counts(self, rf, settings):
        assert self.of(rf, settings, said="1.2.3.4") == "10.0.0.9"

    @pytest.mark.parametrize(
        ("proxies", "said", "address"),
        [
            (1, "203.0.113.7", "203.0.113.7"),
            (1, "1.2.3.4, 203.0.113.7", "203.0.113.7"),  # the first is the client's own word
            (2, "1.2.3.4, 203.0.113.7, 10.1.1.1", "203.0.113.7"),
            (1, "203.0.113.7:51234", "203.0.113.7"),
            (1, "[2001:db8::7]:443", "2001:db8::7"),
            (1, "2001:db8::7", "2001:db8::7"),
            (1, "::ffff:203.0.113.7", "203.0.113.7"),
            (1, "fe80::1%eth0", "fe80::1"),
            (2, "203.0.113.7", "10.0.0.9"),  # it did not pass both
            (1, "", "10.0.0.9"),
            (1, "unknown", "10.0.0.9"),
            (1, "<script>", "10.0.0.9"),
            (1, "203.0.113.7,", "10.0.0.9"),
            (1, "1" * 5000, "10.0.0.9"),
        ],
    )
    def test_behind_proxies_theirs_does(self, proxies, said, address, rf, settings):
        assert self.of(rf, settings, proxies=proxies, said=said) == address

    def test_a_socket_has_none(self, rf, settings):
        assert self.of(rf, settings, peer="") == ""
        assert len(self.of(rf, settings, peer="2001:db8:1111:2222:3333:4444:5555:6666")) <= 45
