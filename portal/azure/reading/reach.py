"""Which Bastion host reaches which network: its own, and those peered with it directly.

Never over a second hop: peering does not carry Bastion's traffic further than one network.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from portal.azure.reading.graph import Row

BASTION_SUBNET = "azurebastionsubnet"


@dataclass
class Networks:
    """What is kept of all networks while the estate is read; keys lower-case."""

    peers: dict[str, set[str]] = field(default_factory=dict)  # joined from this side
    bastion_prefix: dict[str, str] = field(default_factory=dict)  # by AzureBastionSubnet
    subnet_nsg: dict[str, str] = field(default_factory=dict)

    def add(self, network: Row) -> None:
        """``network``: as ``facts.network`` gives it."""
        facts = network["facts"]
        self.peers[network["resource_id"].lower()] = {
            peering["remote"].lower() for peering in facts["peerings"] if _joined(peering)
        }
        for subnet in facts["subnets"]:
            key = subnet["id"].lower()
            if subnet["name"].lower() == BASTION_SUBNET:
                self.bastion_prefix[key] = subnet["prefix"]
            if subnet["nsg"]:
                self.subnet_nsg[key] = subnet["nsg"]

    def reached_by(self, hosts: Iterable[Row]) -> dict[str, str]:
        """Host id by network key: a host in the network itself goes before a peered one."""
        homes = {network_of(host["facts"]["subnet"]): host["resource_id"] for host in hosts}
        reach: dict[str, str] = {}
        for home, host_id in homes.items():
            for peer in sorted(self.peers.get(home, ())):
                if home in self.peers.get(peer, ()):  # joined from both sides
                    reach.setdefault(peer, host_id)
        return {**reach, **homes}


def network_of(subnet_id: str) -> str:
    """The lower-cased id of the subnet's network."""
    return subnet_id.lower().rsplit("/subnets/", 1)[0]


def _joined(peering: Row) -> bool:
    return bool(peering["state"] == "Connected" and peering["access"])
