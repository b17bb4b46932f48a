"""What people may see, and what waits for them."""

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from access.models import (
    AccessRequest,
    Deputy,
    Grant,
    LiveSession,
    Person,
    Review,
)
from access.policy.table import Act, has, would_have


def may_join_any_conversation(person: Person) -> bool:
    return has(person, Act.JOIN_TALK)


def visible_deputies(person: Person) -> QuerySet[Deputy]:
    """Administrators and auditors see all; others whom they named and for whom they stand in."""
    if may_see_all_deputies(person):
        return Deputy.objects.all()
    return Deputy.objects.filter(Q(approver=person) | Q(deputy=person))


def may_see_all_deputies(person: Person) -> bool:
    return has(person, Act.SEE_PEOPLE)


def may_see_drift(person: Person) -> bool:
    return has(person, Act.SEE_DRIFT)


def may_review_any(person: Person) -> bool:
    return has(person, Act.REVIEW)


def reviews_owed_by(person: Person) -> QuerySet[Review]:
    """Those that nobody has done and that this person may do."""
    owed = Review.objects.filter(reviewed_at__isnull=True)
    if not may_review_any(person):
        return owed.none()
    others, key = owed.exclude(access_request__requester=person), person.person_key
    return others.exclude(access_request__requester__person_key=key) if key else others


def may_see_lockdowns(person: Person) -> bool:
    return has(person, Act.SEE_INCIDENTS)


def may_verify(person: Person) -> bool:
    return has(person, Act.VERIFY)


def may_see_capacity(person: Person) -> bool:
    return has(person, Act.SEE_CAPACITY)


def may_see_policies(person: Person) -> bool:
    return has(person, Act.SEE_POLICIES)


def may_see_people(person: Person) -> bool:
    return has(person, Act.SEE_PEOPLE)


def oversees(person: Person) -> bool:
    """Sees what others have open, and who is connected anywhere."""
    return has(person, Act.OVERSEE)


def may_connect(grant: Grant, person: Person) -> bool:
    """How to get in is told to the person that it was given to, and to nobody else."""
    return grant.access_request.requester_id == person.pk and person.is_active


def may_see_grant(grant: Grant, person: Person) -> bool:
    """The rule of ``visible_grants`` for one that is at hand."""
    return oversees(person) or grant.access_request.requester_id == person.pk


def may_read_ledger(person: Person) -> bool:
    return has(person, Act.READ_LEDGER)


def visible_requests(person: Person) -> QuerySet[AccessRequest]:
    """Overseers see all; an engineer sees their own. Others do not exist for them (404)."""
    everything = AccessRequest.objects.all()
    if has(person, Act.OVERSEE):
        return everything
    return everything.filter(requester=person)


def visible_grants(person: Person) -> QuerySet[Grant]:
    everything = Grant.objects.all()
    if has(person, Act.OVERSEE):
        return everything
    return everything.filter(access_request__requester=person)


def visible_sessions(person: Person) -> QuerySet[LiveSession]:
    """Overseers see all; an engineer sees who is on a machine as long as they may be there."""
    everything = LiveSession.objects.all()
    if has(person, Act.OVERSEE):
        return everything
    mine = Grant.objects.filter(access_request__requester=person, state="open")
    there = Exists(mine.filter(machine=OuterRef("machine")))
    return everything.filter(there, ended_at__isnull=True)


def waiting_for(person: Person) -> QuerySet[AccessRequest]:
    """Requests that this person could decide as last reckoned, whichever is due first on top;
    those that wait for an answer of who asked come last. A token is shown them, too: seeing what
    waits is no decision, and ``has`` keeps it from making one."""
    held = ~Q(hold="") & Q(lapses_at__gt=Now())  # past its end nothing of it can open any more
    undecided = AccessRequest.objects.filter(Q(state="pending") | held)
    if not would_have(person, Act.DECIDE):
        return undecided.none()
    mine = undecided.filter(deciders__person=person)
    return mine.order_by(F("asked_back_at").asc(nulls_first=True), "lapses_at", "pk")
