"""The policy in force, and what it says of a request: facts of the database put to pure rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings

from access.models import AccessRequest, Machine, Person, PolicyState, PolicyVersion
from access.policy.table import roles_of
from access.rules.builtin import builtin
from access.rules.combining import combine
from access.rules.document import Policy, parse
from access.rules.judgement import Asked, Judgement

BUILT_IN = 0  # the number that stands for the policy that is there before anybody wrote one
Wanted = Iterable[tuple[Machine, int]]  # machines, each with the port that is asked for


@dataclass(frozen=True)
class InForce:
    """``number``: of the version, ``BUILT_IN`` as long as there is none."""

    policy: Policy
    number: int


@dataclass(frozen=True)
class Ruling:
    """A judgement and the version that it is by."""

    judgement: Judgement
    number: int

    def as_json(self) -> dict[str, Any]:
        """What a request keeps of it."""
        return {"number": self.number, "judgement": self.judgement.as_json()}


@dataclass(frozen=True)
class Terms:
    """What is asked for, whatever the machine. ``start``: aware; the present moment for "now"."""

    kind: str
    minutes: int
    start: datetime
    requester: Person
    vendor_mail: str = ""


def policy_in_force() -> InForce:
    """One small query; the document is read only when it changed since this process last did."""
    active = PolicyVersion.objects.filter(state=PolicyState.ACTIVE)
    row = active.values_list("number", "digest").first()
    if row is None:
        return InForce(built_in(), BUILT_IN)
    number, digest = row
    return InForce(policy_of_version(number, digest), number)


def built_in() -> Policy:
    """What is asked as long as no version is in force."""
    return _built_in(settings.ACCESS_MAX_MINUTES, settings.ACCESS_LAPSE_MINUTES)


@lru_cache(maxsize=32)
def policy_of_version(number: int, digest: str) -> Policy:
    """A stored version, parsed. ``digest`` is in the key so that a cached one is never stale."""
    return parse(PolicyVersion.objects.get(number=number, digest=digest).document)


def judge(wanted: Wanted, terms: Terms, *, by: InForce | None = None) -> Ruling:
    """The strictest of what the policy says of each machine. ``by``: another policy than the one
    in force, for trying it out."""
    using = by or policy_in_force()
    judged = [using.policy.judge(asked_for(using.policy, *one, terms)) for one in wanted]
    return Ruling(combine(judged), using.number)


def judge_again(
    access_request: AccessRequest, start: datetime, *, by: InForce, minutes: int | None = None
) -> Ruling:
    """The same request as it would be judged if it were to begin at ``start``, by a policy and by
    the machines' tags as they are now. Needs doors with machines, and the requester.

    ``minutes``: for another length than the one that holds."""
    doors = [d for d in access_request.doors.all() if d.kind == access_request.kind]
    terms = Terms(
        kind=access_request.kind,
        minutes=minutes or access_request.approved_minutes or access_request.duration_minutes,
        start=start,
        requester=access_request.requester,
        vendor_mail=access_request.vendor_mail,
    )
    return judge([(door.machine, door.port) for door in doors], terms, by=by)


def asked_for(policy: Policy, machine: Machine, port: int, terms: Terms) -> Asked:
    """The facts that rules match on."""
    requester = terms.requester
    return Asked(
        kind=terms.kind,
        port=port,
        minutes=terms.minutes,
        start=terms.start,
        subscription_id=machine.subscription_id,
        subscription_name=machine.subscription_name,
        resource_group=machine.resource_group,
        machine=machine.name,
        region=machine.region,
        os=machine.os,
        tags=_tags(machine.tags),
        production=machine.is_production,
        owner=machine.owner,
        requester=requester.identity,
        groups=policy.groups_of(requester.identity),
        roles=roles_of(requester),
        vendor_domain=terms.vendor_mail.rpartition("@")[2].lower(),
    )


def _tags(tags: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in tags.items()}


@lru_cache(maxsize=4)
def _built_in(max_minutes: int, lapse_minutes: int) -> Policy:
    return builtin(max_minutes=max_minutes, lapse_minutes=lapse_minutes)
