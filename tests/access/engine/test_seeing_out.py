"""Who is known to be inside when the time is over is disconnected at once, and not only when Azure
has carried out the deletion, which takes it a dozen seconds."""

from __future__ import annotations

from typing import Any

import pytest

from access import engine, ledger, services
from access.clock import db_now
from access.kinds import kind_named
from access.models import Grant, LedgerEntry, LiveSession, SessionReading
from access.sessions import turns
from access.states import GrantState
from tests.access.contract import Story, connect, wake_up
from tests.support.cast import Cast, approved, run_engine


@pytest.fixture(params=["link", "window"])
def story(request: pytest.FixtureRequest) -> Story:
    made: Story = request.getfixturevalue(request.param)
    return made


def slow(story: Story) -> None:
    """As slow as Azure really is."""
    story.azure.control("POST", "pace", {"link_delete": 12, "rule_delete": 12})


def read(grant: Grant) -> None:
    """A worker has read the host since they came; the list may take two turns."""
    from portal import watch

    turns.add_missing()
    for _ in range(20):
        SessionReading.objects.update(not_before=None, tried_at=None)
        watch.read_host(grant.machine.bastion_id or 0)
        if LiveSession.objects.filter(ended_at=None).exists():
            return
    raise AssertionError("nobody was seen")


def sent_to_be_shut(story: Story) -> Grant:
    """With somebody inside who is known; Azure is at work on it."""
    grant = story.open()
    connect(story.azure, grant)
    read(grant)
    slow(story)
    services.end(grant, by=story.cast.alice)
    run_engine(rounds=1)
    return grant


def inside(story: Story) -> int:
    return len(story.azure.state()["sessions"])


def test_they_are_out_while_azure_is_still_at_work(story: Story) -> None:
    grant = sent_to_be_shut(story)
    grant.refresh_from_db()
    assert (grant.state, story.doors_in_azure(), inside(story)) == (GrantState.CLOSING, 1, 0)
    assert ledger.verify()[1] is None
    told = LedgerEntry.objects.filter(event="azure.disconnect_sent", data__grant=grant.pk)
    assert told.count() == 1


def test_who_came_back_meanwhile_is_out_in_the_end(story: Story) -> None:
    grant = sent_to_be_shut(story)
    connect(story.azure, grant)
    assert inside(story) == 1
    story.azure.advance(13)
    for _ in range(4):
        wake_up()
        run_engine()
    grant.refresh_from_db()
    assert (grant.state, story.doors_in_azure(), inside(story)) == (GrantState.CLOSED, 0, 0)


def test_who_nobody_knows_of_is_asked_for_when_it_is_shut(story: Story) -> None:
    """They came after the last reading."""
    grant = story.open()
    connect(story.azure, grant)
    services.end(grant, by=story.cast.alice)
    run_engine(rounds=1)
    assert inside(story) == 1
    run_engine()
    grant.refresh_from_db()
    assert (grant.state, inside(story)) == (GrantState.CLOSED, 0)


def test_azure_may_refuse_it_and_the_door_is_shut_all_the_same(story: Story) -> None:
    grant = story.open()
    connect(story.azure, grant)
    read(grant)
    story.azure.fault(operation="session.disconnect", action="status", status=503, times=1)
    services.end(grant, by=story.cast.alice)
    run_engine(rounds=1)
    grant.refresh_from_db()
    assert (grant.state, grant.problem, grant.not_before) == (GrantState.CLOSING, "", None)
    told = LedgerEntry.objects.filter(event__startswith="azure.disconnect", data__grant=grant.pk)
    assert [(line.event, line.outcome) for line in told] == [("azure.disconnect_failed", "failed")]
    run_engine()
    grant.refresh_from_db()
    assert (grant.state, story.doors_in_azure(), inside(story)) == (GrantState.CLOSED, 0, 0)


def test_whoever_else_may_be_there_stays(window: Story, cast: Cast) -> None:
    """Azure does not tell whose session is whose."""
    grant = window.open()
    approved(window.machine, by=cast.alan, approver=cast.bob, kind="window")
    run_engine()
    connect(window.azure, grant)
    read(grant)
    services.end(grant, by=cast.alice)
    run_engine()
    grant.refresh_from_db()
    assert (grant.state, inside(window)) == (GrantState.CLOSED, 1)


def test_who_came_by_right_while_the_door_was_sent_to_be_shut_stays(
    link: Story, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may be there was asked before Azure was, and another window may open meanwhile."""
    grant = link.open()
    kind, shut = type(kind_named("link")), type(kind_named("link")).close

    def close(self: Any, gate: Any, doors: Any) -> Any:
        receipts = shut(self, gate, doors)
        approved(link.machine, by=cast.alan, approver=cast.bob, kind="window")
        run_engine()
        connect(link.azure, grant)
        read(grant)
        return receipts

    monkeypatch.setattr(kind, "close", close)
    services.end(grant, by=cast.alice)
    engine.look_at(grant.gate_id)
    assert inside(link) == 1


def test_nobody_is_asked_to_leave_by_a_door_that_azure_would_not_shut(link: Story) -> None:
    """Twice, at least: that is done on another way, see ``_end_sessions_anyway``."""
    grant = link.open()
    connect(link.azure, grant)
    read(grant)
    link.azure.fault(operation="link.delete", action="status", status=403)
    services.end(grant, by=link.cast.alice)
    engine.look_at(grant.gate_id)
    assert link.sent("session.disconnect") <= 1


def test_a_session_of_another_protocol_is_another_doors(link: Story) -> None:
    grant = link.open()
    row = {"bastion": grant.gate.resource_id, "vm": grant.machine.resource_id}
    link.azure.control("POST", "sessions", {**row, "protocol": "RDP", "force": True})
    read(grant)
    slow(link)
    services.end(grant, by=link.cast.alice)
    run_engine(rounds=1)
    assert inside(link) == 1
    assert not LiveSession.objects.filter(ended_at__lte=db_now()).exists()
