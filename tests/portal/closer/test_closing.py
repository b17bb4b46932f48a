"""What the engine forgot is closed by the second closer, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from access import ledger, services
from access.anchoring import manifest
from access.models import EndOrder, Gate, Grant, Heartbeat, LedgerEntry
from access.states import GrantState
from portal.closer.rounds import Closer
from tests.access.contract import Story, connect, settle_now, wake_up
from tests.access.engine.test_many_at_once import sent_at_once, several
from tests.portal.closer.conftest import database_away, ended
from tests.support.cast import approved, run_engine

AWAY = pytest.mark.parametrize("away", [False, True], ids=["with PostgreSQL", "without"])


def look(closer: Closer, *, away: bool) -> str:
    if not away:
        return closer.round()
    with database_away():
        return closer.round()


@AWAY
def test_what_is_overdue_is_closed_and_who_was_connected_is_out(
    story: Story, closer: Closer, away: bool
) -> None:
    """A link without an engine stays open for ever, and a technician inside."""
    grant = story.open()
    connect(story.azure, grant)
    ended(grant, 4)
    assert look(closer, away=away) == ("manifests" if away else "ledger")
    assert story.doors_in_azure() == 0
    assert story.azure.state()["open_windows"] == []
    assert story.azure.state()["sessions"] == []
    told = [row["principal"] for row in story.azure.record() if "status" in row]
    assert told[-3:] == ["portal-second-closer"] * 3
    grant.refresh_from_db()
    assert grant.state == GrantState.OPEN  # it writes no grant


@AWAY
def test_the_engine_sees_it_shut_and_the_ledger_knows_who_did_it(
    story: Story, closer: Closer, away: bool
) -> None:
    """R-26: what Azure did and nobody wrote down would look like somebody else's doing."""
    grant = story.open()
    connect(story.azure, grant)
    ended(grant, 4)
    look(closer, away=away)
    run_engine()
    closer.round()
    closer.round()
    grant.refresh_from_db()
    assert grant.state == GrantState.CLOSED
    assert ledger.verify()[1] is None
    lines = LedgerEntry.objects.filter(actor_name="second closer")
    assert sorted(line.event for line in lines) == [
        "second_closer.close_sent", "second_closer.close_sent", "second_closer.disconnect_sent"
    ]  # fmt: skip
    assert {line.reference for line in lines} == {grant.access_request.reference}
    ids = {
        call["client_request_id"]
        for line in LedgerEntry.objects.all()
        for call in line.data.get("calls", [])
        if not call["call"].startswith("GET ")
    }
    sent = {row["client_request_id"] for row in story.azure.record() if "status" in row}
    assert sent == ids


@AWAY
def test_what_is_late_by_less_than_that_is_the_engines(
    story: Story, closer: Closer, away: bool
) -> None:
    grant = story.open()
    ended(grant, 2)
    look(closer, away=away)
    assert story.doors_in_azure() == 1
    assert story.sent(story.close_call) == 0


@AWAY
def test_a_door_that_somebody_else_has_stays_open(
    windows: Story, closer: Closer, away: bool
) -> None:
    """Two engineers share a window; the end of the one must not throw out the other."""
    first = windows.open()
    approved(windows.machine, by=windows.cast.alan, approver=windows.cast.bob, minutes=60)
    run_engine()
    connect(windows.azure, first)
    open_then = windows.doors_in_azure()
    ended(first, 4)
    look(closer, away=away)
    assert windows.doors_in_azure() == open_then
    assert len(windows.azure.state()["sessions"]) == 1
    assert windows.sent(windows.close_call) == 0


@AWAY
def test_in_a_grace_the_door_is_shut_and_who_is_inside_may_finish(
    story: Story, closer: Closer, away: bool
) -> None:
    grant = story.open()
    Grant.objects.filter(access_request=grant.access_request).update(grace_minutes=15)
    connect(story.azure, grant)
    ended(grant, 4)
    look(closer, away=away)
    assert story.doors_in_azure() == 0
    assert len(story.azure.state()["sessions"]) == 1
    ended(grant, 16)
    closer.settled.clear()
    look(closer, away=away)
    assert story.azure.state()["sessions"] == []


def test_more_time_that_was_given_counts_from_the_next_look_on(
    story: Story, closer: Closer
) -> None:
    grant = story.open()
    ended(grant, 4)
    Grant.objects.filter(access_request=grant.access_request).update(
        ends_at=grant.ends_at.replace(year=grant.ends_at.year + 1)
    )
    manifest.after_look(Gate.objects.get(pk=grant.gate_id))
    look(closer, away=True)
    assert story.doors_in_azure() == 1


