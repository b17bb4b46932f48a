"""A site on which nothing is wrong, and facts that lack something."""

from __future__ import annotations

import pytest

from access.preflight import Check, Level, failed, worst
from portal.azure.checks import check_capacity, check_native_client
from portal.azure.checks.facts import Host, Interface, JitPort, Network, Nsg, PublicIp, Site, Vm
from tests.azure.checks.healthy import ADDRESS, all_checks, healthy, host, not_passing


def test_on_a_healthy_site_everything_passes() -> None:
    checks = all_checks(healthy())
    assert {check.key: check.level for check in checks if check.level is not Level.PASS} == {}
    assert worst(checks) is Level.PASS
    assert failed(checks) == []


def test_a_pass_has_evidence_and_a_reason_but_nothing_to_mend() -> None:
    for check in all_checks(healthy()):
        assert check.evidence.endswith("."), check
        assert check.why.endswith("."), check
        assert not check.title.endswith("."), check
        assert check.subject.startswith("/subscriptions/"), check
        assert (check.remedy, check.remedies) == ("", [])


def test_ids_are_compared_without_regard_to_case() -> None:
    """Azure answers the same id in several cases; a host must not vanish because of it."""
    facts = healthy()
    facts["host"]["subnet"] = facts["host"]["subnet"].upper()
    facts["vm"]["interface"]["subnet"] = facts["vm"]["interface"]["subnet"].upper()
    for network in facts["networks"].values():
        for peering in network["peerings"]:
            peering["remote"] = peering["remote"].upper()
        for subnet in network["subnets"]:
            subnet["nsg"] = subnet["nsg"].upper()
    facts["host"]["public_ip"] = facts["host"]["public_ip"].upper()
    assert not_passing(facts) == {}


@pytest.mark.parametrize("kind", [Host, Interface, JitPort, Network, Nsg, PublicIp, Vm])
def test_an_empty_row_can_be_read(kind: type) -> None:
    assert kind.from_json({}) == kind.from_json({"strange": 1, "name": None})


def test_of_an_empty_site_nothing_is_known_and_nothing_passes() -> None:
    site = Site.from_json({})
    assert (site.home, site.network, site.guards, site.bastion_prefix) == (None, None, None, "")
    checks = all_checks({})
    assert {check.level for check in checks} == {Level.UNKNOWN, Level.FAIL}
    assert [check.key for check in failed(checks)] == ["jit.policy"]


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("host sku", "host.sku"),
        ("host sku", "host.tunneling"),
        ("host provisioning_state", "host.state"),
        ("host zones", "host.zones"),
        ("host tunneling", "host.tunneling"),
        ("host shareable_links", "host.shareable_links"),
        ("host ip_connect", "host.ip_connect"),
        ("host public_ip", "host.public_ip"),
        ("vm power", "machine.power"),
        ("vm interface", "peering.reach"),
        ("vm interface nsg", "machine.nsg"),
        ("vm interface nsg", "machine.admits_bastion"),
        ("vm interface nsg", "jit.shut"),
        ("vm interface public_ip", "machine.public_ip"),
        ("networks vnet-hub subnets 0 members", "subnet.alone"),
        ("networks vnet-hub subnets 0 prefix", "subnet.size"),
        ("networks vnet-hub subnets 0 nsg", "nsg.bastion"),
        ("networks vnet-hub subnets 0 nsg", "machine.let_out"),
        ("networks vnet-hub peerings 0 state", "peering.reach"),
        ("networks vnet-hub peerings 0 access", "peering.reach"),
        ("networks vnet-hub peerings 0 forwarded", "peering.forwarded"),
        ("networks vnet-hub", "subnet.size"),
        ("networks vnet-app", "peering.reach"),
        ("nsgs nsg-bastion", "nsg.bastion"),
        ("nsgs nsg-bastion", "machine.let_out"),
        ("nsgs nsg-app", "machine.admits_bastion"),
        ("public_ips pip-hub", "host.public_ip"),
        ("public_ips pip-hub method", "host.public_ip"),
        ("jit_ports 0 max_minutes", "jit.duration"),
        ("jit_ports 0 source_prefixes", "jit.source"),
        ("host", "host.shareable_links"),
    ],
)
def test_a_missing_fact_is_said_to_be_missing(path: str, key: str) -> None:
    facts = healthy()
    forget(facts, path.split())
    found = [check for check in all_checks(facts) if check.key == key]
    assert {check.level for check in found} == {Level.UNKNOWN}
    assert found[0].evidence.startswith("Not known: ")
    assert found[0].remedy == ""


def forget(row: object, words: list[str]) -> None:
    *way, last = words
    for word in way:
        row = row[_key(row, word)]  # type: ignore[index]
    del row[_key(row, last)]  # type: ignore[attr-defined]


def _key(row: object, word: str) -> object:
    if isinstance(row, list):
        return int(word)
    assert isinstance(row, dict)
    return next(key for key in row if key.rsplit("/", 1)[-1] == word)


def test_without_known_units_no_capacity_is_claimed() -> None:
    row = {**host(), "scale_units": None}
    assert check_capacity(Host.from_json(row), 0, 0, 1, 1).level is Level.UNKNOWN


def test_a_tier_that_the_table_does_not_know_is_not_guessed_at() -> None:
    found = Host.from_json({**host(), "sku": "Galactic"})
    assert check_native_client(found).level is Level.UNKNOWN


def test_an_address_that_is_not_known_leaves_the_way_unknown() -> None:
    facts = healthy()
    assert facts["vm"]["interface"]["address"] == ADDRESS
    facts["vm"]["interface"]["address"] = ""
    assert not_passing(facts) == {
        "machine.let_out": Level.UNKNOWN,
        "machine.admits_bastion": Level.UNKNOWN,
        "jit.shut": Level.UNKNOWN,
    }


def test_the_worst_of_nothing_is_that_nothing_is_known() -> None:
    assert worst([]) is Level.UNKNOWN


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([Level.PASS, Level.UNKNOWN], Level.UNKNOWN),
        ([Level.WARN, Level.UNKNOWN, Level.PASS], Level.WARN),
        ([Level.PASS, Level.FAIL, Level.WARN], Level.FAIL),
    ],
)
def test_the_worst_is_the_worst(levels: list[Level], expected: Level) -> None:
    checks = [Check("k", "t", level, "e") for level in levels]
    assert worst(checks) is expected
    assert [check.level for check in failed(checks)] == [x for x in levels if x is Level.FAIL]
    assert {level.label for level in Level} >= {worst(checks).label}
