"""The page on which Dana guards a machine with JIT: form, what would change, order. No script."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from access.clock import db_now
from access.models import Heartbeat, LedgerEntry, Machine, Person
from jit.models import JitPort, PolicyOrder
from tests.support import estate
from tests.support.cast import Cast, approved, be_seen, person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.tasks.look.apply_async", lambda *_args, **_options: None)
    monkeypatch.setattr("jit.tasks.carry_out.apply_async", lambda *_args, **_options: None)


@pytest.fixture
def vm() -> Machine:
    Heartbeat.objects.create(name="keeper", at=db_now())
    return estate.machine()


@pytest.fixture
def bare(vm: Machine) -> Machine:
    made = estate.machine("vm-bare-01")
    JitPort.objects.filter(machine=made).delete()
    return made


def signed_in(who: Person) -> Client:
    client = Client()
    client.force_login(who, backend="portal.signin.backend.VouchedFor")
    return client


def page(client: Client, machine: Machine) -> str:
    return client.get(f"/jit/machines/{machine.pk}/").content.decode()


def hidden(html: str) -> dict[str, str]:
    """What a browser without script would send of the form."""
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", html):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and name[1] not in {"csrfmiddlewaretoken", "unguard"}:
            found[name[1]] = value[1].replace("&quot;", '"') if value else ""
    for name, body in re.findall(r'<select[^>]*name="(unit_\d+)"[^>]*>(.*?)</select>', html):
        chosen = re.search(r'value="(\w+)" selected', body)
        found[name] = chosen[1] if chosen else "minutes"
    return found


def fill(client: Client, machine: Machine, **changes: Any) -> dict[str, str]:
    return {**hidden(page(client, machine)), "reason": "Never guarded", **changes}


def test_a_machine_is_enrolled_without_script(bare: Machine, cast: Cast) -> None:
    client = signed_in(cast.dana)
    sent = fill(client, bare)
    assert (sent["number_0"], sent["length_0"], sent["unit_0"]) == ("22", "3", "hours")
    sent |= {"number_1": "8443", "length_1": "90", "unit_1": "minutes"}
    shown = client.post(f"/jit/machines/{bare.pk}/", sent)
    html = shown.content.decode()
    assert shown.status_code == 200
    assert "1 other machine of the policy stays as it is." in html
    assert "Port 8443 is added" in html
    assert f"up to 1 h 30 min from {estate.PREFIX}" in html
    assert not PolicyOrder.objects.exists()
    answer = client.post(f"/jit/machines/{bare.pk}/", {**hidden(html), "confirmed": "yes"})
    assert answer.status_code == 302
    made = PolicyOrder.objects.get()
    assert made.ports == [[22, [estate.PREFIX], 180], [8443, [estate.PREFIX], 90]]
    assert (made.by, made.reason) == (cast.dana, "Never guarded")
    assert "Ordered" in page(client, bare)
    assert "Another can be ordered" in page(client, bare)


def test_sent_twice_it_counts_once(bare: Machine, cast: Cast) -> None:
    client = signed_in(cast.dana)
    sent = {**fill(client, bare), "confirmed": "yes"}
    assert [client.post(f"/jit/machines/{bare.pk}/", sent).status_code for _ in "12"] == [302, 302]
    assert PolicyOrder.objects.count() == 1


def test_windows_begins_with_rdp_and_known_ports_with_what_they_are(
    vm: Machine, bare: Machine, cast: Cast
) -> None:
    client = signed_in(cast.dana)
    Machine.objects.filter(pk=bare.pk).update(os="windows")
    assert fill(client, bare)["number_0"] == "3389"
    JitPort.objects.filter(machine=vm).update(max_minutes=45)
    sent = fill(client, vm)
    assert (sent["number_0"], sent["length_0"], sent["unit_0"]) == ("22", "45", "minutes")


def test_back_to_the_form_keeps_what_was_typed(bare: Machine, cast: Cast) -> None:
    client = signed_in(cast.dana)
    sent = fill(client, bare, reason="Half a thought", number_0="2222", back="yes")
    html = client.post(f"/jit/machines/{bare.pk}/", sent).content.decode()
    assert hidden(html)["number_0"] == "2222"
    assert "Half a thought" in html


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"number_0": "70000"}, "A port is a number from 1 to 65535."),
        ({"length_0": ""}, "Give a length from 5 minutes to 24 hours."),
        ({"length_0": "25"}, "Azure opens a port for 5 minutes to 24 hours."),
        ({"number_0": ""}, "Name a port"),
        ({"number_1": "2222", "length_1": "1"}, "Azure opens a port for 5 minutes to 24 hours."),
        ({"number_1": "22", "length_1": "9"}, "Name each port once."),
        ({"reason": ""}, "Say why."),
        ({"reason": "\u200b"}, "Say why."),
        ({"shown": "x"}, "Load the page again."),
        ({"shown": "[[1]]"}, "Load the page again."),
        ({"submission_key": ""}, "required"),
    ],
)
@pytest.mark.parametrize("confirmed", [{}, {"confirmed": "yes"}])
def test_what_is_wrong_is_said_beside_it(
    bare: Machine, cast: Cast, changes: dict[str, str], words: str, confirmed: dict[str, str]
) -> None:
    client = signed_in(cast.dana)
    answer = client.post(f"/jit/machines/{bare.pk}/", fill(client, bare, **changes, **confirmed))
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert not PolicyOrder.objects.exists()


def test_a_live_grant_is_named_and_keeps_its_port(vm: Machine, cast: Cast) -> None:
    be_seen()
    grant = approved(vm, by=cast.alice, approver=cast.bob)
    client = signed_in(cast.dana)
    for changes in ({"unguard": "on"}, {"number_0": "8443"}):
        answer = client.post(f"/jit/machines/{vm.pk}/", fill(client, vm, **changes))
        assert answer.status_code == 400
        assert grant.access_request.reference in answer.content.decode()


def test_taking_it_out_says_what_that_means(vm: Machine, cast: Cast) -> None:
    client = signed_in(cast.dana)
    html = client.post(f"/jit/machines/{vm.pk}/", fill(client, vm, unguard="on")).content.decode()
    assert "JIT guards nothing on vm-app-01 afterwards" in html
    assert "Port 22 (SSH) is removed" in html
    client.post(f"/jit/machines/{vm.pk}/", {**hidden(html), "unguard": "on", "confirmed": "yes"})
    assert PolicyOrder.objects.get().ports == []


def test_without_an_identity_that_may_the_command_is_shown(bare: Machine, cast: Cast) -> None:
    Heartbeat.objects.filter(name="keeper").delete()
    client = signed_in(cast.dana)
    sent = fill(client, bare)
    assert "This portal may not change JIT policies" in page(client, bare)
    html = client.post(f"/jit/machines/{bare.pk}/", sent).content.decode()
    assert "az rest" in html
    assert 'name="confirmed"' not in html
    answer = client.post(f"/jit/machines/{bare.pk}/", {**sent, "confirmed": "yes"})
    assert answer.status_code == 409
    assert not PolicyOrder.objects.exists()


def test_why_it_cannot_be_guarded_is_said_in_place_of_the_form(bare: Machine, cast: Cast) -> None:
    client = signed_in(cast.dana)
    sent = fill(client, bare)
    Machine.objects.filter(pk=bare.pk).update(bastion=None)
    html = page(client, bare)
    assert "No Bastion host reaches vm-bare-01" in html
    assert "number_0" not in html
    assert client.post(f"/jit/machines/{bare.pk}/", sent).status_code == 409


def test_a_page_that_grew_old_orders_nothing(vm: Machine, cast: Cast) -> None:
    client = signed_in(cast.dana)
    sent = fill(client, vm, number_1="8443", length_1="1", unit_1="hours", confirmed="yes")
    JitPort.objects.filter(machine=vm).update(max_minutes=30)
    assert client.post(f"/jit/machines/{vm.pk}/", sent).status_code == 409
    assert not PolicyOrder.objects.exists()
    assert LedgerEntry.objects.filter(event="policy.change.refused").count() == 1


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    ("who", "status"), [("alice", 404), ("charlie", 404), ("bob", 403), ("erin", 403)]
)
def test_it_is_for_administrators(
    vm: Machine, cast: Cast, method: str, who: str, status: int
) -> None:
    client = signed_in(getattr(cast, who))
    answer = getattr(client, method)(f"/jit/machines/{vm.pk}/", {"confirmed": "yes"})
    assert answer.status_code == status
    assert not PolicyOrder.objects.exists()


def test_the_way_there_is_shown_to_administrators_only(
    vm: Machine, bare: Machine, cast: Cast
) -> None:
    both = person("Ada", "engineer", "admin")
    html = signed_in(both).get("/machines/").content.decode()
    assert "Edit JIT policy" in html
    assert "Guard it with JIT" in html
    asking = signed_in(both).get(f"/requests/new/?machine={bare.pk}").content.decode()
    assert f"/jit/machines/{bare.pk}/" in asking
    for path in ("/machines/", f"/requests/new/?machine={bare.pk}"):
        assert "/jit/machines/" not in signed_in(cast.alice).get(path).content.decode()


def test_what_nobody_knows_is_not_there(vm: Machine, cast: Cast) -> None:
    assert signed_in(cast.dana).get("/jit/machines/999999/").status_code == 404
