"""What the pages say of machines outside Azure, and the ways in. Azure is not asked."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from access import services as core
from access.clock import db_now
from access.kinds import Command, Visit
from access.models import BastionHost, Grant
from access.presenters.connect import commands_of
from jit.connect import commands_for
from jit.outside.models import OutsideTarget
from tests.access.views.conftest import make_open
from tests.support.behind_gateway import OPEN, SHUT, SUBSCRIPTION, register
from tests.support.cast import Cast, approved, ask

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.tasks.look.apply_async", lambda *_args, **_options: None)


def test_the_pages_from_registering_to_retiring(
    hub: BastionHost, cast: Cast, browser: Any
) -> None:  # fmt: skip
    dana: Client = browser(cast.dana)
    assert b"No machine outside Azure is registered" in dana.get("/outside/").content
    sent = {"name": "onprem-db-01", "address": SHUT, "os": "linux", "ports": ["22", "3389"],
            "host": hub.pk, "owner": "finance", "environment": "production"}  # fmt: skip
    wrong = dana.post("/outside/new/", sent | {"address": "8.8.8.8"})
    assert wrong.status_code == 400
    assert b"is not private" in wrong.content
    assert dana.post("/outside/new/", sent).status_code == 302
    page = dana.get("/outside/").content.decode()
    assert "Kept shut by KeepOut (priority 250) in nsg-bastion" in page
    target = OutsideTarget.objects.get()
    form = dana.get(f"/outside/{target.pk}/").content.decode()
    assert SHUT in form
    moved = sent | {"address": OPEN, "ports": ["22"], "name": "another"}
    assert dana.post(f"/outside/{target.pk}/", moved).status_code == 302
    page = dana.get("/outside/").content.decode()
    assert "Advisory only" in page
    assert "DenyBastionTo-192-168-40-20" in page
    assert "onprem-db-01" in page
    assert dana.post(f"/outside/{target.pk}/retire/", {"reason": ""}).status_code == 400
    assert dana.post(f"/outside/{target.pk}/retire/", {"reason": "Scrapped"}).status_code == 302
    assert dana.get(f"/outside/{target.pk}/").status_code == 404


def test_nobody_else_sees_them(hub: BastionHost, cast: Cast, browser: Any) -> None:
    target = register(hub, cast.dana)
    for person in (cast.alice, cast.bob, cast.erin):
        for path in ("", "new/", f"{target.pk}/", f"{target.pk}/retire/"):
            assert browser(person).get(f"/outside/{path}").status_code == 404
            assert browser(person).post(f"/outside/{path}").status_code in {404, 405}


def test_the_list_asks_as_much_for_many_as_for_few(
    hub: BastionHost, cast: Cast, browser: Any, django_assert_max_num_queries: Any
) -> None:  # fmt: skip
    for number in range(12):
        register(hub, cast.dana, name=f"onprem-{number}", address=f"192.168.41.{number + 1}")
    dana = browser(cast.dana)
    with django_assert_max_num_queries(16):
        assert dana.get("/outside/").content.count(b"Advisory only") == 12


@pytest.mark.parametrize(("address", "times"), [(OPEN, 1), (SHUT, 0)])
def test_who_asks_and_who_decides_are_told_that_it_is_advisory(
    hub: BastionHost, cast: Cast, browser: Any, address: str, times: int
) -> None:  # fmt: skip
    said = "Nothing keeps this shut outside the window."
    target = register(hub, cast.dana, address=address)
    form = browser(cast.alice).get(f"/requests/new/?machine={target.machine.pk}").content.decode()
    preflight = form.index('id="preflight-title"')
    assert (form[:preflight].count(said), form[preflight:].count(said)) == (times, times)
    asked = ask(target.machine, by=cast.alice, kind="address")
    page = browser(cast.bob).get(f"/requests/{asked.reference}/").content.decode()
    decision = page.index('id="decision-title"')
    assert (said in page[:decision], said in page[decision:]) == (bool(times), bool(times))
    core.approve(asked, by=cast.bob, terms_digest=asked.terms_digest)
    page = browser(cast.alice).get(f"/requests/{asked.reference}/").content.decode()
    assert (said in page) is bool(times)


def test_the_list_of_machines_shows_it_with_its_way_in_and_no_other(
    hub: BastionHost, cast: Cast, browser: Any
) -> None:  # fmt: skip
    register(hub, cast.dana)
    page = browser(cast.alice).get("/machines/").content.decode()
    assert "Outside Azure" in page
    assert "Address window 22 (SSH)" in page
    assert "No JIT policy" not in page
    assert "Shareable link" not in page


@pytest.mark.parametrize(("address", "told"), [(OPEN, True), (SHUT, False)])
def test_the_api_tells_it_too(
    hub: BastionHost, cast: Cast, browser: Any, address: str, told: bool
) -> None:
    register(hub, cast.dana, address=address)
    (machine,) = browser(cast.alice).get("/api/v1/machines/").json()["results"]
    (offer,) = machine["offers"]
    assert offer["caveat"].startswith("Nothing keeps this shut") is told
    assert offer["refusal"] == ""


def test_jit_has_no_page_for_it(hub: BastionHost, cast: Cast, browser: Any) -> None:
    target = register(hub, cast.dana)
    page = browser(cast.dana).get(reverse("jit-policy", args=[target.machine.pk]))
    assert page.status_code == 404


def visit(target: OutsideTarget, port: int) -> list[Command]:
    return commands_for(Visit(target.machine, target.machine.bastion, port, db_now()))


def test_the_commands_name_the_address_and_neither_entra_nor_another_port(
    hub: BastionHost, cast: Cast
) -> None:
    shell = visit(register(hub, cast.dana), 22)
    assert shell[0].text.startswith(
        f"az network bastion ssh --subscription {SUBSCRIPTION} --name bastion-hub "
        f"--resource-group rg-hub --target-ip-address {SHUT} --auth-type ssh-key"
    )
    assert not [each for each in shell if "AAD" in each.text or "Entra" in each.title]
    assert not [each for each in shell if "--target-resource-id" in each.text]
    tunnel = next(each.text for each in shell if each.title == "Tunnel")
    assert f"--target-ip-address {SHUT} --resource-port 22 --port" in tunnel
    bash = next(each.text for each in shell if each.filename.endswith(".sh"))
    assert f"TARGET_OPTION=--target-ip-address\nTARGET={SHUT}\n" in bash
    windows = register(hub, cast.dana, name="onprem-win", address=OPEN, os="windows", ports=(3389,))
    desktop = visit(windows, 3389)
    assert desktop[0].text.endswith(f"--target-ip-address {OPEN}")
    assert [each.title for each in desktop[:3]] == ["Remote Desktop", "Tunnel", "mstsc"]
    assert not [each for each in desktop if "AAD" in each.text]


def test_without_native_clients_the_browser_is_left_and_without_ip_connect_nothing(
    hub: BastionHost, cast: Cast
) -> None:
    target = register(hub, cast.dana)
    BastionHost.objects.update(tunneling=False)
    (only,) = visit(OutsideTarget.objects.get(), 22)
    assert SHUT in only.note
    assert only.language == "address"
    BastionHost.objects.update(ip_connect=False)
    assert visit(OutsideTarget.objects.get(pk=target.pk), 22) == []


def test_who_was_granted_it_sees_how_to_get_in(hub: BastionHost, cast: Cast) -> None:
    from access.kinds import Wishes

    target = register(hub, cast.dana)
    grant = make_open(approved(target.machine, by=cast.alice, approver=cast.bob, kind="address"))
    grant = Grant.objects.select_related("machine__bastion", "access_request").get(pk=grant.pk)
    assert commands_of(grant, cast.alice, Wishes())
    assert commands_of(grant, cast.alan, Wishes()) == []
