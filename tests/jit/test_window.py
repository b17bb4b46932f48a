"""Port windows against simulated Azure: the contract, and what only windows do."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access import services
from access.clock import db_now
from access.models import Gate, Grant, Machine
from access.presenters import statuses
from access.states import GrantState
from jit.models import JitPort
from tests.access.contract import KindContract, Story, connect, settle_now, wake_up
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, approved, let_pass, run_engine
from tests.support.estate import machine

PREFIX = "10.0.255.0/26"


@pytest.fixture
def story(live_estate: SimulatedAzure, cast: Cast) -> Story:
    return Story(live_estate, cast, "window", "jit.opened", "jit.initiate", "rule.delete")


class TestWindowIsAKind(KindContract):
    pass


def test_the_port_is_opened_to_the_bastion_subnet_and_the_person_is_named(story: Story) -> None:
    grant = story.open(reason="Disk is full")
    (sent,) = story.azure.record("jit.initiate")
    port = sent["body"]["virtualMachines"][0]["ports"][0]
    assert (port["number"], port["allowedSourceAddressPrefix"]) == (22, PREFIX)
    asked_end = datetime.fromisoformat(port["endTimeUtc"])
    assert abs(asked_end - grant.ends_at) < timedelta(seconds=1)
    told = sent["body"]["justification"]
    assert grant.access_request.reference in told
    assert "Alice" in told
    assert "Bob" in told


def test_the_later_end_wins_and_the_first_end_shuts_nobody_out(story: Story) -> None:
    hers = story.open(minutes=30)
    his = approved(story.machine, by=story.cast.alan, approver=story.cast.bob, minutes=120)
    run_engine()
    his.refresh_from_db()
    assert his.state == GrantState.OPEN
    connect(story.azure, his)
    services.end(hers, by=story.cast.alice)
    run_engine()
    hers.refresh_from_db()
    his.refresh_from_db()
    assert (hers.state, his.state) == (GrantState.CLOSED, GrantState.OPEN)
    assert story.doors_in_azure() >= 1
    assert len(story.azure.state()["sessions"]) == 1
    assert story.sent("rule.delete") == 0


def test_a_shorter_request_is_never_sent_over_a_longer_one(story: Story) -> None:
    story.open(minutes=120)
    short = approved(story.machine, by=story.cast.alan, approver=story.cast.bob, minutes=30)
    run_engine()
    short.refresh_from_db()
    assert short.state == GrantState.OPEN
    assert story.sent("jit.initiate") == 1


def test_a_window_that_somebody_wiped_is_opened_again_while_the_grant_lasts(story: Story) -> None:
    """terraform apply removes JIT's rules in the middle of a window."""
    grant = story.open()
    for window in story.azure.state()["open_windows"]:
        story.azure.control("POST", "hand", {"delete_rule": window["rule_id"]})
    Grant.objects.update(sent_at=grant.starts_at - timedelta(minutes=5))
    story.azure.pace(60)
    wake_up()
    run_engine(rounds=1)
    grant.refresh_from_db()
    assert "opened again" in grant.outstanding
    assert statuses.of_grant(grant, db_now()) is statuses.REOPENING
    story.azure.advance(61)
    run_engine()
    assert story.doors_in_azure() == 1
    grant.refresh_from_db()
    assert (grant.state, grant.outstanding) == (GrantState.OPEN, "")


def test_a_rule_for_another_source_is_not_ours_to_remove(story: Story) -> None:
    grant = story.open()
    services.end(grant, by=story.cast.alice)
    run_engine()
    names = [row["body"] for row in story.azure.record("rule.delete")]
    assert len(names) == 1


def test_the_older_generation_of_rule_names_is_recognised(story: Story) -> None:
    story.azure.control("POST", "pace", {"rule_generation": "SecurityCenter"})
    grant = story.open()
    services.end(grant, by=story.cast.alice)
    run_engine()
    grant.refresh_from_db()
    assert (grant.state, story.doors_in_azure()) == (GrantState.CLOSED, 0)


def test_when_rules_may_not_be_deleted_sessions_still_end_and_the_page_says_why(
    story: Story,
) -> None:
    grant = story.open()
    connect(story.azure, grant)
    story.azure.fault(
        operation="rule.delete", action="status", status=403, code="AuthorizationFailed"
    )
    services.end(grant, by=story.cast.alice)
    run_engine(rounds=3)
    grant.refresh_from_db()
    assert grant.state == GrantState.CLOSING
    assert "not allowed" in grant.problem
    assert story.azure.state()["sessions"] == []


