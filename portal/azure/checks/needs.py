"""The flows that a Bastion host needs, where a security group guards its subnet.

Microsoft documents eight rules, by name, and that a group which lacks one of them keeps the host
from its updates or people from their machines. In: the people, Azure's gateway manager and the
health probes on 443, and the host's own instances among themselves on 8080 and 5701. Out: the
machines on 22 and 3389, Azure's cloud on 443, the instances again, and the internet on 80 for
session information and certificates. Older guides also let the gateway manager in on 4443, which
the present list does not ask for. People may come from ranges of the organisation's own choice,
so 443 from some public range is enough; nobody comes from the internet to a private-only host.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import IPv4Network

from portal.azure.checks.addresses import (
    AZURE_CLOUD,
    EVERYTHING,
    GATEWAY_MANAGER,
    INTERNET,
    PROBES,
    Networks,
    Space,
    ipv4s,
)
from portal.azure.checks.facts import Nsg, Rule
from portal.azure.checks.nsg import (
    INBOUND,
    OUTBOUND,
    Flow,
    Passage,
    is_custom,
    passage,
    rules_in_order,
    speaks_of_port,
)


class Other(Enum):
    """Who is at the other end, where it is not a service tag."""

    ITSELF = auto()
    MACHINES = auto()


@dataclass(frozen=True)
class Need:
    """``rule``: as Microsoft names it, at the priority of Microsoft's template."""

    rule: Rule
    other: Space | Other

    @property
    def tag(self) -> str:
        """What a rule that meets this need must say at the other end."""
        ends = self.rule.sources if self.rule.direction == INBOUND else self.rule.destinations
        return ends[0]

    @property
    def text(self) -> str:
        """ "AllowHttpsInbound (443 from Internet)"."""
        word = "from" if self.rule.direction == INBOUND else "to"
        other = "its own instances" if self.other is Other.ITSELF else self.tag
        return f"{self.rule.name} ({', '.join(self.rule.ports)} {word} {other})"


@dataclass(frozen=True)
class Place:
    """Where a Bastion host is: its subnet's range, and what VirtualNetwork means there."""

    prefix: IPv4Network
    virtual_network: Networks


def passages(need: Need, nsg: Nsg, place: Place) -> list[Passage]:
    """What becomes of each port of the need."""
    found = [_passage(need, nsg, place, int(port)) for port in need.rule.ports]
    if need.other != INTERNET or need.rule.direction != INBOUND or found[0].open:
        return found
    return next(_from_chosen_ranges(nsg, place), found)


def has_own_rule(need: Need, nsg: Nsg) -> bool:
    """Somebody has written rules for it: those that Azure puts everywhere do not count."""
    return all(
        any(_is_own(need, rule, int(port)) for rule in nsg.rules) for port in need.rule.ports
    )


def own_rules(need: Need, nsg: Nsg) -> list[Rule]:
    ports = [int(port) for port in need.rule.ports]
    rules = rules_in_order(nsg, need.rule.direction)
    return [rule for rule in rules if any(_is_own(need, rule, port) for port in ports)]


def _passage(need: Need, nsg: Nsg, place: Place, port: int) -> Passage:
    found = [passage([nsg], flow, place.virtual_network) for flow in _flows(need, place, port)]
    return Passage(
        any(each.open for each in found),
        tuple(ruling for each in found for ruling in each.letting),
        tuple(ruling for each in found for ruling in each.stopping),
    )


def _flows(need: Need, place: Place, port: int) -> Iterator[Flow]:
    for other in _others(need, place):
        if need.rule.direction == INBOUND:
            yield Flow(INBOUND, other, place.prefix, port)
        else:
            yield Flow(OUTBOUND, place.prefix, other, port)


def _others(need: Need, place: Place) -> list[Space]:
    if need.other is Other.ITSELF:
        return [place.prefix]
    if need.other is Other.MACHINES:
        return list(place.virtual_network)
    return [need.other]


def _from_chosen_ranges(nsg: Nsg, place: Place) -> Iterator[list[Passage]]:
    """443 from each range that a rule allows, where it is let in."""
    for rule in rules_in_order(nsg, INBOUND):
        for source in ipv4s(rule.sources) if rule.allows else ():
            flow = Flow(INBOUND, source, place.prefix, 443)
            found = passage([nsg], flow, place.virtual_network)
            if found.whole and not source.is_private:
                yield [found]


def _is_own(need: Need, rule: Rule, port: int) -> bool:
    if rule.direction.lower() != need.rule.direction.lower() or not is_custom(rule):
        return False
    ends = rule.sources if need.rule.direction == INBOUND else rule.destinations
    return rule.allows and speaks_of_port(rule, port) and _speaks_of_other(need, ends)


def _speaks_of_other(need: Need, ends: tuple[str, ...]) -> bool:
    words = {each.lower() for each in ends}
    if words & EVERYTHING or need.tag.lower() in words:
        return True
    is_named = isinstance(need.other, str) and need.other != INTERNET
    return not is_named and bool(ipv4s(ends))


def _way_in(name: str, priority: int, source: str, ports: str, other: Space | Other) -> Need:
    """Where Microsoft asks for any protocol, so do we."""
    to = source if other is Other.ITSELF else "*"
    return Need(_rule(name, priority, INBOUND, ports, (source, to)), other)


def _way_out(name: str, priority: int, to: str, ports: str, other: Space | Other) -> Need:
    source = to if other is Other.ITSELF else "*"
    return Need(_rule(name, priority, OUTBOUND, ports, (source, to)), other)


def _rule(name: str, priority: int, direction: str, ports: str, ends: tuple[str, str]) -> Rule:
    protocol = "Tcp" if ports == "443" else "*"
    source, to = ends
    return Rule(
        name, priority, direction, "Allow", protocol, (source,), ("*",), (to,), tuple(ports.split())
    )


NEEDS_IN = (
    _way_in("AllowHttpsInbound", 120, "Internet", "443", INTERNET),
    _way_in("AllowGatewayManagerInbound", 130, "GatewayManager", "443", GATEWAY_MANAGER),
    _way_in("AllowAzureLoadBalancerInbound", 140, "AzureLoadBalancer", "443", PROBES),
    _way_in("AllowBastionHostCommunication", 150, "VirtualNetwork", "8080 5701", Other.ITSELF),
)
NEEDS_OUT = (
    _way_out("AllowSshRdpOutbound", 100, "VirtualNetwork", "22 3389", Other.MACHINES),
    _way_out("AllowAzureCloudOutbound", 110, "AzureCloud", "443", AZURE_CLOUD),
    _way_out("AllowBastionCommunication", 120, "VirtualNetwork", "8080 5701", Other.ITSELF),
    _way_out("AllowHttpOutbound", 130, "Internet", "80", INTERNET),
)
