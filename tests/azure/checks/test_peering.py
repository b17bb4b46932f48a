"""A machine in a network that a Bastion does not reach, or not quite."""

from __future__ import annotations

import pytest

from access.preflight import Check, Level
from tests.azure.checks.applying import apply
from tests.azure.checks.healthy import (
    APP,
    HOST,
    NSG_APP,
    SUB,
    VNET_APP,
    VNET_HUB,
    Facts,
    all_checks,
    healthy,
    host,
    keyed,
    network,
    not_passing,
    only,
    peering,
    subnet,
)

VNET_FAR = f"{APP}/virtualNetworks/vnet-archive"
FAR_SUBNET = f"{VNET_FAR}/subnets/snet-archive"


def sides(facts: Facts) -> tuple[Facts, Facts]:
    """(the hub's side of the peering, the machine's side)."""
    networks = facts["networks"]
    return (
        networks[VNET_HUB.lower()]["peerings"][0],
        networks[VNET_APP.lower()]["peerings"][0],
    )


def move(facts: Facts, subnet_id: str, address: str) -> None:
    facts["vm"]["interface"] |= {"subnet": subnet_id, "address": address}
    facts["nsgs"][NSG_APP.lower()]["rules"][0]["destinations"] = [address]


def reach(facts: Facts) -> Check:
    return only(all_checks(facts), "peering.reach")


class TestReach:
    def test_a_machine_beside_the_bastion_needs_no_peering(self) -> None:
        facts = healthy()
        hub = facts["networks"][VNET_HUB.lower()]
        here = subnet(f"{VNET_HUB}/subnets/snet", "10.0.1.0/24", NSG_APP, 1)
        hub["subnets"].append(here)
        hub["peerings"] = []
        move(facts, here["id"], "10.0.1.4")
        assert reach(facts).evidence == "bastion-hub is in vnet-hub itself."
        assert "peering.forwarded" not in {check.key for check in all_checks(facts)}
        assert not_passing(facts) == {}

    def test_a_network_that_only_the_machines_side_has_peered(self) -> None:
        facts = healthy()
        facts["networks"][VNET_HUB.lower()]["peerings"] = []
        sides_app = facts["networks"][VNET_APP.lower()]["peerings"][0]
        sides_app["state"] = "Initiated"
        facts["host"] = None
        check = reach(facts)
        assert check.level is Level.FAIL
        assert check.evidence == (
            "bastion-hub would reach vnet-app, but vnet-hub has no peering with vnet-app; "
            "app-to-hub of vnet-app is Initiated."
        )
        assert check.remedy == (
            f"az network vnet peering create --subscription {SUB} --resource-group rg-hub "
            f"--vnet-name vnet-hub --name vnet-hub-to-vnet-app --remote-vnet {VNET_APP} "
            "--allow-vnet-access true --allow-forwarded-traffic true"
        )
        apply(facts, check.remedy)
        facts["host"] = host()  # as the next sync would find it
        assert not_passing(facts) == {}

    def test_a_network_that_only_the_hub_has_peered(self) -> None:
        facts = healthy()
        facts["networks"][VNET_APP.lower()]["peerings"] = []
        sides_hub = facts["networks"][VNET_HUB.lower()]["peerings"][0]
        sides_hub["state"] = "Initiated"
        check = reach(facts)
        assert (check.level, len(check.remedies)) == (Level.FAIL, 1)
        apply(facts, check.remedy)
        assert not_passing(facts) == {}

    def test_a_peering_that_broke_is_made_again_from_the_broken_side(self) -> None:
        facts = healthy()
        sides(facts)[1]["state"] = "Disconnected"
        check = reach(facts)
        assert "app-to-hub of vnet-app is Disconnected" in check.evidence
        assert [line.split()[4] for line in check.remedies] == ["delete", "create"]
        apply(facts, check.remedy)
        assert not_passing(facts) == {}

    @pytest.mark.parametrize("side", [0, 1])
    def test_a_peering_that_grants_no_access_grants_it_again(self, side: int) -> None:
        facts = healthy()
        sides(facts)[side]["access"] = False
        check = reach(facts)
        assert (check.level, "refuses access" in check.evidence) == (Level.FAIL, True)
        apply(facts, check.remedy)
        assert not_passing(facts) == {}

    def test_a_developer_host_serves_no_peer(self) -> None:
        facts = healthy()
        facts["host"]["sku"] = "Developer"
        check = reach(facts)
        assert (check.level, check.remedy) == (Level.FAIL, "")
        assert check.evidence.endswith("it needs Basic, Standard or Premium.")


