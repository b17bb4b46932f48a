"""A Bastion host with one thing wrong, and the command that mends it."""

from __future__ import annotations

from typing import Any

import pytest

from access.preflight import Level
from portal.azure.checks import check_host, check_link, check_native_client
from portal.azure.checks.facts import Host, Site
from tests.azure.checks.applying import apply
from tests.azure.checks.healthy import (
    BASTION_SUBNET,
    SUB,
    VNET_HUB,
    Facts,
    all_checks,
    healthy,
    host,
    not_passing,
    only,
    subnet,
)


def with_host(**changes: Any) -> Facts:
    facts = healthy()
    facts["host"] |= changes
    return facts


def bastion(**changes: Any) -> Host:
    return Host.from_json({**host(), **changes})


def hub_subnet(facts: Facts) -> Facts:
    found: Facts = facts["networks"][VNET_HUB.lower()]["subnets"][0]
    return found


@pytest.mark.parametrize(
    ("fact", "key", "option"),
    [
        ("tunneling", "host.tunneling", "--enable-tunneling true"),
        ("shareable_links", "host.shareable_links", "--enable-shareable-link true"),
        ("ip_connect", "host.ip_connect", "--enable-ip-connect true"),
    ],
)
def test_a_switch_that_is_off_is_turned_on_by_one_command(fact: str, key: str, option: str) -> None:
    facts = with_host(**{fact: False})
    site = Site.from_json(facts)
    check = only(check_host(site.host, site.networks, site.nsgs, site.public_ips), key)
    assert check.level is Level.WARN
    assert "bastion-hub is Standard, but" in check.evidence
    assert check.remedy == (
        f"az network bastion update --subscription {SUB} --resource-group rg-hub "
        f"--name bastion-hub {option}"
    )
    apply(facts, check.remedy)
    assert not_passing(facts) == {}


def test_who_asks_for_a_native_client_on_a_basic_host_is_told_the_tier_it_needs() -> None:
    check = check_native_client(bastion(sku="Basic", tunneling=False))
    assert check.level is Level.FAIL
    assert check.evidence == (
        "bastion-hub is Basic; for native clients it needs Standard or Premium."
    )
    assert check.remedy.endswith("--set sku.name=Standard --enable-tunneling true")


def test_native_clients_need_the_switch_and_not_the_tier_alone() -> None:
    check = check_native_client(bastion(tunneling=False))
    assert (check.level, check.key) == (Level.FAIL, "host.tunneling")
    assert check_native_client(bastion()).level is Level.PASS


def test_nobody_is_offered_to_raise_a_developer_host_in_place() -> None:
    """It has no subnet and no address: Azure would refuse."""
    check = check_native_client(bastion(sku="Developer"))
    assert (check.level, check.remedy) == (Level.FAIL, "")


def test_of_a_developer_host_only_what_it_has_is_asked() -> None:
    found = check_host(bastion(sku="Developer", subnet="", public_ip=""), {}, {}, {})
    assert [check.key for check in found if check.level is Level.FAIL] == ["host.sku"]
    assert not any(check.key.startswith(("subnet.", "nsg.")) for check in found)


def test_a_basic_host_is_in_order_apart_from_what_its_tier_lacks() -> None:
    facts = with_host(sku="Basic", scale_units=2)
    site = Site.from_json(facts)
    found = check_host(site.host, site.networks, site.nsgs, site.public_ips)
    assert {check.key for check in found if check.level is not Level.PASS} == {
        "host.tunneling",
        "host.shareable_links",
        "host.ip_connect",
    }
    for check in found:
        apply(facts, check.remedy)
    assert not_passing(facts) == {}


@pytest.mark.parametrize(
    ("state", "level", "verb"),
    [
        ("Updating", Level.WARN, "bastion wait"),
        ("Creating", Level.WARN, "bastion wait"),
        ("Failed", Level.FAIL, "bastion update"),
        ("Canceled", Level.FAIL, "bastion update"),
        ("Deleting", Level.FAIL, ""),
    ],
)
def test_a_host_that_azure_is_not_done_with(state: str, level: Level, verb: str) -> None:
    check = only(all_checks(with_host(provisioning_state=state)), "host.state")
    assert (check.level, check.evidence.split(".")[0]) == (level, f"bastion-hub is {state}")
    assert verb in check.remedy
    assert bool(verb) == bool(check.remedy)


def test_a_host_without_zones_is_a_warning_and_has_to_be_made_again() -> None:
    facts = with_host(zones=[])
    check = only(all_checks(facts), "host.zones")
    assert check.level is Level.WARN
    assert [line.split()[3] for line in check.remedies] == ["delete", "create"]
    assert check.remedy.endswith("--zones 1 2 3")
    assert "--enable-tunneling true --enable-shareable-link true" in check.remedy
    apply(facts, check.remedy)
    assert not_passing(facts) == {}


@pytest.mark.parametrize(("fact", "value"), [("sku", "Basic"), ("method", "Dynamic")])
def test_an_address_of_the_wrong_kind_fails(fact: str, value: str) -> None:
    facts = healthy()
    (address,) = facts["public_ips"].values()
    address[fact] = value
    check = only(all_checks(facts), "host.public_ip")
    assert (check.level, value in check.evidence) == (Level.FAIL, True)
    apply(facts, check.remedy)
    assert not_passing(facts) == {}


def test_a_host_without_any_address_fails() -> None:
    facts = with_host(public_ip="")
    check = only(all_checks(facts), "host.public_ip")
    assert check.level is Level.FAIL
    apply(facts, check.remedy)
    assert not_passing(facts) == {}


