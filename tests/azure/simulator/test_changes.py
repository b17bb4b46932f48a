"""What owners change of their networks, hosts and machines, through Azure's own SDKs."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from tests.azure.simulator.doing import create_links, error_of, links
from tests.azure.simulator.service import BASTION, NSG, VM, Service

WEST = "westeurope"


def peered(cloud: Service, one: str, other: str) -> Any:
    """One side of a peering, made as its owner makes it."""
    properties = {
        "remoteVirtualNetwork": {"id": other},
        "allowVirtualNetworkAccess": True,
        "allowForwardedTraffic": True,
    }
    group, name = one.split("/")[4], one.rsplit("/", 1)[1]
    peerings = cloud.network().virtual_network_peerings
    body = {"properties": properties}
    return peerings.begin_create_or_update(group, name, "there", body).result(20)


def network(cloud: Service, name: str, prefix: str) -> str:
    body = {"location": WEST, "properties": {"addressSpace": {"addressPrefixes": [prefix]}}}
    networks = cloud.network().virtual_networks
    return str(networks.begin_create_or_update("rg-app", name, body).result(20).id)


def test_a_machine_is_started(cloud: Service) -> None:
    cloud.control("POST", "hand", {"stop_vm": VM})
    compute = cloud.compute()
    group, name = VM.split("/")[4], VM.rsplit("/", 1)[1]
    compute.virtual_machines.begin_start(group, name).result(20)
    view = compute.virtual_machines.instance_view(group, name)
    assert view.statuses[-1].code == "PowerState/running"
    assert cloud.record("vm.started")


def test_starting_takes_its_time(cloud: Service) -> None:
    cloud.control("POST", "hand", {"stop_vm": VM})
    cloud.control("POST", "pace", {"start": 30})
    status, headers, body = cloud.raw("POST", f"{VM}/start?api-version=2024-07-01")
    assert (status, body) == (202, None)
    asked = headers["azure-asyncoperation"].removeprefix(cloud.url)
    assert "/Microsoft.Compute/" in asked
    assert cloud.raw("GET", asked)[2]["status"] == "InProgress"
    cloud.control("POST", "clock", {"advance_seconds": 31})
    assert cloud.raw("GET", asked)[2]["status"] == "Succeeded"
    assert cloud.raw("GET", headers["location"].removeprefix(cloud.url))[0] == 200


def test_a_group_is_made_and_put_onto_an_interface(cloud: Service) -> None:
    client = cloud.network()
    made = client.network_security_groups.begin_create_or_update(
        "rg-app", "nsg-new", {"location": WEST}
    ).result(20)
    assert made.provisioning_state == "Succeeded"
    assert made.default_security_rules
    nic = next(iter(client.network_interfaces.list("rg-app")))
    nic.network_security_group = {"id": made.id}
    client.network_interfaces.begin_create_or_update("rg-app", nic.name, nic).result(20)
    again = client.network_interfaces.get("rg-app", nic.name)
    assert again.network_security_group.id == made.id
    assert again.ip_configurations[0].private_ip_address == (
        nic.ip_configurations[0].private_ip_address
    )


def test_what_is_put_is_there_at_once_and_finished_later(cloud: Service) -> None:
    cloud.control("POST", "pace", {"change": 30})
    path = f"{NSG.rsplit('/', 1)[0]}/nsg-new?api-version=2024-05-01"
    status, headers, body = cloud.raw("PUT", path, {"location": WEST, "properties": {}})
    assert (status, body["properties"]["provisioningState"]) == (201, "Updating")
    assert "azure-asyncoperation" in headers
    assert "location" not in headers
    assert cloud.raw("PUT", path, {"location": WEST, "properties": {}})[0] == 200
    cloud.control("POST", "clock", {"advance_seconds": 31})
    assert cloud.raw("GET", path)[2]["properties"]["provisioningState"] == "Succeeded"


def test_a_peering_is_connected_when_there_are_two_sides(cloud: Service) -> None:
    one, other = network(cloud, "vnet-a", "10.8.0.0/16"), network(cloud, "vnet-b", "10.9.0.0/16")
    assert peered(cloud, one, other).peering_state == "Initiated"
    assert peered(cloud, other, one).peering_state == "Connected"
    first = cloud.network().virtual_network_peerings.get("rg-app", "vnet-a", "there")
    assert first.peering_state == "Connected"
    with pytest.raises(HttpResponseError) as info:
        peered(cloud, one, f"{one}-nowhere")
    assert error_of(info) == (404, "ResourceNotFound")


def test_a_hosts_switch_is_turned(cloud: Service) -> None:
    hosts = cloud.network().bastion_hosts
    host = hosts.get("rg-hub", "bastion-hub")
    name = host.dns_name
    host.enable_shareable_link = False
    hosts.begin_create_or_update("rg-hub", "bastion-hub", host).result(20)
    again = hosts.get("rg-hub", "bastion-hub")
    assert (again.enable_shareable_link, again.dns_name) == (False, name)
    with pytest.raises(HttpResponseError) as info:
        create_links(cloud, VM)
    assert error_of(info)[1] == "BastionShareableLinkDisabled"


def test_a_host_goes_with_its_links(cloud: Service) -> None:
    create_links(cloud, VM)
    client = cloud.network()
    body = client.bastion_hosts.get("rg-hub", "bastion-hub")
    client.bastion_hosts.begin_delete("rg-hub", "bastion-hub").result(20)
    assert cloud.raw("DELETE", f"{BASTION}?api-version=2024-05-01")[0] == 204
    client.bastion_hosts.begin_create_or_update("rg-hub", "bastion-hub", body).result(20)
    assert links(cloud) == []


def test_a_subnet_that_a_host_lives_in_stays_as_it_is(cloud: Service) -> None:
    client = cloud.network()
    home = client.subnets.get("rg-hub", "vnet-hub", "AzureBastionSubnet")
    for prefix, code in (("10.0.255.0/27", "InUseSubnetCannotBeUpdated"),
                         ("192.168.0.0/26", "NetcfgInvalidSubnet")):  # fmt: skip
        home.address_prefix = prefix
        with pytest.raises(HttpResponseError) as info:
            client.subnets.begin_create_or_update("rg-hub", "vnet-hub", home.name, home).result(20)
        assert info.value.error.code == code
    whole = client.virtual_networks.get("rg-hub", "vnet-hub")
    whole.subnets = []
    with pytest.raises(HttpResponseError) as info:
        client.virtual_networks.begin_create_or_update("rg-hub", "vnet-hub", whole).result(20)
    assert info.value.error.code == "InUseSubnetCannotBeDeleted"


def test_a_new_host_wants_room(cloud: Service) -> None:
    client = cloud.network()
    subnet = {"name": "AzureBastionSubnet", "properties": {"addressPrefix": "10.8.0.0/27"}}
    space = {"addressSpace": {"addressPrefixes": ["10.8.0.0/16"]}, "subnets": [subnet]}
    made = client.virtual_networks.begin_create_or_update(
        "rg-app", "vnet-small", {"location": WEST, "properties": space}
    ).result(20)
    host = client.bastion_hosts.get("rg-hub", "bastion-hub")
    host.ip_configurations[0].subnet.id = made.subnets[0].id
    with pytest.raises(HttpResponseError) as info:
        client.bastion_hosts.begin_create_or_update("rg-app", "another", host).result(20)
    assert info.value.error.code == "BastionSubnetNotAllowed"


@pytest.mark.parametrize("properties", [5, "x", [5]])
def test_what_makes_no_sense_changes_nothing(cloud: Service, properties: Any) -> None:
    before = cloud.state()["estate"]
    network_id = f"{NSG.split('/networkSecurityGroups/')[0]}"
    for path in (
        NSG,
        BASTION,
        f"{network_id}/networkInterfaces/nic-vm-app-01",
        f"{BASTION.split('/bastionHosts/')[0]}/virtualNetworks/vnet-hub",
        f"{BASTION.split('/bastionHosts/')[0]}/virtualNetworks/vnet-hub/subnets/snet-app",
        f"{BASTION.split('/bastionHosts/')[0]}/virtualNetworks/vnet-hub/virtualNetworkPeerings/p",
    ):
        body = {"location": WEST, "properties": properties}
        status, _, told = cloud.raw("PUT", f"{path}?api-version=1", body)
        assert (status, told["error"]["code"]) == (400, "InvalidRequestContent"), path
    assert cloud.state()["estate"] == before
