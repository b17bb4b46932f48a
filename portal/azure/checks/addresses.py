"""Address ranges and service tags: which part of a range a rule's prefixes cover.

Microsoft documents the tags: VirtualNetwork is the network's own address space and that of what
is joined to it (of which the networks peered with it are known here; what lies behind a gateway
or a user's route is not); Internet is all that is public outside of it, Azure's own services
included; AzureLoadBalancer is where health probes come from. Which addresses AzureCloud and
GatewayManager have is known to Microsoft alone, so these stay names: GatewayManager within
AzureCloud, AzureCloud within Internet. Only IPv4 is judged, as Bastion reaches machines by no
other. A word that is none of this covers nothing but itself.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, collapse_addresses, ip_network

Space = IPv4Network | str  # the name of a service tag, in lower case, where only Azure knows

INTERNET, AZURE_CLOUD, GATEWAY_MANAGER = "internet", "azurecloud", "gatewaymanager"
VIRTUAL_NETWORK, LOAD_BALANCER = "virtualnetwork", "azureloadbalancer"
EVERYTHING = frozenset({"*", "any", "0.0.0.0/0"})
PROBES = IPv4Network("168.63.129.16/32")
PUBLIC_NAMES = frozenset({INTERNET, AZURE_CLOUD, GATEWAY_MANAGER})
NOT_PUBLIC = tuple(
    IPv4Network(each)
    for each in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/3",
    )
)

Networks = tuple[IPv4Network, ...]


class Ranges(tuple[IPv4Network, ...]):  # noqa: SLOT001 - where its hash is kept
    """Remembers its hash: those of a network with hundreds of peers are looked up for each rule."""

    _hash: int

    def __hash__(self) -> int:
        if not hasattr(self, "_hash"):
            self._hash = super().__hash__()
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or super().__eq__(other)


@dataclass(frozen=True)
class Cover:
    """What the prefixes of a rule cover, at one place. ``networks``: sorted, and apart from each
    other; ``starts``: their first addresses."""

    everything: bool = False
    networks: Networks = ()
    names: frozenset[str] = frozenset()
    starts: tuple[int, ...] = ()

    def cut(self, space: Space) -> tuple[list[Space], list[Space]]:
        """(what of it is covered, what is not)."""
        if self.everything:
            return [space], []
        if isinstance(space, str):
            return ([space], []) if space in self.names else ([], [space])
        return _cut(space, self._near(space))

    def _near(self, space: IPv4Network) -> Networks:
        """Those that may overlap with it."""
        first = bisect_right(self.starts, int(space.network_address)) - 1
        last = bisect_right(self.starts, int(space.broadcast_address))
        return self.networks[max(first, 0) : last]


@lru_cache(maxsize=4096)
def cover_of(prefixes: tuple[str, ...], virtual_network: Networks) -> Cover:
    """``virtual_network``: what the tag of that name means where the rule is in force."""
    words = {each.strip().lower() for each in prefixes}
    if words & EVERYTHING:
        return Cover(everything=True)
    networks: list[IPv4Network] = []
    names: set[str] = set()
    for word in words:
        networks += _networks(word, virtual_network)
        names |= _names(word)
    apart = tuple(collapse_addresses(networks))
    starts = tuple(int(each.network_address) for each in apart)
    return Cover(networks=apart, names=frozenset(names), starts=starts)


@lru_cache(maxsize=1024)
def ranges_of(prefixes: tuple[str, ...]) -> Ranges:
    """The same object for the same prefixes."""
    return Ranges(ipv4s(prefixes))


@lru_cache(maxsize=65536)
def ipv4(prefix: str) -> IPv4Network | None:
    """``None`` for what is no IPv4 range."""
    try:
        found = ip_network(prefix, strict=False)
    except ValueError:
        return None
    return found if isinstance(found, IPv4Network) else None


def ipv4s(prefixes: Iterable[str]) -> Networks:
    return tuple(found for each in prefixes if (found := ipv4(each)))


def _networks(word: str, virtual_network: Networks) -> Networks:
    if word == VIRTUAL_NETWORK:
        return virtual_network
    if word == LOAD_BALANCER:
        return (PROBES,)
    if word == INTERNET:
        _, public = _cut(IPv4Network("0.0.0.0/0"), (*NOT_PUBLIC, *virtual_network))
        return tuple(each for each in public if isinstance(each, IPv4Network))
    return ipv4s([word])


def _names(word: str) -> frozenset[str]:
    if word == INTERNET:
        return PUBLIC_NAMES
    if word == AZURE_CLOUD:
        return frozenset({AZURE_CLOUD, GATEWAY_MANAGER})
    return frozenset({word})


def _cut(network: IPv4Network, covers: Iterable[IPv4Network]) -> tuple[list[Space], list[Space]]:
    """Of two ranges that overlap, one lies within the other."""
    inside: list[Space] = []
    outside = [network]
    for cover in covers:
        rest: list[IPv4Network] = []
        for piece in outside:
            if not piece.overlaps(cover):
                rest.append(piece)
            elif piece.subnet_of(cover):
                inside.append(piece)
            else:
                inside.append(cover)
                rest += piece.address_exclude(cover)
        outside = rest
    return inside, list(outside)
