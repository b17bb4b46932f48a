"""Windows to addresses outside Azure: what people are told, what is offered, what is found."""

from __future__ import annotations

from typing import Any
from urllib.error import HTTPError

import pytest

from access import judging, services
from access.engine import audit
from access.kinds import kind_named
from access.models import BastionHost, Finding, Gate, Grant, LedgerEntry
from access.offers import offers_for
from access.preflight import failed
from access.states import GrantState
from jit.outside.marks import rule_name
from jit.outside.models import OutsideTarget
from portal.embedded.outside import seed_outside
from portal.embedded.people import seed_people
from portal.sync import sync_estate
from tests.support import outside
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, approved, run_engine


def test_where_nothing_keeps_it_shut_everybody_is_told(story: outside.OutsideStory) -> None:
    target = outside.register("onprem-app-01", outside.OPEN, by=story.cast.dana)
    grant = approved(target.machine, by=story.cast.alice, approver=story.cast.bob, kind="address")
    run_engine()
    told = {line.event: line.data for line in LedgerEntry.objects.all()}
    assert "Nothing keeps this shut outside the window." in told["request.submitted"]["caveats"][0]
    assert "Nothing keeps this shut outside the window." in told["request.approved"]["caveats"][0]
    assert told["grant.opened"]["seen"]["caveat"] == "Nothing keeps this shut outside the window."
    assert told["outside.registered"]["kept_shut_by"] == {"22": ""}
    grant.refresh_from_db()
    assert grant.state == GrantState.OPEN


def test_where_a_deny_stands_there_is_nothing_to_warn_of(story: outside.OutsideStory) -> None:
    story.open()
    told = {line.event: line.data for line in LedgerEntry.objects.all()}
    assert "caveats" not in told["request.submitted"]
    assert told["grant.opened"]["seen"]["kept_shut_by"] == "KeepOut0 (priority 250) in nsg-bastion"


def test_a_deny_that_is_gone_since_makes_it_advisory_with_the_next_reading(
    story: outside.OutsideStory,
) -> None:
    story.azure.control("POST", "hand", {"delete_rule": f"{outside.NSG}/securityRules/KeepOut0"})
    sync_estate()
    machine = story.machine
    assert "Nothing keeps this shut" in kind_named("address").caveat(machine, 22)


def test_no_reading_of_the_estate_calls_it_gone(story: outside.OutsideStory) -> None:
    for _ in range(3):
        sync_estate()
    machine = story.machine
    assert (machine.gone_at, machine.absences) == (None, 0)
    assert [offer.refusal for offer in offers_for(machine)] == [""]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ip_connect": False}, "switched off there (enableIpConnect)"),
        ({"sku": "Basic"}, "is Basic. For connections to an IP address it needs Standard"),
        ({"gone_at": "2026-01-01T00:00:00Z"}, "is gone from Azure"),
    ],
)
def test_a_host_that_cannot_any_more_is_not_offered_and_it_says_why(
    story: outside.OutsideStory, changes: dict[str, Any], said: str
) -> None:
    BastionHost.objects.update(**changes)
    (offer,) = offers_for(story.machine)
    assert said in offer.refusal
    assert offer.gate_id is None


def test_without_a_security_group_there_is_no_gate(azure: SimulatedAzure, transactional_db: None,
                                                   cast: Cast) -> None:  # fmt: skip
    sync_estate()
    target = outside.register(by=cast.dana)
    (offer,) = offers_for(target.machine)
    assert "has no security group" in offer.refusal


def test_a_rule_of_ours_that_nobody_was_granted_is_found_and_removed_by_order(
    story: outside.OutsideStory,
) -> None:
    story.open()
    stranger = "BastionAccess-4711-22-0badcafe"
    outside.by_hand(story, stranger, priority=150, destinationAddressPrefix="192.168.40.99")
    gate = Gate.objects.get(kind="address")
    assert audit(gate.pk)
    finding = Finding.objects.get()
    assert (finding.name, finding.port, finding.machine) == (stranger, 22, None)
    services.remove(finding, by=story.cast.dana, reason="Not ours")
    assert audit(gate.pk)
    assert stranger not in story.rules()
    assert story.doors_in_azure() == 1
    assert Grant.objects.get().state == GrantState.OPEN


def test_what_is_open_too_long_is_a_finding_of_its_machine(story: outside.OutsideStory) -> None:
    outside.by_hand(
        story, rule_name(story.machine, 22), priority=150, destinationAddressPrefix=outside.SHUT
    )
    assert audit(Gate.objects.get(kind="address").pk)
    assert Finding.objects.get().machine == story.machine


def test_the_demo_has_one_that_is_kept_shut_and_one_that_is_not(
    azure: SimulatedAzure, transactional_db: None
) -> None:
    azure.control("POST", "reset", {"estate": "demo"})
    seed_people()
    seed_outside()  # the estate was never read: there is no host yet
    assert not OutsideTarget.objects.exists()
    sync_estate()
    seed_outside()
    seed_outside()
    held = OutsideTarget.objects.order_by("pk").values_list("machine__name", "kept_shut_by")
    deny = "DenyBastionToOnPremDb (priority 250) in nsg-bastion-hub-neu"
    assert list(held) == [("onprem-db-01", {"22": deny}), ("onprem-storage-01", {"22": ""})]
    for target in OutsideTarget.objects.select_related("machine__bastion"):
        checks = judging.preflight(target.machine, [("address", 22)], asked="address", minutes=60)
        assert failed(checks) == []


def test_a_host_without_ip_connect_lets_nobody_in_by_address(story: outside.OutsideStory) -> None:
    made = story.azure.state()["estate"]
    (host,) = [each for each in made["resources"] if each["name"] == "bastion-hub"]
    host["properties"]["enableIpConnect"] = False
    story.azure.control("POST", "reset", {"estate": made})
    outside.register("onprem-app-01", outside.OPEN, by=story.cast.dana)
    order = {"bastion": host["id"], "address": outside.OPEN}
    with pytest.raises(HTTPError) as refused:
        story.azure.control("POST", "sessions", order)
    assert "IpConnectDisabled" in refused.value.read().decode()
    refused.value.close()
    sync_estate()
    (offer,) = offers_for(story.machine)
    assert "enableIpConnect" in offer.refusal
