"""A Bastion host that connects to addresses, as a reading of the estate leaves it, and what is
registered behind it. Azure is not asked."""

from __future__ import annotations

from typing import Any

import pytest

from access.clock import db_now
from access.models import BastionHost, EstateItem, Person
from jit.outside import services
from jit.outside.models import OutsideTarget
from tests.azure.checks.healthy import bastion_rules
from tests.support import estate
from tests.support.estate import PREFIX, SUBSCRIPTION

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-hub/providers/Microsoft.Network"
NSG, VNET = f"{GROUP}/networkSecurityGroups/nsg-bastion", f"{GROUP}/virtualNetworks/vnet-hub"
SUBNET = f"{VNET}/subnets/AzureBastionSubnet"
SHUT, OPEN = "192.168.40.10", "192.168.40.20"


@pytest.fixture
def hub(db: None) -> BastionHost:
    """As a reading of the estate leaves it; a deny stands for one address."""
    deny = {
        "name": "KeepOut", "priority": 250, "direction": "Outbound", "access": "Deny",
        "protocol": "*", "sources": [PREFIX], "source_ports": ["*"],
        "destinations": [SHUT], "ports": ["*"],
    }  # fmt: skip
    behind = {"Inbound": 0, "Outbound": 300}  # the deny goes first
    own = [
        each | {"priority": each["priority"] + behind[each["direction"]]}
        for each in bastion_rules()
    ]
    subnet = {"id": SUBNET, "name": "AzureBastionSubnet", "prefix": PREFIX, "nsg": NSG}
    item("network", VNET, prefixes=["10.0.0.0/16"], subnets=[subnet], peerings=[])
    item("nsg", NSG, rules=[deny, *own])
    facts = {"sku": "Standard", "ip_connect": True, "tunneling": True, "subnet": SUBNET,
             "provisioning_state": "Succeeded"}  # fmt: skip
    return estate.host(ip_connect=True, facts=facts)


def item(kind: str, key: str, **facts: Any) -> EstateItem:
    return EstateItem.objects.create(
        kind=kind, resource_id=key, resource_key=key.lower(), name=key.rsplit("/", 1)[-1],
        subscription_id=SUBSCRIPTION, resource_group="rg-hub", region="westeurope",
        facts=facts, synced_at=db_now(),
    )  # fmt: skip


def details(hub: BastionHost, **changes: Any) -> services.Details:
    values: dict[str, Any] = {
        "name": "onprem-db-01", "address": SHUT, "os": "linux", "ports": (22,), "host_id": hub.pk,
    }  # fmt: skip
    return services.Details(**(values | changes))


def register(hub: BastionHost, by: Person, **changes: Any) -> OutsideTarget:
    return services.register(details(hub, **changes), by=by)
