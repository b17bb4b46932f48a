"""From an approval to grants: one for each door, and what the ledger is told of it."""

from collections.abc import Sequence
from datetime import datetime

from access import ledger
from access.errors import WrongState
from access.kinds import kind_named
from access.lockdowns import reason_shut
from access.models import AccessRequest, Grant, Machine, Person, RequestedDoor
from access.offers import caveats_of, find_offer, granted_overlap
from access.rules.judgement import SOFT


def grants_for(access_request: AccessRequest, now: datetime) -> list[Grant]:
    """One grant for each door, in the order of machines so that two approvals cannot deadlock.

    Not saved. Raises ``WrongState`` when it cannot be opened any more.
    """
    doors = list(access_request.doors.order_by("machine_id", "pk"))
    ids = {door.machine_id for door in doors}
    locked = Machine.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    machines = {machine.pk: machine for machine in locked}
    start, end = access_request.window_from(now)
    if end <= now:
        raise WrongState("The time that was asked for is already over.")
    return [
        _grant(access_request, door, machines[door.machine_id], (max(start, now), end))
        for door in doors
    ]


def check_free(grants: Sequence[Grant], until: datetime) -> None:
    """Nobody else was promised an exclusive door for the time by which these are lengthened.

    Locks the machines, but not against who only refers to them: a worker may hold a gate then.
    """
    exclusive = [grant for grant in grants if grant.exclusive]
    ids = {grant.machine_id for grant in exclusive}
    list(Machine.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk"))
    for grant in exclusive:
        taken = granted_overlap(
            grant.machine, kind=grant.kind, port=grant.port, start=grant.ends_at, end=until
        )
        if taken is not None:
            name = grant.machine.name
            raise WrongState(f"{taken.reference} was approved for {name} in that time.")


def record_grants(
    access_request: AccessRequest,
    grants: Sequence[Grant],
    *,
    event: str,
    by: Person | str,
    comment: str = "",
) -> list[int]:
    """Save them, with the ledger's line. Returns the gates to wake."""
    Grant.objects.bulk_create(grants)
    access_request.doors.update(pending=False)
    doors = access_request.doors.select_related("machine__bastion").order_by("pk")
    caveats = caveats_of(doors)  # the approver was shown them
    kind_named(access_request.kind).granted(access_request, grants)
    ledger.record(
        event,
        by=by,
        reference=access_request.reference,
        data={
            "terms_digest": access_request.terms_digest,
            "revision": access_request.revision,
            "comment": comment,
            "grants": told_of(grants),
            **({"caveats": caveats} if caveats else {}),
        },
    )
    return [grant.gate_id for grant in grants]


def told_of(grants: Sequence[Grant]) -> list[dict[str, object]]:
    """What the ledger's line says of each."""
    return [
        {"kind": each.kind, "port": each.port, "from": each.starts_at, "until": each.ends_at}
        for each in grants
    ]


def _grant(
    access_request: AccessRequest,
    door: RequestedDoor,
    machine: Machine,
    window: tuple[datetime, datetime],
) -> Grant:
    start, end = window
    offer = find_offer(machine, kind=door.kind, port=door.port)
    if offer is None or offer.refusal or offer.gate_id is None:
        why = offer.refusal if offer else "The machine can no longer be reached this way."
        raise WrongState(f"This can no longer be opened. {why}")
    if shut := reason_shut(machine):
        raise WrongState(shut)
    kind = kind_named(door.kind)
    if kind.exclusive:
        taken = granted_overlap(machine, kind=door.kind, port=door.port, start=start, end=end)
        if taken is not None:
            raise WrongState(f"{taken.reference} was approved for {machine.name} in that time.")
    judgement = access_request.judgement
    return Grant(
        access_request=access_request,
        machine=machine,
        gate_id=offer.gate_id,
        kind=door.kind,
        port=door.port,
        exclusive=kind.exclusive,
        starts_at=start,
        ends_at=end,
        grace_minutes=judgement.grace_minutes if judgement.end == SOFT else 0,
    )
