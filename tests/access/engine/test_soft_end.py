"""A soft end: the door is shut on time, and whoever is connected may finish for a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from access import engine, ledger, services
from access.clock import db_now
from access.engine.look import Look
from access.gatekeeping import closer_seen, overdue_grants
from access.models import Gate, Grant, LedgerEntry, Machine
from access.presenters import statuses
from access.presenters.grants import line_for
from access.states import GrantState
from tests.access.contract import Died, Story, connect, dies, settle_now, wake_up
from tests.support.cast import approved, be_seen, let_pass, run_engine

GRACE = 15


def softly(grant: Grant, minutes: int = GRACE) -> Grant:
    """As the policy would have it at approval."""
    same = Grant.objects.filter(access_request=grant.access_request)
    same.update(grace_minutes=minutes)
    grant.refresh_from_db()
    return grant


def opened_softly(story: Story, minutes: int = GRACE, **changes: object) -> Grant:
    return softly(story.open(**changes), minutes)


def look_now(rounds: int = 6) -> None:
    for _ in range(rounds):
        wake_up()
        run_engine(rounds=2)


def time_goes_by(minutes: float) -> None:
    """For all that is over: its end and its grace move into the past."""
    shift = timedelta(minutes=minutes)
    for grant in Grant.objects.filter(state__in=[GrantState.CLOSING, GrantState.CLOSED]):
        for name in ("starts_at", "ends_at", "due_at", "finish_by", "shut_at"):
            if getattr(grant, name) is not None:
                setattr(grant, name, getattr(grant, name) - shift)
        grant.save()


def inside(story: Story) -> int:
    return len(story.azure.state()["sessions"])


def closing_soon(grant: Grant, *, after: float = 30.5) -> Grant:
    """Its time has just run out."""
    let_pass(grant, after)
    look_now()
    grant.refresh_from_db()
    return grant


@pytest.fixture(params=["link", "window"])
def story(request: pytest.FixtureRequest, link: Story, window: Story) -> Story:
    return link if request.param == "link" else window


def test_the_door_is_shut_at_once_and_who_is_connected_may_finish(story: Story) -> None:
    grant = opened_softly(story)
    connect(story.azure, grant)
    closing_soon(grant)
    assert (grant.state, story.doors_in_azure(), inside(story)) == (GrantState.CLOSING, 0, 1)
    assert grant.finish_by == grant.ends_at + timedelta(minutes=GRACE)
    assert grant.shut_at is not None
    assert grant.outstanding == "shut in Azure, 1 session may finish"
    assert story.sent("session.disconnect") == 0
    now = db_now()
    assert statuses.of_grant(grant, now) is statuses.FINISHING
    assert " may finish until " in line_for(grant, story.cast.alice, now).waits_for


def test_when_nobody_is_connected_any_more_it_is_closed_at_once(story: Story) -> None:
    grant = opened_softly(story)
    session = connect(story.azure, grant)
    closing_soon(grant)
    story.azure.control("DELETE", f"sessions/{session}")
    look_now()
    grant.refresh_from_db()
    assert grant.state == GrantState.CLOSED
    assert grant.finish_by is not None
    assert grant.finish_by > db_now()
    line = LedgerEntry.objects.filter(event="grant.closed").latest("seq")
    assert line.data["lateness_ms"] == 0
    assert 0 < line.data["door_lateness_ms"] < 60_000


def test_with_nobody_connected_at_the_end_it_closes_like_any_other(story: Story) -> None:
    grant = closing_soon(opened_softly(story))
    assert (grant.state, story.doors_in_azure()) == (GrantState.CLOSED, 0)


def test_at_the_end_of_the_grace_they_must_go_and_only_then_is_it_closed(story: Story) -> None:
    grant = opened_softly(story)
    connect(story.azure, grant)
    closing_soon(grant)
    time_goes_by(GRACE)
    look_now()
    grant.refresh_from_db()
    assert (grant.state, inside(story)) == (GrantState.CLOSED, 0)
    assert story.sent("session.disconnect") >= 1
    line = LedgerEntry.objects.filter(event="grant.closed", reference=reference(grant)).latest(
        "seq"
    )
    assert line.data["lateness_ms"] < 60_000  # against the end of the grace
    assert ledger.verify()[1] is None


def test_a_hard_end_waits_for_nobody(story: Story) -> None:
    grant = story.open()
    connect(story.azure, grant)
    closing_soon(grant)
    assert (grant.state, inside(story), grant.finish_by) == (GrantState.CLOSED, 0, None)


@pytest.mark.parametrize("who", ["alice", "dana"])
def test_an_end_that_is_ordered_in_the_grace_is_hard(story: Story, who: str) -> None:
    grant = opened_softly(story)
    connect(story.azure, grant)
    closing_soon(grant)
    assert line_for(grant, story.cast.alice, db_now()).may_end
    services.end(grant, by=getattr(story.cast, who), reason="The change went wrong")
    assert grant.gate_id in engine.due_gates()  # it need not wait for the next look
    run_engine()
    look_now()
    grant.refresh_from_db()
    assert (grant.state, inside(story)) == (GrantState.CLOSED, 0)
    words = "Ended early by Alice." if who == "alice" else "Revoked by Dana: The change went wrong."
    assert grant.close_reason == f"Its time is over. {words}"
    assert LedgerEntry.objects.filter(event="grant.grace_cut").exists()


def test_an_end_that_is_ordered_before_the_end_knows_no_grace(story: Story) -> None:
    grant = opened_softly(story)
    connect(story.azure, grant)
    services.end(grant, by=story.cast.dana, reason="Not today")
    look_now()
    grant.refresh_from_db()
    assert (grant.state, inside(story), grant.finish_by) == (GrantState.CLOSED, 0, None)


@pytest.mark.parametrize("lost", ["disabled", "re-created"])
def test_who_loses_their_ground_in_the_grace_does_not_stay(story: Story, lost: str) -> None:
    """X-15, X-16"""
    grant = opened_softly(story)
    connect(story.azure, grant)
    closing_soon(grant)
    if lost == "disabled":
        alice = story.cast.alice
        alice.is_active = False
        alice.save()
    else:
        Machine.objects.filter(pk=grant.machine_id).update(vm_id="another")
    look_now()
    grant.refresh_from_db()
    assert (grant.state, inside(story)) == (GrantState.CLOSED, 0)


@pytest.mark.parametrize("moment", ["before the call", "after the call"])
@pytest.mark.parametrize("act", ["close", "disconnect"])
def test_a_worker_that_dies_around_the_grace_leaves_nobody_inside(
    story: Story, act: str, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = opened_softly(story)
    connect(story.azure, grant)
    if act == "disconnect":
        closing_soon(grant)
        time_goes_by(GRACE)
    else:
        let_pass(grant, 30.5)
    with monkeypatch.context() as dying:
        dying.setattr(Look, "_send", dies(Look._send, act, moment))
        with pytest.raises(Died):
            look_now()
    Gate.objects.filter(lease_until__isnull=False).update(lease_until="2020-01-01T00:00:00Z")
    settle_now()
    look_now()
    grant.refresh_from_db()
    if act == "close":
        assert (grant.state, inside(story)) == (GrantState.CLOSING, 1)
        time_goes_by(GRACE)
        look_now()
        grant.refresh_from_db()
    assert (grant.state, story.doors_in_azure(), inside(story)) == (GrantState.CLOSED, 0, 0)


class TestOverdue:
    """During the grace with the door shut it is not; with the door open, or after it, it is."""

    def late(self, grant: Grant) -> tuple[bool, bool]:
        """As a list says it of one and as the database says it of many: they must agree."""
        grant = Grant.objects.select_related("end_order").get(pk=grant.pk)
        of_many = overdue_grants(Now() - statuses.OVERDUE_AFTER).filter(pk=grant.pk).exists()
        return statuses.is_overdue(grant, db_now()), of_many

    def test_with_the_door_shut_only_after_the_grace(self, story: Story) -> None:
        grant = opened_softly(story)
        connect(story.azure, grant)
        closing_soon(grant, after=35)
        assert self.late(grant) == (False, False)
        assert closer_seen(db_now())
        time_goes_by(GRACE - 5)
        assert self.late(grant) == (False, False)  # the grace is over, but not for a minute
        time_goes_by(1.5)
        assert self.late(grant) == (True, True)

    def test_with_the_door_still_open_a_minute_after_its_end(self, link: Story) -> None:
        grant = opened_softly(link)
        connect(link.azure, grant)
        link.azure.fault(operation="link.delete", action="status", status=403)
        closing_soon(grant, after=32)
        assert grant.state == GrantState.CLOSING
        assert (grant.shut_at, inside(link)) == (None, 1)
        assert self.late(grant) == (True, True)

    def test_a_minute_after_an_order_that_nobody_carries_out(self, story: Story) -> None:
        grant = opened_softly(story)
        connect(story.azure, grant)
        closing_soon(grant, after=35)
        services.end(grant, by=story.cast.dana, reason="Out")
        assert self.late(grant) == (False, False)
        grant.refresh_from_db()
        grant.end_order.at -= timedelta(seconds=90)
        grant.end_order.save()
        assert self.late(grant) == (True, True)

    def test_a_door_that_is_open_again_was_not_shut(self, link: Story) -> None:
        grant = opened_softly(link)
        connect(link.azure, grant)
        closing_soon(grant, after=35)
        vm = grant.machine
        assert vm.bastion is not None
        made = {"bastion": vm.bastion.resource_id, "vm": vm.resource_id}
        link.azure.fault(operation="link.delete", action="status", status=403)
        link.azure.control("POST", "hand", {"add_link": made})
        settle_now()
        look_now()
        assert self.late(grant) == (True, True)


class TestSeveralOnOneDoor:
    def second(self, window: Story, first: Grant, minutes: int) -> Grant:
        other = approved(first.machine, by=window.cast.alan, approver=window.cast.bob)
        run_engine()
        return softly(other, minutes)

    def test_a_session_stays_as_long_as_any_of_them_allows(self, window: Story) -> None:
        """Azure does not tell whose it is."""
        short = opened_softly(window, 5)
        longer = self.second(window, short, 20)
        connect(window.azure, short)
        let_pass(short, 30.5)
        let_pass(longer, 30.5)
        look_now()
        time_goes_by(6)
        look_now()
        short.refresh_from_db()
        longer.refresh_from_db()
        assert inside(window) == 1
        assert {short.state, longer.state} == {GrantState.CLOSING}
        assert not statuses.is_overdue(short, db_now())
        time_goes_by(15)
        look_now()
        short.refresh_from_db()
        longer.refresh_from_db()
        assert ({short.state, longer.state}, inside(window)) == ({GrantState.CLOSED}, 0)

    def test_a_hard_end_beside_a_grace_disconnects_nobody_who_may_finish(
        self, window: Story
    ) -> None:
        alices = opened_softly(window)
        alans = self.second(window, alices, 0)
        connect(window.azure, alices)
        let_pass(alices, 30.5)
        look_now()
        services.end(alans, by=window.cast.alan)
        look_now()
        assert inside(window) == 1
        time_goes_by(GRACE)
        look_now()
        alans.refresh_from_db()
        assert (alans.state, inside(window)) == (GrantState.CLOSED, 0)

    def test_a_grace_that_nobody_used_covers_nobody_who_comes_later(self, window: Story) -> None:
        alices = closing_soon(opened_softly(window))
        assert alices.state == GrantState.CLOSED
        alans = self.second(window, alices, 0)
        connect(window.azure, alans)
        services.end(alans, by=window.cast.dana, reason="Out")
        look_now()
        alans.refresh_from_db()
        assert (alans.state, inside(window)) == (GrantState.CLOSED, 0)

    def test_who_still_has_time_is_not_disconnected_at_the_end_of_anothers_grace(
        self, window: Story
    ) -> None:
        alices = opened_softly(window)
        alans = self.second(window, alices, 0)
        connect(window.azure, alans)
        let_pass(alices, 50)
        look_now()
        alans.refresh_from_db()
        assert (alans.state, inside(window)) == (GrantState.OPEN, 1)


class TestWhatItCosts:
    def test_azure_is_asked_now_and_then_and_exactly_at_the_end_of_the_grace(
        self, story: Story
    ) -> None:
        grant = opened_softly(story)
        connect(story.azure, grant)
        closing_soon(grant)
        gate = Gate.objects.get(pk=grant.gate_id)
        assert gate.look_again_at is not None
        assert gate.looked_at is not None
        assert 14 <= (gate.look_again_at - gate.looked_at).total_seconds() <= 16
        assert not engine.is_moving(grant.gate_id)
        ends_in(grant, seconds=4)
        look_once(grant)
        gate.refresh_from_db()
        grant.refresh_from_db()
        assert abs(gate.look_again_at - grant.finish_by) < timedelta(milliseconds=200)

    def test_the_end_of_the_grace_wakes_the_gate_whatever_was_planned(self, story: Story) -> None:
        grant = opened_softly(story)
        connect(story.azure, grant)
        closing_soon(grant)
        later = db_now() + timedelta(hours=1)
        Gate.objects.update(look_again_at=later)
        assert grant.gate_id not in engine.due_gates()
        soon: dict[str, Any] = {"finish_by": db_now()}
        Grant.objects.filter(state=GrantState.CLOSING).update(**soon)
        assert grant.gate_id in engine.due_gates()


def reference(grant: Grant) -> str:
    return grant.access_request.reference


def ends_in(grant: Grant, *, seconds: float) -> None:
    end: datetime = db_now() + timedelta(seconds=seconds)
    shift = end - timedelta(minutes=GRACE)
    same = Grant.objects.filter(access_request=grant.access_request)
    same.update(ends_at=shift, due_at=shift, finish_by=end, starts_at=shift - timedelta(hours=1))


def look_once(grant: Grant) -> None:
    be_seen()
    wake_up()
    assert engine.look_at(grant.gate_id)
