"""Writing a whole reading of the directory to people: one person, one transaction.

Only accounts of our tenant, never the demo's. Programs are made by the token that they bring first;
here they only lose or gain roles. What decides who may approve whom
(roles, being active, guest, the human being behind the account, the manager) leaves a line in the
ledger when it changes; names and addresses do not.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from access import ledger
from access.models import Person, PersonRole
from access.services import tokens
from portal.directory.graph import Unknown
from portal.directory.reading import Account, Directory
from portal.directory.roles import PART, end_sessions, replace_roles, tell_of_gained
from portal.models import DirectoryReading

HOW = "directory"
LONGEST_NUMBER = 50  # characters of a key, besides what it begins with
MANY = 3  # people
EMPLOYEE = "employee:"  # a key that begins so was read here; any other was set by hand


@dataclass
class Written:
    """How many people: with an account or a role, new, changed, and made inactive."""

    people: int = 0
    created: int = 0
    changed: int = 0
    disabled: int = 0


class Unlikely(Unknown):
    """The answer is whole, and would take their roles from most people at once."""


def refuse_unlikely(read: Directory) -> None:
    """Raises ``Unlikely`` for a slip that nobody could mend afterwards, for it would sign out those
    who could: the application's assignments deleted, the wrong application named. What each
    person may do is asked of Entra all the same, before they do it."""
    held = list(_ours().filter(is_active=True, roles__isnull=False).distinct())
    lost = [person for person in held if not _keeps_any(person, read)]
    if len(lost) >= MANY and 2 * len(lost) > len(held):
        raise Unlikely(
            f"By it {len(lost)} of {len(held)} people would lose every role at once, so it was not "
            "believed. If it is meant, run manage.py sync_directory --believe."
        )


def _keeps_any(person: Person, read: Directory) -> bool:
    account = read.accounts.get(person.object_id)
    return account is not None and account.enabled and bool(account.roles)


def write_directory(read: Directory) -> Written:
    """May be repeated. An answer that is older than what sign-in has seen since changes no role."""
    done, known = Written(), _known(read.asked)
    for account in read.accounts.values():
        if account.object_id not in known and account.enabled and account.roles:
            done.created += _create(account, read)
    known = _known(read.asked)  # anew: managers may be among those who were just created
    same = [person for person in known.values() if not _write(person, known, read, done)]
    _confirm(same, read)
    _write_programs(read)
    done.people = len(known)
    return done


def known_ids() -> list[str]:
    """Object ids of our people of whom the directory must be asked, whatever they are given."""
    concerned = Q(is_active=True) | Q(roles__isnull=False)
    found = _ours().filter(concerned).values_list("object_id", flat=True)
    return sorted(set(found))


def key_of(person: Person, employee: str) -> str:
    """The key of the human being. Set by hand stays; what the directory no longer says stays too:
    an employee number that is deleted must not make one human being two."""
    if not employee or (person.person_key and not person.person_key.startswith(EMPLOYEE)):
        return person.person_key
    return f"{EMPLOYEE}{_number(employee)}"


def _number(employee: str) -> str:
    """In one spelling, however it was typed: whoever may write the number of a second account must
    not become somebody else by a wide letter or an invisible one."""
    folded = unicodedata.normalize("NFKC", employee).casefold()
    plain = "".join(c for c in folded if not unicodedata.category(c).startswith(("C", "Z")))
    return (
        plain
        if len(plain) <= LONGEST_NUMBER
        else sha256(plain.encode()).hexdigest()[:LONGEST_NUMBER]
    )


def _ours(*, programs: bool = False) -> QuerySet[Person]:
    return Person.objects.filter(tenant_id=settings.ENTRA_TENANT_ID, is_application=programs)


def _write_programs(read: Directory) -> None:
    """A token is good for an hour after its role was taken away; the program is not."""
    for program in _ours(programs=True):
        given = read.programs.get(program.object_id, ())
        replace_roles(program, given, how=HOW, asked_at=read.asked_at)


def _known(asked: frozenset[str]) -> dict[str, Person]:
    rows = _ours().select_related("manager").prefetch_related("roles")
    return {person.object_id: person for person in rows if person.object_id in asked}


def _create(account: Account, read: Directory) -> int:
    """Somebody who holds a role and never signed in. 0 when they sign in at this very moment."""
    try:
        with transaction.atomic():
            person = Person(tenant_id=settings.ENTRA_TENANT_ID, object_id=account.object_id)
            _set_shown(person, account)
            person.is_guest = account.guest
            person.person_key = key_of(person, account.employee)
            person.roles_read_at = read.asked_at
            person.save(force_insert=True)
            PersonRole.objects.bulk_create(
                PersonRole(person=person, role=role) for role in sorted(account.roles)
            )
            _record("person.created", person, roles=sorted(account.roles), guest=account.guest)
            if DirectoryReading.objects.filter(finished_at__isnull=False).exists():
                tell_of_gained(person, account.roles)  # by the first reading everybody is new
    except IntegrityError:
        return 0
    return 1


def _write(person: Person, known: dict[str, Person], read: Directory, done: Written) -> bool:
    """Whether anything differed."""
    account = read.accounts.get(person.object_id)
    if account is None or not account.enabled:
        gone = "it is not in the directory" if account is None else "it is disabled there"
        disabled = _disable(person, read, why=gone)
        done.disabled += disabled
        return True
    manager = known.get(account.manager)
    if not _differs(person, account, manager):
        return False
    _update(person, account, manager, read)
    done.changed += 1
    return True


def _differs(person: Person, account: Account, manager: Person | None) -> bool:
    now = (person.display_name, person.mail, person.is_active, person.held_roles)
    then = (account.name, account.mail, True, account.roles)
    return now != then or bool(_facts(person, account, manager))


def _facts(person: Person, account: Account, manager: Person | None) -> dict[str, list[object]]:
    """What bears on decisions and differs: field → before, after."""
    was, key = person.manager, key_of(person, account.employee)
    pairs: dict[str, list[object]] = {
        "manager": [was.identity if was else "", manager.identity if manager else ""],
        "guest": [person.is_guest, account.guest],
        "human": [person.person_key, key],
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _update(person: Person, account: Account, manager: Person | None, read: Directory) -> None:
    with transaction.atomic():
        locked = _lock(person)
        facts = _facts(locked, account, manager)
        _set_shown(locked, account)
        locked.manager, locked.is_guest = manager, account.guest
        locked.person_key = key_of(locked, account.employee)
        was_active, locked.is_active = (
            locked.is_active,
            locked.is_active or not _is_old(read, locked),
        )
        locked.save(update_fields=SAVED)
        replace_roles(locked, account.roles, how=HOW, asked_at=read.asked_at)
        if locked.is_active and not was_active:
            _record("person.enabled", locked)
        if facts:
            _tell(locked, facts)


SAVED = ["display_name", "mail", "manager", "is_guest", "person_key", "is_active"]


def _tell(person: Person, facts: dict[str, list[object]]) -> None:
    """An employee's number stays out of the ledger, which forgets nothing: whose account is the
    same human being's is what matters."""
    data: dict[str, object] = {name: pair for name, pair in facts.items() if name != "human"}
    if "human" in facts:
        others = Person.objects.filter(person_key=person.person_key).exclude(pk=person.pk)
        data["same_human_as"] = [other.identity for other in others.order_by("pk")]
    _record("person.facts_changed", person, **data)


