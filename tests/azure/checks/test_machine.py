"""A machine with one thing wrong: whether it runs, what guards it, what else leads to it."""

from __future__ import annotations

import pytest

from access.preflight import Level
from tests.azure.checks.applying import apply
from tests.azure.checks.healthy import (
    ADDRESS,
    APP_SUBNET,
    NSG_APP,
    NSG_OWN,
    PIP_VM,
    PREFIX,
    SUB,
    VNET_APP,
    Facts,
    all_checks,
    defaults,
    healthy,
    keyed,
    not_passing,
    only,
    rule,
)


@pytest.mark.parametrize("power", ["stopped", "deallocated"])
def test_a_machine_that_does_not_run_is_started(power: str) -> None:
    facts = healthy()
    facts["vm"]["power"] = power
    check = only(all_checks(facts), "machine.power")
    assert (check.level, check.evidence) == (Level.FAIL, f"vm-app-01 is {power}.")
    assert check.remedy == (
        f"az vm start --subscription {SUB} --resource-group rg-app --name vm-app-01"
    )
    apply(facts, check.remedy)
    assert not_passing(facts) == {}


def app_rules(facts: Facts) -> list[Facts]:
    found: list[Facts] = facts["nsgs"][NSG_APP.lower()]["rules"]
    return found


def test_a_machine_that_nothing_guards_gets_a_group_of_its_own() -> None:
    facts = healthy()
    facts["networks"][VNET_APP.lower()]["subnets"][0]["nsg"] = ""
    assert not_passing(facts) == {"machine.nsg": Level.FAIL, "jit.shut": Level.FAIL}
    check = only(all_checks(facts), "machine.nsg")
    assert [line.split()[2] for line in check.remedies] == ["nsg", "nic"]
    assert check.remedy == only(all_checks(facts), "jit.shut").remedy
    apply(facts, check.remedy)
    # JIT has not written its deny into the new group yet: that is found next
    assert not_passing(facts) == {"jit.shut": Level.FAIL}
    apply(facts, only(all_checks(facts), "jit.shut").remedy)
    assert not_passing(facts) == {}


def test_a_group_on_the_interface_guards_as_well() -> None:
    facts = healthy()
    facts["networks"][VNET_APP.lower()]["subnets"][0]["nsg"] = ""
    facts["vm"]["interface"]["nsg"] = NSG_APP
    assert not_passing(facts) == {}


def with_public_address() -> Facts:
    facts = healthy()
    configuration = f"{facts['vm']['interface']['id']}/ipConfigurations/ipconfig one"
    row = {"id": PIP_VM, "name": "pip-vm-app-01", "sku": "Standard", "method": "Static"}
    row |= {"address": "203.0.113.99", "attached": configuration}
    facts["public_ips"] |= keyed([row])
    facts["vm"]["interface"]["public_ip"] = PIP_VM
    return facts


class TestAPublicAddress:
    def test_is_a_warning_and_taken_off(self) -> None:
        facts = with_public_address()
        check = only(all_checks(facts), "machine.public_ip")
        assert check.level is Level.WARN
        assert "pip-vm-app-01 (203.0.113.99)" in check.evidence
        assert check.remedy == (
            f"az network nic ip-config update --subscription {SUB} --resource-group rg-app "
            "--nic-name nic-vm-app-01 --name 'ipconfig one' --remove publicIPAddress"
        )
        apply(facts, check.remedy)
        assert not_passing(facts) == {}

    @pytest.mark.parametrize("source", ["*", "Internet", "0.0.0.0/0"])
    def test_on_which_the_internet_reaches_the_port_fails(self, source: str) -> None:
        facts = with_public_address()
        app_rules(facts).append(rule("Rdp", 300, sources=[source], ports=["20-30"]))
        check = only(all_checks(facts), "machine.public_ip")
        assert (check.level, "the internet reaches port 22" in check.evidence) == (
            Level.FAIL,
            True,
        )

    def test_that_serves_another_port_is_a_warning_still(self) -> None:
        facts = with_public_address()
        app_rules(facts).append(rule("Web", 300, sources=["Internet"], ports=["443"]))
        assert not_passing(facts) == {"machine.public_ip": Level.WARN}

    def test_without_any_group_is_a_warning_as_azure_shuts_it(self) -> None:
        facts = with_public_address()
        facts["networks"][VNET_APP.lower()]["subnets"][0]["nsg"] = ""
        assert only(all_checks(facts), "machine.public_ip").level is Level.WARN

    def test_of_which_no_more_is_known_is_taken_off_the_first_configuration(self) -> None:
        facts = with_public_address()
        del facts["public_ips"][PIP_VM.lower()]
        check = only(all_checks(facts), "machine.public_ip")
        assert check.remedy.endswith("--remove 'ipConfigurations[0].publicIPAddress'")
        apply(facts, check.remedy)
        assert not_passing(facts) == {}