def behind_a_second_hop() -> Facts:
    """vm-app-01 has moved to vnet-archive, which is peered with vnet-app alone."""
    facts = healthy()
    inside = [subnet(FAR_SUBNET, "10.2.0.0/24", NSG_APP, 1)]
    far = network(VNET_FAR, "10.2.0.0/16", inside, [peering("to-app", VNET_APP)])
    facts["networks"] |= keyed([far])
    facts["networks"][VNET_APP.lower()]["peerings"].append(peering("to-archive", VNET_FAR))
    move(facts, FAR_SUBNET, "10.2.0.4")
    facts["host"] = None
    return facts


class TestASecondHop:
    def test_is_told_by_name(self) -> None:
        check = reach(behind_a_second_hop())
        assert check.level is Level.FAIL
        assert check.evidence == (
            "vm-app-01 is in vnet-archive, behind vnet-app. The nearest Bastion, bastion-hub in "
            "vnet-hub, is 2 peerings away, and reaches over one only."
        )

    def test_is_mended_by_a_peering_with_the_hub_itself(self) -> None:
        facts = behind_a_second_hop()
        check = reach(facts)
        assert [line.split("--vnet-name ")[1].split()[0] for line in check.remedies] == [
            "vnet-hub",
            "vnet-archive",
        ]
        apply(facts, check.remedy)
        facts["host"] = host()
        assert not_passing(facts) == {}

    def test_names_the_nearest_of_several_hosts(self) -> None:
        facts = behind_a_second_hop()
        other = f"{APP}/virtualNetworks/vnet-other"
        bastion = {**host(), "id": f"{HOST}-2", "name": "bastion-other"}
        bastion["subnet"] = f"{other}/subnets/AzureBastionSubnet"
        facts["networks"] |= keyed([network(other, "10.3.0.0/16", [], [peering("x", VNET_HUB)])])
        facts["hosts"].insert(0, bastion)
        assert "The nearest Bastion, bastion-hub" in reach(facts).evidence

    def test_where_ranges_overlap_no_peering_is_proposed(self) -> None:
        facts = behind_a_second_hop()
        facts["networks"][VNET_FAR.lower()]["prefixes"] = ["10.0.0.0/8"]
        check = reach(facts)
        assert (check.level, check.remedy) == (Level.FAIL, "")
        assert check.evidence.endswith("Their address ranges overlap: no peering.")


def test_a_network_that_no_bastion_is_joined_to() -> None:
    facts = healthy()
    for each in facts["networks"].values():
        each["peerings"] = []
    facts["host"] = None
    check = reach(facts)
    assert check.evidence == "No Bastion is joined, however far away, to vnet-app."
    facts["host"] = host()  # somebody thinks that it serves the machine
    check = reach(facts)
    assert check.evidence == (
        "vm-app-01 is in vnet-app, which is not peered with vnet-hub, where bastion-hub is."
    )
    apply(facts, check.remedy)
    assert not_passing(facts) == {}


@pytest.mark.parametrize("shut", [[0], [1], [0, 1]])
def test_forwarded_traffic_that_is_refused_is_a_warning(shut: list[int]) -> None:
    """Bastion's own sessions are not forwarded: nobody is cut off for certain."""
    facts = healthy()
    for side in shut:
        sides(facts)[side]["forwarded"] = False
    check = only(all_checks(facts), "peering.forwarded")
    assert (check.level, len(check.remedies)) == (Level.WARN, len(shut))
    assert not_passing(facts) == {"peering.forwarded": Level.WARN}
    apply(facts, check.remedy)
    assert not_passing(facts) == {}
