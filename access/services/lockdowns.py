"""Closing everything in an incident: one administrator orders it, another confirms it.

The order shuts: from its commit on nothing in its scope is opened, asked for or approved. The
confirmation ends: all that is open or waits there gets an end order, and workers carry them out.
"""

from datetime import timedelta

from django.db import IntegrityError, transaction

from access import ledger, notices, policy, tasks
from access.clock import db_now
from access.errors import Invalid, WrongState
from access.lockdowns import grants_in, machines_in, named, words_of
from access.models import EndedHow, EndOrder, Lockdown, LockdownScope, Person
from access.services.end import CAN_BE_ENDED
from access.services.refusals import one_transaction
from access.services.submission import REASON_LIMIT, clean_text
from access.unconfirmed import lapse_lockdowns

CONFIRM_WITHIN = timedelta(minutes=15)
AT_ONCE = 1000


def order(scope: str, value: str, reason: str, *, by: Person) -> Lockdown:
    """Shut it now. Not confirmed within a quarter of an hour, it is over by itself.

    Safe to repeat by the same person. Raises ``NotAllowed``, ``Invalid`` or ``WrongState``.
    """
    value = value.lower()
    with one_transaction("lockdown.order", by=by):
        policy.check_may_lock_down(by)
        reason = _checked(reason, "Say what happened. Everybody who reads the ledger will ask.")
        _check_scope(scope, value)
        lapse_lockdowns()  # one that is over must not stand in the way until somebody sweeps
        standing = Lockdown.objects.filter(scope=scope, value=value, lifted_at=None).first()
        if standing is not None:
            return _same(standing, by)
        made = _create(scope, value, reason, by)
        _record(made, "lockdown.ordered", by, reason=reason, lapses_at=made.lapses_at)
    return made


def confirm(lockdown: Lockdown, *, by: Person) -> Lockdown:
    """End everything in its scope. The second administrator's word, never the first one's.

    Raises ``NotAllowed`` or ``WrongState``.
    """
    with one_transaction("lockdown.confirm", by=by):
        locked = _lock(lockdown)
        policy.check_may_confirm_lockdown(locked, by)
        now = db_now()
        _check_in_force(locked)
        if locked.confirmed_at is not None:
            raise WrongState("It was confirmed already.")
        if locked.lapses_at <= now:
            raise WrongState("Nobody confirmed it in time, so it is over. It can be ordered anew.")
        locked.confirmed_by, locked.confirmed_at = by, now
        locked.save(update_fields=["confirmed_by", "confirmed_at"])
        gates, number = _end_all(locked)
        _record(locked, "lockdown.confirmed", by, reason=locked.reason, grants=number)
        transaction.on_commit(lambda: tasks.wake(gates))
    return locked


def lift(lockdown: Lockdown, reason: str, *, by: Person) -> Lockdown:
    """The incident is over: from now on things are opened again. What was ended stays ended.

    Raises ``NotAllowed``, ``Invalid`` or ``WrongState``.
    """
    with one_transaction("lockdown.lift", by=by):
        policy.check_may_lock_down(by)
        reason = _checked(reason, "Say why things may be opened again.")
        locked = _lock(lockdown)
        _check_in_force(locked)
        locked.lifted_by, locked.lifted_at, locked.lift_reason = by, db_now(), reason
        locked.save(update_fields=["lifted_by", "lifted_at", "lift_reason"])
        _record(locked, "lockdown.lifted", by, reason=reason)
    return locked


def _lock(lockdown: Lockdown) -> Lockdown:
    return Lockdown.objects.select_for_update().get(pk=lockdown.pk)


def _check_in_force(locked: Lockdown) -> None:
    if locked.lifted_at is not None:
        raise WrongState("It is over already.")


def _check_scope(scope: str, value: str) -> None:
    if scope == LockdownScope.ALL and not value:
        return
    known = scope in LockdownScope.values and bool(value) and scope != LockdownScope.ALL
    if not known or not machines_in(scope, value).exists():
        raise Invalid({"target": "Choose from the list what is to be closed."})


def _checked(reason: str, if_empty: str) -> str:
    reason = clean_text(reason)
    if not reason:
        raise Invalid({"reason": if_empty})
    if len(reason) > REASON_LIMIT:
        raise Invalid({"reason": f"Keep the reason under {REASON_LIMIT} characters."})
    return reason


def _same(standing: Lockdown, by: Person) -> Lockdown:
    if standing.ordered_by_id == by.pk and standing.confirmed_at is None:
        return standing
    raise WrongState(f"{standing.ordered_by.display_name} ordered the same already.")


def _create(scope: str, value: str, reason: str, by: Person) -> Lockdown:
    now = db_now()
    try:
        with transaction.atomic():
            return Lockdown.objects.create(
                scope=scope,
                value=value,
                reason=reason,
                ordered_by=by,
                ordered_at=now,
                lapses_at=now + CONFIRM_WITHIN,
            )
    except IntegrityError as error:  # two administrators in the same instant
        raise WrongState("Somebody ordered the same at this moment.") from error


def _end_all(locked: Lockdown) -> tuple[list[int], int]:
    """An end order for each, in bulk: (gates to wake, how many). Somebody may be ending one of
    them at this moment, and one that is approved at this moment is ended by the engine."""
    live = grants_in(locked.scope, locked.value).filter(CAN_BE_ENDED, end_order__isnull=True)
    found = list(live.order_by("pk").values_list("pk", "gate_id"))
    words = {
        "by": locked.confirmed_by,
        "at": locked.confirmed_at,
        "how": EndedHow.LOCKDOWN,
        "reason": locked.reason,
    }
    orders = [EndOrder(grant_id=grant, **words) for grant, _ in found]
    EndOrder.objects.bulk_create(orders, ignore_conflicts=True, batch_size=AT_ONCE)
    return sorted({gate for _, gate in found}), len(found)


def _record(lockdown: Lockdown, event: str, by: Person, **more: object) -> None:
    known = named(Lockdown.objects.filter(pk=lockdown.pk)).get()
    scope = words_of(known)
    facts = {"lockdown": lockdown.pk, "scope": lockdown.scope, "value": lockdown.value}
    ledger.record(event, by=by, subject=lockdown.value, data=facts | {"in": scope} | more)
    told = {"scope": scope, "reason": lockdown.reason, "lockdown": lockdown.pk}
    notices.tell_overseers(event, key=f"{event}.{lockdown.pk}", data=told, by=by)
