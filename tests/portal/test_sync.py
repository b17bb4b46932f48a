"""Reading the estate: page by page, and nothing is lost because a page was missing."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from access import inventory
from access.errors import Later
from access.models import BastionHost, EstateItem, LedgerEntry, Machine, SyncRun
from jit.models import JitPort
from portal.azure.reading import graph
from portal.sync import sync_estate, sync_estate_task
from tests.support.azure import SimulatedAzure

pytestmark = pytest.mark.django_db(transaction=True)
READ = "graph.query"


@pytest.fixture
def cloud(azure: SimulatedAzure) -> SimulatedAzure:
    sync_estate()
    return azure


def vm(name: str = "vm-app-01") -> Machine:
    return Machine.objects.get(name=name)


def delete(cloud: SimulatedAzure, name: str) -> None:
    cloud.control("POST", "hand", {"delete_vm": vm(name).resource_id})


def test_a_machine_is_known_with_its_host_its_address_and_its_guards(
    cloud: SimulatedAzure,
) -> None:
    machine = vm()
    assert machine.bastion is not None
    assert machine.bastion.subnet_prefix == "10.0.255.0/26"
    assert machine.private_ip
    assert [key.rsplit("/", 1)[1] for key in machine.nsg_ids] == ["nsg-app"]
    assert machine.facts["power"] == "running"
    assert machine.resource_group == "rg-app"
    assert JitPort.objects.filter(machine=machine, number=22).exists()
    kinds = set(EstateItem.objects.values_list("kind", flat=True))
    assert kinds == {"network", "nsg", "public-ip", "interface"}


def test_the_whole_demo_estate(azure: SimulatedAzure) -> None:
    azure.control("POST", "reset", {"estate": "demo"})
    run = sync_estate()
    assert run.complete
    assert Machine.objects.count() >= 60
    assert set(BastionHost.objects.values_list("sku", flat=True)) == {
        "Basic", "Standard", "Premium"
    }  # fmt: skip
    assert Machine.objects.filter(bastion__isnull=True).count() >= 2


def test_a_second_reading_writes_nothing_that_did_not_change(cloud: SimulatedAzure) -> None:
    before = {machine.pk: machine.synced_at for machine in Machine.objects.all()}
    run = sync_estate()
    assert run.changed == 0
    assert {machine.pk: machine.synced_at for machine in Machine.objects.all()} == before
    cloud.control("POST", "hand", {"stop_vm": vm().resource_id})
    assert sync_estate().changed == 1
    assert vm().facts["power"] == "deallocated"


def test_what_one_reading_lacked_is_still_there_and_after_the_second_it_is_gone(
    cloud: SimulatedAzure,
) -> None:
    delete(cloud, "vm-app-02")
    sync_estate()
    machine = vm("vm-app-02")
    assert (machine.absences, machine.gone_at) == (1, None)
    sync_estate()
    machine.refresh_from_db()
    assert machine.gone_at is not None
    assert LedgerEntry.objects.filter(event="machine.gone", subject=machine.resource_key).exists()


def test_one_that_comes_back_counts_from_the_beginning(cloud: SimulatedAzure) -> None:
    Machine.objects.filter(name="vm-app-02").update(absences=1, gone_at="2026-01-01T00:00:00Z")
    sync_estate()
    machine = vm("vm-app-02")
    assert (machine.absences, machine.gone_at) == (0, None)


@pytest.mark.parametrize("action", ["empty_page", "partial_page"])
def test_pages_that_lack_something_delete_nothing(
    cloud: SimulatedAzure, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-20"""
    monkeypatch.setattr(inventory, "SANE_COUNT", 1)
    known = Machine.objects.count()
    for _ in range(3):
        cloud.fault(operation=READ, action=action, times=20)
        with suppress(Later):
            sync_estate()
        cloud.mend()
    assert Machine.objects.filter(gone_at__isnull=True).count() == known
    assert JitPort.objects.count() == known - 1


def test_an_outage_in_the_middle_is_written_down_and_counts_nothing_as_missing(
    cloud: SimulatedAzure,
) -> None:
    cloud.fault(operation="jit.list", action="status", status=503)
    delete(cloud, "vm-app-02")
    with pytest.raises(Later):
        sync_estate()
    run = SyncRun.objects.latest("pk")
    assert (run.complete, bool(run.problem), run.finished_at is not None) == (False, True, True)
    assert vm("vm-app-02").absences == 0


def test_many_missing_at_once_are_not_believed_until_somebody_says_so(
    cloud: SimulatedAzure, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(inventory, "SANE_COUNT", 1)
    for name in ("vm-app-02", "vm-win-01"):
        delete(cloud, name)
    for _ in range(3):
        assert "too many to believe" in sync_estate().problem
    assert not Machine.objects.filter(gone_at__isnull=False).exists()
    for _ in range(2):
        call_command("sync_estate", "--accept-absences")
    assert Machine.objects.filter(gone_at__isnull=False).count() == 2
    assert "machines" in capsys.readouterr().out


def test_a_machine_is_its_vm_id_and_not_its_name(cloud: SimulatedAzure) -> None:
    """Moved to another group it stays the same; another one under the old name is another."""
    machine = vm()
    Machine.objects.filter(pk=machine.pk).update(
        resource_id=machine.resource_id.replace("rg-app", "rg-old"),
        resource_key=machine.resource_key.replace("rg-app", "rg-old"),
    )
    sync_estate()
    assert vm().pk == machine.pk
    assert vm().resource_id == machine.resource_id
    assert LedgerEntry.objects.filter(event="machine.moved").count() == 1
    Machine.objects.filter(pk=machine.pk).update(vm_id="another", digest="")
    sync_estate()
    told = LedgerEntry.objects.get(event="machine.recreated")
    assert told.data["vm_id_before"] == "another"
    assert vm().vm_id == machine.vm_id


def test_pages_follow_each_other(cloud: SimulatedAzure, monkeypatch: pytest.MonkeyPatch) -> None:
    subscriptions = sorted(set(Machine.objects.values_list("subscription_id", flat=True)))
    pages = list(graph.pages(graph.VIRTUAL_MACHINES, subscriptions, size=1))
    names = [row["name"] for page in pages for row in page]
    assert [len(page) for page in pages] == [1] * Machine.objects.count()
    assert names == sorted(names)


def test_only_one_reading_at_a_time(cloud: SimulatedAzure) -> None:
    run = inventory.begin_run()
    with pytest.raises(CommandError, match="already"):
        call_command("sync_estate")
    inventory.end_run(run, complete=False)
    sync_estate()


def test_the_schedule_reads_again_when_the_last_complete_reading_is_old(
    cloud: SimulatedAzure,
) -> None:
    sync_estate_task()
    assert SyncRun.objects.count() == 1
    SyncRun.objects.update(started_at="2026-01-01T00:00:00Z")
    sync_estate_task()
    assert SyncRun.objects.count() == 2


def test_ids_are_compared_without_regard_to_case(cloud: SimulatedAzure) -> None:
    rows: list[dict[str, Any]] = [
        {"resource_id": vm().resource_id.upper(), "vm_id": vm().vm_id, "name": "VM-APP-01"}
    ]
    assert inventory.machines_by_key(row["resource_id"] for row in rows)[vm().resource_key] == vm()
