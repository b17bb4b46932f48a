"""Logins that vendors were given on machines: somebody changes each when the access is over, and
says that it was done. Azure knows nothing of them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q, QuerySet

from access import ledger, notices, policy
from access.clock import db_now
from access.emergencies import people_named
from access.errors import Invalid
from access.models import Machine, Person
from access.notices.grants import doors_of
from access.policy.passing import passes
from access.ruling import policy_in_force
from access.services.refusals import one_transaction
from access.services.submission import clean_text
from links.models import Rotation

LONGEST_NOTE = 500
ONE_DAY = timedelta(days=1)
OVERDUE_AFTER = timedelta(days=3)  # from then on overseers are told, and every three days again
AT_ONCE = 200


def done(rotation: Rotation, *, note: str = "", by: Person) -> Rotation:
    """Safe to repeat: whoever said so first stands. Raises ``NotAllowed`` or ``Invalid``."""
    asked, note = rotation.access_request, clean_text(note)
    with one_transaction("rotation.done", by=by, reference=asked.reference):
        policy.check_may_tick_off(asked, by, owns=rotation.machine.owner in groups_of(by))
        if len(note) > LONGEST_NOTE:
            raise Invalid({"note": f"Keep it under {LONGEST_NOTE} characters."})
        now = db_now()
        owed = Rotation.objects.filter(pk=rotation.pk, done_at__isnull=True)
        if owed.update(done_at=now, done_by=by, note=note):
            ledger.record(
                "rotation.done", by=by, reference=asked.reference,
                subject=rotation.machine.resource_key,
                data={"rotation": rotation.pk, "due_at": rotation.due_at, "reason": note},
            )  # fmt: skip
    rotation.refresh_from_db()
    return rotation


def groups_of(person: Person) -> frozenset[str]:
    """Those of the policy, by whose names machines say who owns them."""
    return policy_in_force().policy.groups_of(person.identity)


def visible_rotations(person: Person, groups: Iterable[str]) -> QuerySet[Rotation]:
    """The sponsor's own, those on machines that they own, and all for who oversees."""
    everything = Rotation.objects.all()
    if policy.oversees(person):
        return everything
    return everything.filter(Q(access_request__requester=person) | Q(machine__owner__in=groups))


def may_tick_off(rotation: Rotation, person: Person, groups: Iterable[str]) -> bool:
    """Needs the request and the machine loaded, or asks for each."""
    owns = rotation.machine.owner in groups
    return passes(partial(policy.check_may_tick_off, owns=owns), rotation.access_request, person)


def is_overdue(rotation: Rotation, now: datetime) -> bool:
    return rotation.done_at is None and rotation.due_at + OVERDUE_AFTER <= now


def remind_all() -> int:
    """Returns how many were reminded of. May be repeated, by any number of workers: the count on
    the row is raised by whoever tells, and by nobody else."""
    now = db_now()
    owed = Rotation.objects.filter(done_at__isnull=True, due_at__lte=now).order_by("due_at", "pk")
    rows = list(owed.values_list("pk", "due_at", "reminded"))
    due = [(pk, known, wanted(now - at)) for pk, at, known in rows if known < wanted(now - at)]
    return sum(_remind(pk, known, count, now) for pk, known, count in due[:AT_ONCE])


def wanted(since: timedelta) -> int:
    """How many reminders there should have been by then. Those that were missed are made up for
    by one."""
    if since < ONE_DAY:
        return 1
    return 2 if since < OVERDUE_AFTER else 2 + since // OVERDUE_AFTER


def _remind(pk: int, known: int, count: int, now: datetime) -> bool:
    with transaction.atomic():
        mine = Rotation.objects.filter(pk=pk, reminded=known, done_at__isnull=True)
        if not mine.update(reminded=count):
            return False
        rows = Rotation.objects.select_related("grant__machine", "access_request__requester")
        _tell(rows.get(pk=pk), count, now)
    return True


def _tell(row: Rotation, count: int, now: datetime) -> None:
    asked = row.access_request
    key = f"{asked.reference}.rotation.{row.pk}.{count}"
    data = {"doors": doors_of([row.grant]), "until": row.due_at, "why": ""}
    to = [asked.requester, *_owners(row.grant.machine)]
    if is_overdue(row, now):
        notices.tell_overseers("rotation.overdue", key=key, to=to, about=asked, data=data)
    else:
        notices.tell("rotation.due", key=key, to=to, about=asked, data=data)


def _owners(machine: Machine) -> list[Person]:
    return people_named(policy_in_force().policy.groups.get(machine.owner, ()))
