"""A host that was away is asked with one link whether it is back, and not with all that are owed:
with hundreds such hosts nobody else would get a turn."""

from __future__ import annotations

from datetime import timedelta

import pytest

from access import services
from access.clock import db_now
from access.engine import rest
from access.models import Gate, Grant
from access.states import GrantState
from tests.access.contract import Story
from tests.access.engine.test_many_at_once import sent_at_once, several
from tests.support.cast import run_engine


def look_after_the_pause() -> None:
    past = db_now() - timedelta(seconds=1)
    Gate.objects.filter(pause_until__isnull=False).update(pause_until=past, look_again_at=past)
    run_engine(rounds=1)


@pytest.fixture
def away(link: Story) -> Grant:
    """Five are over, and Azure took none of them."""
    first = several(link, 5)
    link.azure.fault(operation="link.delete", action="status", status=503)
    Grant.objects.update(ends_at=db_now())
    run_engine(rounds=1)
    assert sent_at_once(link) == [5]
    return first


def test_one_is_sent_until_it_is_taken_and_then_the_rest(link: Story, away: Grant) -> None:
    look_after_the_pause()
    look_after_the_pause()
    assert sent_at_once(link) == [5, 1, 1]
    link.azure.mend()
    look_after_the_pause()
    assert sent_at_once(link) == [5, 1, 1, 1]
    Gate.objects.update(look_again_at=db_now())
    run_engine()
    assert sent_at_once(link) == [5, 1, 1, 1, 4]
    assert link.doors_in_azure() == 0
    assert not Grant.objects.exclude(state=GrantState.CLOSED).exists()


def test_what_has_just_ended_is_owed_at_once(link: Story, away: Grant) -> None:
    one = Grant.objects.filter(kind="link", state=GrantState.CLOSING).order_by("-pk")[0]
    later = db_now() + timedelta(hours=1)  # it was lengthened meanwhile
    mine = Grant.objects.filter(pk=one.pk)
    mine.update(state=GrantState.OPEN, ends_at=later, sent_until=later, sent_at=None, due_at=None)
    services.end(mine.get(), by=link.cast.dana, reason="Now")
    look_after_the_pause()
    assert mine.get().state == GrantState.CLOSING


def test_one_that_azure_cannot_bear_does_not_keep_the_others_open(link: Story) -> None:
    """Whichever it is: it is not asked with the same one for ever."""
    several(link, 5)
    bad = Grant.objects.filter(kind="link").order_by("-pk")[0]
    poison = {"operation": "link.delete", "body": bad.machine.resource_key}
    link.azure.fault(**poison, action="status", status=500)
    Grant.objects.update(ends_at=db_now())
    for _ in range(30):
        look_after_the_pause()
        Gate.objects.update(look_again_at=db_now())
        run_engine(rounds=1)
    left = Grant.objects.exclude(state=GrantState.CLOSED)
    assert [grant.pk for grant in left.filter(kind="link")] == [bad.pk]
    assert link.doors_in_azure() == 1


def test_who_only_waited_for_the_budget_was_never_away(link: Story) -> None:
    gate = several(link, 2).gate
    gate.failures, gate.pause_until = 3, None
    assert not rest.is_probing(gate)
    gate.pause_until = db_now()
    assert rest.is_probing(gate)
