"""The security group on a Bastion's subnet, with one flow missing or denied."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from access.preflight import Check, Level
from portal.azure.checks.needs import NEEDS_IN, NEEDS_OUT, Need
from tests.azure.checks.applying import apply
from tests.azure.checks.healthy import (
    NSG_APP,
    NSG_BASTION,
    PREFIX,
    VNET_HUB,
    Facts,
    all_checks,
    bastion_rules,
    defaults,
    healthy,
    not_passing,
    only,
    rule,
)

NEEDS = [*NEEDS_IN, *NEEDS_OUT]
BY_NAME = {need.rule.name: need for need in NEEDS}
TELLS = {"Inbound": "nsg.bastion_inbound", "Outbound": "nsg.bastion_outbound"}


def with_rules(rules: list[Facts], **host: Any) -> Facts:
    facts = healthy()
    facts["nsgs"][NSG_BASTION.lower()]["rules"] = rules
    facts["host"] |= host
    return facts


def told(facts: Facts, need: Need) -> Check:
    return only(all_checks(facts), TELLS[need.rule.direction])


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: need.rule.name)
def test_each_missing_rule_is_named_and_the_command_adds_it(need: Need) -> None:
    facts = with_rules([each for each in bastion_rules() if each["name"] != need.rule.name])
    check = told(facts, need)
    assert check.level is Level.FAIL
    assert need.text in check.evidence
    (command,) = check.remedies
    assert f"--name {need.rule.name} --priority {need.rule.priority} " in command
    assert "--nsg-name nsg-bastion" in command
    apply(facts, check.remedy)
    assert not_passing(facts) == {}


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: need.rule.name)
def test_without_a_rule_that_denies_the_rest_a_missing_one_fails_all_the_same(need: Need) -> None:
    """Azure refuses a group that lets the same traffic through by its default rules."""
    kept = [each for each in bastion_rules() if not each["name"].startswith("DenyAllElse")]
    facts = with_rules([each for each in kept if each["name"] != need.rule.name])
    check = told(facts, need)
    assert (check.level, need.rule.name in check.evidence) == (Level.FAIL, True)
    apply(facts, check.remedy)
    assert not_passing(facts) == {}


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: need.rule.name)
def test_a_rule_that_stands_behind_a_deny_is_moved_ahead_of_it(need: Need) -> None:
    deny = rule("DenySome", 101, "Deny", direction=need.rule.direction, ports=list(need.rule.ports))
    mine = [each for each in bastion_rules() if each["name"] != need.rule.name]
    mine += [deny, asdict(replace(need.rule, priority=900))]
    facts = with_rules([each for each in mine if each["priority"] != 100])
    if need.rule.name != "AllowSshRdpOutbound":
        facts["nsgs"][NSG_BASTION.lower()]["rules"].append(
            asdict(replace(BY_NAME["AllowSshRdpOutbound"].rule, priority=140))
        )
    check = told(facts, need)
    assert check.level is Level.FAIL
    assert "is denied by DenySome (101)" in check.evidence
    apply(facts, check.remedy)
    assert not_passing(facts) == {}


@pytest.mark.parametrize("direction", ["Inbound", "Outbound"])
def test_a_group_that_denies_everything_first_is_mended_whole(direction: str) -> None:
    """Nothing goes ahead of priority 100: the deny itself has to move."""
    kept = [each for each in bastion_rules() if each["name"] != "AllowSshRdpOutbound"]
    facts = with_rules([*kept, rule("DenyAll", 100, "Deny", direction=direction)])
    check = only(all_checks(facts), TELLS[direction])
    assert check.evidence.count("is denied by DenyAll (100)") >= 3
    assert "rule update" in check.remedies[0]
    for each in (check, only(all_checks(facts), TELLS["Outbound"])):
        facts_now = not_passing(facts)
        if each.key in facts_now:
            apply(facts, each.remedy)
    assert not_passing(facts) == {}


def test_a_group_with_azures_rules_only_gets_all_eight() -> None:
    facts = with_rules(defaults())
    wanted = {need.rule.name for need in NEEDS}
    checks = [only(all_checks(facts), key) for key in TELLS.values()]
    assert [check.level for check in checks] == [Level.FAIL, Level.FAIL]
    assert {name for name in wanted if any(name in each.evidence for each in checks)} == wanted
    for check in checks:
        apply(facts, check.remedy)
    assert not_passing(facts) == {}


def test_rules_stored_without_azures_own_are_judged_with_them() -> None:
    named = [asdict(need.rule) for need in NEEDS]
    assert not_passing(with_rules(named)) == {}


def test_people_may_come_from_ranges_of_the_organisations_choice() -> None:
    mine = [each for each in bastion_rules() if each["name"] != "AllowHttpsInbound"]
    office = rule("Office", 120, sources=["198.51.100.0/24", "2001:db8::/32"], ports=["443"])
    office["sources"] = ["8.8.8.0/24"]
    assert not_passing(with_rules([*mine, office])) == {}


def test_a_private_range_lets_no_people_in_from_outside() -> None:
    mine = [each for each in bastion_rules() if each["name"] != "AllowHttpsInbound"]
    inside = rule("Inside", 120, sources=["10.0.0.0/8"], ports=["443"])
    check = told(with_rules([*mine, inside]), BY_NAME["AllowHttpsInbound"])
    assert check.level is Level.FAIL


def test_nobody_comes_to_a_private_only_host_from_the_internet() -> None:
    mine = [each for each in bastion_rules() if each["name"] != "AllowHttpsInbound"]
    private = {"sku": "Premium", "private_only": True, "public_ip": ""}
    assert not_passing(with_rules(mine, **private)) == {}


def test_rules_for_each_port_apart_are_as_good() -> None:
    mine = [each for each in bastion_rules() if each["name"] != "AllowSshRdpOutbound"]
    ssh = rule("Ssh", 100, direction="Outbound", destinations=["VirtualNetwork"], ports=["22"])
    rdp = rule("Rdp", 105, direction="Outbound", destinations=["VirtualNetwork"], ports=["3389"])
    assert not_passing(with_rules([*mine, ssh, rdp])) == {}


def test_a_rule_for_half_of_the_ports_is_not_enough_and_is_left_alone() -> None:
    mine = [each for each in bastion_rules() if each["name"] != "AllowSshRdpOutbound"]
    half = {**asdict(BY_NAME["AllowSshRdpOutbound"].rule), "ports": ["22", "8022"]}
    facts = with_rules([*mine, half])
    check = told(facts, BY_NAME["AllowSshRdpOutbound"])
    assert (check.level, "AllowSshRdpOutbound2" in check.remedy) == (Level.FAIL, True)
    apply(facts, check.remedy)
    assert not_passing(facts) == {}


def test_machines_that_are_kept_from_the_bastion_on_purpose_are_a_warning() -> None:
    keep = rule("KeepOut", 99 + 1, "Deny", direction="Outbound", destinations=["10.1.77.0/24"])
    mine = [each for each in bastion_rules() if each["name"] != "AllowSshRdpOutbound"]
    ssh = asdict(replace(BY_NAME["AllowSshRdpOutbound"].rule, priority=105))
    facts = with_rules([*mine, keep, ssh])
    check = told(facts, BY_NAME["AllowSshRdpOutbound"])
    assert (check.level, "partly denied by KeepOut (100)" in check.evidence) == (Level.WARN, True)
    assert not_passing(facts) == {"nsg.bastion_outbound": Level.WARN}
    apply(facts, check.remedy)
    assert not_passing(facts) == {}


def test_a_subnet_without_a_group_is_a_warning_and_gets_one_with_all_rules() -> None:
    facts = healthy()
    facts["networks"][VNET_HUB.lower()]["subnets"][0]["nsg"] = ""
    check = only(all_checks(facts), "nsg.bastion")
    assert check.level is Level.WARN
    assert len(check.remedies) == 1 + len(NEEDS) + 1
    assert check.remedies[0].startswith("az network nsg create")
    apply(facts, check.remedy)
    assert not_passing(facts) == {}


def test_a_group_that_keeps_the_bastion_from_this_machine_fails_for_the_machine() -> None:
    keep = rule("KeepOut", 100, "Deny", direction="Outbound", destinations=["10.1.0.4/32"])
    mine = [each for each in bastion_rules() if each["name"] != "AllowSshRdpOutbound"]
    ssh = asdict(replace(BY_NAME["AllowSshRdpOutbound"].rule, priority=105))
    facts = with_rules([*mine, keep, ssh])
    check = only(all_checks(facts), "machine.let_out")
    assert check.level is Level.FAIL
    assert check.evidence == (
        "To vm-app-01:22, sessions are dropped by KeepOut (priority 100) in nsg-bastion."
    )
    apply(facts, check.remedy)
    assert only(all_checks(facts), "machine.let_out").level is Level.PASS


def test_a_port_of_ones_own_choice_has_to_be_let_out_too() -> None:
    """The rules that Microsoft lists speak of 22 and 3389 alone."""
    facts = healthy()
    facts["jit_ports"][0]["number"] = 8022
    facts["nsgs"][NSG_APP.lower()]["rules"][0]["ports"] = ["8022"]
    check = only(all_checks(facts, port=8022), "machine.let_out")
    assert (check.level, f"{PREFIX} " in check.remedy) == (Level.FAIL, True)
    apply(facts, check.remedy)
    assert not_passing(facts, port=8022) == {}


def test_a_bastion_without_a_group_is_kept_from_nobody() -> None:
    facts = healthy()
    facts["networks"][VNET_HUB.lower()]["subnets"][0]["nsg"] = ""
    assert only(all_checks(facts), "machine.let_out").level is Level.PASS
