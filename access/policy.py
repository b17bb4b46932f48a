"""Who may do what. Every rule about people is here, and nowhere else.

The answers are for people as they are now: roles are read afresh for each HTTP request.
"""

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from access.errors import NotAllowed
from access.models import (
    AccessRequest,
    Deputy,
    Grant,
    LiveSession,
    Lockdown,
    Person,
    PolicyVersion,
    Review,
    Role,
)

SHORTEST_MINUTES = 5
OVERSEERS = (Role.APPROVER, Role.ADMIN, Role.AUDITOR)


def check_may_request(person: Person) -> None:
    if not person.holds(Role.ENGINEER):
        raise NotAllowed("Asking for access needs the Engineer role. An administrator gives it.")


def check_may_withdraw(access_request: AccessRequest, by: Person) -> None:
    if access_request.requester_id != by.pk or not by.is_active:
        raise NotAllowed("Only the person who asked can withdraw a request.")


def check_may_answer(access_request: AccessRequest, by: Person) -> None:
    if access_request.requester_id != by.pk or not by.is_active:
        raise NotAllowed("Only the person who asked for access answers questions about it.")


def may_join_any_conversation(person: Person) -> bool:
    return person.holds(Role.ADMIN)


def check_may_name_deputy(by: Person) -> None:
    """Who decides nothing has nothing to hand over."""
    if not by.holds(Role.APPROVER) or by.is_guest:
        raise NotAllowed("Naming a deputy needs the Approver role.")


def may_name_deputy(person: Person) -> bool:
    return person.holds(Role.APPROVER) and not person.is_guest


def check_may_take_back_deputy(row: Deputy, by: Person) -> None:
    own = row.approver_id == by.pk and by.is_active
    if not own and not by.holds(Role.ADMIN):
        raise NotAllowed("Only who named a deputy, or an administrator, can take it back.")


def visible_deputies(person: Person) -> QuerySet[Deputy]:
    """Administrators and auditors see all; others whom they named and for whom they stand in."""
    if person.holds(Role.ADMIN, Role.AUDITOR):
        return Deputy.objects.all()
    return Deputy.objects.filter(Q(approver=person) | Q(deputy=person))


def check_may_change(access_request: AccessRequest, by: Person) -> None:
    if access_request.requester_id != by.pk or not by.holds(Role.ENGINEER):
        raise NotAllowed("Only the person who asked can change a request.")


def check_may_extend(access_request: AccessRequest, by: Person) -> None:
    if access_request.requester_id != by.pk or not by.holds(Role.ENGINEER):
        raise NotAllowed("Only the person who has the access can ask for more time.")


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


def check_may_review(access_request: AccessRequest, by: Person) -> None:
    """Of access that was opened without an approval."""
    if by.is_same_human(access_request.requester):
        raise NotAllowed("You opened this yourself. Somebody else must review it.")
    if not may_review_any(by):
        raise NotAllowed("Reviewing needs the Approver, Administrator or Auditor role.")


def may_review_any(person: Person) -> bool:
    return person.holds(*OVERSEERS) and not person.is_guest


def reviews_owed_by(person: Person) -> QuerySet[Review]:
    """Those that nobody has done and that this person may do."""
    owed = Review.objects.filter(reviewed_at__isnull=True)
    if not may_review_any(person):
        return owed.none()
    others, key = owed.exclude(access_request__requester=person), person.person_key
    return others.exclude(access_request__requester__person_key=key) if key else others


def may_review(access_request: AccessRequest, person: Person) -> bool:
    return _passes(check_may_review, access_request, person)


def check_may_lock_down(by: Person) -> None:
    if not by.holds(Role.ADMIN):
        raise NotAllowed("Closing everything needs the Administrator role.")


def check_may_confirm_lockdown(lockdown: Lockdown, by: Person) -> None:
    """Two people: whoever ordered it does not confirm it, by no account of theirs."""
    check_may_lock_down(by)
    if lockdown.ordered_by_id == by.pk:
        raise NotAllowed("You ordered this. Another administrator must confirm it.")
    if by.is_same_human(lockdown.ordered_by):
        raise NotAllowed("You ordered this with another account. Somebody else must confirm it.")


def may_lock_down(person: Person) -> bool:
    return person.holds(Role.ADMIN)


def may_confirm_lockdown(lockdown: Lockdown, person: Person) -> bool:
    return _passes(check_may_confirm_lockdown, lockdown, person)


def may_see_lockdowns(person: Person) -> bool:
    return person.holds(Role.ADMIN, Role.AUDITOR)


def may_verify(person: Person) -> bool:
    return person.holds(Role.AUDITOR, Role.ADMIN)


def check_may_manage_outside(by: Person) -> None:
    if not by.holds(Role.ADMIN):
        raise NotAllowed("Registering machines outside Azure needs the Administrator role.")


def check_may_manage_notices(by: Person) -> None:
    if not by.holds(Role.ADMIN):
        raise NotAllowed("Saying who is told of what needs the Administrator role.")


def may_manage_notices(person: Person) -> bool:
    return person.holds(Role.ADMIN)


def may_manage_outside(person: Person) -> bool:
    return person.holds(Role.ADMIN)


def may_see_capacity(person: Person) -> bool:
    return person.holds(*OVERSEERS)


def may_see_policies(person: Person) -> bool:
    return person.holds(Role.AUDITOR, Role.ADMIN)


def may_see_people(person: Person) -> bool:
    return person.holds(Role.AUDITOR, Role.ADMIN)


def check_may_propose_policy(by: Person) -> None:
    if not by.holds(Role.ADMIN):
        raise NotAllowed("Proposing a policy needs the Administrator role.")


def check_may_put_in_force(version: PolicyVersion, by: Person) -> None:
    """Whoever proposed it does not decide on it, by no account of theirs."""
    if not by.holds(Role.ADMIN):
        raise NotAllowed("Deciding on a policy needs the Administrator role.")
    proposer = version.proposed_by
    if proposer is not None and proposer.pk == by.pk:
        raise NotAllowed("You proposed this. Another administrator must decide on it.")
    if proposer is not None and by.is_same_human(proposer):
        raise NotAllowed("You proposed this with another account. Somebody else must decide.")


def check_may_withdraw_policy(version: PolicyVersion, by: Person) -> None:
    if version.proposed_by_id != by.pk or not by.holds(Role.ADMIN):
        raise NotAllowed("Only the administrator who proposed a policy can withdraw it.")


def may_propose_policy(person: Person) -> bool:
    return person.holds(Role.ADMIN)


def may_put_in_force(version: PolicyVersion, person: Person) -> bool:
    return _passes(check_may_put_in_force, version, person)


def check_may_read_estate(person: Person) -> None:
    if not person.holds(Role.ADMIN):
        raise NotAllowed("Having the estate read needs the Administrator role.")


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
    """Requests that this person could decide as last reckoned, whichever is due first on top;
    those that wait for an answer of who asked come last."""
    held = ~Q(hold="") & Q(lapses_at__gt=Now())  # past its end nothing of it can open any more
    undecided = AccessRequest.objects.filter(Q(state="pending") | held)
    if not person.holds(Role.APPROVER):
        return undecided.none()
    mine = undecided.filter(deciders__person=person)
    return mine.order_by(F("asked_back_at").asc(nulls_first=True), "lapses_at", "pk")


def _passes(check: Any, thing: object, person: Person) -> bool:
    try:
        check(thing, person)
    except NotAllowed:
        return False
    return True
