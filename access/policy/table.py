"""Which role gives which power: the one table, and the one place that looks it up.

Besides, people have what is their own: whoever asked may withdraw, change, end and talk about it,
and nobody else may; that is in the modules beside this one. A role never gives a say in one's own
request, whatever the table says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from django.conf import settings
from django.db.models import Q, QuerySet, TextChoices

from access.models import Person, Role, Scope


class Act(TextChoices):
    """What a role can give. The labels are for people: they are the rows of docs/permissions.md."""

    ASK = "ask", "Ask for access, change it and ask for more time"
    BREAK_GLASS = "break_glass", "Open without an approval, where the policy names them"
    DECIDE = "decide", "Approve and deny what the policy gives them to decide"
    NAME_DEPUTY = "name_deputy", "Name a deputy"
    OVERSEE = "oversee", "See what others asked for, have open and are connected to"
    REVIEW = "review", "Review what was opened without an approval"
    SEE_DRIFT = "see_drift", "See what is open and nobody approved"
    SEE_CAPACITY = "see_capacity", "See how full the Bastion hosts are"
    READ_LEDGER = "read_ledger", "Read the ledger"
    SEE_PEOPLE = "see_people", "See people, their roles, and who is whose deputy"
    SEE_TOKENS = "see_tokens", "See whose tokens there are, and when they were used"
    SEE_POLICIES = "see_policies", "Read the policy and its versions, and try it"
    SEE_INCIDENTS = "see_incidents", "See what was closed in incidents"
    SEE_VENDORS = "see_vendors", "See the people of vendors who are kept as contacts"
    VERIFY = "verify", "See what stands in the way in Azure"
    END_ANY = "end_any", "End the access and the sessions of others"
    REVOKE_TOKEN = "revoke_token", "Revoke the token of somebody else"
    END_SESSIONS = "end_sessions", "Sign somebody else out everywhere"
    JOIN_TALK = "join_talk", "Comment on the requests of others"
    REMOVE_DRIFT = "remove_drift", "Have removed what nobody approved"
    TAKE_BACK_DEPUTY = "take_back_deputy", "Take back the deputy of somebody else"
    CLOSE_EVERYTHING = "close_everything", "Close everything, confirm it and lift it (two people)"
    RECONCILE = "reconcile", "Reconcile a database that went back in time"
    CHANGE_POLICY = "change_policy", "Propose a policy, put it in force or reject it (two people)"
    CHANGE_GUARD = "change_guard", "Change which ports are guarded"
    MANAGE_OUTSIDE = "manage_outside", "Register machines outside Azure"
    MANAGE_NOTICES = "manage_notices", "Say where notices are sent"
    KEEP_VENDORS = "keep_vendors", "Change a vendor's contact, and say that it was checked"
    BLOCK_VENDOR = "block_vendor", "Block a vendor's contact, and unblock it"
    TEND_VISITS = "tend_visits", "Invite a vendor again and tick off logins in a sponsor's place"
    READ_ESTATE = "read_estate", "Have the estate read now"
    HEAR_OF_TROUBLE = "hear_of_trouble", "Be told of what goes wrong"
    HEAR_OF_EMERGENCIES = "hear_of_emergencies", "Be told of each break-glass"


class Guests(Enum):
    """Accounts of another organisation's directory."""

    MAY = "yes"
    MAY_IF_SET = "only if ENTRA_GUESTS_APPROVE is set"
    MAY_NOT = "no"


class Programs(Enum):
    """Accounts of programs: see ``PROGRAMS_HOLD`` for what can be given to them at all."""

    MAY = "yes"
    MAY_NOT = "no"


@dataclass(frozen=True)
class Power:
    """``by_token``: what a personal token must be for. ``None``: it takes the person themself."""

    roles: frozenset[Role]
    guests: Guests
    programs: Programs
    by_token: Scope | None


ENGINEERS = frozenset({Role.ENGINEER})
APPROVERS = frozenset({Role.APPROVER})
AUDITORS = frozenset({Role.AUDITOR})
ADMINS = frozenset({Role.ADMIN})
OVERSEERS = APPROVERS | ADMINS | AUDITORS
SPONSORS = ENGINEERS | ADMINS  # administrators invite nobody, and look after who is invited
EVERYBODY = ENGINEERS | OVERSEERS
READERS = ADMINS | AUDITORS
DECIDERS = APPROVERS | ADMINS  # their sign-in lasts for a shorter time
# A program that was given another role by mistake has nothing by it.
PROGRAMS_HOLD = ENGINEERS | AUDITORS

