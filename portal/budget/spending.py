"""Paying for a call before it is sent, and learning from its answer.

A caller waits in the process while its token is on the way, but never long: whoever holds a gate
holds a lease. Else it is told when to come back, and nothing is sent.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from access import errands
from portal.budget import bucket
from portal.budget.bucket import Rate, Refused, State, Taken, Why, Wish, closed
from portal.budget.rates import rate_of
from portal.budget.stores import Key, change

PATIENCE = 2.0  # seconds in one wait
AFTER_PROBE = 1.0  # seconds until who could not wait for an answer comes again
PEEP = 0.15  # seconds between two looks whether Azure takes calls again
LONG = 0.05  # after a longer wait than this it is asked again whether anything may be sent
APART = 1.0  # seconds at most between two who come again at the same time
UNSAID = 5.0  # Azure was busy and did not say for how long
SLACK = 0.1  # of a bucket: so much less than we think must Azure say before it is written down


class NoToken(Exception):
    """Nothing was sent. ``after``: seconds until it is worth another try."""

    def __init__(self, after: float) -> None:
        super().__init__(after)
        self.after = after


@dataclass(frozen=True)
class Ticket:
    """A call that was paid for. One of the three is to be told of it when it is over."""

    key: Key
    rate: Rate
    taken: Taken

    def answered(self, remaining: float | None = None) -> None:
        """Azure took it. ``remaining``: how many more it takes, where it said so."""
        if remaining is not None and remaining < self.taken.tokens - SLACK * self.rate.bucket:
            self._write(lambda state, now: bucket.heard(state, self.rate, remaining, now))
        if self.taken.probe:
            self._write(lambda state, now: bucket.freed(state))  # noqa: ARG005 - a move's shape

    def throttled(self, seconds: float | None) -> None:
        """Azure said no; nobody sends anything like it until its time is over."""
        wait = seconds or UNSAID
        self._write(lambda state, now: bucket.shut(state, self.rate, wait, now))

    def lost(self) -> None:
        """No answer came, and nothing was learnt."""
        if self.taken.probe:
            self._write(bucket.given_up)

    def _write(self, move: Callable[[State, float], State]) -> None:
        change(self.key, self.rate, lambda state, now: (move(state, now), None))


def pay(
    key: Key, *, first: bool, floor: float, patience: float = PATIENCE, keeps: bool = True
) -> Ticket:
    """Waits for a token, ``patience`` seconds at most. ``first``: it is for closing. ``floor``:
    tokens that stay for others. ``keeps``: see ``Wish``. Raises ``NoToken``."""
    rate, limit = rate_of(key.calls), time.monotonic() + _left_of(patience)
    while True:
        left = max(0.0, limit - time.monotonic())
        wish = Wish(floor, 0.0 if floor else left, first, patience=left, keeps=keeps)
        found = change(key, rate, lambda state, now: bucket.take(state, rate, wish, now))  # noqa: B023
        if isinstance(found, Taken):
            ticket = Ticket(key, rate, found)
            _wait_in_line(ticket, wish)
            return ticket
        _come_back(found, rate, left)


def stand_back(key: Key) -> None:
    """For who opens: while Azure makes those wait who close, in a bucket of their own, it waits as
    if it were its own. Spends nothing. Raises ``NoToken``."""
    wish = Wish(first=False)
    found = change(key, rate_of(key.calls), lambda state, now: (state, closed(state, wish, now)))
    if found:
        raise NoToken(found.after)


def _left_of(patience: float) -> float:
    until = errands.current().until
    return patience if until is None else max(0.0, min(patience, until() - time.monotonic()))


def _wait_in_line(ticket: Ticket, wish: Wish) -> None:
    """Meanwhile Azure may have refused somebody else."""
    if ticket.taken.wait <= 0:
        return
    time.sleep(ticket.taken.wait)
    if ticket.taken.wait < LONG:
        return
    found = change(ticket.key, ticket.rate, lambda state, now: (state, closed(state, wish, now)))
    if found and not (ticket.taken.probe and found.why is Why.PROBED):
        ticket.lost()
        raise NoToken(found.after)


def _come_back(found: Refused, rate: Rate, left: float) -> None:
    """Sleeps until it is worth another try. Raises ``NoToken`` where that is too long."""
    if found.why is Why.PROBED:
        if left <= 0:
            raise NoToken(min(found.after, AFTER_PROBE))
        time.sleep(random.uniform(0.5, 1) * PEEP)  # noqa: S311 - spreads load, guards nothing
        return
    # Not all at the same moment; where Azure named one, nobody comes before it.
    apart = random.uniform(0, 1 / rate.per_second)  # noqa: S311
    if found.after + apart > left:
        raise NoToken(found.after + min(apart, APART))
    time.sleep(found.after + apart)
