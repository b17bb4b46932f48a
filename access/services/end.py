"""Ending access before its time."""

from django.db import transaction
from django.db.models import Q

from access import ledger, notices, policy, tasks
from access.clock import db_now
from access.errors import Invalid, WrongState
from access.ledger import Outsider
from access.models import AccessRequest, EndedHow, EndOrder, Grant, Person
from access.notices.grants import doors_of
from access.services.refusals import one_transaction
from access.services.submission import REASON_LIMIT, clean_text
from access.states import WANTING, GrantState

# In the grace of a soft end the door is shut, and an order still ends who is connected.
CAN_BE_ENDED = Q(state__in=WANTING) | Q(state=GrantState.CLOSING, grace_minutes__gt=0)


def end(grant: Grant, *, by: Person, reason: str = "") -> Grant:
    """Order the end of a grant and of those of the same request on the same machine.

    Whoever ends what was given to somebody else revokes it, and says why. Safe to repeat: a
    second order changes nothing. Raises ``NotAllowed``, ``Invalid``, or ``WrongState`` when the
    grant is already closed.
    """
    with one_transaction("grant.end", by=by, reference=grant.access_request.reference):
        policy.check_may_end(grant, by)
        how, reason = how_of(grant, by), _checked(reason, how_of(grant, by))
        grant.refresh_from_db(fields=["state"])
        if grant.state == GrantState.CLOSED:
            raise WrongState("This access is already closed.")
        now, together = db_now(), _together(grant)
        words = {"at": now, "how": how, "reason": reason}
        orders = [_order(each, by, **words) for each in together]
        if how == EndedHow.REVOKED and any(orders):
            _tell(grant, by, reason)
        gates = [each.gate_id for each in together]
        transaction.on_commit(lambda: tasks.wake(gates))
    return grant


def give_back(asked: AccessRequest, *, by: Outsider) -> bool:
    """Whoever it was given to from outside needs it no longer: orders the end of all that the
    request opened. Safe to repeat; ``False`` where nothing was left to end. Inside the caller's
    transaction, which knows who that is, and before anything is written to the ledger there."""
    left = Grant.objects.filter(CAN_BE_ENDED, access_request=asked)
    grants = list(left.select_related("machine", "access_request").order_by("pk"))
    words = {"by": None, "at": db_now(), "how": EndedHow.BY_VENDOR}
    orders = [EndOrder.objects.get_or_create(grant=grant, defaults=words) for grant in grants]
    for order, new in orders:  # whoever else ends one of them has its row before the ledger's head
        if new:
            _record(order, by)
    gates = sorted({grant.gate_id for grant in grants})
    transaction.on_commit(lambda: tasks.wake(gates))
    return any(new for _, new in orders)


def how_of(grant: Grant, by: Person) -> EndedHow:
    own = grant.access_request.requester_id == by.pk
    return EndedHow.BY_OWNER if own else EndedHow.REVOKED


def _checked(reason: str, how: EndedHow) -> str:
    reason = clean_text(reason)
    if how == EndedHow.REVOKED and not reason:
        raise Invalid({"reason": "Say why it is revoked. The person who had it will read it."})
    if len(reason) > REASON_LIMIT:
        raise Invalid({"reason": f"Keep the reason under {REASON_LIMIT} characters."})
    return reason


def _together(grant: Grant) -> list[Grant]:
    """A link and the window it needs end together."""
    same = Grant.objects.filter(
        CAN_BE_ENDED,
        access_request_id=grant.access_request_id,
        machine_id=grant.machine_id,
    )
    return list(same.select_related("machine", "access_request").order_by("pk"))


def _order(grant: Grant, by: Person, **words: object) -> bool:
    """``False`` when its end was ordered already."""
    order, new = EndOrder.objects.get_or_create(grant=grant, defaults={"by": by, **words})
    if new:
        _record(order, by)
    return new


def _record(order: EndOrder, by: Person | Outsider) -> None:
    grant = order.grant
    ledger.record(
        "grant.revoked" if order.how == EndedHow.REVOKED else "grant.end_ordered",
        by=by,
        reference=grant.access_request.reference,
        subject=grant.machine.resource_key,
        data={"grant": grant.pk, "kind": grant.kind, "reason": order.reason},
    )


def _tell(grant: Grant, by: Person, reason: str) -> None:
    asked = grant.access_request
    key = f"{asked.reference}.{grant.machine_id}.revoked"
    notices.tell(
        "grant.revoked",
        key=key,
        to=[asked.requester],
        about=asked,
        data={"why": reason, "doors": doors_of([grant]), "until": grant.ends_at},
        by=by,
    )
