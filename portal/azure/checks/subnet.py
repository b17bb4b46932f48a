"""The subnet that a Bastion host lives in.

Microsoft documents that it must be called AzureBastionSubnet, be a /26 or larger for every host
made since November 2021, lie in the host's own network, and hold nothing else. A smaller one from
before that date still serves people, but its host can neither be scaled nor made again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network

from access.preflight import Check
from portal.azure.checks import remedies
from portal.azure.checks.addresses import ipv4, ipv4s
from portal.azure.checks.facts import Host, Network, Subnet, home_of
from portal.azure.checks.question import Question

NAME = "AzureBastionSubnet"
SMALLEST = 26  # prefix length

NAMED = Question(
    "subnet.name",
    "The Bastion's subnet is called AzureBastionSubnet",
    "Azure recognises the subnet by its name alone, and makes no host in another.",
)
LARGE = Question(
    "subnet.size",
    "The Bastion's subnet is a /26 or larger",
    "The host cannot grow when more people come, nor be made again once it is deleted.",
)
ALONE = Question(
    "subnet.alone",
    "Nothing but the Bastion is in its subnet",
    "What shares the subnet shares the only source that opened ports admit.",
)


@dataclass(frozen=True)
class Rebuild:
    """A host that is made again in a larger subnet. ``others``: the networks around its own."""

    host: Host
    network: Network
    subnet: Subnet
    others: list[Network]

    def commands(self, wanted: IPv4Network) -> list[str]:
        """None for a private-only host: the command line cannot make one."""
        if self.host.private_only or not self.host.public_ip:
            return []
        return [
            remedies.delete_host(self.host),
            *self._room(wanted),
            remedies.set_prefix(self.subnet.id, str(wanted)),
            remedies.create_host(self.host),
        ]

    def _room(self, wanted: IPv4Network) -> list[str]:
        """The network's own ranges, where the subnet outgrows them; peers have to be told."""
        ranges = ipv4s(self.network.prefixes)
        if any(wanted.subnet_of(each) for each in ranges):
            return []
        kept = [str(each) for each in ranges if not each.subnet_of(wanted)]
        sides = [(each, each.peering_with(self.network.id)) for each in self.others]
        told = [remedies.sync_peering(peer, side) for peer, side in sides if side]
        return [remedies.set_ranges(self.network, *kept, str(wanted)), *told]


def subnet_of(host: Host, networks: Mapping[str, Network]) -> list[Check]:
    network = home_of(host, networks)
    found = network.subnet(host.subnet) if network else None
    if network is None or found is None:
        return [LARGE.unknown(host.id, f"the subnet of {host.name} has not been read.")]
    again = Rebuild(host, network, found, [n for n in networks.values() if n is not network])
    return [_named(host, network, found), _large(again), _alone(found)]


def _named(host: Host, network: Network, subnet: Subnet) -> Check:
    if subnet.name.lower() == NAME.lower():
        return NAMED.passes(subnet.id, f"{host.name} is in {NAME} of {network.name}.")
    return NAMED.fails(subnet.id, f"{host.name} is in {subnet.name} of {network.name}.")


def _large(again: Rebuild) -> Check:
    network, subnet = again.network, again.subnet
    prefix = ipv4(subnet.prefix)
    if prefix is None:
        return LARGE.unknown(subnet.id, f"the address range of {subnet.name} in {network.name}.")
    seen = f"{subnet.name} of {network.name} is {prefix}"
    if prefix.prefixlen <= SMALLEST:
        return LARGE.passes(subnet.id, f"{seen}.")
    wanted = larger(network, subnet, prefix)
    if wanted is None:
        return LARGE.fails(subnet.id, f"{seen}, and {network.name} has no room for a /26.")
    evidence = (
        f"{seen}, smaller than a /26; {wanted} is free for it. The host must be deleted and made "
        "again for that, some fifteen minutes without a Bastion."
    )
    return LARGE.fails(subnet.id, evidence, *again.commands(wanted))


def _alone(subnet: Subnet) -> Check:
    if subnet.members is None:
        return ALONE.unknown(subnet.id, f"what else is in {subnet.name}.")
    if not subnet.members:
        return ALONE.passes(subnet.id, f"{subnet.name} holds the Bastion alone.")
    evidence = f"{subnet.name} holds {subnet.members} addresses that are not the Bastion's."
    return ALONE.fails(subnet.id, evidence, remedies.list_members(subnet.id))


def larger(network: Network, subnet: Subnet, prefix: IPv4Network) -> IPv4Network | None:
    """A /26 for the subnet: the one around it if that is free, else another, else ``None``."""
    others = ipv4s(each.prefix for each in network.subnets if each is not subnet)
    around = prefix.supernet(new_prefix=SMALLEST)
    if not any(around.overlaps(other) for other in others) and _can_hold(network, around):
        return around
    rooms = [each for each in ipv4s(network.prefixes) if each.prefixlen <= SMALLEST]
    places = (place for room in rooms for place in room.subnets(new_prefix=SMALLEST))
    return next((p for p in places if not any(p.overlaps(o) for o in others)), None)


def _can_hold(network: Network, wanted: IPv4Network) -> bool:
    """Within one of its ranges, or in place of ranges that lie within ``wanted``."""
    ranges = ipv4s(network.prefixes)
    return any(wanted.subnet_of(each) or each.subnet_of(wanted) for each in ranges)
