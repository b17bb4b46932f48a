"""A sweep asks for what is due, and not for the same over and over."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from celery import current_app
from celery.beat import ScheduleEntry
from django.db import OperationalError as DatabaseAway
from kombu import Queue
from kombu.exceptions import OperationalError
from redis.exceptions import ConnectionError as Refused

from access import tasks, waking
from access.waking import FULL, Woken, put, unless_away, waiting
from portal.timetable import OVERFULL, Timetable

EARLIER = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(waking.time, "monotonic", lambda: now[0])
    return now


def test_what_waits_for_its_turn_is_asked_for_now_and_then(clock: list[float]) -> None:
    woken, due = Woken(), [(1, EARLIER), (2, None)]
    assert woken.anew(due) == [1, 2]
    for _ in range(4):
        clock[0] += 1
        assert woken.anew(due) == []
    assert woken.anew([*due, (3, None)]) == [3]
    clock[0] += 1  # its message may be lost
    assert woken.anew([*due, (3, None)]) == [1, 2]


def test_what_had_its_turn_and_is_due_again_is_asked_for_at_once(clock: list[float]) -> None:
    woken = Woken()
    woken.anew([(1, EARLIER)])
    assert woken.anew([(1, LATER)]) == [1]


def test_nothing_is_kept_of_what_is_due_no_more(clock: list[float]) -> None:
    woken = Woken()
    woken.anew([(key, None) for key in range(200)])
    woken.anew([])
    assert woken._asked == {}


@pytest.mark.django_db
def test_two_sweeps_ask_once_for_a_gate_that_nobody_has_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(tasks, "wake", lambda ids, **_: asked.extend(ids))
    monkeypatch.setattr(tasks, "woken", Woken())
    monkeypatch.setattr(tasks.engine, "due_since", lambda: [(7, None)])
    tasks.sweep()
    tasks.sweep()
    assert asked.count(7) == 1


def test_a_message_has_no_end_by_anybodys_clock() -> None:
    """Where the clocks of two machines disagree, it would be thrown away by the other."""
    put(tasks.look, [7])
    put("access.deliver", ["mail"])
    for name in ("celery", "notices"):
        assert taken(name).headers["expires"] is None
    assert not [each for each in schedule() if "expires" in each.options]


def test_where_many_wait_no_more_are_put_and_no_message_is_lost_for_good() -> None:
    put(tasks.look, range(FULL + 50))
    assert waiting("access.look") == FULL
    put(tasks.audit, [1])  # the same queue
    assert waiting("access.look") == FULL
    assert waiting("access.deliver") == 0
    taken("celery")
    put(tasks.look, [1, 2])
    assert waiting("access.look") == FULL


def test_what_comes_by_the_clock_finds_room_where_wake_ups_find_none() -> None:
    """And ends, too, where nobody takes it."""
    put(tasks.look, range(FULL))
    beat = Timetable(app=current_app, lazy=True)
    (estate,) = [each for each in schedule() if each.task == "portal.sync_estate"]
    for _ in range(OVERFULL):
        beat.apply_entry(estate)
    assert waiting("access.look") == OVERFULL
    (sweep,) = [each for each in schedule() if each.task == "access.sweep"]
    beat.apply_entry(sweep)
    assert waiting("access.sweep") == 1


def test_a_broker_that_is_away_is_said_and_stops_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_args: object, **_options: object) -> None:
        raise OperationalError("refused")

    monkeypatch.setattr(waking, "waiting", away)
    put(tasks.look, [1, 2])
    assert "no broker for access.look, 2 times: refused" in caplog.text


@pytest.mark.redis
def test_a_redis_that_is_away_is_a_broker_that_is_away() -> None:
    with current_app.connection_for_write("redis://127.0.0.1:1/0") as connection:
        connection.transport_options = {"max_retries": 0, "socket_connect_timeout": 1}
        with pytest.raises((OperationalError, Refused)) as raised:
            waiting("access.look", producer=connection.Producer(auto_declare=False))
    assert raised.type is OperationalError


def test_what_was_asked_for_while_the_database_is_away_is_done_with_at_once(
    clock: list[float],
) -> None:
    """Each try takes five seconds, and what comes each second meanwhile would pile up for hours."""
    tries: list[float] = []

    def work() -> None:
        tries.append(clock[0])
        if clock[0] < 110:
            clock[0] += 5
            raise DatabaseAway("couldn't get a connection after 5.00 sec")

    tried = unless_away(work)
    for moment in (100.0, 105.1, 105.9):
        clock[0] = moment
        if moment == 100.0:
            with pytest.raises(DatabaseAway):
                tried()
        else:
            tried()
    assert tries == [100.0]
    for moment in (110.0, 110.1):
        clock[0] = moment
        tried()
    assert tries == [100.0, 110.0, 110.1]


def test_a_deadlock_is_no_database_that_is_away(clock: list[float]) -> None:
    tries: list[float] = []

    def work() -> None:
        tries.append(clock[0])
        raise DatabaseAway("deadlock detected")

    tried = unless_away(work)
    for _ in range(3):
        with pytest.raises(DatabaseAway):
            tried()
    assert len(tries) == 3


def test_what_keeps_the_second_hand_is_spared_so() -> None:
    current_app.loader.import_default_modules()
    often = {each.task for each in schedule() if each.schedule.seconds <= 5}
    unspared = {n for n in often if not hasattr(current_app.tasks[n].run, "__wrapped__")}
    assert len(often) >= 5
    assert unspared == set()


def schedule() -> list[Any]:
    from portal.settings.base import CELERY_BEAT_SCHEDULE

    return [
        ScheduleEntry(name, app=current_app, **each) for name, each in CELERY_BEAT_SCHEDULE.items()
    ]


def taken(queue: str) -> Any:
    with current_app.connection_for_read() as connection:
        found = Queue(queue)(connection.default_channel).get(no_ack=True)
    assert found is not None
    return found
