"""Who may do what. Every rule about people is here, and nowhere else.

The answers are for people as they are now: roles are read afresh for each HTTP request.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from access.errors import NotAllowed
from access.models import AccessRequest, Grant, LiveSession, Person, Role

POLICY_VERSION = 1
SHORTEST_MINUTES = 5
OVERSEERS = (Role.APPROVER, Role.ADMIN, Role.AUDITOR)


def snapshot() -> dict[str, Any]:
    """What a request is judged by, kept with it."""
    return {
        "version": POLICY_VERSION,
        "approvals": 1,
        "approver_role": Role.APPROVER.value,
        "max_minutes": settings.ACCESS_MAX_MINUTES,
        "lapse_minutes": settings.ACCESS_LAPSE_MINUTES,
    }


def lapse_after() -> timedelta:
    """How long a request may wait for a decision."""
    return timedelta(minutes=settings.ACCESS_LAPSE_MINUTES)


def eligible_approvers(requester_id: int) -> QuerySet[Person]:
    """Who could decide this person's request now: never the person."""
    return Person.objects.holding(Role.APPROVER).exclude(pk=requester_id)


def check_may_request(person: Person) -> None:
    if not person.holds(Role.ENGINEER):
        raise NotAllowed("Asking for access needs the Engineer role. An administrator gives it.")


def check_may_decide(access_request: AccessRequest, by: Person) -> None:
    """Raises ``NotAllowed``. The order matters: the plainest reason comes first."""
    if access_request.requester_id == by.pk:
        raise NotAllowed("Nobody decides their own request. Another approver must.")
    if not by.holds(Role.APPROVER):
        raise NotAllowed("Deciding needs the Approver role.")


def check_may_withdraw(access_request: AccessRequest, by: Person) -> None:
    if access_request.requester_id != by.pk or not by.is_active:
        raise NotAllowed("Only the person who asked can withdraw a request.")


def check_may_end(grant: Grant, by: Person) -> None:
    own = grant.access_request.requester_id == by.pk and by.is_active
    if not own and not by.holds(Role.ADMIN):
        raise NotAllowed("Only the person it was given to, or an administrator, can end access.")


def check_may_disconnect(covering: Iterable[Grant], by: Person) -> None:
    """``covering``: the grants through which the session could have begun."""
    own = any(g.access_request.requester_id == by.pk and g.state == "open" for g in covering)
    if not (own and by.is_active) and not by.holds(Role.ADMIN):
        raise NotAllowed("Only the person whose access it is, or an administrator, can do this.")


def check_may_remove(by: Person) -> None:
    if not by.holds(Role.ADMIN):
        raise NotAllowed("Only an administrator can have removed what nobody approved.")


def may_remove(person: Person) -> bool:
    return person.holds(Role.ADMIN)


def check_may_change_guard(by: Person) -> None:
    if not by.holds(Role.ADMIN):
        raise NotAllowed("Only an administrator can change which ports are guarded.")


def may_see_drift(person: Person) -> bool:
    return person.holds(*OVERSEERS)


def may_verify(person: Person) -> bool:
    return person.holds(Role.AUDITOR, Role.ADMIN)


def check_may_manage_outside(by: Person) -> None:
    if not by.holds(Role.ADMIN):
        raise NotAllowed("Registering machines outside Azure needs the Administrator role.")


def may_manage_outside(person: Person) -> bool:
    return person.holds(Role.ADMIN)


def may_see_capacity(person: Person) -> bool:
    return person.holds(*OVERSEERS)


def check_may_read_estate(person: Person) -> None:
    if not person.holds(Role.ADMIN):
        raise NotAllowed("Having the estate read needs the Administrator role.")


def may_decide(access_request: AccessRequest, person: Person) -> bool:
    return _passes(check_may_decide, access_request, person)


def may_end(grant: Grant, person: Person) -> bool:
    return _passes(check_may_end, grant, person)


def may_disconnect(covering: Iterable[Grant], person: Person) -> bool:
    return _passes(check_may_disconnect, covering, person)


def oversees(person: Person) -> bool:
    """Sees what others have open, and who is connected anywhere."""
    return person.holds(*OVERSEERS)


def may_connect(grant: Grant, person: Person) -> bool:
    """How to get in is told to the person that it was given to, and to nobody else."""
    return grant.access_request.requester_id == person.pk and person.is_active


def may_see_grant(grant: Grant, person: Person) -> bool:
    """The rule of ``visible_grants`` for one that is at hand."""
    return oversees(person) or grant.access_request.requester_id == person.pk


def may_read_ledger(person: Person) -> bool:
    return person.holds(Role.AUDITOR, Role.ADMIN)


def visible_requests(person: Person) -> QuerySet[AccessRequest]:
    """Overseers see all; an engineer sees their own. Others do not exist for them (404)."""
    everything = AccessRequest.objects.all()
    if person.holds(*OVERSEERS):
        return everything
    return everything.filter(requester=person)


def visible_grants(person: Person) -> QuerySet[Grant]:
    everything = Grant.objects.all()
    if person.holds(*OVERSEERS):
        return everything
    return everything.filter(access_request__requester=person)


def visible_sessions(person: Person) -> QuerySet[LiveSession]:
    """Overseers see all; an engineer sees who is on a machine as long as they may be there."""
    everything = LiveSession.objects.all()
    if person.holds(*OVERSEERS):
        return everything
    mine = Grant.objects.filter(access_request__requester=person, state="open")
    there = Exists(mine.filter(machine=OuterRef("machine")))
    return everything.filter(there, ended_at__isnull=True)


def waiting_for(person: Person) -> QuerySet[AccessRequest]:
    """Pending requests that this person could decide, whichever is due first on top."""
    pending = AccessRequest.objects.filter(state="pending")
    if not person.holds(Role.APPROVER):
        return pending.none()
    return pending.filter(~Q(requester=person)).order_by("lapses_at", "pk")


def _passes(check: Any, thing: object, person: Person) -> bool:
    try:
        check(thing, person)
    except NotAllowed:
        return False
    return True