class TestThePort:
    @pytest.mark.parametrize(("os", "port"), [("linux", 22), ("windows", 3389)])
    def test_that_is_usual_for_the_system_is_served_by_every_tier(self, os: str, port: int) -> None:
        assert self.level("Basic", os, port) is Level.PASS

    @pytest.mark.parametrize(("os", "port"), [("linux", 3389), ("windows", 22), ("linux", 5432)])
    def test_of_another_kind_needs_standard(self, os: str, port: int) -> None:
        assert self.level("Basic", os, port) is Level.FAIL
        assert self.level("Standard", os, port) is Level.PASS

    def test_of_a_developer_host_cannot_be_chosen(self) -> None:
        assert self.level("Developer", "linux", 8022) is Level.FAIL

    def test_of_an_unknown_system_is_not_known_on_basic(self) -> None:
        assert self.level("Basic", "", 22) is Level.UNKNOWN

    def level(self, sku: str, os: str, port: int) -> Level:
        facts = healthy()
        facts["host"]["sku"], facts["vm"]["os"] = sku, os
        return only(all_checks(facts, port=port), "machine.port").level


def test_a_port_of_ones_own_choice_on_basic_is_mended_by_raising_the_tier() -> None:
    facts = healthy()
    facts["host"] |= {"sku": "Basic"}
    check = only(all_checks(facts, port=8022), "machine.port")
    assert check.evidence == (
        "bastion-hub is Basic; vm-app-01 runs linux. For port 8022 there the Bastion needs "
        "Standard or Premium."
    )
    apply(facts, check.remedy)
    assert only(all_checks(facts, port=8022), "machine.port").level is Level.PASS


class TestARuleAheadOfTheWindow:
    @pytest.mark.parametrize(
        "deny",
        [
            rule("DenySsh", 100, "Deny", ports=["22"]),
            rule("DenyBastion", 100, "Deny", sources=[PREFIX]),
            rule("DenyHalf", 100, "Deny", sources=["10.0.255.32/27"], ports=["1-1024"]),
            rule("DenyVnet", 100, "Deny", sources=["VirtualNetwork"], protocol="Tcp"),
        ],
        ids=lambda deny: deny["name"],
    )
    def test_drops_the_bastion_and_is_moved_behind_it(self, deny: Facts) -> None:
        facts = healthy()
        app_rules(facts).append(deny)
        check = only(all_checks(facts), "machine.admits_bastion")
        assert check.level is Level.FAIL
        assert f"dropped by {deny['name']} (priority 100) in nsg-app" in check.evidence
        assert check.remedy.endswith(f"--name {deny['name']} --priority 200")
        apply(facts, check.remedy)
        assert not_passing(facts) == {}

    @pytest.mark.parametrize(
        "deny",
        [
            rule("DenySsh", 101, "Deny", ports=["22"]),
            rule("DenyOther", 100, "Deny", destinations=["10.1.0.5"]),
            rule("DenyUdp", 100, "Deny", protocol="Udp"),
            rule("DenyRdp", 100, "Deny", ports=["3389"]),
            rule("DenyOut", 100, "Deny", direction="Outbound"),
            rule("DenyWeb", 100, "Deny", sources=["Internet"]),
        ],
        ids=lambda deny: deny["name"],
    )
    def test_that_does_not_concern_the_window_is_left_alone(self, deny: Facts) -> None:
        facts = healthy()
        app_rules(facts).append(deny)
        assert not_passing(facts) == {}

    def test_jit_moves_its_own_deny_out_of_the_way(self) -> None:
        facts = healthy()
        app_rules(facts)[0]["priority"] = 100
        assert not_passing(facts) == {}


def with_a_group_of_its_own(*rules: Facts) -> Facts:
    """On the interface too; JIT writes into the subnet's group, where its deny is."""
    facts = healthy()
    facts["vm"]["interface"]["nsg"] = NSG_OWN
    own = {"id": NSG_OWN, "name": "nsg-vm-app-01", "rules": [*rules, *defaults()]}
    facts["nsgs"] |= keyed([own])
    return facts


class TestTwoGroups:
    def test_both_have_to_let_the_session_in(self) -> None:
        facts = with_a_group_of_its_own(rule("DenyAll", 4000, "Deny"))
        check = only(all_checks(facts), "machine.admits_bastion")
        assert check.level is Level.FAIL
        assert "DenyAll (priority 4000) in nsg-vm-app-01" in check.evidence
        assert f"--destination-address-prefixes {ADDRESS} --destination-port-ranges 22" in (
            check.remedy
        )
        apply(facts, check.remedy)
        assert not_passing(facts) == {}

    def test_a_deny_at_the_very_front_makes_room(self) -> None:
        facts = with_a_group_of_its_own(rule("DenyAll", 100, "Deny"))
        check = only(all_checks(facts), "machine.admits_bastion")
        assert [line.split()[4] for line in check.remedies] == ["update", "create"]
        apply(facts, check.remedy)
        assert not_passing(facts) == {}

    def test_azures_own_rules_in_the_second_are_no_obstacle(self) -> None:
        assert not_passing(with_a_group_of_its_own()) == {}

    def test_the_same_group_on_both_counts_once(self) -> None:
        facts = healthy()
        facts["vm"]["interface"]["nsg"] = NSG_APP.upper()
        assert only(all_checks(facts), "machine.nsg").evidence == (
            "vm-app-01 is guarded by NSG-APP."
        )
        assert not_passing(facts) == {}


def test_the_subnet_of_the_machine_decides_who_its_neighbours_are() -> None:
    """AllowVnetInBound does not let in a Bastion whose network is not joined."""
    facts = healthy()
    facts["networks"][VNET_APP.lower()]["peerings"] = []
    app_rules(facts).pop(0)
    assert only(all_checks(facts), "jit.shut").level is Level.PASS
    assert facts["vm"]["interface"]["subnet"] == APP_SUBNET
