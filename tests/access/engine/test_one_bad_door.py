"""One door that cannot be read, shut or emptied must not keep any other door open."""

from __future__ import annotations

from typing import Any

import pytest

from access import services
from access.models import BastionHost, Gate, Grant, LedgerEntry, Machine
from access.states import GrantState
from jit.models import JitPort
from portal.sync import sync_estate
from tests.access.contract import Story, connect, settle_now, wake_up
from tests.support.cast import approved, run_engine


def rounds(number: int = 10) -> None:
    for _ in range(number):
        wake_up()
        settle_now()
        run_engine(rounds=2)


def state_of(grant: Grant) -> str:
    grant.refresh_from_db()
    return grant.state


def second(story: Story, name: str = "vm-app-02") -> Machine:
    return Machine.objects.get(name=name)


def test_a_list_of_sessions_that_fails_keeps_no_other_link_open(link: Story) -> None:
    cast = link.cast
    first = approved(link.machine, by=cast.alice, approver=cast.bob, kind="link")
    other = approved(second(link), by=cast.alan, approver=cast.bob, kind="link")
    run_engine()
    link.azure.fault(operation="session.list", action="status", status=500)
    services.end(first, by=cast.alice)
    run_engine()
    services.end(other, by=cast.alan)
    rounds()
    assert link.doors_in_azure() == 0
    assert (state_of(first), state_of(other)) == (GrantState.CLOSING, GrantState.CLOSING)
    assert "who is connected is not known" in first.outstanding
    link.azure.mend()
    rounds(2)
    assert (state_of(first), state_of(other)) == (GrantState.CLOSED, GrantState.CLOSED)


def test_a_host_that_is_gone_carries_nobody(window: Story) -> None:
    grant = window.open()
    window.azure.fault(
        operation="session.list", action="status", status=404, code="ResourceNotFound"
    )
    services.end(grant, by=window.cast.alice)
    rounds(3)
    assert state_of(grant) == GrantState.CLOSED


def test_a_lock_on_one_rule_stops_neither_closing_nor_opening_of_others(window: Story) -> None:
    cast, held = window.cast, window.open()
    free = approved(second(window), by=cast.alan, approver=cast.bob)
    run_engine()
    (rule,) = [
        opened["rule_id"].rsplit("/", 1)[1]
        for opened in window.azure.state()["open_windows"]
        if opened["vm"].lower() == held.machine.resource_key
    ]
    window.azure.fault(
        path=f"*{rule}*", method="DELETE", action="status", status=409, code="ScopeLocked"
    )
    services.end(held, by=cast.alice)
    run_engine()
    services.end(free, by=cast.alan)
    new = approved(second(window, "vm-win-01"), by=cast.alan, approver=cast.bob)
    rounds()
    assert (state_of(free), state_of(new)) == (GrantState.CLOSED, GrantState.OPEN)
    assert state_of(held) == GrantState.CLOSING
    assert "ScopeLocked" in held.problem


def test_a_security_group_that_may_not_be_read_leaves_its_own_doors_unknown_only(
    window: Story,
) -> None:
    cast, good = window.cast, window.open()
    vm = second(window)
    elsewhere = good.machine.nsg_ids[0].replace("nsg-app", "nsg-other")
    Machine.objects.filter(pk=vm.pk).update(nsg_ids=[elsewhere])
    window.azure.fault(path="*nsg-other*", action="status", status=403)
    bad = approved(vm, by=cast.alan, approver=cast.bob)
    run_engine()
    services.end(good, by=cast.alice)
    rounds()
    assert state_of(good) == GrantState.CLOSED
    assert state_of(bad) == GrantState.OPENING
    assert "could not be asked" in bad.outstanding


@pytest.mark.parametrize("changed", ["private_ip", "bastion", "nsg_ids"])
def test_a_machine_that_moved_is_still_shut_where_it_was_opened(
    window: Story, changed: str
) -> None:
    """What a later reading of the estate says must not hide the rule that stands."""
    grant = window.open()
    connect(window.azure, grant)
    now: dict[str, Any] = {"private_ip": "10.9.9.9", "bastion": None, "nsg_ids": []}
    Machine.objects.filter(pk=grant.machine_id).update(**{changed: now[changed]})
    services.end(grant, by=window.cast.alice)
    rounds(3)
    assert (state_of(grant), window.doors_in_azure()) == (GrantState.CLOSED, 0)
    assert window.azure.state()["sessions"] == []


def test_a_vendor_is_disconnected_from_the_host_through_which_they_came(link: Story) -> None:
    grant = link.open()
    connect(link.azure, grant)
    old = grant.machine.bastion
    assert old is not None
    new = BastionHost.objects.create(
        resource_id=f"{old.resource_id}-2", resource_key=f"{old.resource_key}-2", name="second",
        subscription_id=old.subscription_id, resource_group=old.resource_group,
        region=old.region, sku="Standard", synced_at=old.synced_at,
    )  # fmt: skip
    Machine.objects.filter(pk=grant.machine_id).update(bastion=new)
    services.end(grant, by=link.cast.alice)
    rounds(3)
    assert state_of(grant) == GrantState.CLOSED
    assert link.azure.state()["sessions"] == []


