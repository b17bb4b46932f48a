"""While Azure carries out what it was sent, nobody asks it for all its links again and again; and
nothing else at the same host waits for that."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from access import engine, services
from access.clock import db_now
from access.engine.chunk import Extent, concerned
from access.models import Gate, Grant, LedgerEntry, Lockdown, Person
from access.states import GrantState
from links import deletions
from links.models import Deletion, Fate
from tests.access.contract import Story, wake_up
from tests.access.engine.test_many_at_once import several
from tests.support.cast import be_seen, run_engine

SLOW = 12
HOST = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/bastionHosts/Host"


@pytest.fixture
def deleting(link: Story, settings: Any) -> Grant:
    """One of three links is being deleted, which takes Azure its time."""
    settings.ACCESS_WHOLE_SECONDS = 3600.0
    grant = several(link, 3)
    link.azure.control("POST", "pace", {"link_delete": SLOW})
    services.end(grant, by=link.cast.alice)
    run_engine(rounds=1)
    return grant


def look(grant: Grant) -> None:
    be_seen()
    Gate.objects.update(look_again_at=None, full_until=None)
    engine.look_at(grant.gate_id)


def lists(link: Story) -> int:
    calls: dict[str, int] = link.azure.control("GET", "calls")["calls"]
    return calls["link.list"]


def state_of(grant: Grant) -> str:
    grant.refresh_from_db()
    return grant.state


def test_azure_is_asked_how_the_deletion_goes_and_not_for_its_links(
    link: Story, deleting: Grant
) -> None:
    listed = lists(link)
    for _ in range(3):
        look(deleting)
    assert lists(link) == listed
    assert Deletion.objects.get().at_work_at is not None
    assert state_of(deleting) == GrantState.CLOSING
    link.azure.advance(SLOW + 1)
    look(deleting)
    wake_up()
    run_engine()
    assert state_of(deleting) == GrantState.CLOSED
    assert Deletion.objects.get().fate == Fate.DONE


def test_what_ends_meanwhile_is_sent_at_once(link: Story, deleting: Grant) -> None:
    other = Grant.objects.filter(kind="link", state=GrantState.OPEN)[0]
    Grant.objects.filter(pk=other.pk).update(ends_at=db_now())
    look(deleting)
    assert link.sent("link.delete") == 2
    assert Grant.objects.get(pk=other.pk).sent_at is not None


def test_what_begins_meanwhile_is_opened_at_once(link: Story, deleting: Grant) -> None:
    other = Grant.objects.filter(kind="link", state=GrantState.OPEN)[0]
    opening = {"opened_at": None, "sent_at": None, "shown_at": None}
    Grant.objects.filter(pk=other.pk).update(state=GrantState.OPENING, **opening)
    listed = lists(link)
    look(deleting)
    assert lists(link) > listed


def test_a_host_that_takes_no_more_is_left_alone(
    link: Story, deleting: Grant, settings: Any
) -> None:
    settings.ACCESS_CHUNK = 1
    settings.ACCESS_LOOK_SECONDS = 3.0
    Grant.objects.filter(kind="link", state=GrantState.OPEN).update(ends_at=db_now())
    for _ in range(3):
        look(deleting)
    gate = Gate.objects.get(pk=deleting.gate_id)
    assert gate.full_until is not None
    assert gate.lease_token is None
    assert gate.pk not in engine.due_gates()
    assert link.sent("link.delete") == 1
    late = Grant.objects.filter(kind="link", state=GrantState.CLOSING).exclude(pk=deleting.pk)
    late.update(state=GrantState.OPEN, opened_at=db_now(), due_at=None, close_reason="")
    assert gate.pk not in engine.due_gates()
    Gate.objects.update(full_until=F("full_until") - timedelta(seconds=5))
    assert gate.pk in engine.due_gates()
    settings.ACCESS_LOOK_SECONDS = 0.0
    link.azure.advance(SLOW + 1)
    look(deleting)
    assert link.sent("link.delete") == 2


def test_a_deletion_that_outlasts_its_time_is_no_reason_to_wait(
    link: Story, deleting: Grant
) -> None:
    listed = lists(link)
    Deletion.objects.update(at=F("at") - deletions.ITS_TIME)
    look(deleting)
    assert lists(link) > listed


def test_azure_that_does_not_answer_is_no_reason_to_wait(link: Story, deleting: Grant) -> None:
    listed = lists(link)
    Deletion.objects.update(address=f"{link.azure.url}/nowhere")
    look(deleting)
    assert lists(link) > listed


def test_what_a_row_names_is_asked_only_at_azure(link: Story, deleting: Grant) -> None:
    """The reader's token would go wherever somebody who can write rows wants to have it."""
    elsewhere = f"http://127.0.0.1:9{link.azure.url.removeprefix('http://')}/steal"
    Deletion.objects.update(address=elsewhere)
    listed = lists(link)
    look(deleting)
    assert lists(link) > listed
    assert deletions.ask(Deletion.objects.get()) is None


