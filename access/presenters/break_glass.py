"""Break-glass as it is offered: only to whom the policy names, and only where there is a way in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from access import emergencies, policy
from access.approvers import Pool, StageNow, label_of
from access.emergencies import may_break_glass
from access.models import AccessRequest, Machine, Person, Review
from access.presenters.ways import Way, possible, ways_into
from access.rules.judgement import Judgement
from access.ruling import Terms, judge, policy_in_force
from access.services.break_glass import longest

PRESETS = (15, 30, 60, 120, 240)  # minutes


@dataclass(frozen=True)
class GlassWay:
    """A way in that this person may open at once, for at most ``minutes``."""

    way: Way
    minutes: int
    judgement: Judgement


@dataclass(frozen=True)
class Consequences:
    """``told``: (who, how many). ``unsettled``: what the person still has running or unreviewed."""

    told: list[tuple[str, int]]
    owner: str
    review_due: datetime
    unsettled: Sequence[Review]

    @property
    def too_many(self) -> bool:
        return len(self.unsettled) >= emergencies.MOST_AT_ONCE


def glass_ways(person: Person, machine: Machine, now: datetime) -> list[GlassWay]:
    return ways_among(ways_into(machine), person, machine, now)


def ways_among(
    ways: Iterable[Way], person: Person, machine: Machine, now: datetime
) -> list[GlassWay]:
    """One query for the policy, however many ways. Empty: they need not know that there is such a
    thing."""
    in_force, found = policy_in_force(), []
    for way in possible(ways):
        if way.for_vendor:
            continue
        terms = Terms(way.kind, policy.SHORTEST_MINUTES, now, person)
        judgement = judge([(machine, way.port)], terms, by=in_force).judgement
        if judgement.allowed and may_break_glass(person, judgement.break_glass, in_force.policy):
            found.append(GlassWay(way, longest(judgement, way.max_minutes), judgement))
    return found


def instead_of(asked: AccessRequest, person: Person) -> Machine | None:
    """The machine that the person could open at once instead of waiting for this request of
    theirs, as it was judged when it was sent; the page asks again. Needs ``with_doors``."""
    waits = asked.is_undecided and asked.requester_id == person.pk and asked.extends_id is None
    glass = asked.judgement.break_glass
    if not waits or not glass.allowed:
        return None
    if not may_break_glass(person, glass, policy_in_force().policy):
        return None
    return next((door.machine for door in asked.doors.all() if door.kind == asked.kind), None)


def lengths(most: int) -> list[int]:
    """What is offered: the usual ones that fit, and the longest that is allowed."""
    return sorted({*(each for each in PRESETS if each <= most), most})


def consequences(
    person: Person, machine: Machine, judgement: Judgement, now: datetime
) -> Consequences:
    pool, told = Pool(now), []
    for index, stage in enumerate(judgement.stages):
        able = tuple(pool.for_sources(stage.sources + stage.escalate_to, person))
        told.append((label_of(StageNow(index, stage, (), able)), len(able)))
    return Consequences(
        told=told,
        owner=machine.owner if machine.owner in policy_in_force().policy.groups else "",
        review_due=emergencies.review_due(now, person),
        unsettled=list(emergencies.unsettled(person)[: emergencies.MOST_AT_ONCE]),
    )
