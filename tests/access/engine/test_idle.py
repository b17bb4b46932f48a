"""What the loop asks of the database while nothing is to be done: all day, on every house."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from access import tasks, waiting
from access.clock import db_now
from access.heartbeats import EVERY, beat
from access.models import AccessRequest, Gate, Heartbeat
from jit.tasks import keep
from portal.watch import watch
from tests.access.contract import Story
from tests.support.cast import ask

LONG_AGO = "2020-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("task", "most"),
    [(tasks.sweep, 3), (tasks.reckon, 3), (watch, 1), (keep, 2)],
    ids=["sweep", "reckon", "watch", "keep"],
)
def test_asks_little(link: Story, task: Callable[[], None], most: int) -> None:
    """A sweep whose turn it is to look around; the others ask for the gates alone."""
    Gate.objects.update(audited_at=db_now())
    task()
    Heartbeat.objects.update(at=LONG_AGO)
    with CaptureQueriesContext(connection) as seen:
        task()
    assert len(seen) <= most, [query["sql"] for query in seen.captured_queries]


def test_and_a_turn_that_is_due_is_taken(link: Story) -> None:
    asked = ask(link.machine, by=link.cast.alice)
    AccessRequest.objects.filter(pk=asked.pk).update(lapses_at=db_now())
    tasks.sweep()
    assert not waiting.undecided().exists()


@pytest.mark.parametrize("known", [True, False])
def test_a_sign_of_life_is_given_whether_or_not_there_was_one(link: Story, known: bool) -> None:
    Heartbeat.objects.all().delete()
    if known:
        Heartbeat.objects.create(name="closer", at=LONG_AGO)
    beat("closer")
    given = Heartbeat.objects.get().at
    beat("closer")
    assert Heartbeat.objects.get().at == given > db_now() - EVERY
