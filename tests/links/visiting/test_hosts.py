"""Vendors' pages on a host name of their own, and the portal without them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from access.models import Person
from links.visiting import brand
from tests.support.cast import Cast

pytestmark = pytest.mark.django_db
THEIRS = {"headers": {"Host": "visit.example.test"}}
OURS = {"headers": {"Host": "testserver"}}


@pytest.fixture
def apart(settings: Any) -> None:
    settings.VENDOR_URL = "https://visit.example.test"
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "visit.example.test"]


def is_vendors_page(answer: Any) -> bool:
    return 'class="visit"' in answer.content.decode()


@pytest.mark.parametrize("path", ["/", "/requests/", "/requests", "/sign-in/", "/api/v1/me/", "/x"])
def test_on_the_vendors_host_there_is_no_portal(path: str, apart: None, cast: Cast):
    client = Client()
    client.force_login(Person.objects.get(pk=cast.alice.pk))
    answer = client.get(path, **THEIRS)
    assert answer.status_code == 404
    assert is_vendors_page(answer)
    assert answer.content == client.get("/visit/nowhere/", **THEIRS).content
    assert "sign-in" not in answer.content.decode()


def test_on_the_vendors_host_there_are_visits_and_signs_of_life(apart: None):
    assert Client().get("/visit/left/", **THEIRS).status_code == 200
    assert Client().get("/healthz", **THEIRS).status_code == 200


@pytest.mark.parametrize(
    "path", ["/visit/left/", "/visit/code/", "/visit/bav_a/", "/visit/brand.css"]
)
def test_on_the_portals_host_there_are_no_visits(path: str, apart: None):
    for method in ("get", "post"):
        answer = getattr(Client(), method)(path, **OURS)
        assert answer.status_code == 404
    assert Client().get("/sign-in/", **OURS).status_code == 200


def test_a_port_tells_hosts_apart_too(settings: Any):
    """Where they share a name, as on a machine of one's own."""
    settings.VENDOR_URL, settings.PORTAL_URL = "http://testserver:8001", "http://testserver:8000"
    assert Client().get("/visit/left/", headers={"Host": "testserver:8001"}).status_code == 200
    assert Client().get("/visit/left/", headers={"Host": "testserver:8000"}).status_code == 404


def test_without_a_host_of_their_own_they_are_beside_the_portal():
    assert Client().get("/visit/left/").status_code == 200


def test_a_colour_that_cannot_be_read_on_is_not_worn(settings: Any):
    """Whoever sets it is told so by the checks at the start; the page stays readable."""
    for wanted, worn in {
        "#0f2540": True, "#ffee00": False, "red": False, "#fff": False,
        "#000000;} body{display:none": False, "": False,
    }.items():  # fmt: skip
        settings.VENDOR_COLOUR = wanted
        style = Client().get("/visit/brand.css")
        assert style.headers["Content-Type"].startswith("text/css")
        assert (wanted in style.content.decode() and bool(wanted)) is worn
        told = [each.id for each in brand.check()]
        assert told == ([] if worn or not wanted else ["links.W001"])


def test_a_logo_only_draws(settings: Any, tmp_path: Path):
    drawn = tmp_path / "logo.svg"
    drawn.write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    settings.VENDOR_LOGO = str(drawn)
    answer = Client().get("/visit/logo")
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert '<img src="/visit/logo" alt="">' in Client().get("/visit/left/").content.decode()


@pytest.mark.parametrize(
    ("name", "size"), [("logo.html", 10), ("logo.svg", 70_000), ("logo.png", 0), ("none", -1)]
)
def test_what_is_no_logo_is_left_out(name: str, size: int, settings: Any, tmp_path: Path):
    if size >= 0:
        (tmp_path / name).write_bytes(b"x" * size)
    settings.VENDOR_LOGO = str(tmp_path / name)
    assert Client().get("/visit/logo").status_code == 404
    assert "/visit/logo" not in Client().get("/visit/left/").content.decode()
    assert [each.id for each in brand.check()] == ["links.W002"]


def test_the_brand_is_named_and_help_stands_in_the_same_place(settings: Any):
    settings.VENDOR_BRAND, settings.VENDOR_HELP = "Contoso <Billing>", "+49 30 123456"
    for path in ("/visit/left/", "/visit/nowhere/"):
        page = Client().get(path).content.decode()
        assert "Contoso &lt;Billing&gt;" in page
        assert "Help: +49 30 123456" in page.partition("<footer")[2]
