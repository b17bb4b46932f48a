"""Registering machines outside Azure, changing and retiring them. Azure is not asked."""

from __future__ import annotations

from typing import Any

import pytest

from access import services as core
from access.clock import db_now
from access.errors import Invalid, NotAllowed, WrongState
from access.inventory import begin_run, settle_absences
from access.models import BastionHost, EstateItem, LedgerEntry, Machine
from jit.outside import services
from jit.outside.estate import refresh
from tests.support import estate
from tests.support.behind_gateway import OPEN, SHUT, details, register
from tests.support.cast import Cast, approved, ask

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.tasks.look.apply_async", lambda *_args, **_options: None)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("192.168.40", "Give an IPv4 address"),
        ("fd00::1", "Give an IPv4 address"),
        ("192.168.040.10", "Give an IPv4 address"),
        ("203.0.113.7", "is not private"),
        ("127.0.0.1", "is not private"),
        ("169.254.169.254", "is not private"),
        ("172.32.0.1", "is not private"),
        ("10.0.255.7", "the subnet of bastion-hub itself"),
        ("10.0.1.4", "is that of vm-app-01, which is in Azure"),
        ("192.168.40.77", "onprem-old is registered with 192.168.40.77 already"),
    ],
)
def test_an_address_that_cannot_be_one_outside_azure_is_refused(
    hub: BastionHost, cast: Cast, address: str, said: str
) -> None:
    estate.machine(bastion=hub)
    register(hub, cast.dana, name="onprem-old", address="192.168.40.77")
    with pytest.raises(Invalid) as refused:
        register(hub, cast.dana, address=address)
    assert said in refused.value.fields["address"]
    assert Machine.objects.count() == 2


@pytest.mark.parametrize("address", ["10.1.2.3", "172.31.255.254", "192.168.0.1", "100.64.0.9"])
def test_private_ranges_are_taken(hub: BastionHost, cast: Cast, address: str) -> None:
    assert register(hub, cast.dana, address=address).machine.private_ip == address


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("name", {"name": "a b"}),
        ("name", {"name": "../x"}),
        ("name", {"name": ""}),
        ("os", {"os": "beos"}),
        ("ports", {"ports": ()}),
        ("ports", {"ports": (22, 5432)}),
        ("host", {"host_id": 4711}),
        ("owner", {"owner": "x" * 65}),
        ("environment", {"environment": "x" * 65}),
    ],
)
def test_each_wrong_field_is_named(
    hub: BastionHost, cast: Cast, field: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(Invalid) as refused:
        register(hub, cast.dana, **changes)
    assert list(refused.value.fields) == [field]


@pytest.mark.parametrize("changes", [{"ip_connect": False}, {"sku": "Basic"}])
def test_a_host_that_connects_to_no_address_is_neither_offered_nor_taken(
    hub: BastionHost, cast: Cast, changes: dict[str, Any]
) -> None:
    BastionHost.objects.update(**changes)
    assert services.able_hosts() == []
    with pytest.raises(Invalid) as refused:
        register(hub, cast.dana)
    assert list(refused.value.fields) == ["host"]


def test_only_administrators_register_and_the_attempt_is_kept(hub: BastionHost, cast: Cast) -> None:
    for person in (cast.alice, cast.bob, cast.erin):
        with pytest.raises(NotAllowed):
            register(hub, person)
    assert LedgerEntry.objects.filter(event="outside.register.refused").count() == 3
    assert not Machine.objects.exists()


def test_another_address_voids_what_was_approved_for_the_former(
    hub: BastionHost, cast: Cast
) -> None:
    target = register(hub, cast.dana)
    asked = ask(target.machine, by=cast.alice, kind="address")
    before = target.machine.vm_id
    services.change(target, details(hub, address=OPEN), by=cast.dana)
    target.refresh_from_db()
    assert target.machine.vm_id != before
    assert target.kept_shut_by == {"22": ""}
    assert asked.doors.get().vm_id == before
    line = LedgerEntry.objects.get(event="outside.changed")
    assert (line.data["before"]["private_ip"], line.data["now"]["private_ip"]) == (SHUT, OPEN)


def test_while_somebody_has_access_only_its_description_changes(
    hub: BastionHost, cast: Cast
) -> None:
    target = register(hub, cast.dana)
    grant = approved(target.machine, by=cast.alice, approver=cast.bob, kind="address")
    with pytest.raises(WrongState, match=grant.access_request.reference):
        services.change(target, details(hub, address=OPEN), by=cast.dana)
    with pytest.raises(WrongState, match=grant.access_request.reference):
        services.retire(target, by=cast.dana, reason="Scrapped")
    services.change(target, details(hub, owner="finance"), by=cast.dana)
    grant.machine.refresh_from_db()
    assert grant.machine.owner == "finance"


def test_retired_it_cannot_be_asked_for_nor_approved(hub: BastionHost, cast: Cast) -> None:
    target = register(hub, cast.dana)
    asked = ask(target.machine, by=cast.alice, kind="address")
    services.retire(target, by=cast.dana, reason="Scrapped")
    with pytest.raises(WrongState, match="was retired"):
        core.approve(asked, by=cast.bob, terms_digest=asked.terms_digest)
    with pytest.raises(Invalid, match="was retired"):
        ask(target.machine, by=cast.alan, kind="address")
    with pytest.raises(WrongState, match="was retired"):
        services.change(target, details(hub), by=cast.dana)
    again = register(hub, cast.dana)  # its name and address are free
    assert again.machine.resource_key != target.machine.resource_key


def test_readings_that_lack_it_do_not_count(hub: BastionHost, cast: Cast) -> None:
    target = register(hub, cast.dana)
    for _ in range(3):
        run = begin_run()
        settle_absences(run, accept=True)
        run.finished_at = db_now()
        run.save()
    target.machine.refresh_from_db()
    assert (target.machine.gone_at, target.machine.absences) == (None, 0)


def test_a_reading_without_the_network_leaves_the_gate_and_forgets_what_keeps_it_shut(
    hub: BastionHost, cast: Cast
) -> None:
    target = register(hub, cast.dana)
    assert target.kept_shut_by == {"22": "KeepOut (priority 250) in nsg-bastion"}
    EstateItem.objects.filter(kind="network").delete()
    assert refresh() == 1
    before = target.gate
    target.refresh_from_db()
    assert (target.gate, target.kept_shut_by) == (before, {})
