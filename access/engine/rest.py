"""How long to wait after an attempt in vain: full jitter from about a second up to a cap."""

import random
from datetime import datetime, timedelta

from access.models import Gate, Grant

LONGEST_PAUSE = 30.0
SHORTEST_PAUSE = 0.25
GATE_STATE = [
    "failures",
    "problem",
    "pause_until",
    "look_again_at",
    "lease_token",
    "lease_until",
]


def pause(failures: int, asked: float | None = None) -> float:
    """Seconds. What Azure asked for counts as it is, however long."""
    if asked:
        return float(asked)
    ceiling = min(LONGEST_PAUSE, 2.0 ** min(failures, 6))
    return max(SHORTEST_PAUSE, random.uniform(0, ceiling))  # noqa: S311 - spreads load, guards nothing


def rest_of(grant: Grant, now: datetime, *, asked: float | None = None) -> None:
    """This grant alone is left until its next attempt."""
    grant.tries += 1
    grant.not_before = now + timedelta(seconds=pause(grant.tries - 1, asked))
    grant.save(update_fields=["tries", "not_before"])


def rest_gate(gate: Gate, now: datetime, problem: str, *, asked: float | None = None) -> None:
    """The gate is given back, and nobody looks at it until then."""
    gate.failures += 1
    gate.problem = problem
    gate.pause_until = now + timedelta(seconds=pause(gate.failures, asked))
    gate.look_again_at = gate.pause_until
    gate.lease_token = gate.lease_until = None
    gate.save(update_fields=GATE_STATE)