def _record(event: str, person: Person, **data: object) -> None:
    said = {"name": person.display_name, **data}
    ledger.record(event, by=PART, subject=person.identity, data=said)


def _disable(person: Person, read: Directory, *, why: str) -> int:
    """0 when that is known already, or when the person has signed in since we asked."""
    with transaction.atomic():
        locked = _lock(person)
        if _is_old(read, locked) or (not locked.is_active and not locked.held_roles):
            return 0
        held = tokens.locked_live(locked)
        was_active, locked.is_active = locked.is_active, False
        locked.save(update_fields=["is_active"])
        lost = replace_roles(locked, (), how=HOW, asked_at=read.asked_at)
        if not lost:
            end_sessions(locked, why=f"the account is off: {why}")
        tokens.revoke_locked(held, locked, by=PART)  # who is switched on again makes new ones
        if was_active:
            _record("person.disabled", locked, why=why)
    return 1


def _is_old(read: Directory, person: Person) -> bool:
    """Something was heard of the person since this reading began."""
    return person.roles_read_at is not None and person.roles_read_at > read.asked_at


def _confirm(people: Iterable[Person], read: Directory) -> None:
    """Nothing differed: only the moment is new. An older answer does not set it back."""
    older = Q(roles_read_at__isnull=True) | Q(roles_read_at__lt=read.asked_at)
    ids = [person.pk for person in people]
    for start in range(0, len(ids), 500):
        some = Person.objects.filter(older, pk__in=ids[start : start + 500])
        some.update(roles_read_at=read.asked_at)


def _lock(person: Person) -> Person:
    rows = Person.objects.select_for_update(no_key=True, of=("self",)).select_related("manager")
    return rows.get(pk=person.pk)


def _set_shown(person: Person, account: Account) -> None:
    person.display_name, person.mail = account.name, account.mail
