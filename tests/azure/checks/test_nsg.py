"""First match by priority: rules against flows, one by one and for all of a range at once."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pytest

from portal.azure.checks.addresses import (
    AZURE_CLOUD,
    GATEWAY_MANAGER,
    INTERNET,
    PROBES,
    Space,
    cover_of,
    ipv4,
)
from portal.azure.checks.facts import Network, Nsg
from portal.azure.checks.nsg import (
    DEFAULT_RULES,
    INBOUND,
    OUTBOUND,
    Flow,
    decide,
    first_free,
    free_ahead,
    moved,
    passage,
    rules_in_order,
    virtual_network_at,
    with_rule,
)
from tests.azure.checks.healthy import rule

NET = IPv4Network
VIRTUAL_NETWORK = (NET("10.0.0.0/16"), NET("10.1.0.0/16"))
BASTION, MACHINE = NET("10.0.255.0/26"), NET("10.1.0.4/32")


def nsg(*rules: dict[str, Any]) -> Nsg:
    return Nsg.from_json({"id": "/nsg", "name": "nsg", "rules": list(rules)})


def flow(**changes: Any) -> Flow:
    """SSH from the Bastion's subnet to the machine."""
    return Flow(**{"direction": INBOUND, "source": BASTION, "destination": MACHINE, "port": 22} | changes)  # fmt: skip


def deciding(group: Nsg, one: Flow) -> list[str]:
    return [each.rule.name for each in decide(group, one, VIRTUAL_NETWORK)]


def test_the_lowest_number_decides_wherever_it_stands() -> None:
    group = nsg(rule("Late", 300), rule("Early", 200, "Deny"))
    assert deciding(group, flow()) == ["Early"]


@pytest.mark.parametrize(
    ("changes", "matches"),
    [
        ({}, True),
        ({"protocol": "Tcp"}, True),
        ({"protocol": "TCP"}, True),
        ({"protocol": "Udp"}, False),
        ({"protocol": "Icmp"}, False),
        ({"direction": "Outbound"}, False),
        ({"direction": "inbound"}, True),
        ({"ports": ["22"]}, True),
        ({"ports": ["20-30"]}, True),
        ({"ports": ["22-22"]}, True),
        ({"ports": ["80", "443", "22"]}, True),
        ({"ports": ["23-3389"]}, False),
        ({"ports": ["nonsense", ""]}, False),
        ({"ports": []}, False),
        ({"source_ports": ["1024-65535"]}, True),
        ({"source_ports": ["443"]}, False),
        ({"sources": ["10.0.255.0/26"]}, True),
        ({"sources": ["10.0.0.0/8", "192.168.0.1"]}, True),
        ({"sources": ["VirtualNetwork"]}, True),
        ({"sources": ["virtualnetwork"]}, True),
        ({"sources": ["0.0.0.0/0"]}, True),
        ({"sources": ["Internet"]}, False),
        ({"sources": ["AzureLoadBalancer"]}, False),
        ({"sources": ["AzureCloud"]}, False),
        ({"sources": ["Storage.WestEurope"]}, False),
        ({"sources": ["2001:db8::/32"]}, False),
        ({"sources": []}, False),
        ({"destinations": ["10.1.0.4"]}, True),
        ({"destinations": ["10.1.0.4/32", "10.1.0.9"]}, True),
        ({"destinations": ["10.1.0.5"]}, False),
        ({"destinations": ["VirtualNetwork"]}, True),
    ],
)
def test_a_rule_matches_by_everything_it_says(changes: dict[str, Any], matches: bool) -> None:
    group = nsg(rule("Mine", 200, "Deny", **changes))
    assert (deciding(group, flow()) == ["Mine"]) is matches


def test_a_rule_for_half_of_the_subnet_decides_half_of_the_flow() -> None:
    group = nsg(rule("Half", 200, "Deny", sources=["10.0.255.32/27"]), rule("Rest", 300))
    rulings = decide(group, flow(), VIRTUAL_NETWORK)
    assert [(each.rule.name, str(each.source)) for each in rulings] == [
        ("Half", "10.0.255.32/27"),
        ("Rest", "10.0.255.0/27"),
    ]
    found = passage([group], flow(), VIRTUAL_NETWORK)
    assert (found.open, found.whole) == (True, False)


def test_two_halves_make_a_whole() -> None:
    halves = [rule("Low", 200, sources=["10.0.255.0/27"]), rule("High", 201, sources=["10.0.255.32/27"])]  # fmt: skip
    group = nsg(*halves, rule("Deny", 300, "Deny"))
    assert passage([group], flow(), VIRTUAL_NETWORK).whole


