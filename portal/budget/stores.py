"""Where buckets are kept: rows that all processes share, and this process's own memory.

On SQLite there is one process, and memory is enough. With PostgreSQL away, memory takes over where
the row was last seen: each process then keeps to the figures by itself.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.db import DatabaseError, InterfaceError, connection, transaction

from access.clock import db_now
from portal.budget.bucket import Rate, State, full
from portal.models import Budget

AWAY_SECONDS = 5.0  # a database that failed is not asked again for so long
LOCK_WAIT = "1s"  # a row that somebody holds for longer counts as a database that is away
# Whoever stops with the row in hand holds nobody up; and a token is not worth waiting for a disk.
SELECT = """
WITH own AS MATERIALIZED (
  SELECT set_config('lock_timeout', %s, true), set_config('synchronous_commit', 'off', true)
)
SELECT b.tokens, b.at, b.shut_until, b.probe_until, b.closes_told, b.others_told
FROM own, portal_budget AS b
WHERE b.subscription = %s AND b.principal = %s AND b.calls = %s FOR NO KEY UPDATE OF b
"""
UPDATE = """
UPDATE portal_budget
SET tokens = %s, at = %s, shut_until = %s, probe_until = %s, closes_told = %s, others_told = %s
WHERE subscription = %s AND principal = %s AND calls = %s
"""
_alone: ContextVar[bool] = ContextVar("budget_alone", default=False)


@dataclass(frozen=True)
class Key:
    """``subscription``: empty for the tenant. ``principal``: a client id, empty for the process's
    own identity. ``calls``: reads, writes or deletes."""

    subscription: str
    principal: str
    calls: str


T = TypeVar("T")
Move = Callable[[State, float], tuple[State, T]]  # what becomes of it now, and what is told


class Memory:
    """By this machine's clock, which only ever goes forward."""

    def __init__(self) -> None:
        self.lock, self.states = threading.Lock(), dict[Key, State]()
        self.away_until = 0.0  # the database, as far as is known

    def change(self, key: Key, rate: Rate, move: Move[T]) -> T:
        with self.lock:
            now = time.monotonic()
            state, found = move(self.states.get(key) or full(rate, now), now)
            self.states[key] = state
            return found

    def all(self) -> list[tuple[Key, State]]:
        with self.lock:
            return sorted(self.states.items(), key=lambda item: astuple(item[0]))

    def follow(self, key: Key, state: State, now: float) -> None:
        """What the row says ``now``, by its own clock."""
        ahead = time.monotonic() - now
        by_ours = [None if each is None else each + ahead for each in _moments(state)]
        with self.lock:
            self.states[key] = State(state.tokens, state.at + ahead, *by_ours)

    def forget(self) -> None:
        """For tests."""
        with self.lock:
            self.states.clear()
            self.away_until = 0.0


memory = Memory()


def change(key: Key, rate: Rate, move: Move[T]) -> T:
    """Reads the bucket, lets ``move`` say what becomes of it and what the caller is told, and
    writes it down: nobody else comes between."""
    if connection.vendor != "postgresql" or _alone.get() or time.monotonic() < memory.away_until:
        return memory.change(key, rate, move)
    refuse_inside_a_transaction()
    try:
        return _change_row(key, rate, move)
    except (DatabaseError, InterfaceError):
        memory.away_until = time.monotonic() + AWAY_SECONDS
        return memory.change(key, rate, move)


def rows() -> list[tuple[Key, State]]:
    kept = Budget.objects.order_by("subscription", "principal", "calls")
    return [
        (
            Key(row.subscription, row.principal, row.calls),
            _state(row.tokens, row.at, *_moments(row)),
        )
        for row in kept
    ]


@contextmanager
def without_database() -> Iterator[None]:
    """For who knows that it is away: no call waits for a connection."""
    mark = _alone.set(True)
    try:
        yield
    finally:
        _alone.reset(mark)


def refuse_inside_a_transaction() -> None:
    """Azure may take long, and what a rolled-back transaction spent was spent all the same.

    Those that tests wrap around themselves do not count, as for Django's ``durable``.
    """
    blocks = connection.atomic_blocks if connection.in_atomic_block else []
    if any(not block._from_testcase for block in blocks):  # type: ignore[attr-defined]  # noqa: SLF001
        raise RuntimeError("Azure is never called inside a transaction.")


def _change_row(key: Key, rate: Rate, move: Move[T]) -> T:
    """Plain SQL: this comes before every call to Azure, and others wait for the row meanwhile."""
    with transaction.atomic(), connection.cursor() as cursor:
        before = _locked(cursor, key) or _made(cursor, key, rate)
        now = db_now().timestamp()
        state, found = move(before, now)
        if state != before:
            cursor.execute(UPDATE, [*_columns(state), *astuple(key)])
    memory.follow(key, state, now)
    return found


def _locked(cursor: Any, key: Key) -> State | None:
    cursor.execute(SELECT, [LOCK_WAIT, *astuple(key)])
    row = cursor.fetchone()
    return _state(*row) if row else None


def _made(cursor: Any, key: Key, rate: Rate) -> State:
    """Another may make it at the same time; then that one counts."""
    first = Budget(**_named(key), tokens=rate.room, at=db_now())
    Budget.objects.bulk_create([first], ignore_conflicts=True)
    made = _locked(cursor, key)
    assert made is not None  # noqa: S101 - nobody deletes these rows
    return made


def _named(key: Key) -> dict[str, str]:
    return dict(zip(("subscription", "principal", "calls"), astuple(key), strict=True))


def _state(tokens: float, at: datetime, *moments: datetime | None) -> State:
    seconds = [None if each is None else each.timestamp() for each in moments]
    return State(tokens, at.timestamp(), *seconds)


def _moments(state: Any) -> list[Any]:
    """Those of a state or of its row that need not be set."""
    return [state.shut_until, state.probe_until, state.closes_told, state.others_told]


def _columns(state: State) -> list[float | datetime | None]:
    moments = [None if each is None else _moment(each) for each in _moments(state)]
    return [state.tokens, _moment(state.at), *moments]


def _moment(seconds: float) -> datetime:
    """Whole microseconds, as a row keeps them, so that what is read again is the same."""
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=round(seconds * 1e6))
