"""The arithmetic of one token bucket, on numbers alone: seconds of whatever clock, and tokens.

A bucket may go below zero: then somebody has been promised a token that flows in later, and waits
for it. So those who wait are served one after another, and what is sent keeps to the rate exactly.
"""

from dataclasses import dataclass, replace
from enum import Enum

PROBE_SECONDS = 12.0  # longer than Azure may take to answer; then another may try
HEADSTART_SECONDS = 3.0  # of closes, when Azure takes calls again: one sweep, and an answer
LONGEST_LINE = 30.0  # seconds after which who came in vain is to come again, at most
OVERTAKING = 0.1  # at most this part of a bucket is left in it: see ``Rate.room``


@dataclass(frozen=True)
class Rate:
    """Azure's figures: so many calls at once, so many more each second."""

    bucket: float
    per_second: float

    @property
    def room(self) -> float:
        """What we take of the bucket. Calls overtake each other on the way, and a full bucket
        takes in nothing: a second's worth is left in it, so that this never earns a 429."""
        return self.bucket - min(self.per_second, self.bucket * OVERTAKING)


@dataclass(frozen=True)
class State:
    """``shut_until``: Azure asked to wait until then. ``probe_until``: set from then on until one
    call was answered, and only one is sent at a time; ``None`` when the way is free.
    ``closes_told``, ``others_told``: the last moment at which somebody who came in vain was told to
    come again, of those who close and of the others."""

    tokens: float
    at: float
    shut_until: float | None = None
    probe_until: float | None = None
    closes_told: float | None = None
    others_told: float | None = None


@dataclass(frozen=True)
class Wish:
    """``floor``: tokens that stay for others. ``ahead``: seconds for which the caller would wait
    in line; 0 for who may not stand in it. ``first``: goes first when Azure takes calls again.
    ``patience``: seconds for which the caller would wait without a place in line. ``keeps``: who is
    told when to come again does not come before."""

    floor: float = 0.0
    ahead: float = 0.0
    first: bool = True
    patience: float = 0.0
    keeps: bool = True


@dataclass(frozen=True)
class Taken:
    """``wait``: seconds until the token is there. ``probe``: others wait for what Azure says."""

    wait: float
    tokens: float
    probe: bool = False


class Why(Enum):
    """``SHUT``: Azure asked to wait. ``PROBED``: one call is on its way, to find out whether Azure
    takes them again. ``EMPTY``: no token, and no place in line."""

    SHUT = "shut"
    PROBED = "probed"
    EMPTY = "empty"


@dataclass(frozen=True)
class Refused:
    """``after``: seconds, at most."""

    after: float
    why: Why


def full(rate: Rate, now: float) -> State:
    return State(rate.room, now)


def tokens_at(state: State, rate: Rate, now: float) -> float:
    return min(rate.room, state.tokens + rate.per_second * max(0.0, now - state.at))


def take(state: State, rate: Rate, wish: Wish, now: float) -> tuple[State, Taken | Refused]:
    if refused := closed(state, wish, now):
        return state, refused
    left = tokens_at(state, rate, now) - 1
    floor = min(wish.floor, max(0.0, rate.room - 1))  # a bucket that is full serves everybody
    if left < floor - wish.ahead * rate.per_second:
        return _in_vain(state, rate, wish, (floor - left) / rate.per_second, now)
    probe = state.probe_until is not None
    probe_until = now + PROBE_SECONDS if probe else None
    taken = Taken(max(0.0, -left / rate.per_second), left, probe)
    return replace(state, tokens=left, at=max(now, state.at), probe_until=probe_until), taken


def _in_vain(
    state: State, rate: Rate, wish: Wish, soonest: float, now: float
) -> tuple[State, Refused]:
    """One after another they come again, as tokens flow in: else all would, at every token. Those
    who close need not heed when others come."""
    if soonest <= wish.patience or not wish.keeps:
        return state, Refused(soonest, Why.EMPTY)
    told = [state.closes_told, None if wish.first else state.others_told]
    last = [each + 1 / rate.per_second - now for each in told if each is not None]
    wait = min(LONGEST_LINE, max([soonest, *last]))
    if wish.first:
        return replace(state, closes_told=now + wait), Refused(wait, Why.EMPTY)
    return replace(state, others_told=now + wait), Refused(wait, Why.EMPTY)


def closed(state: State, wish: Wish, now: float) -> Refused | None:
    """``None`` when a call may be sent, if there is a token."""
    opens = now if state.shut_until is None else state.shut_until
    if state.shut_until is not None and not wish.first:
        opens += HEADSTART_SECONDS
    if opens > now:
        return Refused(opens - now, Why.SHUT)
    if state.probe_until is not None and state.probe_until > now:
        return Refused(state.probe_until - now, Why.PROBED)
    return None


def shut(state: State, rate: Rate, seconds: float, now: float) -> State:
    """Azure said no. The bucket is empty, whatever we thought, and fills meanwhile; what is sent
    first when the time is over finds out for all."""
    until = max(now + seconds, state.shut_until or now)
    tokens = min(tokens_at(state, rate, now), 0.0)
    return State(tokens, max(now, state.at), until, until)


def heard(state: State, rate: Rate, remaining: float | None, now: float) -> State:
    """Azure took a call, and perhaps said how many more it takes. Never more than we think: what
    is on its way to Azure was not counted there yet."""
    tokens = tokens_at(state, rate, now)
    if remaining is not None:
        tokens = min(tokens, remaining)
    return replace(state, tokens=tokens, at=max(now, state.at))


def freed(state: State) -> State:
    """The one call that was sent first was taken. A refusal that came meanwhile stands."""
    still = state.shut_until is not None and state.probe_until == state.shut_until
    return state if still else replace(state, probe_until=None)


def given_up(state: State, now: float) -> State:
    """The one call that was sent first got no answer: another may be sent."""
    still = state.shut_until is not None and state.probe_until == state.shut_until
    return state if still or state.probe_until is None else replace(state, probe_until=now)
