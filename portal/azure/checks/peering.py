"""Whether a Bastion host reaches a machine's network.

Microsoft documents that Bastion serves the machines of its own network and of networks peered
with it directly, that a peering works once both sides are Connected, and that peering is not
transitive: what lies behind a second hop is not reached. Developer hosts serve no peer.

Forwarded traffic is a warning and no failure. Sessions begin in the Bastion's own subnet, so Azure
carries them over a peering that refuses forwarded traffic; only where a firewall or another
appliance in the hub passes them on do they count as forwarded, and such routes are not known here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from access.preflight import Check
from portal.azure.checks import remedies
from portal.azure.checks.addresses import ipv4s
from portal.azure.checks.facts import Host, Network, Peering, Site, home_of
from portal.azure.checks.ids import key_of, name_of, network_of, same
from portal.azure.checks.question import Question
from portal.azure.checks.skus import Feature, allows, needs

REACH = Question(
    "peering.reach",
    "A Bastion reaches the machine's network",
    "Whoever connects waits until the connection times out; nothing says why.",
)
FORWARDED = Question(
    "peering.forwarded",
    "The peering lets forwarded traffic through, both ways",
    "Sessions that a firewall in the hub passes on are dropped without a word.",
)


@dataclass(frozen=True)
class Side:
    """One network's part in a peering; ``peering`` is ``None`` where it has not joined."""

    network: Network
    remote: Network
    peering: Peering | None

    @property
    def trouble(self) -> str:
        if self.peering is None:
            return f"{self.network.name} has no peering with {self.remote.name}"
        if self.peering.state and self.peering.state.lower() != "connected":
            return f"{self.peering.name} of {self.network.name} is {self.peering.state}"
        if self.peering.access is False:
            return f"{self.peering.name} of {self.network.name} refuses access"
        return ""

    @property
    def is_known(self) -> bool:
        return self.peering is None or bool(self.peering.state and self.peering.access is not None)

    def remedy(self, other: "Side") -> list[str]:
        """A side that only waits for the other needs nothing itself."""
        if self.peering is None:
            return [remedies.create_peering(self.network, self.remote)]
        if self.peering.access is False:
            grant = ("--allow-vnet-access", "true")
            return [remedies.update_peering(self.network, self.peering, *grant)]
        if not self.trouble or (self.peering.state.lower() == "initiated" and not other.peering):
            return []
        again = remedies.create_peering(self.network, self.remote)
        return [remedies.delete_peering(self.network, self.peering), again]


def reach(site: Site) -> Check:
    """From the machine's own host, or from the nearest where it has none."""
    there = site.network
    if site.vm.interface is None or there is None:
        return REACH.unknown(site.vm.id, f"which network {site.vm.name} is in.")
    host = site.host or nearest(site, there)
    if host is None:
        return REACH.fails(site.vm.id, f"No Bastion is joined, however far away, to {there.name}.")
    home = home_of(host, site.networks)
    if home is None:
        return REACH.unknown(host.id, f"which network {host.name} is in.")
    if same(home.id, there.id):
        return REACH.passes(site.vm.id, f"{host.name} is in {home.name} itself.")
    return _over_peering(site, host, home, there)


def forwarded(site: Site) -> list[Check]:
    """Nothing to ask where no peering lies between."""
    home, there = site.home, site.network
    if home is None or there is None or same(home.id, there.id):
        return []
    joined = [(side.network, side.peering) for side in sides(home, there) if side.peering]
    if not joined:
        return []
    if any(peering.forwarded is None for _, peering in joined):
        missing = f"whether {home.name} and {there.name} let forwarded traffic through."
        return [FORWARDED.unknown(site.vm.id, missing)]
    shut = [(network, peering) for network, peering in joined if not peering.forwarded]
    names = ", ".join(f"{peering.name} of {network.name}" for network, peering in shut or joined)
    if not shut:
        return [FORWARDED.passes(site.vm.id, f"Let through by {names}.")]
    grant = ("--allow-forwarded-traffic", "true")
    commands = [remedies.update_peering(network, each, *grant) for network, each in shut]
    return [FORWARDED.warns(site.vm.id, f"Refused by {names}.", *commands)]