def test_the_look_at_everything_is_never_put_off(
    link: Story, deleting: Grant, settings: Any
) -> None:
    """Others may order deletions at the host for as long as they like."""
    settings.ACCESS_WHOLE_SECONDS = 60.0
    listed = lists(link)
    look(deleting)
    assert lists(link) == listed
    Gate.objects.update(whole_at=F("whole_at") - timedelta(seconds=61))
    look(deleting)
    assert lists(link) > listed


def test_another_worker_hears_of_its_end(link: Story, deleting: Grant) -> None:
    """What one process alone remembered made every other wait 20 s, and then ask by name."""
    link.azure.advance(SLOW + 1)
    listed = lists(link)
    look(deleting)
    wake_up()
    run_engine()
    assert state_of(deleting) == GrantState.CLOSED
    assert lists(link) - listed <= 2


def test_what_is_over_meanwhile_is_owed_to_be_closed_although_it_waits(
    link: Story, deleting: Grant, settings: Any
) -> None:
    settings.ACCESS_CHUNK = 1
    over = Grant.objects.filter(kind="link", state=GrantState.OPEN)
    over.update(ends_at=db_now())
    for _ in range(3):
        look(deleting)
    closing = Grant.objects.filter(kind="link", state=GrantState.CLOSING)
    assert (over.count(), closing.count(), link.sent("link.delete")) == (0, 3, 1)
    assert LedgerEntry.objects.filter(event="grant.closing").count() == 3


def test_a_host_where_azure_is_stuck_is_not_looked_at_without_a_pause(
    link: Story, deleting: Grant, settings: Any
) -> None:
    """What is over makes its gate due, until it is owed to be closed."""
    settings.ACCESS_CHUNK = 1
    settings.ACCESS_LOOK_SECONDS = 3.0
    Grant.objects.filter(kind="link", state=GrantState.OPEN).update(ends_at=db_now())
    Deletion.objects.update(at=F("at") - deletions.ITS_TIME)
    for _ in range(3):
        look(deleting)
    assert not Grant.objects.filter(kind="link", state=GrantState.OPEN).exists()
    assert not engine.due_gates()
    assert link.sent("link.delete") == 1


class TestWhatIsSimplyOpen:
    """A look for one that ends need not load and judge the hundreds that nobody has touched."""

    @pytest.fixture(autouse=True)
    def seldom(self, link: Story, settings: Any) -> Grant:
        settings.ACCESS_WHOLE_SECONDS = 60.0
        grant = several(link, 3)
        look(grant)
        return grant

    def test_it_is_left_alone_while_another_moves(self, link: Story, seldom: Grant) -> None:
        services.end(seldom, by=link.cast.alice)
        Person.objects.filter(pk=seldom.access_request.requester_id).update(is_active=False)
        for _ in range(3):
            look(seldom)
        assert state_of(seldom) == GrantState.CLOSED
        assert Grant.objects.filter(kind="link", state=GrantState.OPEN).count() == 2

    def test_within_a_minute_it_is_looked_at(self, link: Story, seldom: Grant) -> None:
        Person.objects.filter(pk=seldom.access_request.requester_id).update(is_active=False)
        Gate.objects.update(whole_at=F("whole_at") - timedelta(seconds=61))
        look(seldom)
        assert not Grant.objects.filter(kind="link", state=GrantState.OPEN).exists()

    def test_the_next_whole_look_is_not_put_off_by_others(self, seldom: Grant) -> None:
        look(seldom)
        gate = Gate.objects.get(pk=seldom.gate_id)
        assert gate.whole_at is not None
        assert gate.look_again_at is not None
        assert gate.look_again_at <= gate.whole_at + timedelta(seconds=61)

    def test_in_an_incident_every_look_is_a_whole_one(self, link: Story, seldom: Grant) -> None:
        Lockdown.objects.create(
            scope="all", value="", reason="drill", ordered_by=link.cast.bob, ordered_at=db_now(),
            confirmed_by=link.cast.alice, confirmed_at=db_now(),
            lapses_at=db_now() + timedelta(hours=1),
        )  # fmt: skip
        look(seldom)
        assert not Grant.objects.filter(kind="link", state=GrantState.OPEN).exists()

    def test_who_shares_a_door_comes_along(self, link: Story, seldom: Grant) -> None:
        now = db_now()
        live = Grant.objects.filter(gate=seldom.gate_id)
        assert concerned(live, now, Extent(whole=False)) == []
        Grant.objects.filter(pk=seldom.pk).update(outstanding="something")
        assert concerned(live, now, Extent(whole=False)) == [seldom.pk]
        other = live.exclude(pk=seldom.pk)[0]
        live.update(exclusive=False)
        Grant.objects.filter(pk=other.pk).update(machine=seldom.machine)
        assert sorted(concerned(live, now, Extent(whole=False))) == sorted([seldom.pk, other.pk])


