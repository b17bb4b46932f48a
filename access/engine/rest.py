"""How long to wait after an attempt in vain: full jitter from about a second up to a cap; and what
has failed for minutes is probed now and then.
"""

import random
from datetime import UTC, datetime, timedelta

from django.db.models import Min

from access.engine.lines import Lines
from access.gatekeeping import BROKE_DOWN, TRIES_ALONE
from access.models import Gate, Grant
from access.states import GrantState

LONGEST_PAUSE = 30.0
PATIENT_FROM = 8  # attempts in vain: from then on at most two in a minute
HOURLY = 3600.0
SHORTEST_PAUSE = 0.25
GATE_STATE = [
    "failures",
    "erred",
    "problem",
    "pause_until",
    "look_again_at",
    "full_until",
    "lease_token",
    "lease_until",
]


def pause(failures: int, asked: float | None = None) -> float:
    """Seconds. What Azure asked for counts as it is, however long."""
    if asked:
        return float(asked)
    if failures > PATIENT_FROM:
        return LONGEST_PAUSE + random.uniform(0, 5)  # noqa: S311
    ceiling = min(LONGEST_PAUSE, 2.0 ** min(failures, 6))
    return max(SHORTEST_PAUSE, random.uniform(0, ceiling))  # noqa: S311 - spreads load, guards nothing


def rest_of(grant: Grant, now: datetime, lines: Lines, *, asked: float | None = None) -> None:
    """This grant alone is left until its next attempt."""
    grant.tries += 1
    grant.not_before = now + timedelta(seconds=pause(grant.tries - 1, asked))
    lines.save(grant, "tries", "not_before")


def rest_to_blame(grant: Grant, now: datetime, lines: Lines, *, asked: float | None) -> None:
    """The same for one on which Azure broke down, whatever else was in vain."""
    grant.erred += 1
    grant.not_before = now + timedelta(seconds=pause(grant.erred, asked))
    lines.save(grant, "erred", "not_before")


def set_aside(grant: Grant, now: datetime, lines: Lines) -> None:
    """What the portal itself breaks down on: a few tries, then a human is needed, and it is tried
    once an hour all the same."""
    rest_of(grant, now, lines, asked=HOURLY if grant.tries + 1 >= TRIES_ALONE else None)


def is_set_aside(grant: Grant, began: datetime | None) -> bool:
    """The portal broke down on it, before this look, which ``began`` then, or in it."""
    rests = grant.not_before is not None and (began is None or grant.not_before > began)
    return rests and grant.problem == BROKE_DOWN


def rest_gate(
    gate: Gate, now: datetime, problem: str, *, asked: float | None = None, starved: bool = False
) -> None:
    """The gate is given back, and nobody looks at it until then. ``starved``: see ``Later``; what
    is over meanwhile, or ordered to end, is seen to all the same."""
    gate.failures += 1
    gate.problem = problem
    gate.look_again_at = now + timedelta(seconds=pause(gate.failures, asked))
    gate.pause_until, gate.full_until = gate.look_again_at, None
    if starved:
        gate.pause_until = None
        gate.look_again_at = min(gate.look_again_at, _next_finish(gate, now))
    gate.lease_token = gate.lease_until = None
    gate.save(update_fields=GATE_STATE)


def _next_finish(gate: Gate, now: datetime) -> datetime:
    """When the next grace there ends, and who is still inside must go."""
    closing = Grant.objects.filter(gate=gate, state=GrantState.CLOSING, finish_by__gt=now)
    found: datetime | None = closing.aggregate(first=Min("finish_by"))["first"]
    return found or datetime.max.replace(tzinfo=UTC)