def sides(home: Network, there: Network) -> tuple[Side, Side]:
    return (
        Side(home, there, home.peering_with(there.id)),
        Side(there, home, there.peering_with(home.id)),
    )


def nearest(site: Site, there: Network) -> Host | None:
    """The known host over the fewest peerings, complete or not; ``None`` if none is joined."""
    homes = {key_of(network_of(host.subnet)): host for host in reversed(site.hosts) if host.subnet}
    ways = ways_from(there, site.networks)
    return next((homes[way[-1]] for way in ways if way[-1] in homes), None)


def ways_from(start: Network, networks: Mapping[str, Network]) -> Iterator[list[str]]:
    """The shortest way to each network that is joined somehow: its keys, nearest first."""
    ways, seen = [[key_of(start.id)]], {key_of(start.id)}
    while ways:
        way = ways.pop(0)
        yield way
        for key in _neighbours(way[-1], networks):
            if key not in seen:
                seen.add(key)
                ways.append([*way, key])


def _neighbours(key: str, networks: Mapping[str, Network]) -> list[str]:
    """Joined from either side: a half peering shows who was meant."""
    own = [key_of(each.remote) for each in networks[key].peerings] if key in networks else []
    others = [key_of(each.id) for each in networks.values() if each.peering_with(key)]
    return [*own, *others]


def _over_peering(site: Site, host: Host, home: Network, there: Network) -> Check:
    pair = sides(home, there)
    if not any(side.peering for side in pair):
        return _too_far(site, host, home, there)
    if host.sku and not allows(host.sku, Feature.PEERING):
        evidence = f"{host.name} is {host.sku}; to reach {there.name}, it {needs(Feature.PEERING)}."
        return REACH.fails(site.vm.id, evidence)
    troubles = [side.trouble for side in pair if side.trouble]
    if not troubles and not all(side.is_known for side in pair):
        missing = f"the state of the peering between {home.name} and {there.name}."
        return REACH.unknown(site.vm.id, missing)
    if not troubles:
        evidence = f"{host.name} in {home.name} reaches {there.name}, peered both ways."
        return REACH.passes(site.vm.id, evidence)
    commands = [*pair[0].remedy(pair[1]), *pair[1].remedy(pair[0])]
    evidence = f"{host.name} would reach {there.name}, but {'; '.join(troubles)}."
    return REACH.fails(site.vm.id, evidence, *commands)


def _too_far(site: Site, host: Host, home: Network, there: Network) -> Check:
    ways = ways_from(there, site.networks)
    way = next((way for way in ways if way[-1] == key_of(home.id)), [])
    between = [_name(key, site.networks) for key in way[1:-1]]
    where = f"{site.vm.name} is in {there.name}"
    if between:
        evidence = (
            f"{where}, behind {' and '.join(between)}. The nearest Bastion, {host.name} in "
            f"{home.name}, is {len(way) - 1} peerings away, and reaches over one only."
        )
    else:
        evidence = f"{where}, which is not peered with {home.name}, where {host.name} is."
    if _overlap(home, there):
        return REACH.fails(site.vm.id, f"{evidence} Their address ranges overlap: no peering.")
    commands = [side.remedy(side)[0] for side in sides(home, there)]
    return REACH.fails(site.vm.id, evidence, *commands)


def _overlap(one: Network, other: Network) -> bool:
    """Azure peers no networks whose ranges overlap."""
    pairs = ((a, b) for a in ipv4s(one.prefixes) for b in ipv4s(other.prefixes))
    return any(a.overlaps(b) for a, b in pairs)


def _name(key: str, networks: Mapping[str, Network]) -> str:
    return networks[key].name if key in networks else name_of(key)
