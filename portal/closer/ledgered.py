"""With PostgreSQL: what is overdue by its clock and nobody's any more, and telling the ledger."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import Error, transaction
from django.db.models import Q, QuerySet

from access import ledger
from access.anchoring import restorations
from access.anchoring.entries import Entry, places_of
from access.clock import db_now
from access.engine.doors import by_door, was_asked_for
from access.engine.grace import finishing_on
from access.gatekeeping import overdue_grants
from access.kinds import Door, all_kinds, kind_named
from access.models import Gate, Grant
from access.states import HOLDING, WANTING_NOW, GrantState
from portal.closer import spool
from portal.closer.work import Done, Due, Work, as_data

BY = "second closer"


def work() -> list[Work]:
    """One for each gate with something overdue."""
    now = db_now()
    overdue = list(_overdue(now).values_list("gate_id", flat=True).distinct())
    gates = Gate.objects.in_bulk(overdue)
    known = [gate for gate in gates.values() if gate.kind in all_kinds()]
    made = [_at(gate, due_at(gate, now)) for gate in known]
    return [each for each in made if each.due] + _orphans(now)


def due_at(gate: Gate, now: datetime, only: Iterable[int] = ()) -> list[Due]:
    """The doors of the gate that somebody should have shut long ago, and that nobody else has."""
    rows = Grant.objects.filter(gate=gate, state__in=HOLDING).select_related(
        "machine__bastion", "access_request"
    )
    grants = list(rows.order_by("pk"))
    late = set(_overdue(now).filter(gate=gate).values_list("pk", flat=True))
    wanted = set(only)
    found = []
    for group in by_door(grants).values():
        mine = [grant for grant in group if grant.pk in late and was_asked_for(grant)]
        if not mine or (wanted and wanted.isdisjoint(grant.pk for grant in mine)):
            continue
        if not _is_somebodys(mine[0], now):
            found.append(_due(group, mine, now))
    return found


def _overdue(now: datetime) -> QuerySet[Grant]:
    return overdue_grants(now - timedelta(seconds=settings.CLOSER_OVERDUE_SECONDS))


def _wanting(now: datetime) -> Q:
    return Q(state__in=WANTING_NOW, ends_at__gt=now, end_order__isnull=True)


def _is_somebodys(grant: Grant, now: datetime) -> bool:
    """Another grant of the same kind wants this very door, through whichever gate. One that is to
    begin just now is enough: it may be opening before we come to it."""
    same = Grant.objects.filter(machine_id=grant.machine_id, kind=grant.kind, port=grant.port)
    return same.filter(_wanting(now)).exists()


def _due(group: Sequence[Grant], mine: Sequence[Grant], now: datetime) -> Due:
    first = mine[0]
    return Due(
        Door(first.machine, first.port, places_of(group), ending=True),
        tuple(grant.pk for grant in mine),
        tuple(grant.access_request.reference for grant in mine),
        _staying(first.machine_id, now),
    )


def _staying(machine_id: int, now: datetime) -> frozenset[int]:
    """Whoever has another grant for the machine, or may finish: also by the grace of one whose end
    no engine has noticed."""
    on = Grant.objects.filter(machine_id=machine_id)
    ports = set(on.filter(_wanting(now)).values_list("port", flat=True))
    unnoticed = on.filter(
        state=GrantState.OPEN,
        ends_at__lte=now,
        grace_minutes__gt=0,
        end_order__isnull=True,
        access_request__requester__is_active=True,
    )
    for port, ends_at, minutes in unnoticed.values_list("port", "ends_at", "grace_minutes"):
        if ends_at + timedelta(minutes=minutes) > now:
            ports.add(port)
    return frozenset(ports | set(finishing_on({machine_id}, now).get(machine_id, ())))


def _at(gate: Gate, due: list[Due]) -> Work:
    def fresh(asked: Sequence[Due]) -> list[Due]:
        numbers = [number for each in asked for number in each.grants]
        now_due = {each.door.key: each for each in due_at(gate, db_now(), numbers)}
        return [now_due[each.door.key] for each in asked if each.door.key in now_due]

    return Work(gate, kind_named(gate.kind), due, fresh, tell)


def _orphans(now: datetime) -> list[Work]:
    """After a restore: what the manifests name and the database never heard of. By the database
    nobody is entitled to it, so it is shut at once, but for doors that somebody has."""
    if restorations.waiting() is None:
        return []
    by_gate: dict[int, tuple[Gate, list[Entry]]] = {}
    for gate, entry in restorations.orphans():
        by_gate.setdefault(gate.pk, (gate, []))[1].append(entry)
    made = []
    for gate, entries in by_gate.values():
        due = [each for entry in entries if (each := _orphan(gate, entry, now))]
        if due:
            made.append(Work(gate, kind_named(gate.kind), due, list, tell))
    return made


def _orphan(gate: Gate, entry: Entry, now: datetime) -> Due | None:
    door = entry.door()
    others = Grant.objects.filter(machine__resource_key=entry.at[0], state__in=HOLDING)
    if others.filter(kind=gate.kind, port=entry.port).exists():
        return None  # the engine's, whatever it is
    ports = frozenset(others.filter(_wanting(now)).values_list("port", flat=True))
    return Due(door, (), entry.references, ports)


def tell(done: Sequence[Done]) -> None:
    """Written down, or kept for when the database is there again."""
    try:
        record(done)
    except Error:
        spool.put(done)


def record(done: Sequence[Done], *, spooled: str = "", at: str = "") -> None:
    more = {"spooled": spooled, "done_at": at} if spooled else {}
    with transaction.atomic():
        for each in done:
            outcome = "failed" if each.problem else "success"
            numbers = [*each.due.grants, *[None] * len(each.due.references)]
            for number, reference in zip(numbers, each.due.references, strict=False):
                ledger.record(
                    each.event,
                    by=BY,
                    outcome=outcome,
                    reference=reference,
                    subject=each.due.door.machine.resource_key,
                    data={**({"grant": number} if number else {}), **as_data(each), **more},
                )
