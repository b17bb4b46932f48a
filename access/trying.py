"""Trying out a policy: what it would say to somebody, and which people could approve that now.

Reads people and machines, and changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db.models import Q

from access.approvers import Pool, StageNow, why_short
from access.models import Machine, Person
from access.rules.cases import Case, Facts, Somebody, differences
from access.rules.document import Policy
from access.rules.judgement import Judgement, Source
from access.rules.objections import objections
from access.ruling import InForce, Terms, asked_for, judge

TRIED = -1  # the number of a policy that is no version
NOBODY = ("case", "somebody")  # tenant and object of who is nobody in particular


@dataclass(frozen=True)
class Result:
    """``wrong``: what is not as expected, a line each. ``notes``: what helps to see why."""

    case: Case
    wrong: list[str]
    notes: list[str] = field(default_factory=list)


class CannotTry(Exception):
    """The case names what is not there. Fit to print."""


def try_case(case: Case, policy: Policy, now: datetime) -> Result:
    """``now``: for deputies' periods, and for a case that names no start."""
    try:
        person, policy = _who(case.asks, policy)
        wanted = [_door(each, case.port) for each in case.machines]
    except CannotTry as reason:
        return Result(case, [str(reason)])
    terms = Terms(case.kind, case.minutes, case.start or now, person, case.vendor_mail)
    judgement = judge(wanted, terms, by=InForce(policy, TRIED)).judgement
    wrong = differences(case.expect, _found(case, judgement, policy, terms, now))
    return Result(case, wrong, _notes(case, policy, wanted, terms) if wrong else [])


def _who(asks: str | Somebody, policy: Policy) -> tuple[Person, Policy]:
    """Nobody in particular is made a member of the groups for this one case."""
    if isinstance(asks, str):
        return account(asks), policy
    missing = [name for name in asks.groups if name not in policy.groups]
    if missing:
        raise CannotTry(f"asks: the policy has no group {missing[0]}")
    somebody = Person(tenant_id=NOBODY[0], object_id=NOBODY[1], display_name="Somebody")
    somebody.held_roles = frozenset(asks.roles)
    joined = {name: (*policy.groups[name], somebody.identity) for name in asks.groups}
    return somebody, replace(policy, groups={**policy.groups, **joined})


def account(identity: str) -> Person:
    """``tenant/object``, or the object alone where only one account has it."""
    tenant, _, name = identity.rpartition("/")
    wanted = Q(object_id__iexact=name) & (Q(tenant_id__iexact=tenant) if tenant else Q())
    found = list(Person.objects.filter(wanted)[:2])
    if not found:
        raise CannotTry(f"nobody here has the account {identity}")
    if len(found) > 1:
        raise CannotTry(f"several accounts are called {identity}; write tenant/object")
    return found[0]


def _door(named: str | Facts, port: int | None) -> tuple[Machine, int]:
    machine = _imagined(named) if isinstance(named, Facts) else _known(named)
    return machine, port or machine.login_port


def _known(name: str) -> Machine:
    found = list(Machine.objects.filter(name__iexact=name, gone_at__isnull=True)[:2])
    if not found:
        raise CannotTry(f"machine: none here is called {name}")
    if len(found) > 1:
        raise CannotTry(f"machine: several here are called {name}; write its facts instead")
    return found[0]


def _imagined(facts: Facts) -> Machine:
    """As the reading of the estate would fill it in."""
    tags = {key.casefold(): value for key, value in facts.tags.items()}
    return Machine(
        name=facts.name,
        subscription_id=facts.subscription,
        subscription_name=facts.subscription,
        resource_group=facts.resource_group,
        region=facts.region,
        os=facts.os,
        tags=dict(facts.tags),
        environment=tags.get("environment", ""),
        owner=tags.get("owner", ""),
    )


def _found(
    case: Case, judgement: Judgement, policy: Policy, terms: Terms, now: datetime
) -> dict[str, Any]:
    stages = _stages(judgement, policy, terms, now) if judgement.allowed else []
    said = objections(judgement, minutes=case.minutes, ticket=case.ticket, ahead=case.ahead or None)
    return {
        "allowed": judgement.allowed,
        "why": judgement.why_not,
        "rule": sorted(judgement.rules),
        "auto_approve": judgement.auto_approve,
        "stages": [_names(each.stage.sources) for each in stages],
        "needed": [each.stage.needed for each in stages],
        "approvers": [sorted(c.person.identity for c in each.candidates) for each in stages],
        "blocked": bool(why_short(stages)),
        "extensions": judgement.extension.most,
        "extension_minutes": judgement.extension.max_minutes,
        "break_glass": _names(judgement.break_glass.sources),
        "break_glass_minutes": judgement.break_glass.max_minutes,
        "refused": sorted(said),
        **{key: getattr(judgement, key) for key in _PLAIN},
    }


def _stages(judgement: Judgement, policy: Policy, terms: Terms, now: datetime) -> list[StageNow]:
    """As for a request that was sent this moment."""
    pool = Pool(now)
    pool.groups = policy.groups
    found = []
    for index, stage in enumerate(judgement.stages):
        able = pool.for_sources(stage.sources, terms.requester, vendor_mail=terms.vendor_mail)
        found.append(StageNow(index, stage, (), tuple(able)))
    return found


def _names(sources: Iterable[Source]) -> list[str]:
    return sorted(source.name or source.kind for source in sources)


def _notes(
    case: Case, policy: Policy, wanted: list[tuple[Machine, int]], terms: Terms
) -> list[str]:
    """Why the rule that was expected did not decide."""
    expected = case.expect.get("rule", [])
    found = []
    for machine, port in wanted:
        for name, matched, why in policy.explain(asked_for(policy, machine, port, terms)):
            if name in expected and not matched:
                found.append(f"{name} does not match {machine.name}: {why}")
    return found


_PLAIN = (
    "max_minutes", "notice_minutes", "ticket_required", "step_up", "scheduled", "end",
    "grace_minutes", "lapse_minutes",
)  # fmt: skip
