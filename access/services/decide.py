"""Approving, denying and withdrawing: exactly one of them, exactly once."""

from datetime import datetime

from django.db import transaction

from access import ledger, policy, tasks
from access.clock import db_now
from access.errors import Invalid, WrongState
from access.kinds import kind_named
from access.models import AccessRequest, Grant, Machine, Person, RequestedDoor
from access.offers import caveats_of, find_offer, granted_overlap
from access.services.refusals import one_transaction
from access.services.submit import REASON_LIMIT, clean_text
from access.states import RequestState, move_request


def approve(
    access_request: AccessRequest, *, by: Person, terms_digest: str, comment: str = ""
) -> AccessRequest:
    """Say yes to exactly the terms that ``terms_digest`` stands for.

    What follows: the grants are written, one for each machine, kind and port; when the
    transaction has committed, the workers are woken, and open each door at its time.
    Raises ``NotAllowed``, ``WrongState`` or ``Invalid``.
    """
    comment = _checked_comment(comment)
    with one_transaction("request.approve", by=by, reference=access_request.reference):
        locked = _lock(access_request)
        policy.check_may_decide(locked, by)
        now = db_now()
        _check_still_pending(locked, now)
        _check_seen(locked, terms_digest)
        grants = _grants(locked, now)
        _decide(locked, RequestState.APPROVED, by=by, at=now, comment=comment)
        Grant.objects.bulk_create(grants)
        _record(locked, "request.approved", by=by, comment=comment, grants=grants)
        gates = [grant.gate_id for grant in grants]
        transaction.on_commit(lambda: tasks.wake(gates))
    return locked


def deny(
    access_request: AccessRequest, *, by: Person, terms_digest: str, comment: str
) -> AccessRequest:
    """Say no, with the reason that the requester will read."""
    comment = _checked_comment(comment)
    if not comment:
        raise Invalid({"comment": "Say why. The person who asked will read it."})
    with one_transaction("request.deny", by=by, reference=access_request.reference):
        locked = _lock(access_request)
        policy.check_may_decide(locked, by)
        now = db_now()
        _check_still_pending(locked, now)
        _check_seen(locked, terms_digest)
        _decide(locked, RequestState.DENIED, by=by, at=now, comment=comment)
        _record(locked, "request.denied", by=by, comment=comment)
    return locked


def withdraw(access_request: AccessRequest, *, by: Person) -> AccessRequest:
    """Take back one's own undecided request."""
    with one_transaction("request.withdraw", by=by, reference=access_request.reference):
        locked = _lock(access_request)
        policy.check_may_withdraw(locked, by)
        now = db_now()
        _check_still_pending(locked, now)
        _decide(locked, RequestState.WITHDRAWN, by=by, at=now, comment="")
        _record(locked, "request.withdrawn", by=by)
    return locked


def _lock(access_request: AccessRequest) -> AccessRequest:
    """Without joins: PostgreSQL re-reads a row that it had to wait for, but not what was joined
    to it, and "already approved" would then not know by whom."""
    return AccessRequest.objects.select_for_update().get(pk=access_request.pk)


def _checked_comment(comment: str) -> str:
    comment = clean_text(comment)
    if len(comment) > REASON_LIMIT:
        raise Invalid({"comment": f"Keep the comment under {REASON_LIMIT} characters."})
    return comment


def _check_still_pending(access_request: AccessRequest, now: datetime) -> None:
    if access_request.state != RequestState.PENDING:
        who = access_request.decided_by
        label = RequestState(access_request.state).label.lower()
        by_whom = f" by {who.display_name}" if who else ""
        raise WrongState(f"{access_request.reference} was already {label}{by_whom}.")
    if access_request.lapses_at <= now:
        raise WrongState(
            f"{access_request.reference} has expired unanswered. It can be sent again."
        )


def _check_seen(access_request: AccessRequest, terms_digest: str) -> None:
    if terms_digest != access_request.terms_digest:
        raise WrongState("This request is not the one you were shown. Look at it again.")


def _grants(access_request: AccessRequest, now: datetime) -> list[Grant]:
    """One grant for each door, in the order of machines so that two approvals cannot deadlock."""
    doors = list(access_request.doors.order_by("machine_id", "pk"))
    ids = {door.machine_id for door in doors}
    locked = Machine.objects.select_for_update().filter(pk__in=ids).order_by("pk")
    machines = {machine.pk: machine for machine in locked}
    start, end = access_request.window_from(now)
    if end <= now:
        raise WrongState("The time that was asked for is already over.")
    return [
        _grant(access_request, door, machines[door.machine_id], max(start, now), end)
        for door in doors
    ]


def _grant(
    access_request: AccessRequest,
    door: RequestedDoor,
    machine: Machine,
    start: datetime,
    end: datetime,
) -> Grant:
    offer = find_offer(machine, kind=door.kind, port=door.port)
    if offer is None or offer.refusal or offer.gate_id is None:
        why = offer.refusal if offer else "The machine can no longer be reached this way."
        raise WrongState(f"This can no longer be opened. {why}")
    kind = kind_named(door.kind)
    if kind.exclusive:
        taken = granted_overlap(machine, kind=door.kind, port=door.port, start=start, end=end)
        if taken is not None:
            raise WrongState(f"{taken.reference} was approved for {machine.name} in that time.")
    return Grant(
        access_request=access_request,
        machine=machine,
        gate_id=offer.gate_id,
        kind=door.kind,
        port=door.port,
        exclusive=kind.exclusive,
        starts_at=start,
        ends_at=end,
    )


def _decide(
    locked: AccessRequest, state: RequestState, *, by: Person, at: datetime, comment: str
) -> None:
    locked.state = move_request(locked.state, state)
    locked.decided_by, locked.decided_at, locked.comment = by, at, comment
    locked.save(update_fields=["state", "decided_by", "decided_at", "comment"])


def _record(
    locked: AccessRequest,
    event: str,
    *,
    by: Person,
    comment: str = "",
    grants: list[Grant] | None = None,
) -> None:
    opened = [
        {"kind": g.kind, "port": g.port, "from": g.starts_at, "until": g.ends_at}
        for g in grants or []
    ]
    known = {"terms_digest": locked.terms_digest, "comment": comment, "grants": opened}
    doors = locked.doors.select_related("machine__bastion").order_by("pk") if grants else []
    caveats = caveats_of(doors)  # the approver was shown them
    if caveats:
        known["caveats"] = caveats
    ledger.record(event, by=by, reference=locked.reference, data=known)
