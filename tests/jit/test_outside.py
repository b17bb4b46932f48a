"""Windows to addresses outside Azure: the contract, and what only they do."""

from __future__ import annotations

import pytest

from access import services
from access.errors import Invalid
from access.states import GrantState
from jit.outside.marks import rule_name
from portal.sync import sync_estate
from tests.access.contract import KindContract, connect, settle_now, wake_up
from tests.support import outside
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, approved, run_engine

MICROSOFTS = {name for name, *_ in outside.parts.BASTION_RULES}


class TestAddressWindowIsAKind(KindContract):
    pass


def test_the_rule_lets_the_bastion_to_this_address_and_port_and_names_the_people(
    story: outside.OutsideStory,
) -> None:
    grant = story.open()
    rule = story.rules()[rule_name(grant.machine, 22)]
    assert (rule["direction"], rule["access"], rule["protocol"]) == ("Outbound", "Allow", "Tcp")
    assert rule["sourceAddressPrefix"] == "10.0.255.0/26"
    assert (rule["destinationAddressPrefix"], rule["destinationPortRange"]) == (outside.SHUT, "22")
    assert rule["priority"] == outside.DENY - 1
    reference = grant.access_request.reference
    assert rule["description"].startswith(f"{reference} Alice")
    assert len(rule["description"]) <= 140


def test_the_rules_of_others_survive_opening_and_closing(story: outside.OutsideStory) -> None:
    before = story.rules()
    grant = story.open()
    assert {name: story.rules()[name] for name in before} == before
    services.end(grant, by=story.cast.alice)
    run_engine()
    assert story.rules() == before
    assert set(before) == MICROSOFTS | {"KeepOut0"}


def test_nobody_gets_there_before_and_after_and_who_was_granted_does(
    story: outside.OutsideStory,
) -> None:
    assert not outside.gets_in(story)
    grant = story.open()
    assert outside.gets_in(story)
    services.end(grant, by=story.cast.alice)
    run_engine()
    grant.refresh_from_db()
    assert (grant.state, outside.gets_in(story)) == (GrantState.CLOSED, False)


def test_two_people_share_the_rule_and_the_last_end_takes_it_away(
    story: outside.OutsideStory,
) -> None:
    hers = story.open(minutes=30)
    his = approved(
        story.machine, by=story.cast.alan, approver=story.cast.bob, kind="address", minutes=60
    )
    run_engine()
    services.end(hers, by=story.cast.alice)
    run_engine()
    his.refresh_from_db()
    assert (his.state, story.doors_in_azure(), story.sent("rule.put")) == (GrantState.OPEN, 1, 1)
    services.end(his, by=story.cast.alan)
    run_engine()
    assert story.doors_in_azure() == 0


def test_a_priority_that_somebody_took_meanwhile_is_tried_at_the_next(
    story: outside.OutsideStory,
) -> None:
    """The group was read, then another wrote a rule: Azure refuses the number, not the window."""
    story.azure.fault(
        operation="rule.put", action="status", status=400, code="SecurityRuleConflict", times=2
    )
    story.open()
    assert story.sent("rule.put") == 3


def test_a_group_in_which_others_write_all_the_time_is_tried_again_later(
    story: outside.OutsideStory,
) -> None:
    story.azure.fault(
        operation="rule.put", action="status", status=400, code="SecurityRuleConflict"
    )
    grant = story.granted()
    run_engine()
    grant.refresh_from_db()
    assert grant.state == GrantState.OPENING
    assert "Others are changing the rules of nsg-bastion" in grant.problem
    story.azure.mend()
    settle_now()
    wake_up()
    run_engine()
    grant.refresh_from_db()
    assert grant.state == GrantState.OPEN


def test_a_number_that_is_taken_ahead_of_the_deny_is_passed_over(
    story: outside.OutsideStory,
) -> None:
    outside.by_hand(story, "Taken", priority=outside.DENY - 1, destinationAddressPrefix="10.9.9.9")
    story.open()
    (rule,) = story.ours()
    assert rule["priority"] == outside.DENY - 2


def test_without_room_ahead_of_the_deny_nothing_is_promised(
    cloud: SimulatedAzure, cast: Cast
) -> None:
    cloud.control("POST", "reset", {"estate": outside.estate(priority=100)})
    sync_estate()
    target = outside.register(by=cast.dana)
    with pytest.raises(Invalid, match="no priority left ahead of"):
        approved(target.machine, by=cast.alice, approver=cast.bob, kind="address")


def test_a_deny_put_ahead_of_an_open_window_is_seen_and_mended(story: outside.OutsideStory) -> None:
    grant = story.open()
    outside.by_hand(
        story, "Ahead", access="Deny", priority=200, destinationAddressPrefix=outside.SHUT
    )
    assert not outside.gets_in(story)
    settle_now()
    wake_up()
    run_engine()
    grant.refresh_from_db()
    assert (grant.state, outside.gets_in(story)) == (GrantState.OPEN, True)
    (rule,) = story.ours()
    assert rule["priority"] == 199


def test_a_rule_that_somebody_widened_is_put_right_and_at_the_end_taken_away(
    story: outside.OutsideStory,
) -> None:
    grant = story.open()
    name = rule_name(story.machine, 22)
    outside.by_hand(story, name, priority=outside.DENY - 1)
    settle_now()
    wake_up()
    run_engine()
    (rule,) = story.ours()
    assert rule["destinationAddressPrefix"] == outside.SHUT
    outside.by_hand(story, name, priority=outside.DENY - 1)
    services.end(grant, by=story.cast.alice)
    run_engine()
    grant.refresh_from_db()
    assert (grant.state, story.ours()) == (GrantState.CLOSED, [])


def test_a_window_that_somebody_deleted_is_opened_again(story: outside.OutsideStory) -> None:
    grant = story.open()
    story.azure.control(
        "POST",
        "hand",
        {"delete_rule": f"{outside.NSG}/securityRules/{rule_name(story.machine, 22)}"},
    )
    settle_now()
    wake_up()
    run_engine()
    grant.refresh_from_db()
    assert (grant.state, story.doors_in_azure()) == (GrantState.OPEN, 1)


def test_who_came_by_address_is_disconnected_and_who_is_elsewhere_is_not(
    story: outside.OutsideStory,
) -> None:
    other = outside.register("onprem-app-01", outside.OPEN, by=story.cast.dana)
    grant = story.open()
    connect(story.azure, grant)
    there = approved(other.machine, by=story.cast.alan, approver=story.cast.bob, kind="address")
    run_engine()
    connect(story.azure, there, user="neighbour")
    services.end(grant, by=story.cast.alice)
    run_engine()
    assert [each["userName"] for each in story.azure.state()["sessions"]] == ["neighbour"]
