"""People as the page of who may do what shows them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q, QuerySet

from access.models import Deputy, Person, Role
from access.rules.document import Policy

LONGEST_SEARCH = 100


@dataclass(frozen=True)
class PersonLine:
    """``deputies``: those who decide in this person's place now; ``stands_in_for``: the reverse.
    ``accounts``: others of the same human being."""

    person: Person
    roles: list[str]
    groups: list[str]
    deputies: list[Deputy] = field(default_factory=list)
    stands_in_for: list[Deputy] = field(default_factory=list)
    accounts: list[Person] = field(default_factory=list)


def people_like(rows: QuerySet[Person], typed: str) -> QuerySet[Person]:
    """Of whom each typed word is found in the name, the mail address or the identity."""
    for word in typed[:LONGEST_SEARCH].split():
        tenant, slash, thing = word.partition("/")
        identity = Q(tenant_id__iexact=tenant, object_id__istartswith=thing) if slash else Q()
        rows = rows.filter(
            Q(display_name__icontains=word)
            | Q(mail__icontains=word)
            | Q(object_id__icontains=word)
            | (identity if slash else Q(tenant_id__iexact=word))
        )
    return rows


def lines_of(people: Sequence[Person], policy: Policy, now: datetime) -> list[PersonLine]:
    """Needs their roles and managers loaded. Two more queries for however many people."""
    instead, standing = _deputies(people, now)
    accounts = _accounts(people)
    return [
        PersonLine(
            person=person,
            roles=[role.label for role in Role if role.value in person.held_roles],
            groups=sorted(policy.groups_of(person.identity)),
            deputies=instead[person.pk],
            stands_in_for=standing[person.pk],
            accounts=[a for a in accounts if a.pk != person.pk and a.is_same_human(person)],
        )
        for person in people
    ]


def _deputies(
    people: Iterable[Person], now: datetime
) -> tuple[dict[int, list[Deputy]], dict[int, list[Deputy]]]:
    ids = [person.pk for person in people]
    rows = Deputy.objects.filter(
        Q(approver__in=ids) | Q(deputy__in=ids),
        Q(ended_at__isnull=True) | Q(ended_at__gt=now),
        starts_at__lte=now,
        ends_at__gt=now,
    )
    instead, standing = defaultdict(list), defaultdict(list)
    for row in rows.select_related("approver", "deputy").order_by("ends_at", "pk"):
        instead[row.approver_id].append(row)
        standing[row.deputy_id].append(row)
    return instead, standing


def _accounts(people: Iterable[Person]) -> list[Person]:
    keys = {person.person_key for person in people if person.person_key}
    return list(Person.objects.filter(person_key__in=keys).order_by("pk")) if keys else []
