"""Azure takes its time, people change their minds, workers are stopped: nothing may be called
closed before it is, and nothing may be opened for somebody whose time is over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from access import engine, services
from access.clock import db_now
from access.engine.look import Look
from access.models import AccessRequest, Gate, Grant, Heartbeat, LedgerEntry
from access.presenters import statuses
from access.states import GrantState
from jit import defender
from links.kind import ShareableLink
from tests.access.contract import Story, settle_now, wake_up
from tests.support.cast import approved, ask, be_seen, let_pass, run_engine

LONG_AGO = "2020-01-01T00:00:00Z"


@pytest.mark.parametrize("how", ["ended by the person", "its time runs out"])
def test_a_link_that_appears_after_its_end_is_not_forgotten(link: Story, how: str) -> None:
    """Making a link takes Azure some 12 s. Whoever ends it within them must not be told that it
    is closed because the list does not show it yet: it would stay open for ever."""
    link.azure.control("POST", "pace", {"link_create": 12})
    grant = link.granted()
    run_engine(rounds=1)
    assert link.sent("link.create") == 1
    if how == "ended by the person":
        services.end(grant, by=link.cast.alice)
    else:
        let_pass(grant, 31)
    run_engine()
    grant.refresh_from_db()
    assert grant.state == GrantState.CLOSING
    assert "may still take effect" in grant.outstanding
    link.azure.advance(13)
    wake_up()
    run_engine()
    grant.refresh_from_db()
    assert (grant.state, link.doors_in_azure()) == (GrantState.CLOSED, 0)


def test_a_worker_that_slept_through_its_lease_sends_nothing(
    link: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K9: stopped between its decision and its call, it wakes up when all is over."""
    grant = link.granted()
    send, slept = Look._send, []

    def sleepy(look: Look, act: Any, cases: Any) -> Any:
        if not slept and look.gate.kind == "link":
            slept.append(act)
            Gate.objects.filter(pk=look.gate.pk).update(lease_until=LONG_AGO)
            services.end(grant, by=link.cast.alice)
            settle_now()
            for _ in range(4):
                run_engine()
                wake_up()
            look.lease.fresh_until -= 61  # what its clock says when it goes on
        return send(look, act, cases)

    monkeypatch.setattr(Look, "_send", sleepy)
    run_engine()
    grant.refresh_from_db()
    assert slept
    assert (grant.state, link.doors_in_azure()) == (GrantState.CLOSED, 0)
    assert link.sent("link.create") == 0


