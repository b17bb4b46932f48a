"""That nobody looks after closing: told once for each silence, by who still works."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from access.clock import db_now
from access.delivery import closing
from access.delivery.closing import BACK, NOTIFIER, SILENT, look_after
from access.delivery.tasks import watch_closing
from access.models import Heartbeat, LedgerEntry, Notice
from tests.support.cast import Cast, be_seen

pytestmark = pytest.mark.django_db
SECOND = "second-closer"


def last_seen(name: str, **ago: float) -> None:
    Heartbeat.objects.update_or_create(name=name, defaults={"at": db_now() - timedelta(**ago)})


def watching(*names: str) -> None:
    for name in names or (NOTIFIER,):
        last_seen(name, seconds=6)


def told(event: str) -> list[str]:
    return sorted(Notice.objects.filter(event=event).values_list("recipient", flat=True))


def test_administrators_are_told_once_and_again_when_it_is_back(cast: Cast, settings: Any) -> None:
    settings.NOTICES_SECURITY_CONTACT = ["soc@example.test"]
    last_seen("closer", seconds=61)
    for _ in range(4):
        watching()
        look_after(NOTIFIER)
    assert told(SILENT) == ["contact-soc@example.test", f"person-{cast.dana.pk}"]
    assert told(BACK) == []
    be_seen()
    for _ in range(3):
        watching()
        look_after(NOTIFIER)
    assert told(BACK) == ["contact-soc@example.test", f"person-{cast.dana.pk}"]
    events = LedgerEntry.objects.filter(event__startswith="closing.").order_by("seq")
    assert list(events.values_list("event", flat=True)) == [SILENT, BACK]


def test_a_second_silence_is_told_anew(cast: Cast) -> None:
    for _ in range(2):
        last_seen("closer", minutes=2)
        watching()
        look_after(NOTIFIER)
        be_seen()
        watching()
        look_after(NOTIFIER)
    assert len(told(SILENT)) == len(told(BACK)) == 2


def test_two_who_see_the_same_silence_tell_it_once(cast: Cast) -> None:
    """The second closer tells, too: with beat dead nobody wakes the notifier."""
    last_seen("closer", minutes=2)
    watching(NOTIFIER, SECOND)
    look_after(SECOND)
    look_after(NOTIFIER)
    closing._tell(NOTIFIER)  # who had seen it in the same moment, and waited for the lock
    assert len(told(SILENT)) == 1


def test_who_was_away_too_has_seen_no_silence(cast: Cast) -> None:
    """After a night with everything off, nobody need be woken for it."""
    last_seen("closer", hours=8)
    last_seen(NOTIFIER, hours=8)
    look_after(NOTIFIER)
    assert told(SILENT) == []
    assert Heartbeat.objects.get(name=NOTIFIER).at > db_now() - timedelta(seconds=30)


def test_a_house_that_never_had_a_closer_is_not_told_that_it_went(cast: Cast) -> None:
    watching()
    look_after(NOTIFIER)
    assert told(SILENT) == []


def test_while_all_is_well_it_costs_a_few_cheap_queries(
    cast: Cast, django_assert_max_num_queries: Any
) -> None:
    be_seen()
    watching()
    with django_assert_max_num_queries(8):
        watch_closing()
    assert not LedgerEntry.objects.filter(event__startswith="closing.").exists()
