"""Reading the estate through the real SDK clients: what is there, in which form, in pages."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.azure.simulator.doing import initiate
from tests.azure.simulator.service import (
    AT_ONCE,
    BASTION,
    NSG,
    PREFIX,
    VM,
    Service,
    eventually,
    vm_id,
)


def test_subscriptions(cloud: Service) -> None:
    _, _, body = cloud.raw("GET", "/subscriptions?api-version=2022-12-01")
    (one,) = body["value"]
    assert (one["displayName"], one["state"]) == ("Test", "Enabled")


def test_machines(cloud: Service) -> None:
    machines = cloud.compute().virtual_machines
    assert [each.name for each in machines.list_all()] == [
        "vm-app-01",
        "vm-app-02",
        "vm-bare-01",
        "vm-win-01",
    ]
    assert len(list(machines.list("RG-APP"))) == 4
    one = machines.get("rg-app", "VM-APP-01")
    assert one.id == VM
    assert one.storage_profile.os_disk.os_type == "Linux"
    assert one.hardware_profile.vm_size
    assert one.vm_id
    assert one.instance_view is None
    assert one.tags == {"environment": "staging", "owner": "payments"}
    assert one.network_profile.network_interfaces[0].id.endswith("nic-vm-app-01")
    assert one.location == "westeurope"


def test_power_is_told_by_the_instance_view_only(cloud: Service) -> None:
    machines = cloud.compute().virtual_machines
    view = machines.instance_view("rg-app", "vm-app-01")
    assert view.statuses[-1].code == "PowerState/running"
    expanded = machines.get("rg-app", "vm-app-01", expand="instanceView")
    assert expanded.instance_view.statuses[-1].code == "PowerState/running"
    cloud.control("POST", "hand", {"stop_vm": VM})
    view = machines.instance_view("rg-app", "vm-app-01")
    assert view.statuses[-1].code == "PowerState/deallocated"


def test_interfaces_networks_subnets_and_peerings(cloud: Service) -> None:
    network = cloud.network()
    interfaces = list(network.network_interfaces.list_all())
    assert len(interfaces) == len(list(network.network_interfaces.list("rg-app"))) == 4
    nic = network.network_interfaces.get("rg-app", "nic-vm-app-01")
    assert nic.virtual_machine.id == VM
    assert nic.ip_configurations[0].private_ip_address == "10.0.1.4"
    (vnet,) = network.virtual_networks.list_all()
    assert [each.name for each in vnet.subnets] == ["AzureBastionSubnet", "snet-app"]
    assert network.virtual_networks.get("rg-hub", "vnet-hub").id == vnet.id
    assert len(list(network.virtual_networks.list("rg-hub"))) == 1
    subnet = network.subnets.get("rg-hub", "vnet-hub", "azurebastionsubnet")
    assert subnet.address_prefix == PREFIX
    app = network.subnets.get("rg-hub", "vnet-hub", "snet-app")
    assert app.network_security_group.id == NSG
    assert list(network.virtual_network_peerings.list("rg-hub", "vnet-hub")) == []


def test_public_addresses_and_bastion_hosts(cloud: Service) -> None:
    network = cloud.network()
    (address,) = network.public_ip_addresses.list_all()
    assert network.public_ip_addresses.get("rg-hub", address.name).ip_address
    assert len(list(network.public_ip_addresses.list("rg-hub"))) == 1
    (host,) = network.bastion_hosts.list()
    assert [each.id for each in network.bastion_hosts.list_by_resource_group("rg-hub")] == [BASTION]
    assert network.bastion_hosts.get("rg-hub", "bastion-hub").id == host.id == BASTION
    assert (host.sku.name, host.enable_tunneling, host.enable_shareable_link) == (
        "Standard",
        True,
        True,
    )
    assert host.dns_name.startswith("bst-")
    assert host.ip_configurations[0].subnet.id.endswith("/subnets/AzureBastionSubnet")


def test_security_groups_with_their_default_rules(cloud: Service) -> None:
    groups = cloud.network().network_security_groups
    assert [each.id for each in groups.list_all()] == [NSG]
    assert [each.id for each in groups.list("rg-app")] == [NSG]
    one = groups.get("rg-app", "nsg-app")
    assert len(one.security_rules) == 3
    assert {each.priority for each in one.default_security_rules} == {65000, 65001, 65500}


def test_rules_are_put_read_and_deleted(cloud: Service) -> None:
    rules = cloud.network().security_rules
    wanted: dict[str, Any] = {
        "properties": {
            "protocol": "Tcp",
            "access": "Allow",
            "direction": "Inbound",
            "priority": 200,
            "sourceAddressPrefix": "*",
            "sourcePortRange": "*",
            "destinationAddressPrefix": "*",
            "destinationPortRange": "443",
        }
    }
    made = rules.begin_create_or_update("rg-app", "nsg-app", "Web", wanted).result(20)
    assert (made.name, made.priority) == ("Web", 200)
    assert rules.get("rg-app", "nsg-app", "WEB").destination_port_range == "443"
    with pytest.raises(HttpResponseError):
        rules.begin_create_or_update("rg-app", "nsg-app", "Web2", wanted).result(20)
    cloud.pace(rule_delete=0.3)
    poller = rules.begin_delete("rg-app", "nsg-app", "Web")
    assert rules.get("rg-app", "nsg-app", "Web").name == "Web"
    poller.result(20)
    with pytest.raises(ResourceNotFoundError):
        rules.get("rg-app", "nsg-app", "Web")
    assert [row["operation"] for row in cloud.record()] == [
        "rule.put",
        "rule.put",
        "rule.delete",
        "rule.deleted",
    ]


def test_deleting_a_rule_that_is_not_there_is_204(cloud: Service) -> None:
    cloud.network().security_rules.begin_delete("rg-app", "nsg-app", "none").result(20)
    status, _, body = cloud.raw("DELETE", f"{NSG}/securityRules/none?api-version=2026-03-01")
    assert (status, body) == (204, None)


def test_the_closer_deletes_a_windows_rule_and_the_record_says_whose(cloud: Service) -> None:
    initiate(cloud)
    (window,) = cloud.state()["open_windows"]
    name = window["rule_id"].rsplit("/", 1)[1]
    cloud.network("closer").security_rules.begin_delete("rg-app", "nsg-app", name).result(20)
    assert cloud.state()["open_windows"] == []
    (asked,), (gone,) = cloud.record("rule.delete"), cloud.record("rule.deleted")
    assert asked["principal"] == "closer"
    assert (gone["because"], gone["body"]["window"]) == (asked["seq"], window["id"])


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"{VM}x", "ResourceNotFound"),
        (VM.replace("rg-app", "rg-none").rsplit("/", 1)[0], "ResourceGroupNotFound"),
        (VM.replace("1111", "2222"), "SubscriptionNotFound"),
        ("/subscriptions/x/nothing", "InvalidResourceType"),
    ],
)
def test_what_is_not_there(cloud: Service, path: str, code: str) -> None:
    status, _, body = cloud.raw("GET", f"{path}?api-version=2026-03-01")
    assert (status, body["error"]["code"]) == (404, code)


def test_the_api_version_is_required(cloud: Service) -> None:
    status, _, body = cloud.raw("GET", VM)
    assert (status, body["error"]["code"]) == (400, "MissingApiVersionParameter")


def test_long_lists_come_in_pages(cloud: Service) -> None:
    estate = cloud.state()["estate"]
    vm = next(each for each in estate["resources"] if each["id"] == VM)
    copies = [{**vm, "name": f"vm-{n:03}", "id": vm_id(f"vm-{n:03}")} for n in range(120)]
    cloud.reset({**estate, "resources": estate["resources"] + copies})
    before = cloud.control("GET", "calls")["calls"].get("vm.list", 0)
    found = [each.name for each in cloud.compute().virtual_machines.list_all()]
    assert len(found) == len(set(found)) == 124
    assert cloud.control("GET", "calls")["calls"]["vm.list"] - before == 3


def test_connections_are_kept(cloud: Service) -> None:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=5)
    ports = set()
    for _ in range(3):
        connection.request("GET", "/subscriptions?api-version=2022-12-01")
        assert connection.getresponse().read()
        assert connection.sock is not None
        ports.add(connection.sock.getsockname()[1])
    connection.close()
    assert len(ports) == 1


def test_pace_is_what_it_says(cloud: Service) -> None:
    assert set(AT_ONCE) <= set(cloud.control("POST", "pace", {}))
    cloud.pace(initiate=0.3)
    initiate(cloud)
    assert cloud.state()["open_windows"] == []
    eventually(lambda: cloud.state()["open_windows"])