def test_what_ends_while_azure_is_read_is_not_opened_any_more(
    link: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = link.granted()
    observe = ShareableLink.observe

    def slowly(kind: ShareableLink, gate: Gate, doors: Any) -> Any:
        seen = observe(kind, gate, doors)
        if not link.sent("link.create"):
            let_pass(grant, 31)
        return seen

    monkeypatch.setattr(ShareableLink, "observe", slowly)
    run_engine()
    assert link.sent("link.create") == 0


def test_a_later_end_is_asked_for_although_azures_history_promises_it(window: Story) -> None:
    """A window that was ended early stays "Initiated" in the history until its old end."""
    vm, cast = window.machine, window.cast
    first = approved(vm, by=cast.alice, approver=cast.bob, minutes=150)
    run_engine()
    services.end(first, by=cast.alice)
    run_engine()
    approved(vm, by=cast.alan, approver=cast.bob, minutes=15)
    run_engine()
    approved(vm, by=cast.alice, approver=cast.bob, minutes=120)
    run_engine()
    assert window.sent("jit.initiate") == 3


def test_an_entry_that_never_left_initiating_does_not_keep_a_window_closing_for_ever(
    window: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = window.open()
    window.azure.control("POST", "pace", {"initiate": 36_000_000})
    from access.kinds import Door, Place

    until = db_now() + timedelta(minutes=100)
    place = Place.from_json(Grant.objects.get().place)
    door = Door(machine=grant.machine, port=22, places=(place,), until=until, on_behalf="x")
    defender.initiate(grant.gate.resource_id, [door])
    window.azure.control("POST", "pace", {"initiate": 0})
    services.end(grant, by=window.cast.alice)
    run_engine(rounds=3)
    grant.refresh_from_db()
    assert grant.state == GrantState.CLOSING  # Azure says that it is at work on something
    monkeypatch.setattr(defender, "PATIENCE", timedelta(0))
    run_engine()
    grant.refresh_from_db()
    assert grant.state == GrantState.CLOSED


@pytest.mark.parametrize("skew", [-20, -6, 6])
def test_the_longest_window_is_not_refused_because_two_clocks_differ(
    window: Story, skew: int
) -> None:
    window.azure.advance(skew)
    longest = window.machine.jit_ports.get(number=22).max_minutes
    grant = window.open(minutes=longest)
    assert grant.state == GrantState.OPEN


def test_an_order_that_azure_takes_and_never_carries_out_comes_to_an_end(window: Story) -> None:
    grant = window.granted()
    for _ in range(6):
        run_engine(rounds=1)
        for opened in window.azure.state()["open_windows"]:
            window.azure.control("POST", "hand", {"delete_rule": opened["rule_id"]})
        settle_now()
        wake_up()
    run_engine()
    grant.refresh_from_db()
    assert grant.never_opened
    assert "never carried it out" in grant.close_reason
    assert window.sent("jit.initiate") == 3


def test_what_is_overdue_is_red_also_when_no_worker_lives(window: Story) -> None:
    grant = window.open()
    let_pass(grant, 30 + 120)
    assert statuses.of_grant(grant, db_now()) is statuses.OVERDUE


def test_a_person_who_was_disabled_does_not_stay_inside(window: Story) -> None:
    """X-15"""
    grant = window.open()
    alice = window.cast.alice
    alice.is_active = False
    alice.save()
    wake_up()
    run_engine()
    grant.refresh_from_db()
    assert (grant.state, window.doors_in_azure()) == (GrantState.CLOSED, 0)
    assert grant.close_reason == "The person who asked is no longer active."


class TestTheSweep:
    def test_who_cannot_wake_a_gate_does_not_look_alive(
        self, transactional_db: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from access import tasks

        Heartbeat.objects.all().delete()

        def broken(_ids: object) -> None:
            raise RuntimeError("boom")

        monkeypatch.setattr(tasks, "wake", broken)
        with pytest.raises(RuntimeError):
            tasks.sweep()
        assert not Heartbeat.objects.filter(name="closer").exists()

    def test_a_request_that_cannot_lapse_keeps_no_door_open(
        self, window: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from access import tasks

        woken: list[int] = []
        monkeypatch.setattr(tasks, "wake", woken.extend)

        def broken(request_id: int) -> None:
            raise RuntimeError("deadlock detected")

        monkeypatch.setattr(tasks.waiting, "_lapse", broken)
        grant = window.granted()
        waits = ask(window.machine, by=window.cast.alan)
        AccessRequest.objects.filter(pk=waits.pk).update(lapses_at=db_now())
        with pytest.raises(RuntimeError):
            tasks.sweep()
        assert grant.gate_id in woken

    def test_while_no_look_comes_to_its_end_nothing_new_is_opened(self, window: Story) -> None:
        """Somebody sweeps, but no call to Azure succeeds and something is overdue."""
        grant = window.open()
        let_pass(grant, 35)
        Heartbeat.objects.filter(name="looker").update(at=LONG_AGO)
        later = approved(window.machine, by=window.cast.alan, approver=window.cast.bob)
        be_seen()
        Gate.objects.filter(pk=grant.gate_id).update(pause_until=db_now() + timedelta(hours=1))
        assert engine.due_gates() == []
        from access.gatekeeping import closer_seen

        assert not closer_seen(db_now())
        later.refresh_from_db()
        assert later.state == GrantState.SCHEDULED


def test_a_fault_of_ours_is_said_and_does_not_hang_on_its_lease(window: Story) -> None:
    grant = window.open()
    Grant.objects.filter(pk=grant.pk).update(place={"nonsense": 1, "nsg_ids": []})
    services.end(grant, by=window.cast.alice)
    run_engine()
    grant.refresh_from_db()
    assert grant.problem
    assert grant.not_before is not None
    assert Gate.objects.get(pk=grant.gate_id).lease_token is None
    assert LedgerEntry.objects.filter(event="portal.broke_down").count() == 1
