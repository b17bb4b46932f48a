"""Reading the estate with the real SDKs: Bastion hosts, machines, and who can reach whom.

A Bastion host reaches the machines of its own network and of networks peered with it directly;
never over a second hop.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from azure.core.rest import HttpRequest
from django.conf import settings

from access.estate import HostFacts, MachineFacts
from portal.azure import door as azure

BASTION_SUBNET = "azurebastionsubnet"


@dataclass
class Network:
    """What was read of one network, all keys lower-case."""

    peers: set[str] = field(default_factory=set)  # networks joined directly, this side connected


@dataclass
class Estate:
    hosts: list[HostFacts]
    machines: list[MachineFacts]
    policies: list[Any]  # JitNetworkAccessPolicy of the SDK


def read_estate(subscriptions: dict[str, str]) -> Estate:
    """``subscriptions``: name by id. Raises ``Later`` or ``Never``: nothing is half-read."""
    with azure.calling():
        networks, prefixes, subnet_nsgs = _networks(subscriptions)
        hosts = list(_hosts(subscriptions, prefixes))
        reach = _reach(hosts, networks)
        machines = [
            machine
            for key, name in subscriptions.items()
            for machine in _machines(key, name, reach, subnet_nsgs)
        ]
        policies = [
            policy
            for key in subscriptions
            for policy in azure.security(key).jit_network_access_policies.list()
        ]
    return Estate([facts for facts, _ in hosts], machines, policies)


def read_subscriptions() -> dict[str, str]:
    """Name by id of every subscription that the identity may see."""
    found: dict[str, str] = {}
    with azure.calling():
        page = f"{settings.AZURE_ENDPOINT}/subscriptions?api-version=2022-12-01"
        while page:
            answer = azure.plain().send_request(HttpRequest("GET", page))
            answer.raise_for_status()
            rows = answer.json()
            found |= {row["subscriptionId"]: row["displayName"] for row in rows["value"]}
            page = rows.get("nextLink") or ""
    return found


def _networks(
    subscriptions: dict[str, str],
) -> tuple[dict[str, Network], dict[str, str], dict[str, str]]:
    """(networks by key, address prefix by Bastion subnet key, NSG id by subnet key)."""
    networks: dict[str, Network] = {}
    prefixes: dict[str, str] = {}
    nsgs: dict[str, str] = {}
    for key in subscriptions:
        for found in azure.network(key).virtual_networks.list_all():
            networks[found.id.lower()] = Network(_peers(found))
            for subnet in found.subnets or []:
                if subnet.name.lower() == BASTION_SUBNET:
                    prefixes[subnet.id.lower()] = _prefix(subnet)
                if subnet.network_security_group:
                    nsgs[subnet.id.lower()] = subnet.network_security_group.id
    return networks, prefixes, nsgs


def _peers(network: Any) -> set[str]:
    return {
        peering.remote_virtual_network.id.lower()
        for peering in network.virtual_network_peerings or []
        if azure.word(peering.peering_state) == "Connected" and peering.remote_virtual_network
    }


def _prefix(subnet: Any) -> str:
    return subnet.address_prefix or next(iter(subnet.address_prefixes or []), "")


def _hosts(
    subscriptions: dict[str, str], prefixes: dict[str, str]
) -> Iterator[tuple[HostFacts, str]]:
    """Each host with the key of its own network."""
    for key in subscriptions:
        for host in azure.network(key).bastion_hosts.list():
            subnet = _bastion_subnet(host)
            where = azure.parts(host.id)
            facts = HostFacts(
                resource_id=host.id,
                name=host.name,
                subscription_id=where["subscription"],
                resource_group=where["resource_group"],
                region=host.location or "",
                sku=azure.word(host.sku.name) if host.sku else "Basic",
                scale_units=host.scale_units or 2,
                tunneling=bool(host.enable_tunneling),
                shareable_links=bool(host.enable_shareable_link),
                ip_connect=bool(host.enable_ip_connect),
                subnet_prefix=prefixes.get(subnet, ""),
            )
            yield facts, subnet.rsplit("/subnets/", 1)[0]


def _bastion_subnet(host: Any) -> str:
    for configuration in host.ip_configurations or []:
        if configuration.subnet:
            return str(configuration.subnet.id).lower()
    return ""


def _reach(hosts: list[tuple[HostFacts, str]], networks: dict[str, Network]) -> dict[str, str]:
    """Bastion id by network key: a host in the network itself goes before a peered one."""
    reach: dict[str, str] = {}
    for facts, home in hosts:
        for peer in networks[home].peers if home in networks else set():
            if home in networks.get(peer, Network()).peers:  # joined from both sides
                reach.setdefault(peer, facts.resource_id)
    return {**reach, **{home: facts.resource_id for facts, home in hosts}}


def _machines(
    subscription_id: str,
    subscription_name: str,
    reach: dict[str, str],
    subnet_nsgs: dict[str, str],
) -> Iterator[MachineFacts]:
    interfaces = {
        found.id.lower(): found
        for found in azure.network(subscription_id).network_interfaces.list_all()
    }
    for vm in azure.compute(subscription_id).virtual_machines.list_all():
        nic = _first_interface(vm, interfaces)
        subnet = _subnet_of(nic)
        yield MachineFacts(
            resource_id=vm.id,
            name=vm.name,
            vm_id=vm.vm_id or "",
            subscription_id=subscription_id,
            subscription_name=subscription_name,
            resource_group=azure.parts(vm.id)["resource_group"],
            region=vm.location or "",
            os=_os(vm),
            private_ip=_address(nic),
            nsg_ids=_nsgs(nic, subnet_nsgs.get(subnet.lower(), "")),
            tags={str(key): str(value) for key, value in (vm.tags or {}).items()},
            bastion_id=reach.get(subnet.lower().rsplit("/subnets/", 1)[0], ""),
        )


def _first_interface(vm: Any, interfaces: dict[str, Any]) -> Any:
    """Bastion connects to the primary interface."""
    listed = list(vm.network_profile.network_interfaces or []) if vm.network_profile else []
    listed.sort(key=lambda reference: not reference.primary)
    return interfaces.get(listed[0].id.lower()) if listed else None


def _configuration(nic: Any) -> Any:
    return next(iter(nic.ip_configurations or []), None) if nic else None


def _subnet_of(nic: Any) -> str:
    configuration = _configuration(nic)
    return str(configuration.subnet.id) if configuration and configuration.subnet else ""


def _address(nic: Any) -> str | None:
    configuration = _configuration(nic)
    return configuration.private_ip_address if configuration else None


def _nsgs(nic: Any, of_subnet: str) -> list[str]:
    own = nic.network_security_group.id if nic and nic.network_security_group else ""
    return [key for key in dict.fromkeys([own, of_subnet]) if key]


def _os(vm: Any) -> str:
    disk = vm.storage_profile.os_disk if vm.storage_profile else None
    return "windows" if disk and azure.word(disk.os_type).lower() == "windows" else "linux"
