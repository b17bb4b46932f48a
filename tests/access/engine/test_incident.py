"""In an incident nothing is opened from the order on, and all is shut from the confirmation on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from access.clock import db_now
from access.models import EndOrder, Grant, LedgerEntry, Lockdown, Person, Role
from access.presenters.grants import line_for
from access.services.lockdowns import confirm, lift, order
from access.states import GrantState
from tests.access.contract import Story, connect, settle_now, wake_up
from tests.support.cast import approved, let_pass, person, run_engine

REASON = "A stolen laptop"


@pytest.fixture(params=["link", "window"])
def story(request: pytest.FixtureRequest, link: Story, window: Story) -> Story:
    return link if request.param == "link" else window


@pytest.fixture
def dora(live_estate: object) -> Person:
    return person("Dora", Role.ADMIN)


def shut(story: Story) -> Lockdown:
    return order("all", "", REASON, by=story.cast.dana)


def rounds(number: int = 4) -> None:
    for _ in range(number):
        Grant.objects.update(not_before=None)
        wake_up()
        run_engine(rounds=2)


def test_what_was_approved_before_waits_and_says_so_until_it_is_over(story: Story) -> None:
    grant = story.granted()
    standing = shut(story)
    rounds()
    grant.refresh_from_db()
    assert (grant.state, story.sent(story.open_call)) == (GrantState.SCHEDULED, 0)
    said = line_for(grant, story.cast.alice, db_now()).waits_for
    assert said == "Incident: nothing in the whole estate is opened until it is over."
    held = LedgerEntry.objects.filter(event="grant.held_back", data__grant=grant.pk)
    assert held.count() == 1  # not each time
    lift(standing, "A false alarm", by=story.cast.dana)
    rounds()
    grant.refresh_from_db()
    assert (grant.state, grant.outstanding) == (GrantState.OPEN, "")


def test_what_is_on_its_way_when_it_is_ordered_is_not_sent_any_more(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ordered while the engine was reading Azure, between its decision and its call."""
    from access.engine.look import Look

    observe, ordered = Look._observe, []

    def slowly(look: Look, doors: object) -> object:
        if not ordered:
            ordered.append(shut(story))
        return observe(look, doors)  # type: ignore[arg-type]

    monkeypatch.setattr(Look, "_observe", slowly)
    story.granted()
    rounds(2)
    assert ordered
    assert story.azure.record("jit.initiate") == []
    assert story.azure.record("link.create") == []


def test_one_person_alone_shuts_nobody_out(story: Story) -> None:
    grant = story.open()
    connect(story.azure, grant)
    shut(story)
    rounds()
    grant.refresh_from_db()
    assert grant.state == GrantState.OPEN
    assert len(story.azure.state()["sessions"]) == 1


def test_what_something_else_shut_is_not_opened_again(window: Story) -> None:
    grant = window.open()
    shut(window)
    for opened in window.azure.state()["open_windows"]:
        window.azure.control("POST", "hand", {"delete_rule": opened["rule_id"]})
    settle_now()
    rounds()
    grant.refresh_from_db()
    assert (window.doors_in_azure(), window.sent("jit.initiate")) == (0, 1)
    assert "Incident" in grant.outstanding


def test_after_the_confirmation_all_is_shut_and_everybody_is_out(
    story: Story, dora: Person
) -> None:
    grant = story.open()
    connect(story.azure, grant)
    confirm(shut(story), by=dora)
    rounds()
    grant.refresh_from_db()
    assert (grant.state, story.doors_in_azure()) == (GrantState.CLOSED, 0)
    assert story.azure.state()["sessions"] == []
    assert grant.close_reason == f"Ended in an incident: {REASON}."


def test_what_waits_for_later_is_ended_with_that_reason(story: Story, dora: Person) -> None:
    grant = story.granted(start=db_now() + timedelta(hours=3))
    confirm(shut(story), by=dora)
    rounds()
    grant.refresh_from_db()
    assert grant.never_opened
    assert grant.close_reason == f"Ended in an incident: {REASON}."


def test_nobody_finishes_in_a_grace(story: Story, dora: Person) -> None:
    grant = story.open()
    Grant.objects.update(grace_minutes=15)
    connect(story.azure, grant)
    let_pass(grant, 30.5)
    rounds()
    assert len(story.azure.state()["sessions"]) == 1
    confirm(shut(story), by=dora)
    run_engine()
    rounds()
    grant.refresh_from_db()
    assert (grant.state, story.azure.state()["sessions"]) == (GrantState.CLOSED, [])


def test_a_grace_that_lasts_on_beside_others_ends_with_everything(
    window: Story, dora: Person
) -> None:
    """Alice's grant counts as closed, because Alan holds the door; hers would let people stay."""
    alices = window.open()
    Grant.objects.filter(pk=alices.pk).update(grace_minutes=15)
    approved(alices.machine, by=window.cast.alan, approver=window.cast.bob)
    run_engine()
    connect(window.azure, alices)
    let_pass(alices, 30.5)
    rounds()
    confirm(shut(window), by=dora)
    rounds()
    assert window.azure.state()["sessions"] == []
    assert not Grant.objects.exclude(state=GrantState.CLOSED).exists()


def test_one_that_slips_in_afterwards_is_ended_by_the_engine(story: Story, dora: Person) -> None:
    """Its approval was committed in the same instant and was not in the list."""
    grant = story.open()
    connect(story.azure, grant)
    confirm(shut(story), by=dora)
    EndOrder.objects.all().delete()
    rounds()
    grant.refresh_from_db()
    assert (grant.state, story.doors_in_azure()) == (GrantState.CLOSED, 0)
    assert grant.close_reason == f"Ended in an incident: {REASON}."


def test_a_part_of_the_estate_leaves_the_rest_alone(window: Story, dora: Person) -> None:
    from access.models import Machine

    mine = window.open()
    other = approved(
        Machine.objects.get(name="vm-app-02"), by=window.cast.alan, approver=window.cast.bob
    )
    run_engine()
    confirm(order("machine", mine.machine.resource_key, REASON, by=window.cast.dana), by=dora)
    rounds()
    mine.refresh_from_db()
    other.refresh_from_db()
    assert (mine.state, other.state) == (GrantState.CLOSED, GrantState.OPEN)