def test_a_vendors_long_window_is_renewed_in_steps(story: Story) -> None:
    """A policy of three hours, a vendor of two days."""
    grant = approved(
        story.machine, by=story.cast.alice, approver=story.cast.bob, kind="link", minutes=2880
    )
    guard = JitPort.objects.filter(machine=grant.machine)
    guard.update(max_minutes=8)  # so that Azure's own end is soon
    run_engine()
    window = Grant.objects.get(access_request=grant.access_request, kind="window")
    (first,) = _ends_of(story)
    assert first - window.opened_at <= timedelta(minutes=8)
    guard.update(max_minutes=60)  # ten minutes ahead of an end is now the time to renew
    for _ in range(2):
        settle_now()
        wake_up()
        run_engine()
    window.refresh_from_db()
    _, second = _ends_of(story)  # renewed once, not with each look
    assert second > first + timedelta(minutes=20)
    assert (window.state, story.doors_in_azure() >= 1) == (GrantState.OPEN, True)


def _ends_of(story: Story) -> list[datetime]:
    """The ends that Azure was asked for, in order."""
    ports = [
        row["body"]["virtualMachines"][0]["ports"] for row in story.azure.record("jit.initiate")
    ]
    return [datetime.fromisoformat(port["endTimeUtc"]) for (port,) in ports]


@pytest.mark.parametrize(
    "order",
    list(permutations(["she asks for more time", "he ends early", "her first time runs out"])),
    ids=", ".join,
)
def test_two_windows_one_extended_and_one_ended_early_in_every_order(
    story: Story, order: tuple[str, ...]
) -> None:
    """Azure never closes before the last one needs it, and never stays open after."""
    vm, cast = story.machine, story.cast
    hers = approved(vm, by=cast.alice, approver=cast.bob, minutes=30)
    his = approved(vm, by=cast.alan, approver=cast.bob, minutes=60)
    run_engine()
    holders = {hers.pk, his.pk}
    for event in order:
        if event == "she asks for more time":
            holders.add(approved(vm, by=cast.alice, approver=cast.bob, minutes=90).pk)
        elif event == "he ends early":
            services.end(his, by=cast.alan)
            holders.discard(his.pk)
        else:
            let_pass(hers, 31)
            holders.discard(hers.pk)
        run_engine()
        assert bool(story.doors_in_azure()) == bool(holders), event
    (last,) = Grant.objects.filter(pk__in=holders)
    assert last.state == GrantState.OPEN
    assert max(_ends_of(story)) >= last.ends_at - timedelta(seconds=1)
    services.end(last, by=cast.alice)
    run_engine()
    assert story.doors_in_azure() == 0
    assert set(Grant.objects.values_list("state", flat=True)) == {GrantState.CLOSED}


@given(
    lengths=st.lists(st.integers(5, 180), min_size=2, max_size=4),
    order=st.randoms(use_true_random=False),
)
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_port_is_open_exactly_while_somebody_holds_it(
    story: Story, lengths: list[int], order: object
) -> None:
    """Whatever the lengths and the order: open while one grant lasts, shut after the last."""
    from access.models import Role
    from tests.support.cast import person

    vm = story.machine
    grants = []
    for number, minutes in enumerate(lengths):
        who = person(f"Holder {number} {len(grants)} {Grant.objects.count()}", Role.ENGINEER)
        grants.append(approved(vm, by=who, approver=story.cast.bob, minutes=minutes))
        run_engine()
        assert story.doors_in_azure() >= 1
    order.shuffle(grants)  # type: ignore[attr-defined]
    for left in range(len(grants) - 1, -1, -1):
        grant = grants.pop()
        services.end(grant, by=grant.access_request.requester)
        run_engine()
        assert bool(story.doors_in_azure()) == bool(left)


def test_offers_say_what_is_wrong_and_what_helps(cast: Cast) -> None:
    from access.offers import offers_for

    vm = machine()
    JitPort.objects.update(source_prefixes=["203.0.113.7"])
    (window,) = [o for o in offers_for(vm) if o.kind == "window"]
    assert PREFIX in window.refusal
    JitPort.objects.all().delete()
    (window,) = [o for o in offers_for(Machine.objects.get()) if o.kind == "window"]
    assert "No JIT policy" in window.refusal


def test_gates_rest_alone(story: Story) -> None:
    assert Gate.objects.filter(kind="window").count() == 1
    grant = story.open()
    let_pass(grant, 31)