def test_what_no_rule_speaks_of_is_left_to_azures_own() -> None:
    stranger = flow(source=NET("192.168.7.0/24"))
    assert deciding(nsg(), flow()) == ["AllowVnetInBound"]
    assert deciding(nsg(), stranger) == ["DenyAllInBound"]
    assert deciding(nsg(), flow(source=PROBES)) == ["AllowAzureLoadBalancerInBound"]
    out = flow(direction=OUTBOUND, source=MACHINE, destination=INTERNET)
    assert deciding(nsg(), out) == ["AllowInternetOutBound"]


def test_default_rules_that_were_stored_are_not_added_again() -> None:
    group = Nsg("/nsg", "nsg", DEFAULT_RULES)
    assert len(rules_in_order(group, INBOUND)) == len(rules_in_order(nsg(), INBOUND)) == 3


@pytest.mark.parametrize(
    ("prefix", "space", "covered"),
    [
        ("Internet", INTERNET, True),
        ("Internet", AZURE_CLOUD, True),
        ("Internet", GATEWAY_MANAGER, True),
        ("AzureCloud", GATEWAY_MANAGER, True),
        ("AzureCloud", INTERNET, False),
        ("GatewayManager", GATEWAY_MANAGER, True),
        ("GatewayManager", AZURE_CLOUD, False),
        ("VirtualNetwork", INTERNET, False),
        ("*", GATEWAY_MANAGER, True),
        ("8.8.8.0/24", INTERNET, False),
        ("Internet", NET("8.8.8.0/24"), True),
        ("Internet", NET("10.9.0.0/16"), False),
        ("Internet", PROBES, False),
        ("AzureLoadBalancer", PROBES, True),
        ("AzureCloud", NET("8.8.8.0/24"), False),
    ],
)
def test_service_tags_lie_within_each_other(prefix: str, space: Space, covered: bool) -> None:
    inside, outside = cover_of((prefix,), VIRTUAL_NETWORK).cut(space)
    assert (inside, outside) == (([space], []) if covered else ([], [space]))


def test_the_internet_ends_where_a_public_range_is_somebodys_own_network() -> None:
    inside, _ = cover_of(("Internet",), (NET("8.8.0.0/16"),)).cut(NET("8.8.8.0/24"))
    assert inside == []


def test_the_virtual_network_is_oneself_and_those_one_is_joined_to() -> None:
    peer = {"name": "p", "remote": "/Hub", "access": True}
    shut = {"name": "q", "remote": "/shut", "access": False}
    gone = {"name": "r", "remote": "/gone"}
    networks = {
        key: Network.from_json({"id": key, "prefixes": [prefix], "peerings": [peer, shut, gone]})
        for key, prefix in [("/app", "10.1.0.0/16"), ("/hub", "10.0.0.0/16"), ("/shut", "10.2.0.0/16")]
    }  # fmt: skip
    assert virtual_network_at(networks["/app"], networks) == (
        NET("10.1.0.0/16"),
        NET("10.0.0.0/16"),
    )


def test_groups_in_turn_let_through_what_all_of_them_let_through() -> None:
    low = nsg(rule("Low", 200, sources=["10.0.255.0/27"]), rule("Deny", 300, "Deny"))
    high = nsg(rule("High", 200, sources=["10.0.255.32/27"]), rule("Deny", 300, "Deny"))
    assert passage([low], flow(), VIRTUAL_NETWORK).open
    assert passage([high], flow(), VIRTUAL_NETWORK).open
    assert not passage([low, high], flow(), VIRTUAL_NETWORK).open
    assert passage([], flow(), VIRTUAL_NETWORK).whole


def test_a_free_number_is_one_that_no_rule_of_the_direction_has() -> None:
    group = nsg(rule("A", 100), rule("B", 101), rule("C", 300, direction="Outbound"))
    assert (first_free(group, INBOUND), first_free(group, OUTBOUND)) == (102, 100)
    assert (free_ahead(group, INBOUND, 102), free_ahead(group, INBOUND, 65_500)) == (None, 4096)
    assert free_ahead(group, OUTBOUND, 301) == 299


def test_a_rule_that_bears_the_name_of_a_default_rule_does_not_replace_it() -> None:
    group = with_rule(
        Nsg("/nsg", "nsg", DEFAULT_RULES), moved(nsg(), DEFAULT_RULES[0], 200).rules[0]
    )
    assert len(group.rules) == len(DEFAULT_RULES) + 1


@pytest.mark.parametrize("text", ["", "x", "10.0.0.0/33", "10.0.0.1-10.0.0.9", "2001:db8::1"])
def test_what_is_no_ipv4_range_is_none(text: str) -> None:
    assert ipv4(text) is None