def test_an_order_to_end_that_nobody_carried_out(story: Story, closer: Closer) -> None:
    from datetime import timedelta

    from access.clock import db_now

    grant = story.open()
    services.end(grant, by=story.cast.alice)
    closer.round()
    assert story.doors_in_azure() == 1
    EndOrder.objects.update(at=db_now() - timedelta(minutes=4))
    closer.round()
    assert story.doors_in_azure() == 0


def test_beside_an_engine_at_work_nothing_is_closed_twice_or_wrongly(
    story: Story, closer: Closer
) -> None:
    """The engine closed it and opened it for the next one while the second closer was about to."""
    grant = story.open()
    ended(grant, 4)
    from portal.azure.door import acting_as
    from portal.azure.roles import Identity
    from portal.closer import ledgered

    works = ledgered.work()
    mine = [work for work in works if work.gate.pk == grant.gate_id]
    run_engine()  # closes it
    settle_now()
    approved(story.machine, by=story.cast.alan, approver=story.cast.bob, kind=story.kind)
    wake_up()
    run_engine()  # and opens it for Alan
    assert story.doors_in_azure() == 1
    closes = story.sent(story.close_call)
    with acting_as(Identity.SECOND_CLOSER):
        for work in mine:
            work.carry_out()
    assert story.doors_in_azure() == 1
    assert story.sent(story.close_call) == closes


def test_the_manifest_stops_it_where_the_database_came_back_meanwhile(
    story: Story, closer: Closer
) -> None:
    grant = story.open()
    ended(grant, 4)
    closer.memory.read()
    mine = [w for w in closer.memory.work() if w.gate.kind == story.kind]
    run_engine()
    settle_now()
    approved(story.machine, by=story.cast.alan, approver=story.cast.bob, kind=story.kind)
    wake_up()
    run_engine()
    closes = story.sent(story.close_call)
    from portal.azure.door import acting_as
    from portal.azure.roles import Identity

    with acting_as(Identity.SECOND_CLOSER), database_away():
        from access.clock import own_clock

        with own_clock():
            for work in mine:
                work.carry_out()
    assert (story.doors_in_azure(), story.sent(story.close_call)) == (1, closes)


@AWAY
def test_one_gate_that_fails_keeps_no_other_open(story: Story, closer: Closer, away: bool) -> None:
    """Azure is busy for the one; the other's technician must not stay inside for that."""
    grant = story.open()
    ended(grant, 4)
    story.azure.fault(
        operation="link.delete", action="status", status=429, code="TooManyRequests",
        retry_after=600, times=1, remaining=50,
    )  # fmt: skip
    look(closer, away=away)
    assert len(story.azure.state()["open_windows"]) == 0
    assert len(story.azure.state()["links"]) == 1
    look(closer, away=away)
    assert story.sent("link.delete") == 1  # not before Azure's time is over
    closer.rests.clear()
    look(closer, away=away)
    assert story.azure.state()["links"] == []


def test_it_says_that_it_lives_and_holds_its_peace_about_what_is_done(
    story: Story, closer: Closer, anchor: Path
) -> None:
    grant = story.open()
    ended(grant, 4)
    closer.round()
    assert Heartbeat.objects.filter(name="second-closer").exists()
    lines = LedgerEntry.objects.count()
    calls = sum(story.azure.control("GET", "calls")["calls"].values())
    closer.round()
    assert LedgerEntry.objects.count() == lines
    assert sum(story.azure.control("GET", "calls")["calls"].values()) == calls
    assert (anchor / "closer/alive.json").exists()


@AWAY
def test_what_azure_breaks_down_on_keeps_no_other_open(
    story: Story, closer: Closer, away: bool
) -> None:
    """Which it is, halves tell; unless the one that was to tell is it, and then the next round."""
    several(story, 12)
    machines = Grant.objects.order_by("pk").values_list("machine__resource_key", flat=True)
    broken, locked = machines[2], machines[7]
    story.azure.fault(operation="link.delete", action="status", status=500, vm=broken)
    story.azure.fault(operation="link.delete", action="status", status=409, vm=locked)
    for grant in Grant.objects.all():
        ended(grant, 4)
    for _ in range(5):
        closer.rests.clear()
        look(closer, away=away)
    left = [row["vm"].lower() for row in story.azure.state()["links"]]
    assert sorted(left) == sorted([broken, locked])


def test_a_host_that_is_not_well_is_asked_once_more_and_rests(story: Story, closer: Closer) -> None:
    several(story, 12)
    story.azure.fault(operation="link.delete", action="status", status=500)
    for grant in Grant.objects.all():
        ended(grant, 4)
    closer.round()
    closer.round()
    assert sent_at_once(story) == [12, 1]
    assert closer.rests
