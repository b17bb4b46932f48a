"""Writing down which roles the directory gives somebody: one way for all who ask it."""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import transaction

from access import ledger
from access.clock import db_now
from access.models import Person, PersonRole, Role
from access.notices import tell_overseers
from access.policy.table import DECIDERS, PROGRAMS_HOLD
from portal.signin.ending import end_all

PART = "directory"
KNOWN = frozenset(Role.values)
WEIGHTY = {role.value: role.label for role in Role if role in DECIDERS}  # overseers are told


def replace_roles(
    person: Person, roles: Collection[str], *, how: str, asked_at: datetime | None = None
) -> frozenset[str]:
    """The person holds exactly these roles from now on; the answer is what was lost.

    ``how``: sign-in, reread or directory, for the ledger. ``asked_at``: when the directory was
    asked, by the database's clock; ``None`` is now. An older answer than what is known changes
    nothing. Losing a role ends every session of the person, so what a browser shows is gone with
    it; of who becomes an approver or an administrator the overseers are told. May be repeated:
    without a change there is no line, nobody is told and no session ends.
    """
    with transaction.atomic():
        locked = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
        asked_at = asked_at or db_now()
        if locked.roles_read_at and locked.roles_read_at > asked_at:
            return frozenset()
        before = frozenset(PersonRole.objects.filter(person=locked).values_list("role", flat=True))
        after = _permitted(locked, roles)
        Person.objects.filter(pk=locked.pk).update(roles_read_at=asked_at)
        if before != after:
            _write(locked, before, after, how)
    person.roles_read_at = asked_at
    vars(person)["held_roles"] = after  # whoever holds this object goes on with what is true now
    return before - after


def roles_named(values: Iterable[object]) -> frozenset[str]:
    """Ours for the app roles' values, in whatever case; what there is besides gives nothing."""
    return KNOWN & {str(value).lower() for value in values}


def _permitted(person: Person, roles: Collection[str]) -> frozenset[str]:
    permitted = PROGRAMS_HOLD if person.is_application else KNOWN
    return permitted.intersection(roles)


def _write(person: Person, before: frozenset[str], after: frozenset[str], how: str) -> None:
    """Sessions before the ledger: who signs in or out takes them in this order, too."""
    gone = PersonRole.objects.filter(person=person, role__in=before - after)
    gone.delete()
    PersonRole.objects.bulk_create(
        PersonRole(person=person, role=role) for role in sorted(after - before)
    )
    if before - after:
        end_sessions(person, why="a role was taken away")
    ledger.record(
        "person.roles_changed",
        by=PART,
        subject=person.identity,
        data={
            "name": person.display_name,
            "before": sorted(before),
            "after": sorted(after),
            "how": how,
        },
    )
    tell_of_gained(person, after - before)


def tell_of_gained(person: Person, gained: Collection[str]) -> None:
    """Overseers hear of who may decide or administer from now on: whoever can give that in Entra
    should not be able to do so unseen. In the transaction of the change."""
    weighty = [label for role, label in WEIGHTY.items() if role in gained]
    if weighty:
        told = {"approver": person.display_name, "why": f"New: {', '.join(weighty)}"}
        key = f"{person.identity}-{db_now().isoformat()}"
        tell_overseers("person.gained", key=key, data=told)


def end_sessions(person: Person, *, why: str) -> None:
    """All browsers of the person are signed out, in the transaction of the change."""
    end_all(person, by=PART, why=why)
