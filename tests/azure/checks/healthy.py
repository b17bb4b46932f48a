"""A site on which everything is as it should be, as the sync stores it; stories spoil one thing.

bastion-hub in vnet-hub, peered with vnet-app, where vm-app-01 runs Linux at 10.1.0.4.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict
from typing import Any

from access.preflight import Check, Level
from portal.azure.checks import check_host, check_link, check_machine, check_window
from portal.azure.checks.facts import Site
from portal.azure.checks.needs import NEEDS_IN, NEEDS_OUT
from portal.azure.checks.nsg import DEFAULT_RULES

SUB = "11111111-1111-1111-1111-111111111111"
HUB = f"/subscriptions/{SUB}/resourceGroups/rg-hub/providers/Microsoft.Network"
APP = f"/subscriptions/{SUB}/resourceGroups/rg-app/providers/Microsoft.Network"
HOST = f"{HUB}/bastionHosts/bastion-hub"
VNET_HUB, VNET_APP = f"{HUB}/virtualNetworks/vnet-hub", f"{APP}/virtualNetworks/vnet-app"
BASTION_SUBNET = f"{VNET_HUB}/subnets/AzureBastionSubnet"
APP_SUBNET = f"{VNET_APP}/subnets/snet-app"
NSG_BASTION = f"{HUB}/networkSecurityGroups/nsg-bastion"
NSG_APP = f"{APP}/networkSecurityGroups/nsg-app"
NSG_OWN = f"{APP}/networkSecurityGroups/nsg-vm-app-01"
PIP_HUB = f"{HUB}/publicIPAddresses/pip-hub"
PIP_VM = f"{APP}/publicIPAddresses/pip-vm-app-01"
NIC = f"{APP}/networkInterfaces/nic-vm-app-01"
VM = f"/subscriptions/{SUB}/resourceGroups/rg-app/providers/Microsoft.Compute/virtualMachines/vm-app-01"
POLICY = (
    f"/subscriptions/{SUB}/resourceGroups/rg-app/providers/Microsoft.Security"
    "/locations/westeurope/jitNetworkAccessPolicies/default"
)
PREFIX, ADDRESS = "10.0.255.0/26", "10.1.0.4"
DENY_NAME = "MicrosoftDefenderForCloud-JITRule_-1151891693_545C5DBC675443D3BF179EFD1EF8254D"

Facts = dict[str, Any]


def rule(name: str, priority: int, access: str = "Allow", **changes: Any) -> Facts:
    """Inbound, from anywhere to anywhere on every port, unless it says otherwise."""
    return {
        "name": name,
        "priority": priority,
        "direction": "Inbound",
        "access": access,
        "protocol": "*",
        "sources": ["*"],
        "source_ports": ["*"],
        "destinations": ["*"],
        "ports": ["*"],
    } | changes


def jit_deny(port: int = 22, priority: int = 4096, name: str = DENY_NAME) -> Facts:
    return rule(name, priority, "Deny", destinations=[ADDRESS], ports=[str(port)])


def defaults() -> list[Facts]:
    return [asdict(each) for each in DEFAULT_RULES]


def host() -> Facts:
    return {
        "id": HOST,
        "name": "bastion-hub",
        "resource_group": "rg-hub",
        "subscription_id": SUB,
        "region": "westeurope",
        "sku": "Standard",
        "provisioning_state": "Succeeded",
        "scale_units": 4,
        "zones": ["1", "2", "3"],
        "tunneling": True,
        "shareable_links": True,
        "ip_connect": True,
        "file_copy": True,
        "kerberos": False,
        "session_recording": False,
        "private_only": False,
        "dns_name": "bst-1.bastion.azure.com",
        "subnet": BASTION_SUBNET,
        "public_ip": PIP_HUB,
    }


def peering(name: str, remote: str, **changes: Any) -> Facts:
    whole = {"state": "Connected", "forwarded": True, "access": True}
    return {"name": name, "remote": remote} | whole | changes


def network(id_: str, prefix: str, subnets: list[Facts], peerings: list[Facts]) -> Facts:
    return {
        "id": id_,
        "name": id_.rsplit("/", 1)[-1],
        "region": "westeurope",
        "prefixes": [prefix],
        "subnets": subnets,
        "peerings": peerings,
    }


def subnet(id_: str, prefix: str, nsg: str, members: int) -> Facts:
    name = id_.rsplit("/", 1)[-1]
    return {"id": id_, "name": name, "prefix": prefix, "nsg": nsg, "members": members}


def hub() -> Facts:
    inside = subnet(BASTION_SUBNET, PREFIX, NSG_BASTION, 0)
    return network(VNET_HUB, "10.0.0.0/16", [inside], [peering("hub-to-app", VNET_APP)])


def app() -> Facts:
    inside = subnet(APP_SUBNET, "10.1.0.0/24", NSG_APP, 1)
    return network(VNET_APP, "10.1.0.0/16", [inside], [peering("app-to-hub", VNET_HUB)])


def vm() -> Facts:
    interface = {
        "id": NIC,
        "subnet": APP_SUBNET,
        "address": ADDRESS,
        "nsg": "",
        "public_ip": "",
        "vm": VM,
    }
    return {
        "id": VM,
        "name": "vm-app-01",
        "resource_group": "rg-app",
        "subscription_id": SUB,
        "region": "westeurope",
        "os": "linux",
        "power": "running",
        "interface": interface,
    }


def bastion_rules() -> list[Facts]:
    needed = [asdict(each.rule) for each in (*NEEDS_IN, *NEEDS_OUT)]
    return [
        *needed,
        rule("DenyAllElseInbound", 4000, "Deny"),
        rule("DenyAllElseOutbound", 4000, "Deny", direction="Outbound"),
        *defaults(),
    ]


def healthy() -> Facts:
    """The whole site as JSON, to be changed at will."""
    jit_port = {
        "policy_id": POLICY,
        "policy_name": "default",
        "number": 22,
        "source_prefixes": [PREFIX],
        "max_minutes": 180,
    }
    address = {
        "id": PIP_HUB,
        "name": "pip-hub",
        "sku": "Standard",
        "method": "Static",
        "address": "203.0.113.10",
        "attached": f"{HOST}/bastionHostIpConfigurations/ipconf",
    }
    nsgs = [
        {"id": NSG_BASTION, "name": "nsg-bastion", "rules": bastion_rules()},
        {"id": NSG_APP, "name": "nsg-app", "rules": [jit_deny(), *defaults()]},
    ]
    site = {
        "vm": vm(),
        "host": host(),
        "networks": keyed([hub(), app()]),
        "nsgs": keyed(nsgs),
        "public_ips": keyed([address]),
        "jit_ports": [jit_port],
        "hosts": [host()],
    }
    return deepcopy(site)


def keyed(rows: list[Facts]) -> Facts:
    return {row["id"].lower(): row for row in rows}


def all_checks(facts: Facts, port: int = 22, minutes: int = 60) -> list[Check]:
    """Everything that is asked of a site."""
    site = Site.from_json(facts)
    of_host = check_host(site.host, site.networks, site.nsgs, site.public_ips) if site.host else []
    return [
        *of_host,
        *check_machine(site, port),
        *check_window(site, port, minutes),
        *check_link(site, 3),
    ]


def only(checks: list[Check], key: str) -> Check:
    (found,) = {check for check in checks if check.key == key}
    return found


def not_passing(facts: Facts, **asked: int) -> dict[str, Level]:
    checks = all_checks(facts, **asked)
    return {check.key: check.level for check in checks if check.level is not Level.PASS}
