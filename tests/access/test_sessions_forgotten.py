"""Sessions that ended long ago are forgotten: their rows would name people for ever."""

from __future__ import annotations

from datetime import timedelta

import pytest

from access.clock import db_now
from access.models import BastionHost, DisconnectOrder, LedgerEntry, LiveSession, Review
from access.sessions import forgetting
from access.sessions.forgetting import forget_sessions
from tests.support.cast import Cast, approved
from tests.support.estate import host, machine

pytestmark = pytest.mark.django_db


def session(name: str, *, ended_days_ago: float | None, **more: object) -> LiveSession:
    began = db_now() - timedelta(days=400)
    ended = None if ended_days_ago is None else db_now() - timedelta(days=ended_days_ago)
    bastion = BastionHost.objects.first() or host()
    return LiveSession.objects.create(
        host=bastion, session_id=name, user_name="root", first_seen_at=began,
        last_seen_at=began, ended_at=ended, **more,
    )  # fmt: skip


def test_only_what_ended_long_ago_goes(cast: Cast) -> None:
    """Somebody who is connected for a year must not fall off the list of who is connected."""
    old = session("old", ended_days_ago=181)
    session("late", ended_days_ago=179)
    session("still there", ended_days_ago=None)
    DisconnectOrder.objects.create(session=old, by=cast.dana, at=db_now(), reason="Alarm")
    lines = LedgerEntry.objects.count()
    assert forget_sessions() == 1
    assert set(LiveSession.objects.values_list("session_id", flat=True)) == {"late", "still there"}
    assert LedgerEntry.objects.count() == lines
    assert forget_sessions() == 0


def test_a_part_at_a_time_until_all_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that deletes a year at once keeps everybody's notices waiting."""
    monkeypatch.setattr(forgetting, "MOST_AT_ONCE", 2)
    for number in range(5):
        session(f"old-{number}", ended_days_ago=200 + number)
    assert [forget_sessions() for _ in range(4)] == [2, 2, 1, 0]


def test_what_a_reviewer_is_still_to_see_stays(cast: Cast) -> None:
    """Break-glass that nobody has judged yet would be judged without who was connected."""
    vm = machine()
    grant = approved(vm, by=cast.alice, approver=cast.bob)
    review = Review.objects.create(access_request=grant.access_request, due_at=db_now())
    session("during", ended_days_ago=200, machine=vm)
    assert forget_sessions() == 0
    Review.objects.filter(pk=review.pk).update(
        reviewed_by=cast.dana, reviewed_at=db_now(), verdict="justified"
    )
    assert forget_sessions() == 1
