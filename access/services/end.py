"""Ending access before its time."""

from django.db import transaction

from access import ledger, policy, tasks
from access.clock import db_now
from access.errors import WrongState
from access.models import EndOrder, Grant, Person
from access.services.refusals import one_transaction
from access.services.submit import clean_text
from access.states import WANTING, GrantState


def end(grant: Grant, *, by: Person, reason: str = "") -> Grant:
    """Order the end of a grant and of those of the same request on the same machine.

    Safe to repeat: a second order changes nothing. Raises ``NotAllowed``, or ``WrongState``
    when the grant is already closed.
    """
    with one_transaction("grant.end", by=by, reference=grant.access_request.reference):
        policy.check_may_end(grant, by)
        grant.refresh_from_db(fields=["state"])
        if grant.state == GrantState.CLOSED:
            raise WrongState("This access is already closed.")
        now = db_now()
        together = _together(grant)
        for each in together:
            _, new = EndOrder.objects.get_or_create(
                grant=each, defaults={"by": by, "at": now, "reason": clean_text(reason)}
            )
            if new:
                _record(each, by, reason)
        gates = [each.gate_id for each in together]
        transaction.on_commit(lambda: tasks.wake(gates))
    return grant


def _together(grant: Grant) -> list[Grant]:
    """A link and the window it needs end together."""
    same = Grant.objects.filter(
        access_request_id=grant.access_request_id,
        machine_id=grant.machine_id,
        state__in=WANTING,
    )
    return list(same.select_related("machine", "access_request").order_by("pk"))


def _record(grant: Grant, by: Person, reason: str) -> None:
    ledger.record(
        "grant.end_ordered",
        by=by,
        reference=grant.access_request.reference,
        subject=grant.machine.resource_key,
        data={"grant": grant.pk, "kind": grant.kind, "reason": clean_text(reason)},
    )