# fmt: off
TABLE: Mapping[Act, Power] = {
    # act                          roles      guests             programs          by token
    Act.ASK:                 Power(ENGINEERS, Guests.MAY,        Programs.MAY,     Scope.REQUEST),
    Act.BREAK_GLASS:         Power(ENGINEERS, Guests.MAY,        Programs.MAY_NOT, None),
    Act.DECIDE:              Power(APPROVERS, Guests.MAY_IF_SET, Programs.MAY_NOT, None),
    Act.NAME_DEPUTY:         Power(APPROVERS, Guests.MAY_IF_SET, Programs.MAY_NOT, None),
    Act.OVERSEE:             Power(OVERSEERS, Guests.MAY,        Programs.MAY,     Scope.READ),
    Act.REVIEW:              Power(OVERSEERS, Guests.MAY_NOT,    Programs.MAY_NOT, None),
    Act.SEE_DRIFT:           Power(OVERSEERS, Guests.MAY,        Programs.MAY,     Scope.READ),
    Act.SEE_CAPACITY:        Power(OVERSEERS, Guests.MAY,        Programs.MAY,     Scope.READ),
    Act.READ_LEDGER:         Power(READERS,   Guests.MAY,        Programs.MAY,     Scope.READ),
    Act.SEE_PEOPLE:          Power(READERS,   Guests.MAY,        Programs.MAY,     Scope.READ),
    Act.SEE_TOKENS:          Power(READERS,   Guests.MAY,        Programs.MAY_NOT, Scope.READ),
    Act.SEE_POLICIES:        Power(READERS,   Guests.MAY,        Programs.MAY,     Scope.READ),
    Act.SEE_INCIDENTS:       Power(READERS,   Guests.MAY,        Programs.MAY,     Scope.READ),
    Act.SEE_VENDORS:         Power(EVERYBODY, Guests.MAY,        Programs.MAY,     Scope.READ),
    Act.VERIFY:              Power(READERS,   Guests.MAY,        Programs.MAY,     Scope.READ),
    Act.END_ANY:             Power(ADMINS,    Guests.MAY,        Programs.MAY_NOT, Scope.REQUEST),
    Act.REVOKE_TOKEN:        Power(ADMINS,    Guests.MAY,        Programs.MAY_NOT, Scope.REQUEST),
    Act.END_SESSIONS:        Power(ADMINS,    Guests.MAY,        Programs.MAY_NOT, None),
    Act.JOIN_TALK:           Power(ADMINS,    Guests.MAY,        Programs.MAY_NOT, Scope.REQUEST),
    Act.REMOVE_DRIFT:        Power(ADMINS,    Guests.MAY,        Programs.MAY_NOT, None),
    Act.TAKE_BACK_DEPUTY:    Power(ADMINS,    Guests.MAY,        Programs.MAY_NOT, None),
    Act.CLOSE_EVERYTHING:    Power(ADMINS,    Guests.MAY,        Programs.MAY_NOT, None),
    Act.RECONCILE:           Power(ADMINS,    Guests.MAY,        Programs.MAY_NOT, None),
    Act.CHANGE_POLICY:       Power(ADMINS,    Guests.MAY_IF_SET, Programs.MAY_NOT, None),
    Act.CHANGE_GUARD:        Power(ADMINS,    Guests.MAY,        Programs.MAY_NOT, None),
    Act.MANAGE_OUTSIDE:      Power(ADMINS,    Guests.MAY,        Programs.MAY_NOT, None),
    Act.MANAGE_NOTICES:      Power(ADMINS,    Guests.MAY,        Programs.MAY_NOT, None),
    Act.KEEP_VENDORS:        Power(SPONSORS,  Guests.MAY,        Programs.MAY_NOT, None),
    Act.BLOCK_VENDOR:        Power(ADMINS,    Guests.MAY,        Programs.MAY_NOT, None),
    Act.TEND_VISITS:         Power(ADMINS,    Guests.MAY,        Programs.MAY_NOT, None),
    Act.READ_ESTATE:         Power(ADMINS,    Guests.MAY,        Programs.MAY_NOT, None),
    Act.HEAR_OF_TROUBLE:     Power(ADMINS,    Guests.MAY,        Programs.MAY_NOT, None),
    Act.HEAR_OF_EMERGENCIES: Power(AUDITORS,  Guests.MAY,        Programs.MAY_NOT, None),
}
# fmt: on


def has(person: Person, act: Act) -> bool:
    """Whether a role gives it to this account, coming as it does: itself or by a token."""
    by_token = TABLE[act].by_token
    comes = person.scopes is None or (by_token is not None and by_token in person.scopes)
    return comes and would_have(person, act)


def would_have(person: Person, act: Act) -> bool:
    """Whether it is theirs when they come themselves. To show somebody what waits for them, and
    never to let anything be done."""
    power = TABLE[act]
    if not person.is_active or power.roles.isdisjoint(roles_of(person)):
        return False
    return _may_come_as_guest(person, power) and _may_come_as_program(person, power)


def people_with(act: Act) -> QuerySet[Person]:
    """Everybody who has it when they come themselves, in the order of their names."""
    power = TABLE[act]
    roles = Q(is_application=False, roles__role__in=power.roles)
    if power.programs is Programs.MAY:
        roles |= Q(is_application=True, roles__role__in=power.roles & PROGRAMS_HOLD)
    found = Person.objects.filter(roles, is_active=True)
    if not _guests_may(power):
        found = found.filter(is_guest=False)
    found = found.order_by("display_name", "pk")
    return found.distinct() if len(power.roles) > 1 else found


def roles_of(person: Person) -> frozenset[str]:
    """The roles that count, whether the account is active or not."""
    return person.held_roles & PROGRAMS_HOLD if person.is_application else person.held_roles


def _may_come_as_guest(person: Person, power: Power) -> bool:
    return not person.is_guest or _guests_may(power)


def _may_come_as_program(person: Person, power: Power) -> bool:
    return not person.is_application or power.programs is Programs.MAY


def _guests_may(power: Power) -> bool:
    if power.guests is Guests.MAY_IF_SET:
        return bool(settings.ENTRA_GUESTS_APPROVE)
    return power.guests is Guests.MAY
