"""From validated claims to a person and their roles."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from access.models import Person
from portal.directory.mine import Unknown, groups_of_token
from portal.directory.roles import replace_roles, roles_named
from portal.directory.texts import storable
from portal.models import DirectoryReading
from portal.signin.entra.config import Entra
from portal.signin.entra.flow import Given
from portal.signin.entra.problems import Refused
from portal.signin.entra.tokens import Claims

LONGEST_NAME = 200
LONGEST_MAIL = 254
GUEST = 1  # of the claim ``acct``; 0 is a member


@dataclass(frozen=True)
class Arrival:
    """Who the directory says is there. ``roles``: values of ``Role``; ``name`` and ``mail`` are
    empty where the token has none."""

    tenant: str
    object: str
    name: str
    mail: str
    is_guest: bool
    roles: frozenset[str]

    @property
    def identity(self) -> str:
        return f"{self.tenant}/{self.object}"


def arrival_of(given: Given, entra: Entra) -> Arrival:
    """Raises ``Refused`` where it is not known which roles they hold."""
    claims, tenant, oid = given.claims, entra.tenant, str(given.claims["oid"]).lower()
    try:
        roles = app_roles(claims) | _group_roles(given, entra)
    except Unknown:
        raise Refused("groups-unknown", who=f"{tenant}/{oid}") from None
    name, mail = text_of(claims, "name", LONGEST_NAME), text_of(claims, "email", LONGEST_MAIL)
    return Arrival(tenant, oid, name, mail, _is_guest(claims, entra), roles)


def welcome(arrival: Arrival, *, how: str, asked_at: datetime) -> Person:
    """The person of the account, as the directory describes it now. Raises ``Refused`` for whom
    nobody gave a role, and for an account that is switched off here.

    A new object id is a new person, whatever name or mail it has: who gets the address of somebody
    who left gets nothing of theirs. What is refused is still taken note of, so that roles that were
    taken away are gone here, too.
    """
    with transaction.atomic():
        person = _found_or_made(arrival)
        if person is not None:
            _described(person, arrival)
            replace_roles(person, arrival.roles, how=how, asked_at=asked_at)
    if not arrival.roles:
        raise Refused("no-role", who=arrival.identity)
    assert person is not None  # noqa: S101 - whoever has a role was made above
    if not person.is_active:
        raise Refused("switched-off", who=arrival.identity)
    return person


def app_roles(claims: Claims) -> frozenset[str]:
    """``roles`` holds the values of app roles, as the manifest writes them: ``Approver``. What is
    not ours is left out."""
    return roles_named(_strings(claims.get("roles")))


def _group_roles(given: Given, entra: Entra) -> frozenset[str]:
    """Entra leaves groups out of a token when there are too many, and then says so; or when there
    are none, and then says nothing. Only a list is an answer: all else is asked of Graph."""
    if not entra.group_roles:
        return frozenset()
    wanted, listed = dict(entra.group_roles), given.claims.get("groups")
    if isinstance(listed, list):
        member_of = {each.lower() for each in _strings(listed)}
    else:
        member_of = set(groups_of_token(given.access_token, sorted(wanted)))
    return frozenset(role for group, role in wanted.items() if group in member_of)


def _is_guest(claims: Claims, entra: Entra) -> bool:
    """``acct`` is an optional claim that the manifest asks for; ``idp`` names where somebody signed
    in who did not do so here."""
    idp = claims.get("idp")
    elsewhere = isinstance(idp, str) and bool(idp) and entra.tenant not in idp.lower()
    return elsewhere or str(claims.get("acct", "0")) == str(GUEST)


def _found_or_made(arrival: Arrival) -> Person | None:
    identity = {"tenant_id": arrival.tenant, "object_id": arrival.object}
    if not arrival.roles:  # nobody is written down who has nothing to do here
        return Person.objects.filter(**identity, is_application=False).first()
    name = arrival.name or "Unnamed"
    person, _ = Person.objects.get_or_create(**identity, defaults={"display_name": name})
    if person.is_application:
        raise Refused("not-a-person", who=arrival.identity)
    return person


def _described(person: Person, arrival: Arrival) -> None:
    said = {
        "display_name": arrival.name or person.display_name,
        "mail": arrival.mail or person.mail,
        "is_guest": arrival.is_guest or _is_known_as_guest(person),
    }
    changed = [name for name, value in said.items() if getattr(person, name) != value]
    for name in changed:
        setattr(person, name, said[name])
    if changed:
        person.save(update_fields=changed)


def _is_known_as_guest(person: Person) -> bool:
    """A token says nothing of ``userType``, and of ``acct`` only what the manifest asks for. So it
    never unsays what the directory said of somebody: that is for the next reading."""
    was_read = DirectoryReading.objects.filter(finished_at__isnull=False)
    return person.is_guest and was_read.exists()


def text_of(claims: Claims, name: str, longest: int) -> str:
    """Empty where there is none. Without what JSON can say and PostgreSQL cannot keep."""
    value = claims.get(name)
    if not isinstance(value, str):
        return ""
    return storable(value, longest)


def _strings(value: Any) -> Iterable[str]:
    return (each for each in value if isinstance(each, str)) if isinstance(value, list) else ()