@pytest.mark.parametrize("code", ["SubscriptionNotFound", "InvalidAuthenticationTokenTenant"])
def test_a_404_of_something_else_does_not_prove_a_link_gone(link: Story, code: str) -> None:
    grant = link.open()
    link.azure.fault(operation="link.list", action="status", status=404, code=code)
    link.azure.fault(operation="link.delete", action="status", status=500)
    services.end(grant, by=link.cast.alice)
    rounds(3)
    assert (state_of(grant), link.doors_in_azure()) == (GrantState.CLOSING, 1)


def test_an_end_at_one_policy_shuts_nobody_out_who_came_by_another(window: Story) -> None:
    """A policy was re-created under another name; both guard the same port."""
    first = window.open()
    other = approved(first.machine, by=window.cast.alan, approver=window.cast.bob, minutes=120)
    renamed = Gate.objects.create(
        kind="window", name="other",
        resource_id=first.gate.resource_id, resource_key=f"{first.gate.resource_key}x",
    )  # fmt: skip
    Grant.objects.filter(pk=other.pk).update(gate=renamed)
    run_engine()
    services.end(first, by=window.cast.alice)
    run_engine()
    assert window.doors_in_azure() >= 1
    assert state_of(first) == GrantState.CLOSED


class TestSessions:
    def test_an_end_on_another_port_leaves_a_colleague_connected(self, window: Story) -> None:
        vm, cast = window.machine, window.cast
        deny = {"nsg": vm.nsg_ids[0], "port": "5432", "priority": 3000, "access": "Deny"}
        window.azure.control("POST", "hand", {"add_rule": deny})  # shut, as preflight wants it
        sync_estate()
        guard = vm.jit_ports.get(number=22)
        JitPort.objects.create(
            machine=vm, gate=guard.gate, number=5432,
            source_prefixes=guard.source_prefixes, max_minutes=180,
        )  # fmt: skip
        connect(window.azure, window.open())
        his = approved(vm, by=cast.alan, approver=cast.bob, port=5432)
        rounds(3)
        assert state_of(his) == GrantState.CLOSED  # Azure's policy does not know the port
        assert len(window.azure.state()["sessions"]) == 1

    def test_a_grant_that_never_came_to_azure_disconnects_nobody(self, window: Story) -> None:
        from datetime import timedelta

        from access.clock import db_now

        vm = window.machine
        assert vm.bastion is not None
        window.azure.control(
            "POST", "sessions",
            {"bastion": vm.bastion.resource_id, "vm": vm.resource_id, "protocol": "SSH",
             "userName": "breakglass", "force": True},
        )  # fmt: skip
        in_days = db_now() + timedelta(days=3)
        grant = approved(vm, by=window.cast.alice, approver=window.cast.bob, start=in_days)
        services.end(grant, by=window.cast.alice)
        run_engine()
        assert state_of(grant) == GrantState.CLOSED
        assert len(window.azure.state()["sessions"]) == 1

    def test_one_that_cannot_be_disconnected_is_tried_with_patience_and_said_once(
        self, window: Story
    ) -> None:
        grant = window.open()
        vm = grant.machine
        assert vm.bastion is not None
        window.azure.control(
            "POST", "sessions",
            {"bastion": vm.bastion.resource_id, "vm": vm.resource_id, "protocol": "SSH",
             "userName": "ops", "stuck": True},
        )  # fmt: skip
        services.end(grant, by=window.cast.alice)
        before = LedgerEntry.objects.count()
        run_engine(rounds=50)
        assert state_of(grant) == GrantState.CLOSING
        assert "1 session still connected" in grant.outstanding
        assert "could not disconnect" in grant.problem
        assert grant.not_before is not None
        assert LedgerEntry.objects.count() - before < 8

    def test_an_operation_that_outlasts_one_look_is_taken_up_by_the_next(
        self, window: Story
    ) -> None:
        import time

        grant = window.open()
        window.azure.control("POST", "pace", {"sessions": 1.0})
        services.end(grant, by=window.cast.alice)
        for _ in range(6):
            wake_up()
            run_engine(rounds=2)
            time.sleep(0.4)
        assert state_of(grant) == GrantState.CLOSED
        calls = window.azure.control("GET", "calls")["calls"]
        assert calls["session.list"] == 1


def test_a_refused_close_does_not_flood_the_ledger(window: Story) -> None:
    grant = window.open()
    window.azure.fault(operation="rule.delete", action="status", status=403)
    services.end(grant, by=window.cast.alice)
    before = LedgerEntry.objects.count()
    rounds(20)
    assert LedgerEntry.objects.count() - before < 8
    assert state_of(grant) == GrantState.CLOSING


def test_a_link_whose_window_is_refused_is_not_handed_out(link: Story) -> None:
    """It would lead to a shut port."""
    link.azure.fault(operation="jit.initiate", action="status", status=400, code="NotToday")
    grant = link.granted()
    rounds(4)
    assert state_of(grant) == GrantState.CLOSED
    assert link.doors_in_azure() == 0
