"""Asking for more time: a new request, linked to the first and decided like any other."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError

from access import ledger, policy
from access.approvers import Pool
from access.clock import db_now
from access.errors import Invalid, KeyReused, WrongState
from access.lockdowns import reason_shut
from access.models import AccessRequest, Gate, Grant, Machine, Person, RequestedDoor
from access.offers import overlap
from access.policy import SHORTEST_MINUTES
from access.ruling import Terms, judge
from access.services.checks import check_reason, check_ticket, pending_twin
from access.services.completing import complete_by_rule
from access.services.refusals import one_transaction
from access.services.submission import clean_text
from access.services.submit import reused
from access.services.writing import announce, told_kindly, write
from access.states import WANTING, RequestState


def extend(
    parent: AccessRequest,
    *,
    minutes: int,
    reason: str,
    key: uuid.UUID,
    by: Person,
    ticket: str = "",
) -> AccessRequest:
    """Ask for ``minutes`` more, from the present end on. What is open stays as it is until the
    answer; when that is yes, the same doors simply stay open. The same ``key`` twice is the same
    request. Raises ``NotAllowed``, ``WrongState`` or ``Invalid``.
    """
    try:
        with one_transaction("request.extend", by=by, reference=parent.reference):
            root, now = _lock_root(parent), db_now()
            again = _sent_before(key, by)
            if again is not None:
                return _check_same(again, root, minutes, reason)
            policy.check_may_extend(parent, by)
            grants = _extendable(root, now)
            made = _request(root, grants, minutes=minutes, by=by, now=now)
            made.submission_key, made.reason = key, clean_text(reason)
            made.ticket = ticket.strip() or root.ticket
            _check(made, root, minutes)
            _check_free(made, grants, now)
            _send(made, root, grants, now)
            return made
    except IntegrityError as error:
        again = _sent_before(key, by)  # the same key at the same instant, elsewhere
        if again is not None:
            return _check_same(again, parent, minutes, reason)
        raise told_kindly(error) from error


def _sent_before(key: uuid.UUID, by: Person) -> AccessRequest | None:
    return AccessRequest.objects.filter(requester=by, submission_key=key).first()


def _check_same(
    again: AccessRequest, parent: AccessRequest, minutes: int, reason: str
) -> AccessRequest:
    """As for a request: the same key with something else to do is refused."""
    root_id = parent.extends_id or parent.pk
    wanted = (root_id, max(minutes, 1), clean_text(reason))
    if (again.extends_id, again.duration_minutes, again.reason) != wanted:
        raise KeyReused(reused(again))
    return again


def _lock_root(parent: AccessRequest) -> AccessRequest:
    """More time on top of more time is more time for the first request.

    A rule may approve it at once, so locks are taken as whoever approves takes them, machines
    before gates, and as a worker does: gates before the request, all before the ledger.
    """
    root_id = parent.extends_id or parent.pk
    wanting = Grant.objects.filter(access_request_id=root_id, state__in=WANTING)
    machines = Machine.objects.filter(grants__in=wanting.filter(exclusive=True)).values("pk")
    locked = Machine.objects.select_for_update(no_key=True).filter(pk__in=machines)
    list(locked.order_by("pk"))
    gates = Gate.objects.select_for_update(no_key=True).filter(pk__in=wanting.values("gate"))
    list(gates.order_by("pk"))
    return AccessRequest.objects.select_for_update(no_key=True).get(pk=root_id)


def _extendable(root: AccessRequest, now: datetime) -> list[Grant]:
    wanted = Grant.objects.filter(
        access_request=root, state__in=WANTING, ends_at__gt=now, end_order__isnull=True
    )
    grants = list(wanted.select_related("machine__bastion").order_by("machine_id", "pk"))
    if any(grant.starts_at > now for grant in grants):
        raise WrongState(f"{root.reference} has not begun. End it and ask for what you need.")
    if root.state != RequestState.APPROVED or not grants:
        raise WrongState(f"{root.reference} is over. Ask for access anew.")
    if root.hold:
        raise WrongState(f"{root.reference} waits for an approval itself.")
    return grants


def _request(
    root: AccessRequest, grants: Sequence[Grant], *, minutes: int, by: Person, now: datetime
) -> AccessRequest:
    start = max(grant.ends_at for grant in grants)
    terms = Terms(root.kind, max(minutes, 1), start, by, root.vendor_mail)
    asked_for = [(grant.machine, grant.port) for grant in grants if grant.kind == root.kind]
    return AccessRequest(
        requester=by,
        extends=root,
        kind=root.kind,
        asked_start=start,
        duration_minutes=max(minutes, 1),
        vendor_name=root.vendor_name,
        vendor_company=root.vendor_company,
        vendor_mail=root.vendor_mail,
        details=root.details,
        policy=judge(asked_for, terms).as_json(),
        created_at=now,
    )


def _check(made: AccessRequest, root: AccessRequest, minutes: int) -> None:
    allowed = made.judgement
    if not allowed.allowed:
        raise Invalid({"minutes": allowed.why_not or "The policy does not allow this any more."})
    given = root.extensions.filter(state=RequestState.APPROVED).count()
    if given >= allowed.extension.most:
        times = "time" if allowed.extension.most == 1 else "times"
        most = f"at most {allowed.extension.most} {times}" if allowed.extension.most else "never"
        raise Invalid({"minutes": f"The policy lets this be extended {most}. Ask anew."})
    longest = min(allowed.extension.max_minutes, allowed.max_minutes)
    if not SHORTEST_MINUTES <= minutes <= longest:
        raise Invalid({"minutes": f"Choose between {SHORTEST_MINUTES} and {longest} minutes."})
    problems = {**check_reason(made.reason), **check_ticket(made.ticket, allowed)}
    if problems:
        raise Invalid(problems)


def _check_free(made: AccessRequest, grants: Sequence[Grant], now: datetime) -> None:
    """Nobody else has been promised, or waits for, a door that only one can have."""
    start, end = made.window_from(now)
    for grant in grants:
        if not grant.exclusive:
            continue
        taken = overlap(
            grant.machine, kind=grant.kind, port=grant.port, start=start, end=end, now=now
        )
        if taken is not None:
            why = f"{taken.reference} {'waits' if taken.pending else 'is approved'} for that time."
            raise Invalid({"minutes": f"{grant.machine.name} serves one at a time and {why}"})


def _send(made: AccessRequest, root: AccessRequest, grants: Sequence[Grant], now: datetime) -> None:
    for grant in grants:
        if shut := reason_shut(grant.machine):
            raise WrongState(shut)
    twin = pending_twin(made.requester, [(g.machine_id, g.kind, g.port) for g in grants])
    if twin is not None:
        raise Invalid({"minutes": f"You already asked for this: {twin.reference} is waiting."})
    doors = [
        RequestedDoor(machine=g.machine, vm_id=g.machine.vm_id, kind=g.kind, port=g.port)
        for g in grants
    ]
    write(made, doors, now)
    ledger.record(
        "request.extension_asked", by=made.requester, reference=made.reference,
        subject=grants[0].machine.resource_key,
        data={
            "extends": root.reference, "minutes": made.duration_minutes, "reason": made.reason,
            "from": made.asked_start, "terms_digest": made.terms_digest,
            "policy": made.policy["number"], "rules": list(made.judgement.rules),
        },
    )  # fmt: skip
    if made.judgement.auto_approve:
        complete_by_rule(made, now)
    else:
        announce(made, Pool(now))
