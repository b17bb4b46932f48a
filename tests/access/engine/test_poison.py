"""R-32: one grant that the portal cannot make sense of takes no other with it, is shown to people,
and is tried all the same."""

from __future__ import annotations

from typing import Any

import pytest

from access import services
from access.clock import db_now
from access.gatekeeping import BROKE_DOWN, needs_human
from access.models import Grant, LedgerEntry, Machine
from access.states import GrantState
from tests.access.contract import Story, wake_up
from tests.support.cast import approved, run_engine


def test_a_place_that_cannot_be_read_is_set_aside_and_told_once(window: Story) -> None:
    bad = window.open()
    other = Machine.objects.get(name="vm-app-02")
    good = approved(other, by=window.cast.alan, approver=window.cast.bob)
    run_engine()
    Grant.objects.filter(pk=bad.pk).update(place={"nonsense": 1, "nsg_ids": []})
    services.end(bad, by=window.cast.alice)
    services.end(good, by=window.cast.alan)
    for _ in range(5):
        Grant.objects.filter(pk=bad.pk, tries__lt=3).update(not_before=None)
        wake_up()
        run_engine()
    good.refresh_from_db()
    bad.refresh_from_db()
    assert (good.state, bad.state) == (GrantState.CLOSED, GrantState.CLOSING)
    assert bad.problem == BROKE_DOWN
    assert list(needs_human()) == [bad]
    assert LedgerEntry.objects.filter(event="portal.broke_down").count() == 1
    assert bad.not_before is not None
    assert 3000 < (bad.not_before - db_now()).total_seconds() <= 3600


def test_an_id_that_is_none_is_found_among_the_others(window: Story) -> None:
    bad = window.open()
    other = Machine.objects.get(name="vm-app-02")
    good = approved(other, by=window.cast.alan, approver=window.cast.bob)
    run_engine()
    place = Grant.objects.get(pk=bad.pk).place
    Grant.objects.filter(pk=bad.pk).update(place={**place, "nsg_ids": ["no id at all"]})
    services.end(bad, by=window.cast.alice)
    services.end(good, by=window.cast.alan)
    for _ in range(3):
        wake_up()
        run_engine()
    good.refresh_from_db()
    bad.refresh_from_db()
    assert (good.state, bad.state) == (GrantState.CLOSED, GrantState.CLOSING)


def test_what_is_set_aside_still_ends_at_its_time(window: Story) -> None:
    """Else it would be called open for an hour after its end."""
    bad = window.open()
    Grant.objects.filter(pk=bad.pk).update(place={"nonsense": 1, "nsg_ids": []}, tries=5)
    wake_up()
    run_engine()
    Grant.objects.filter(pk=bad.pk).update(ends_at=db_now())
    wake_up()
    run_engine()
    bad.refresh_from_db()
    assert bad.state == GrantState.CLOSING


def test_who_shares_a_door_with_it_is_let_in_and_shut_out_and_nobody_else_is_held_up(
    window: Story,
) -> None:
    """One look after the other broke down on it, and nothing at the policy was shut any more."""
    bad = window.open()
    other = approved(
        Machine.objects.get(name="vm-app-02"), by=window.cast.alan, approver=window.cast.bob
    )
    run_engine()
    Grant.objects.filter(pk=bad.pk).update(place={"nonsense": 1, "nsg_ids": []}, tries=2)
    services.end(bad, by=window.cast.alice)
    Grant.objects.filter(pk=bad.pk).update(tries=2)
    look_often(1)
    Grant.objects.filter(pk=bad.pk).update(tries=2, not_before=None)
    look_often(1)
    beside = approved(window.machine, by=window.cast.alan, approver=window.cast.bob)
    look_often(2)
    beside.refresh_from_db()
    assert beside.state == GrantState.OPEN
    services.end(other, by=window.cast.alan)
    services.end(beside, by=window.cast.alan)
    look_often(3)
    assert [state_of(each) for each in (other, beside, bad)] == [
        GrantState.CLOSED, GrantState.CLOSED, GrantState.CLOSING,
    ]  # fmt: skip


@pytest.mark.parametrize("place", [{"nonsense": 1}, {"nsg_ids": ["no id at all"]}])
def test_whoever_is_to_be_shut_out_of_the_same_door_does_not_wait_for_its_mending(
    window: Story, place: dict[str, Any]
) -> None:
    bad = window.open()
    good = approved(window.machine, by=window.cast.alan, approver=window.cast.bob)
    run_engine()
    known = Grant.objects.get(pk=bad.pk).place
    Grant.objects.filter(pk=bad.pk).update(place={**known, **place})
    services.end(bad, by=window.cast.alice)
    services.end(good, by=window.cast.alan)
    look_often(3)
    assert (state_of(good), state_of(bad)) == (GrantState.CLOSED, GrantState.CLOSING)
    assert window.doors_in_azure() == 0


def look_often(times: int) -> None:
    for _ in range(times):
        wake_up()
        run_engine()


def state_of(grant: Grant) -> str:
    grant.refresh_from_db()
    return grant.state
