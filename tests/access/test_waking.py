"""A sweep asks for what is due, and not for the same over and over."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from access import tasks, waking
from access.waking import Woken

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
