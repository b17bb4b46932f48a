"""How many are at once: spans of time become steps, steps have a peak, a peak needs scale units.

Pure arithmetic. A span holds its beginning and not its end, so who leaves as another comes is
never counted together with them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.azure.checks.capacity import units_for
from portal.azure.checks.skus import RDP_PER_UNIT, SSH_PER_UNIT

RDP_WEIGHT = SSH_PER_UNIT // RDP_PER_UNIT  # one RDP session takes the room of so many SSH ones


@dataclass(frozen=True)
class Span:
    """Somebody from ``start`` to ``end``; ``None`` when there is no end yet."""

    start: datetime
    end: datetime | None
    rdp: bool = False


@dataclass(frozen=True)
class Step:
    """So many from this moment on."""

    at: datetime
    rdp: int = 0
    ssh: int = 0

    @property
    def count(self) -> int:
        return self.rdp + self.ssh

    @property
    def units(self) -> int:
        return units_for(self.rdp, self.ssh)

    @property
    def weight(self) -> int:
        """For comparing: what the room is filled with."""
        return self.rdp * RDP_WEIGHT + self.ssh


def steps_of(spans: Iterable[Span], since: datetime, until: datetime) -> list[Step]:
    """The first one is at ``since``; then one at each moment at which the number changes."""
    changes = {True: Counter[datetime](), False: Counter[datetime]()}
    for span in spans:
        end = until if span.end is None else min(span.end, until)
        start = max(span.start, since)
        if start < end:
            changes[span.rdp][start] += 1
            changes[span.rdp][end] -= 1
    moments = sorted({since, *changes[True], *changes[False]})
    steps, rdp, ssh = list[Step](), 0, 0
    for at in moments:
        rdp, ssh = rdp + changes[True][at], ssh + changes[False][at]
        if at < until and (not steps or (steps[-1].rdp, steps[-1].ssh) != (rdp, ssh)):
            steps.append(Step(at, rdp, ssh))
    return steps


def fullest(steps: Sequence[Step]) -> Step:
    """The step that takes the most room; of equal ones the first. Needs at least one."""
    return max(steps, key=lambda step: (step.weight, step.count))


def most(steps: Sequence[Step]) -> Step:
    """The step with the most people; of equal ones the first. Needs at least one."""
    return max(steps, key=lambda step: step.count)


def quiet_before(steps: Sequence[Step], at: datetime) -> tuple[datetime, datetime] | None:
    """The first stretch before ``at`` in which there is nobody: (from, to)."""
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        if step.at < at and not step.count:
            return step.at, following.at if following else at
    return None


def buckets(steps: Sequence[Step], since: datetime, size: timedelta, number: int) -> list[int]:
    """The most people in each of so many stretches of that size, beginning at ``since``."""
    found, before, position = list[int](), 0, 0
    for index in range(number):
        highest, end = before, since + (index + 1) * size
        while position < len(steps) and steps[position].at < end:
            if steps[position].at <= since + index * size:
                highest = 0  # what was before has no part in this stretch
            before = steps[position].count
            highest = max(highest, before)
            position += 1
        found.append(highest)
    return found