class TestWhenToAsk:
    """By what the last deletion at the host took: Azure is not asked before, and often then."""

    def _order(self, *, age: float, **more: Any) -> Deletion:
        now = db_now()
        for name in ("at_work_at", "over_at"):
            if name in more:
                more[name] = now - timedelta(seconds=more[name])
        return Deletion.objects.create(
            bastion=HOST.lower(),
            address="x",
            machines=["/m"],
            at=now - timedelta(seconds=age),
            **more,
        )

    @pytest.fixture(autouse=True)
    def asked(self, db: None, monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[Deletion]:
        settings.ACCESS_LOOK_SECONDS, settings.ACCESS_LOOK_GROWTH = 0.3, 0.2
        asked: list[Deletion] = []

        def ask(order: Deletion) -> Fate:
            asked.append(order)
            return Fate.AT_WORK

        monkeypatch.setattr(deletions, "ask", ask)
        return asked

    def test_nobody_knows_yet_how_long_it_takes(self, asked: list[Deletion]) -> None:
        self._order(age=10)
        assert deletions.pause(HOST, 1) == pytest.approx(0.3 + 2.0, abs=0.2)
        assert len(asked) == 1

    def test_not_before_it_can_be_over(self, asked: list[Deletion]) -> None:
        self._order(age=40, at_work_at=28, over_at=27, fate=Fate.DONE)  # 12 s at least
        self._order(age=4)
        assert deletions.pause(HOST.lower(), 1) == pytest.approx(12 * 0.9 - 4, abs=0.2)
        assert not asked

    def test_often_when_it_may_be_over(self, asked: list[Deletion]) -> None:
        self._order(age=40, at_work_at=28, over_at=27, fate=Fate.DONE)
        self._order(age=12)
        assert deletions.pause(HOST.lower(), 1) == pytest.approx(0.3)
        assert len(asked) == 1

    def test_one_that_was_over_when_it_was_first_asked_teaches_nothing(
        self, asked: list[Deletion]
    ) -> None:
        """Else one slow deletion would have every later one asked about too late."""
        self._order(age=60, at_work_at=48, over_at=47, fate=Fate.DONE)
        self._order(age=30, over_at=19, fate=Fate.DONE)
        self._order(age=2)
        assert deletions.pause(HOST.lower(), 1) == pytest.approx(0.3 + 0.4, abs=0.1)
        assert len(asked) == 1

    def test_another_host_tells_where_none_is_over_here(self, asked: list[Deletion]) -> None:
        self._order(age=40, at_work_at=28, over_at=27, fate=Fate.DONE)
        Deletion.objects.update(bastion="/another")
        self._order(age=4)
        assert deletions.pause(HOST, 1) == pytest.approx(12 * 0.9 - 4, abs=0.2)
        assert not asked

    def test_while_calls_are_scarce_none_is_spent_on_it(
        self, asked: list[Deletion], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(deletions, "share_left", lambda *_: 0.4)
        self._order(age=2)
        assert deletions.pause(HOST, 1) == pytest.approx(deletions.WHILE_SCARCE)
        assert not asked

    def test_never_longer_than_a_deletion_is_given(self, asked: list[Deletion]) -> None:
        self._order(age=200, at_work_at=100, over_at=90, fate=Fate.DONE)
        self._order(age=5)
        assert deletions.pause(HOST.lower(), 1) == pytest.approx(15, abs=0.2)
        assert not asked

    def test_more_is_under_way_than_is_known_of(self, asked: list[Deletion]) -> None:
        self._order(age=2)
        assert deletions.pause(HOST.lower(), 2) is None
        assert not asked
