"""The arithmetic of a bucket, whatever comes: never more than Azure takes, and never less."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.budget import bucket
from portal.budget.bucket import Rate, Refused, State, Taken, Why, Wish

RATES = st.builds(Rate, st.floats(2, 500), st.floats(0.1, 50))
GAPS = st.lists(st.floats(0, 20), min_size=1, max_size=120)
SLIGHT = 1e-6
OTHERS = Wish(floor=3, first=False)


def run(rate: Rate, gaps: list[float], wish: Wish) -> list[float]:
    """When each call is sent that is taken, of callers who come so many seconds apart."""
    state, now, sent = bucket.full(rate, 0.0), 0.0, []
    for gap in gaps:
        now += gap
        state, found = bucket.take(state, rate, wish, now)
        if isinstance(found, Taken):
            sent.append(now + found.wait)
    return sent


@given(RATES, GAPS, st.floats(0, 5))
def test_in_no_stretch_of_time_is_more_sent_than_azure_takes(
    rate: Rate, gaps: list[float], ahead: float
) -> None:
    """Not over all, and not in any part of it: a burst after a pause earns a 429 as well."""
    sent = run(rate, gaps, Wish(ahead=ahead))
    for first, begun in enumerate(sent):
        for last in range(first, len(sent)):
            count, seconds = last - first + 1, sent[last] - begun
            assert count <= rate.room + rate.per_second * seconds + 1e-3


@given(RATES, st.integers(1, 400))
def test_who_stands_in_line_is_served_at_azures_own_rate(rate: Rate, count: int) -> None:
    """The bucket's own minimum: nobody waits for a token that is there already."""
    state, sent = bucket.full(rate, 0.0), 0.0
    for _ in range(count):
        state, found = bucket.take(state, rate, Wish(ahead=1e9), 0.0)
        assert isinstance(found, Taken)
        sent = found.wait
    assert sent <= max(0.0, count - rate.room) / rate.per_second + SLIGHT


@given(RATES, GAPS, st.floats(0, 0.9))
def test_what_is_kept_for_closes_is_left_by_everybody_else(
    rate: Rate, gaps: list[float], share: float
) -> None:
    state, now, floor = bucket.full(rate, 0.0), 0.0, share * rate.room
    for gap in gaps:
        now += gap
        state, found = bucket.take(state, rate, Wish(floor=floor), now)
        if isinstance(found, Taken):
            assert found.tokens >= min(floor, rate.room - 1)
            assert found.wait == 0
        else:
            assert found.why is Why.EMPTY
            later = now + found.after + SLIGHT
            assert isinstance(bucket.take(state, rate, Wish(floor=floor), later)[1], Taken)


@given(RATES, st.floats(1, 90), st.lists(st.floats(0, 100), max_size=60))
def test_while_azure_wants_to_be_left_alone_nothing_is_sent_and_then_one_call(
    rate: Rate, seconds: float, moments: list[float]
) -> None:
    state = bucket.shut(bucket.full(rate, 0.0), rate, seconds, 0.0)
    probes = []
    for now in sorted(moments):
        state, found = bucket.take(state, rate, Wish(ahead=100), now)
        if isinstance(found, Taken):
            assert now >= seconds
            assert found.probe
            probes.append(now)
    for earlier, later in pairwise(probes):
        assert later - earlier >= bucket.PROBE_SECONDS


def test_once_the_first_was_answered_the_way_is_free_for_closes_and_then_for_all() -> None:
    rate, close, other = Rate(200, 10), Wish(), Wish(first=False)
    state = bucket.shut(bucket.full(rate, 0.0), rate, 60, 0.0)
    assert bucket.take(state, rate, other, 60.5)[1] == Refused(2.5, Why.SHUT)
    state, probe = bucket.take(state, rate, close, 60.5)
    assert isinstance(probe, Taken)
    assert isinstance(waits := bucket.take(state, rate, close, 60.6)[1], Refused)
    assert waits.why is Why.PROBED
    state = bucket.freed(state)
    assert isinstance(bucket.take(state, rate, close, 60.7)[1], Taken)
    assert isinstance(bucket.take(state, rate, other, 60.7)[1], Refused)
    assert isinstance(bucket.take(state, rate, other, 63.0)[1], Taken)


