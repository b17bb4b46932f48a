"""What holds for all rules and all flows, tried against the plainest reading of Azure's own."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from hypothesis import given, settings
from hypothesis import strategies as st

from portal.azure.checks.addresses import (
    ipv4s,
)
from portal.azure.checks.facts import Nsg, Rule
from portal.azure.checks.nsg import (
    INBOUND,
    OUTBOUND,
    Flow,
    decide,
    passage,
    rules_in_order,
    with_rule,
)

NET = IPv4Network

# A small world in which every single flow can be tried: two /29 and a few ports.
HERE = NET("10.0.255.0/29")
THERE = NET("10.1.0.0/29")
SMALL = (HERE, THERE)
PORTS = [21, 22, 23]
ENDS = ["*", "VirtualNetwork", "Internet", "10.0.255.0/30", "10.0.255.4/31", "10.1.0.4",
        "10.1.0.0/30", "10.0.0.0/8", "GatewayManager"]  # fmt: skip
prefixes = st.lists(st.sampled_from(ENDS), min_size=1, max_size=2).map(tuple)
port_ranges = st.sampled_from([("*",), ("22",), ("21-22",), ("23", "21")])
custom = st.builds(
    Rule,
    name=st.uuids().map(str),
    priority=st.integers(100, 4096),
    direction=st.sampled_from([INBOUND, OUTBOUND]),
    access=st.sampled_from(["Allow", "Deny"]),
    protocol=st.sampled_from(["*", "Tcp", "Udp"]),
    sources=prefixes,
    destinations=prefixes,
    ports=port_ranges,
)


def _own_priorities(rules: list[Rule]) -> list[Rule]:
    """Azure gives a number once in each direction."""
    return list({(each.direction, each.priority): each for each in rules}.values())


groups = st.lists(custom, max_size=8).map(
    lambda rules: Nsg("/n", "n", tuple(_own_priorities(rules)))
)
ranges_here = st.sampled_from([HERE, NET("10.0.255.0/30"), NET("10.0.255.5/32")])
ranges_there = st.sampled_from([THERE, NET("10.1.0.4/32"), NET("10.1.0.4/30")])
flows = st.builds(
    Flow, direction=st.just(INBOUND), source=ranges_here, destination=ranges_there,
    port=st.sampled_from(PORTS),
)  # fmt: skip


def first_match(group: Nsg, source: IPv4Address, destination: IPv4Address, port: int) -> Rule:
    """The plainest reading of Azure's rules, for one packet."""
    for each in sorted(rules_in_order(group, INBOUND), key=lambda rule: rule.priority):
        if (
            each.protocol in {"*", "Tcp"}
            and any(_in(port, text) for text in each.ports)
            and any(_at(source, text) for text in each.sources)
            and any(_at(destination, text) for text in each.destinations)
        ):
            return each
    raise AssertionError("the last default rule matches everything")


def _in(port: int, text: str) -> bool:
    first, _, last = text.partition("-")
    return text == "*" or int(first) <= port <= int(last or first)


def _at(address: IPv4Address, text: str) -> bool:
    if text == "VirtualNetwork":
        return any(address in each for each in SMALL)
    return text == "*" or any(address in each for each in ipv4s([text]))


@settings(deadline=None)
@given(groups, flows)
def test_every_packet_of_a_flow_meets_the_rule_that_it_would_meet_alone(
    group: Nsg, one: Flow
) -> None:
    rulings = decide(group, one, SMALL)
    for source in one.source:  # type: ignore[union-attr]
        for destination in one.destination:  # type: ignore[union-attr]
            deciding_rules = [
                ruling.rule
                for ruling in rulings
                if source in ruling.source and destination in ruling.destination
            ]
            assert deciding_rules == [first_match(group, source, destination, one.port)]


@settings(deadline=None)
@given(groups, flows, custom)
def test_a_rule_behind_those_that_decide_changes_nothing(group: Nsg, one: Flow, more: Rule) -> None:
    before = decide(group, one, SMALL)
    last = max(ruling.rule.priority for ruling in before)
    behind = Rule(**vars(more) | {"priority": last + 1})
    after = decide(with_rule(group, behind), one, SMALL)
    assert {(r.rule, r.source, r.destination) for r in after} == {
        (r.rule, r.source, r.destination) for r in before
    }


@settings(deadline=None)
@given(groups, flows)
def test_a_deny_for_all_at_the_front_stops_everything(group: Nsg, one: Flow) -> None:
    everything = ("*",)
    deny = Rule("front", 1, INBOUND, "Deny", "*", everything, everything, everything, everything)
    found = passage([with_rule(group, deny)], one, SMALL)
    assert (found.open, found.letting) == (False, ())


@settings(deadline=None)
@given(st.lists(groups, max_size=3), flows)
def test_another_group_never_lets_more_through(chain: list[Nsg], one: Flow) -> None:
    if passage(chain, one, SMALL).whole:
        assert all(passage([group], one, SMALL).whole for group in chain)
    if not passage(chain[:1], one, SMALL).open:
        assert not passage(chain, one, SMALL).open


@settings(deadline=None)
@given(groups, flows)
def test_the_order_in_which_rules_are_stored_means_nothing(group: Nsg, one: Flow) -> None:
    turned = Nsg(group.id, group.name, group.rules[::-1])
    assert [r.rule for r in decide(turned, one, SMALL)] == [
        r.rule for r in decide(group, one, SMALL)
    ]
