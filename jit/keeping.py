"""Carrying out orders for JIT policies: read, put, read again, one policy at a time.

Azure takes a policy as a whole and knows no "only if unchanged". So it is read twice before it is
put, and put only when nothing moved between; afterwards it is read until it is in force, and every
other machine's entry is compared with what was put. Each step is told from what Azure shows, so a
worker may die anywhere. The gate's lease keeps other workers of ours away meanwhile.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from access import ledger
from access.clock import db_now
from access.engine.claim import Lease, LeaseLost, claim_free, give_back, hold
from access.engine.rest import pause
from access.errors import Later, Never, Receipt
from access.inventory import refresh_items
from jit import policies
from jit.defender import PATIENCE
from jit.estate import store_machine
from jit.models import PolicyOrder
from jit.orders import live_grants, terms_of, told_of
from jit.policies import Guards
from jit.wanted import Json, Port, body_for, entry_of, others_in, ports_from, ports_in
from jit.wanted import without_requests as core_of

logger = logging.getLogger(__name__)
TOO_OLD = timedelta(hours=1)  # an order that could not be carried out by then is given up
BROKE_DOWN = "The portal itself broke down here; its log says where."
OVERTAKEN = "Somebody else is changing the policy; it is read again."
WORKER = "worker"


def carry_out(order_id: int) -> bool:
    """One step. ``False`` when there is nothing to do now: it is over, rests, or is held."""
    order = PolicyOrder.objects.select_related("gate", "machine").get(pk=order_id)
    if not order.is_pending or (order.not_before and order.not_before > db_now()):
        return False
    lease = claim_free(order.gate_id)
    if lease is None:
        return False
    try:
        _take_step(lease, order)
    except LeaseLost:
        logger.warning("lease on gate %s was lost; the next step finds out", order.gate_id)
    except Exception:
        logger.exception("carrying out order %s broke down", order_id)
        _rest(lease, order, BROKE_DOWN)
    return True


def _take_step(lease: Lease, order: PolicyOrder) -> None:
    order.refresh_from_db()  # another worker may have ended it before we had the lease
    if not order.is_pending:
        give_back(lease)
        return
    try:
        _look_and_act(lease, order)
    except Never as refusal:
        _fail(lease, order, str(refusal), refusal.receipts)
    except Later as setback:
        _rest(lease, order, str(setback), asked=setback.retry_after)


def _look_and_act(lease: Lease, order: PolicyOrder) -> None:
    found, _ = policies.read(order.gate.resource_id)
    wanted, now = ports_from(order.ports), db_now()
    standing = ports_in(entry_of(found, order.machine.resource_key))
    if order.sent_at and policies.state_of(found) == "Failed":
        _fail(lease, order, "Azure took the change and then failed to carry it out.", found=found)
    elif standing == wanted and found is not None:
        _settle(lease, order, found, now)
    elif refusal := _reason_to_give_up(order, standing, now):
        _fail(lease, order, refusal, found=found)
    else:
        _put(lease, order, found)


def _reason_to_give_up(order: PolicyOrder, standing: Sequence[Port], now: datetime) -> str:
    """Empty while it may be sent: what was approved by a look still is what is there."""
    if now > order.at + TOO_OLD:
        return "It could not be carried out within an hour. Order it again if it is still wanted."
    if list(standing) != ports_from(order.before):
        return "Somebody else has changed this machine's ports since. See what is there now."
    live = live_grants(order.machine, ports_from(order.ports)).first()
    return told_of(live) if live else ""


def _put(lease: Lease, order: PolicyOrder, found: Json | None) -> None:
    """The intent is written first; the last look is as close before the call as can be."""
    ports = ports_from(order.ports)
    with transaction.atomic():
        hold(lease)
        order.sent_at = db_now()
        order.others = others_in(found, order.machine.resource_key)
        order.save(update_fields=["sent_at", "others"])
    again, _ = policies.read(order.gate.resource_id)
    if core_of(again) != core_of(found):
        _rest(lease, order, OVERTAKEN)
        return
    lease.check()
    body = body_for(found, order.machine.resource_id, ports)
    receipts = policies.put(order.gate.resource_id, body)
    with transaction.atomic():
        hold(lease)
        order.problem = ""
        _keep(order, receipts)
        order.save(update_fields=["problem", "receipts"])
        _tell(order, "policy.change_sent", calls=receipts)
    _come_back(lease, order)


def _settle(lease: Lease, order: PolicyOrder, found: Json, now: datetime) -> None:
    """The machine stands as ordered. It counts when Azure is through with it, and the port is
    shut when the deny rule is there: that may take a moment more, but is not waited for forever."""
    patient = order.sent_at is None or now > order.sent_at + PATIENCE
    if policies.state_of(found) not in {"Succeeded", ""} and not patient:
        _come_back(lease, order)
        return
    guards = policies.read_guards(order.machine)
    numbers = [number for number, _, _ in ports_from(order.ports)]
    if guards.undenied(numbers) and order.sent_at and now < order.sent_at + PATIENCE / 5:
        _come_back(lease, order)
        return
    _finish(lease, order, guards, _changed(order, found))


def _finish(lease: Lease, order: PolicyOrder, guards: Guards, changed: list[str]) -> None:
    """Written down at once, so that a window can be asked for before the estate is read again."""
    with transaction.atomic():
        gate = hold(lease)
        store_machine(gate, order.machine, ports_from(order.ports))
        refresh_items(guards.facts)
        order.done_at, order.problem = db_now(), ""
        order.remark = _remark(order, guards, changed)
        order.save(update_fields=["done_at", "problem", "remark"])
        _tell(order, "policy.changed", remark=order.remark, others_changed=changed)
        gate.lease_token = gate.lease_until = None
        gate.save(update_fields=["lease_token", "lease_until"])


def _fail(
    lease: Lease,
    order: PolicyOrder,
    reason: str,
    receipts: Sequence[Receipt] = (),
    *,
    found: Json | None = None,
) -> None:
    """What was read is written down, so that the page shows why."""
    with transaction.atomic():
        gate = hold(lease)
        if found is not None:
            store_machine(
                gate, order.machine, ports_in(entry_of(found, order.machine.resource_key))
            )
        order.failed_at, order.problem = db_now(), reason
        _keep(order, receipts)
        order.save(update_fields=["failed_at", "problem", "receipts"])
        _tell(order, "policy.change_failed", outcome="failed", reason=reason, calls=list(receipts))
        gate.lease_token = gate.lease_until = None
        gate.save(update_fields=["lease_token", "lease_until"])


def _rest(lease: Lease, order: PolicyOrder, problem: str, *, asked: float | None = None) -> None:
    """Until the next attempt. The gate goes on: openings and closings need not wait for this."""
    try:
        with transaction.atomic():
            hold(lease)
            now = db_now()
            if now > order.at + TOO_OLD:
                order.failed_at = now
            wait = timedelta(seconds=pause(order.tries, asked))
            order.problem, order.not_before, order.tries = problem, now + wait, order.tries + 1
            order.save(update_fields=["problem", "not_before", "tries", "failed_at"])
            if order.failed_at:
                _tell(order, "policy.change_failed", outcome="failed", reason=problem)
        give_back(lease)
    except LeaseLost:
        return  # whoever has it now will find out


def _come_back(lease: Lease, order: PolicyOrder) -> None:
    """Azure is at work on it: asked again soon, and less often the longer it takes."""
    now = db_now()
    taken = (now - (order.sent_at or now)).total_seconds()
    wait = settings.ACCESS_LOOK_SECONDS + settings.ACCESS_LOOK_GROWTH * taken
    order.not_before = now + timedelta(seconds=wait)
    order.save(update_fields=["not_before"])
    give_back(lease)


def _changed(order: PolicyOrder, found: Json) -> list[str]:
    """Other machines that are not as they were put; nothing where we put nothing."""
    if order.sent_at is None:
        return []
    seen = others_in(found, order.machine.resource_key)
    return sorted(k for k in {*order.others, *seen} if order.others.get(k) != seen.get(k))


def _remark(order: PolicyOrder, guards: Guards, changed: list[str]) -> str:
    numbers, said = [number for number, _, _ in ports_from(order.ports)], []
    missing = guards.undenied(numbers)
    if guards.problem:
        said.append(f"Whether its deny rules are there could not be read: {guards.problem}")
    elif missing:
        ports = ", ".join(map(str, missing))
        said.append(f"No JIT deny rule is there for port {ports}: it is not shut by JIT yet.")
    elif numbers:
        said.append(f"JIT's deny rule is there for port {', '.join(map(str, numbers))}.")
    if changed:
        names = ", ".join(each.rsplit("/", 1)[-1] for each in changed)
        said.append(f"Somebody else has changed {names} in this policy meanwhile.")
    return " ".join(said)


def _keep(order: PolicyOrder, receipts: Sequence[Receipt]) -> None:
    order.receipts = [*order.receipts, *map(dict, receipts)]


def _tell(order: PolicyOrder, event: str, *, outcome: str = "success", **data: object) -> None:
    subject = order.machine.resource_key
    told = {**terms_of(order), **data}
    ledger.record(event, by=WORKER, subject=subject, outcome=outcome, data=told)