def test_a_private_only_premium_host_needs_no_address() -> None:
    assert not_passing(with_host(sku="Premium", private_only=True, public_ip="")) == {}


def test_a_private_only_host_below_premium_cannot_be() -> None:
    check = only(all_checks(with_host(private_only=True, public_ip="")), "host.public_ip")
    assert check.level is Level.FAIL
    assert check.evidence.endswith("to be private-only it needs Premium.")
    assert check.remedy.endswith("--set sku.name=Premium")


def test_a_private_only_host_without_zones_cannot_be_made_again_by_command() -> None:
    facts = with_host(sku="Premium", private_only=True, public_ip="", zones=[])
    check = only(all_checks(facts), "host.zones")
    assert (check.level, check.remedy) == (Level.WARN, "")


def test_a_subnet_of_another_name_fails() -> None:
    facts = healthy()
    other = BASTION_SUBNET.replace("AzureBastionSubnet", "snet-bastion")
    facts["host"]["subnet"] = hub_subnet(facts)["id"] = other
    hub_subnet(facts)["name"] = "snet-bastion"
    check = only(all_checks(facts), "subnet.name")
    assert check.level is Level.FAIL
    assert "snet-bastion of vnet-hub" in check.evidence


def test_a_27_fails_and_grows_into_the_26_around_it() -> None:
    facts = healthy()
    hub_subnet(facts)["prefix"] = "10.0.255.0/27"
    facts["jit_ports"][0]["source_prefixes"] = ["10.0.255.0/27"]
    check = only(all_checks(facts), "subnet.size")
    assert check.level is Level.FAIL
    assert "10.0.255.0/27, smaller than a /26; 10.0.255.0/26 is free" in check.evidence
    assert [line.split()[2:5] for line in check.remedies] == [
        ["bastion", "delete", "--subscription"],
        ["vnet", "subnet", "update"],
        ["bastion", "create", "--subscription"],
    ]
    apply(facts, check.remedy)
    assert not_passing(facts) == {"jit.source": Level.FAIL}  # the policy names the old range


def test_a_27_that_is_the_whole_network_gets_a_larger_network_and_its_peers_are_told() -> None:
    facts = healthy()
    facts["networks"][VNET_HUB.lower()]["prefixes"] = ["10.0.255.0/27"]
    hub_subnet(facts)["prefix"] = "10.0.255.0/27"
    check = only(all_checks(facts), "subnet.size")
    assert "--name vnet-hub --address-prefixes 10.0.255.0/26" in check.remedies[1]
    assert check.remedies[2].startswith("az network vnet peering sync")
    assert "--vnet-name vnet-app --name app-to-hub" in check.remedies[2]
    apply(facts, check.remedy)
    assert only(all_checks(facts), "subnet.size").level is Level.PASS


def test_a_27_between_other_subnets_moves_to_the_next_free_26() -> None:
    facts = healthy()
    hub = facts["networks"][VNET_HUB.lower()]
    hub_subnet(facts)["prefix"] = "10.0.0.0/27"
    hub["subnets"].append(subnet(f"{VNET_HUB}/subnets/other", "10.0.0.32/27", "", 1))
    check = only(all_checks(facts), "subnet.size")
    assert "--address-prefixes 10.0.0.64/26" in check.remedy


def test_a_27_in_a_full_network_has_no_remedy() -> None:
    facts = healthy()
    hub = facts["networks"][VNET_HUB.lower()]
    hub["prefixes"] = ["10.0.0.0/26"]
    hub_subnet(facts)["prefix"] = "10.0.0.0/27"
    hub["subnets"].append(subnet(f"{VNET_HUB}/subnets/other", "10.0.0.32/27", "", 1))
    check = only(all_checks(facts), "subnet.size")
    assert (check.level, check.remedy) == (Level.FAIL, "")
    assert "no room for a /26" in check.evidence


def test_a_27_of_a_private_only_host_cannot_be_mended_by_command() -> None:
    facts = with_host(sku="Premium", private_only=True, public_ip="")
    hub_subnet(facts)["prefix"] = "10.0.255.0/27"
    check = only(all_checks(facts), "subnet.size")
    assert (check.level, check.remedy) == (Level.FAIL, "")


@pytest.mark.parametrize("prefix", ["10.0.255.0/26", "10.0.254.0/24"])
def test_a_26_or_larger_is_large_enough(prefix: str) -> None:
    facts = healthy()
    hub_subnet(facts)["prefix"] = prefix
    assert only(all_checks(facts), "subnet.size").level is Level.PASS


def test_a_subnet_that_holds_something_else_fails_and_says_how_many() -> None:
    facts = healthy()
    hub_subnet(facts)["members"] = 2
    check = only(all_checks(facts), "subnet.alone")
    assert check.level is Level.FAIL
    assert "2 addresses" in check.evidence
    assert "--query 'ipConfigurations[].id'" in check.remedy


def test_who_asks_for_a_link_where_links_are_off_fails() -> None:
    site = Site.from_json(with_host(shareable_links=False))
    check = only(check_link(site, 0), "host.shareable_links")
    assert (check.level, check.remedy.endswith("--enable-shareable-link true")) == (
        Level.FAIL,
        True,
    )


def test_names_that_a_shell_would_misread_are_quoted() -> None:
    strange = bastion(id=host()["id"].replace("rg-hub", "rg (hub)"), tunneling=False)
    assert "--resource-group 'rg (hub)'" in check_native_client(strange).remedy
