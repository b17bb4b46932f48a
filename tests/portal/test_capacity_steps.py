"""How many are at once: the arithmetic, against counting by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from portal.capacity.steps import Span, Step, buckets, fullest, most, quiet_before, steps_of

START = datetime(2026, 11, 20, tzinfo=UTC)
LENGTH = 60  # minutes
END = START + timedelta(minutes=LENGTH)


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    start = draw(st.integers(-20, LENGTH + 20))
    length = draw(st.none() | st.integers(1, 50))
    end = None if length is None else at(start + length)
    return Span(at(start), end, draw(st.booleans()))


many = st.lists(spans(), max_size=30)


def there(found: list[Span], minute: int, *, rdp: bool) -> int:
    """Counted by hand."""
    here = [s for s in found if s.start <= at(minute) and (s.end is None or at(minute) < s.end)]
    return sum(span.rdp == rdp for span in here)


def by_hand(found: list[Span]) -> list[Step]:
    minutes = range(LENGTH)
    return [Step(at(m), there(found, m, rdp=True), there(found, m, rdp=False)) for m in minutes]


@given(many)
def test_the_peak_is_what_counting_by_hand_gives(found: list[Span]) -> None:
    steps = steps_of(found, START, END)
    assert most(steps).count == max(step.count for step in by_hand(found))
    assert fullest(steps).units == max(step.units for step in by_hand(found))


@given(many, spans())
def test_one_more_never_needs_fewer_units(found: list[Span], another: Span) -> None:
    before = fullest(steps_of(found, START, END))
    after = fullest(steps_of([*found, another], START, END))
    assert after.units >= before.units
    assert after.weight >= before.weight


@given(many)
def test_steps_say_every_change_once(found: list[Span]) -> None:
    steps = steps_of(found, START, END)
    assert steps[0].at == START
    for step, following in pairwise(steps):
        assert step.at < following.at < END
        assert (step.rdp, step.ssh) != (following.rdp, following.ssh)


@given(many, st.integers(1, 15))
def test_stretches_hold_the_most_of_their_time(found: list[Span], size: int) -> None:
    number = LENGTH // size
    told = buckets(steps_of(found, START, END), START, timedelta(minutes=size), number)
    counts = [step.count for step in by_hand(found)]
    assert told == [max(counts[i * size : (i + 1) * size]) for i in range(number)]


@given(many, st.integers(1, LENGTH - 1))
def test_a_quiet_stretch_is_quiet(found: list[Span], minute: int) -> None:
    steps = steps_of(found, START, END)
    quiet = quiet_before(steps, at(minute))
    if quiet is None:
        assert all(step.count for step in by_hand(found)[:minute])
    else:
        inside = [step for step in by_hand(found) if quiet[0] <= step.at < quiet[1]]
        assert inside
        assert not any(step.count for step in inside)


def test_who_leaves_as_another_comes_is_not_counted_with_them() -> None:
    steps = steps_of([Span(at(0), at(10)), Span(at(10), at(20))], START, END)
    assert most(steps).count == 1


def test_twenty_rdp_or_forty_ssh_fill_a_unit() -> None:
    assert [Step(START, 20, 0).units, Step(START, 0, 40).units] == [1, 1]
    assert [Step(START, 20, 1).units, Step(START, 10, 20).units] == [2, 1]
    assert Step(START).units == 0
