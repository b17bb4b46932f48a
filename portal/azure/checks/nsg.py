"""What security groups let through: the first rule that matches decides, by rising priority.

Flows are of whole address ranges, because sessions come from a whole subnet: a rule that matches
a part of a flow decides that part only, and the rest goes on to the next rule. Microsoft
documents the order (a subnet's group, then the interface's, on the way in), and that a group
without a matching rule of its own ends in the default rules.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product

from portal.azure.checks.addresses import Networks, Space, cover_of, ranges_of
from portal.azure.checks.facts import Network, Nsg, Rule
from portal.azure.checks.ids import key_of

INBOUND, OUTBOUND = "Inbound", "Outbound"
EPHEMERAL = 50_000  # a port such as clients connect from
FIRST_PRIORITY, LAST_PRIORITY, DEFAULT_PRIORITY = 100, 4096, 65_000


@dataclass(frozen=True)
class Flow:
    direction: str
    source: Space
    destination: Space
    port: int
    protocol: str = "Tcp"
    source_port: int = EPHEMERAL


@dataclass(frozen=True)
class Ruling:
    """A part of a flow, and the rule that decided it in this group."""

    nsg: Nsg
    rule: Rule
    source: Space
    destination: Space

    @property
    def text(self) -> str:
        """ "DenyAllInBound (priority 65500) in nsg-app"."""
        return f"{self.rule.name} (priority {self.rule.priority}) in {self.nsg.name}"


@dataclass(frozen=True)
class Passage:
    """What became of a flow. ``open``: some of it came through all groups."""

    open: bool
    letting: tuple[Ruling, ...]
    stopping: tuple[Ruling, ...]

    @property
    def whole(self) -> bool:
        """All of it came through."""
        return not self.stopping


def decide(nsg: Nsg, flow: Flow, virtual_network: Networks) -> list[Ruling]:
    """The parts of the flow, each with its rule, in the order of the rules."""
    rulings: list[Ruling] = []
    parts: list[tuple[Space, Space]] = [(flow.source, flow.destination)]
    for rule in rules_in_order(nsg, flow.direction):
        if not _speaks_of(rule, flow):
            continue
        parts, decided = _split(parts, rule, virtual_network)
        rulings += [Ruling(nsg, rule, *part) for part in decided]
    return rulings


def passage(nsgs: Iterable[Nsg], flow: Flow, virtual_network: Networks) -> Passage:
    """Through all groups in turn. Without any group everything passes."""
    flows, letting, stopping = [flow], list[Ruling](), list[Ruling]()
    for nsg in nsgs:
        rulings = [each for one in flows for each in decide(nsg, one, virtual_network)]
        passing = [each for each in rulings if each.rule.allows]
        letting += passing
        stopping += [each for each in rulings if not each.rule.allows]
        flows = [replace(flow, source=p.source, destination=p.destination) for p in passing]
    return Passage(bool(flows), tuple(letting), tuple(stopping))


def rules_in_order(nsg: Nsg, direction: str) -> list[Rule]:
    """With Azure's default rules, also where the facts were stored without them."""
    rules = [rule for rule in nsg.rules if rule.direction.lower() == direction.lower()]
    known = {rule.name.lower() for rule in rules if not is_custom(rule)}
    missing = [each for each in DEFAULT_RULES if each.name.lower() not in known]
    rules += [each for each in missing if each.direction == direction]
    return sorted(rules, key=lambda rule: rule.priority)


def virtual_network_at(network: Network, networks: Mapping[str, Network]) -> Networks:
    """What the tag VirtualNetwork means in this network: itself, and whom it is joined to."""
    joined = [each.remote for each in network.peerings if each.access is not False]
    peers = [networks[key_of(each)] for each in joined if key_of(each) in networks]
    return ranges_of(tuple(prefix for each in [network, *peers] for prefix in each.prefixes))


def speaks_of_port(rule: Rule, port: int) -> bool:
    return _in_ranges(port, rule.ports)


def without(nsg: Nsg, unwanted: Callable[[Rule], bool]) -> Nsg:
    return replace(nsg, rules=tuple(rule for rule in nsg.rules if not unwanted(rule)))


def with_rule(nsg: Nsg, rule: Rule) -> Nsg:
    """As after creating or changing it: a rule of the same name is replaced."""
    others = without(nsg, lambda each: is_custom(each) and each.name.lower() == rule.name.lower())
    return replace(nsg, rules=(*others.rules, rule))


def is_custom(rule: Rule) -> bool:
    """Azure's default rules have names of their own, which custom rules may bear as well."""
    return rule.priority < DEFAULT_PRIORITY


def moved(nsg: Nsg, rule: Rule, priority: int) -> Nsg:
    return with_rule(nsg, replace(rule, priority=priority))


def free_ahead(nsg: Nsg, direction: str, limit: int, *, first: int = FIRST_PRIORITY) -> int | None:
    """The highest number ahead of ``limit`` that no rule of this direction has."""
    return _free(nsg, direction, range(min(limit, LAST_PRIORITY + 1) - 1, first - 1, -1))


def first_free(nsg: Nsg, direction: str, first: int = FIRST_PRIORITY) -> int | None:
    return _free(nsg, direction, range(first, LAST_PRIORITY + 1))


def _free(nsg: Nsg, direction: str, among: range) -> int | None:
    used = {rule.priority for rule in rules_in_order(nsg, direction)}
    return next((number for number in among if number not in used), None)


def _speaks_of(rule: Rule, flow: Flow) -> bool:
    return (
        rule.protocol.lower() in {"*", flow.protocol.lower()}
        and _in_ranges(flow.port, rule.ports)
        and _in_ranges(flow.source_port, rule.source_ports)
    )


def _in_ranges(port: int, ranges: Iterable[str]) -> bool:
    for each in ranges:
        first, _, last = each.strip().partition("-")
        if first == "*" or (first.isdigit() and int(first) <= port <= int(last or first)):
            return True
    return False


def _split(
    parts: list[tuple[Space, Space]], rule: Rule, virtual_network: Networks
) -> tuple[list[tuple[Space, Space]], list[tuple[Space, Space]]]:
    """(what the rule leaves to the next ones, what it decides)."""
    sources = cover_of(rule.sources, virtual_network)
    destinations = cover_of(rule.destinations, virtual_network)
    left: list[tuple[Space, Space]] = []
    decided: list[tuple[Space, Space]] = []
    for source, destination in parts:
        sources_in, sources_out = sources.cut(source)
        destinations_in, destinations_out = destinations.cut(destination)
        decided += product(sources_in, destinations_in)
        left += product(sources_out, [destination])
        left += product(sources_in, destinations_out)
    return left, decided


def _default(name: str, priority: int, access: str, source: str, destination: str) -> Rule:
    direction = INBOUND if name.endswith("InBound") else OUTBOUND
    return Rule(name, priority, direction, access, "*", (source,), ("*",), (destination,), ("*",))


DEFAULT_RULES = (
    _default("AllowVnetInBound", 65_000, "Allow", "VirtualNetwork", "VirtualNetwork"),
    _default("AllowAzureLoadBalancerInBound", 65_001, "Allow", "AzureLoadBalancer", "*"),
    _default("DenyAllInBound", 65_500, "Deny", "*", "*"),
    _default("AllowVnetOutBound", 65_000, "Allow", "VirtualNetwork", "VirtualNetwork"),
    _default("AllowInternetOutBound", 65_001, "Allow", "*", "Internet"),
    _default("DenyAllOutBound", 65_500, "Deny", "*", "*"),
)