def test_an_answer_that_was_on_its_way_does_not_reopen_what_azure_shut_since() -> None:
    rate = Rate(200, 10)
    state = bucket.shut(bucket.full(rate, 0.0), rate, 5, 0.0)
    state, _ = bucket.take(state, rate, Wish(), 5.0)
    state = bucket.shut(state, rate, 30, 5.2)
    for after in (bucket.freed(state), bucket.given_up(state, 5.3)):
        found = bucket.take(after, rate, Wish(), 10.0)[1]
        assert isinstance(found, Refused)
        assert found.after == pytest.approx(25.2)


def test_a_call_that_got_no_answer_lets_the_next_one_try() -> None:
    rate = Rate(200, 10)
    state = bucket.shut(bucket.full(rate, 0.0), rate, 5, 0.0)
    state, _ = bucket.take(state, rate, Wish(), 5.0)
    state = bucket.given_up(state, 5.5)
    _, found = bucket.take(state, rate, Wish(), 5.5)
    assert isinstance(found, Taken)
    assert found.probe


@given(RATES, st.floats(0, 1000), st.floats(0, 50))
def test_azure_may_say_that_less_is_left_and_never_that_more_is(
    rate: Rate, remaining: float, spent: float
) -> None:
    state = State(rate.room - spent, 0.0)
    after = bucket.heard(state, rate, remaining, 0.0)
    assert after.tokens == min(state.tokens, remaining)


@given(RATES, st.floats(-50, 50), st.floats(0, 30))
def test_a_clock_that_steps_back_gives_nothing_away(rate: Rate, step: float, spent: float) -> None:
    """A database that was failed over to another machine may be some seconds behind."""
    state = State(rate.room - spent, 100.0)
    assert bucket.tokens_at(state, rate, 100.0 - abs(step)) <= bucket.tokens_at(state, rate, 100.0)
    after, _ = bucket.take(state, rate, Wish(ahead=10), 100.0 - abs(step))
    assert after.at >= state.at


@given(RATES, st.integers(2, 400))
def test_who_comes_in_vain_is_told_to_come_when_a_token_is_there_for_him(
    rate: Rate, count: int
) -> None:
    """Hundreds that all came again at the next token would cost more than what they are for."""
    state, now, told = replace(bucket.full(rate, 0.0), tokens=0.0), 0.0, []
    for _ in range(count):
        state, found = bucket.take(state, rate, Wish(), now)
        assert isinstance(found, Refused)
        told.append(found.after)
    assert told == sorted(told)
    assert told[-1] <= bucket.LONGEST_LINE + SLIGHT
    served = [moment for moment in told if moment < bucket.LONGEST_LINE]
    for moment in served:
        state, found = bucket.take(state, rate, Wish(), moment + SLIGHT)
        assert isinstance(found, Taken)


def test_who_closes_is_not_sent_behind_the_others() -> None:
    rate = Rate(10, 1)
    state = replace(bucket.full(rate, 0.0), tokens=0.0)
    for _ in range(20):
        state, _found = bucket.take(state, rate, OTHERS, 0.0)
    state, closing = bucket.take(state, rate, Wish(), 0.0)
    state, other = bucket.take(state, rate, OTHERS, 0.0)
    assert isinstance(closing, Refused)
    assert isinstance(other, Refused)
    assert closing.after <= 1 + SLIGHT
    assert other.after > 20


@pytest.mark.parametrize("wish", [replace(OTHERS, keeps=False), replace(OTHERS, patience=5)])
def test_who_does_not_go_away_or_comes_when_he_likes_takes_nobodys_place(wish: Wish) -> None:
    rate = Rate(10, 1)
    state = replace(bucket.full(rate, 0.0), tokens=0.0)
    for _ in range(20):
        after, found = bucket.take(state, rate, wish, 0.0)
        assert isinstance(found, Refused)
        assert (after, found.after) == (state, 4.0)
