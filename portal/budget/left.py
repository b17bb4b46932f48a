"""What is left now, for pages and metrics."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from access.clock import db_now
from portal.budget.bucket import State, tokens_at
from portal.budget.rates import rate_of, reserve_of
from portal.budget.stores import Key, memory, rows


@dataclass(frozen=True)
class Left:
    """``tokens`` is below zero while calls wait for theirs. ``reserve``: what of it only closing
    may take, where others spend from it too. ``shut_until``: Azure asked to wait, if it still
    does."""

    subscription: str  # empty: the tenant's
    principal: str  # a client id; empty: the process's own
    calls: str  # reads, writes, deletes
    tokens: float
    bucket: float
    rate: float
    reserve: float
    shut_until: datetime | None

    @property
    def share(self) -> float:
        """From 0, nothing, to 1, all of it."""
        return max(0.0, min(1.0, self.tokens / self.bucket))


def left(now: datetime | None = None) -> list[Left]:
    """A bucket is known once something was spent from it. ``now``: the database's, if known."""
    now = now or db_now()
    if connection.vendor != "postgresql":
        return [_left(key, state, time.monotonic(), now) for key, state in memory.all()]
    return [_left(key, state, now.timestamp(), now) for key, state in rows()]


def share_as_last_seen(key: Key) -> float:
    """From 0 to 1, by what this process last saw of the bucket: nothing is asked for it."""
    with memory.lock:
        state = memory.states.get(key)
    if state is None:
        return 1.0
    rate = rate_of(key.calls)
    return max(0.0, min(1.0, tokens_at(state, rate, time.monotonic()) / rate.room))


def _left(key: Key, state: State, at: float, now: datetime) -> Left:
    rate = rate_of(key.calls)
    shut = (state.shut_until or at) - at
    return Left(
        key.subscription,
        key.principal,
        key.calls,
        tokens_at(state, rate, at),
        rate.room,
        rate.per_second,
        reserve_of(key.calls),
        now + timedelta(seconds=shut) if shut > 0 else None,
    )
