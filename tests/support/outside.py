"""The small estate with a security group on the Bastion's subnet, and machines behind a gateway."""

from __future__ import annotations

from typing import Any
from urllib.error import HTTPError

import pytest

from access.models import BastionHost, Machine, Person
from jit.outside import services
from jit.outside.models import OutsideTarget
from portal.azure.simulator import rules
from portal.azure.simulator.estate import parts
from portal.azure.simulator.estate.small import PLACE, PREFIX, SUBSCRIPTION, small
from portal.sync import sync_estate
from tests.access.contract import Story
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, be_seen

NSG = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-hub/providers/Microsoft.Network"
    "/networkSecurityGroups/nsg-bastion"
)
SHUT, OPEN = "192.168.40.10", "192.168.40.20"  # a deny stands for the one, none for the other
DENY = 250


def estate(*denied: str, priority: int = DENY) -> dict[str, Any]:
    """A deny of somebody's own for each address, from that priority on."""
    made = small()
    group = parts.bastion_nsg(NSG.split("/providers/", maxsplit=1)[0], "nsg-bastion", PLACE)
    for number, address in enumerate(denied or (SHUT,)):
        rules.add(
            group, f"KeepOut{number}", access="Deny", direction="Outbound", protocol="*",
            priority=priority + number, sourceAddressPrefix=PREFIX,
            destinationAddressPrefix=address, destinationPortRange="*",
        )  # fmt: skip
    network = next(each for each in made["resources"] if each["name"] == "vnet-hub")
    parts.guarded_by(parts.subnet_of(network, parts.BASTION_SUBNET), group)
    made["resources"].append(group)
    return made


def details(name: str = "onprem-db-01", address: str = SHUT, **changes: Any) -> services.Details:
    values: dict[str, Any] = {
        "name": name, "address": address, "os": "linux", "ports": (22,),
        "host_id": BastionHost.objects.get(name="bastion-hub").pk,
        "owner": "finance", "environment": "staging",
    }  # fmt: skip
    return services.Details(**(values | changes))


def register(
    name: str = "onprem-db-01", address: str = SHUT, *, by: Person, **changes: Any
) -> OutsideTarget:
    return services.register(details(name, address, **changes), by=by)


class OutsideStory(Story):
    @property
    def machine(self) -> Machine:
        return Machine.objects.get(name="onprem-db-01")

    def rules(self) -> dict[str, Any]:
        """Of the Bastion's subnet, by name."""
        made = self.azure.state()["estate"]["resources"]
        (group,) = [each for each in made if each["name"] == "nsg-bastion"]
        return {rule["name"]: rule["properties"] for rule in group["properties"]["securityRules"]}

    def ours(self) -> list[Any]:
        return [rule for name, rule in self.rules().items() if name.startswith("BastionAccess-")]

    def doors_in_azure(self) -> int:
        return len(self.ours())


@pytest.fixture
def cloud(azure: SimulatedAzure, transactional_db: None) -> SimulatedAzure:
    azure.control("POST", "reset", {"estate": estate()})
    azure.pace(0)
    sync_estate()
    be_seen()
    return azure


@pytest.fixture
def story(cloud: SimulatedAzure, cast: Cast) -> OutsideStory:
    register(by=cast.dana)
    return OutsideStory(cloud, cast, "address", "rule.put", "rule.put", "rule.delete")


def by_hand(story: OutsideStory, name: str, **changes: Any) -> None:
    """Somebody writes an outbound rule past the portal."""
    made = story.azure.state()["estate"]
    (group,) = [each for each in made["resources"] if each["name"] == "nsg-bastion"]
    values = {
        "access": "Allow", "direction": "Outbound", "protocol": "*", "priority": 400,
        "sourceAddressPrefix": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*",
    }  # fmt: skip
    rules.add(group, name, **(values | changes))
    story.azure.control("POST", "reset", {"estate": made})
    story.azure.pace(0)


def gets_in(story: OutsideStory) -> bool:
    """Whether a session by address would be let out; it is ended again."""
    host = story.machine.bastion
    assert host is not None
    order = {"bastion": host.resource_id, "address": story.machine.private_ip}
    try:
        made = story.azure.control("POST", "sessions", order)
    except HTTPError as refusal:
        refusal.close()
        return False
    story.azure.control("DELETE", f"sessions/{made['sessionId']}")
    return True
