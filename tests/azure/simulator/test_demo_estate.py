"""The demo estate: what it holds, and each planted misconfiguration seen through the SDKs."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from portal.azure.simulator.estate import demo as build_demo
from portal.azure.simulator.estate.demo import MISCONFIGURED, OTHER, PRODUCTION
from tests.azure.simulator.service import ROOT, Service, running


@pytest.fixture(scope="module")
def demo() -> Iterator[Service]:
    with running("--estate", "demo") as service:
        yield service


def machines(demo: Service) -> dict[str, Any]:
    found = {}
    for sub in (PRODUCTION, OTHER):
        found |= {vm.name: vm for vm in demo.compute(sub=sub).virtual_machines.list_all()}
    return found


def hosts(demo: Service) -> dict[str, Any]:
    found = {}
    for sub in (PRODUCTION, OTHER):
        found |= {host.name: host for host in demo.network(sub=sub).bastion_hosts.list()}
    return found


def networks(demo: Service) -> dict[str, Any]:
    found = {}
    for sub in (PRODUCTION, OTHER):
        found |= {vnet.name: vnet for vnet in demo.network(sub=sub).virtual_networks.list_all()}
    return found


def guarded(demo: Service) -> dict[str, Any]:
    """Port rules by machine name."""
    found = {}
    for sub in (PRODUCTION, OTHER):
        for policy in demo.security(sub=sub).jit_network_access_policies.list():
            assert policy.name == "default"
            for vm in policy.virtual_machines:
                found[vm.id.rsplit("/", 1)[1]] = vm.ports
    return found


def test_two_subscriptions_three_regions_some_sixty_machines(demo: Service) -> None:
    found = machines(demo)
    assert 55 <= len(found) <= 65
    assert {vm.location for vm in found.values()} == {"westeurope", "northeurope", "eastus"}
    assert {vm.tags["environment"] for vm in found.values()} == {
        "production",
        "staging",
        "development",
    }
    assert {vm.storage_profile.os_disk.os_type for vm in found.values()} == {"Linux", "Windows"}
    assert len({vm.vm_id for vm in found.values()}) == len(found)


def test_a_host_of_each_kind(demo: Service) -> None:
    found = {
        name: (host.sku.name, bool(host.enable_tunneling), bool(host.enable_shareable_link))
        for name, host in hosts(demo).items()
    }
    assert found == {
        "bastion-hub-weu": ("Standard", True, True),
        "bastion-hub-neu": ("Premium", True, True),
        "bastion-hub-eus": ("Basic", False, False),
        "bastion-hub-dev-weu": ("Standard", True, False),
        "bastion-hub-lab-neu": ("Standard", True, True),
    }
    assert hosts(demo)["bastion-hub-neu"].enable_session_recording


def test_most_machines_are_guarded_for_one_three_or_eight_hours(demo: Service) -> None:
    found = guarded(demo)
    longest = [ports[0].max_request_access_duration for ports in found.values()]
    assert set(longest) == {"PT1H", "PT3H", "PT8H"}
    assert longest.count("PT3H") > len(longest) / 2
    assert set(machines(demo)) - set(found) == {"vm-plat-k8s-05", "vm-dev-06"}


def test_every_guarded_port_has_its_deny_rule(demo: Service) -> None:
    denied = 0
    for sub in (PRODUCTION, OTHER):
        for nsg in demo.network(sub=sub).network_security_groups.list_all():
            priorities = [(rule.direction, rule.priority) for rule in nsg.security_rules]
            assert len(set(priorities)) == len(priorities)
            denied += sum("-JITRule_" in rule.name for rule in nsg.security_rules)
    assert denied == len(guarded(demo))


def test_it_is_the_same_every_time(demo: Service) -> None:
    assert build_demo() == build_demo() == demo.state()["estate"]


def test_whoever_may_connect_may_and_others_may_not(demo: Service) -> None:
    """Without opening anything, only the planted machines can be reached."""
    reached = set()
    for vm in machines(demo).values():
        windows = vm.storage_profile.os_disk.os_type == "Windows"
        for host in hosts(demo).values():
            order = {"bastion": host.id, "vm": vm.id, "protocol": "RDP" if windows else "SSH"}
            status, _, _ = demo.raw("POST", "/_control/sessions", order)
            if status == 201:
                reached.add(vm.name)
    assert reached == {"vm-plat-k8s-05", "vm-dev-06", "vm-pay-win-02"}


def test_each_misconfiguration_is_really_there(demo: Service) -> None:
    assert len(MISCONFIGURED) == 11
    nics = {nic.name: nic for nic in demo.network(sub=PRODUCTION).network_interfaces.list_all()}
    bare = demo.network(sub=OTHER).network_interfaces.get("rg-dev-weu", "nic-vm-dev-06")
    assert bare.network_security_group is None
    assert bare.ip_configurations[0].subnet.id.endswith("/snet-open")
    assert nics["nic-vm-shop-web-05"].ip_configurations[0].public_ip_address
    assert guarded(demo)["vm-web-stg-05"][0].allowed_source_address_prefix == "*"
    rules = demo.network(sub=PRODUCTION).security_rules.list("rg-payments-weu", "nsg-vm-pay-win-02")
    assert next((rule.name, rule.access) for rule in rules) == ("AllowBastionInbound", "Allow")
    view = demo.compute(sub=PRODUCTION).virtual_machines.instance_view(
        "rg-data-neu", "vm-data-spark-06"
    )
    assert view.statuses[-1].code == "PowerState/deallocated"
    subnet = demo.network(sub=OTHER).subnets.get(
        "rg-hub-lab-neu", "vnet-hub-lab-neu", "AzureBastionSubnet"
    )
    assert ip_network(subnet.address_prefix).prefixlen == 27


def test_peerings_as_planted(demo: Service) -> None:
    found = networks(demo)
    (legacy,) = found["vnet-legacy-weu"].virtual_network_peerings
    assert legacy.peering_state == "Initiated"
    (partner,) = found["vnet-partner-weu"].virtual_network_peerings
    assert (partner.peering_state, partner.allow_forwarded_traffic) == ("Connected", False)
    (archive,) = found["vnet-archive-neu"].virtual_network_peerings
    assert archive.remote_virtual_network.id.endswith("/vnet-data-neu")
    remotes = {
        peering.remote_virtual_network.id.rsplit("/", 1)[1]
        for peering in found["vnet-hub-weu"].virtual_network_peerings
    }
    assert remotes == {"vnet-payments-weu", "vnet-platform-weu", "vnet-partner-weu"}


def test_the_document_lists_every_one_of_them() -> None:
    text = (ROOT / "docs" / "azure.md").read_text(encoding="utf-8")
    assert [name for name in MISCONFIGURED if f"`{name}`" not in text] == []
