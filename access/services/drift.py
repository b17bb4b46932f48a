"""Having something removed that is open in Azure without a grant."""

from django.db import transaction

from access import ledger, policy, tasks
from access.clock import db_now
from access.errors import Invalid, WrongState
from access.models import Finding, Person, RemovalOrder
from access.services.refusals import one_transaction
from access.services.submit import REASON_LIMIT, clean_text


def remove(finding: Finding, *, by: Person, reason: str) -> Finding:
    """Order its removal. Safe to repeat: a second order changes nothing.

    Raises ``NotAllowed``, ``Invalid``, or ``WrongState`` when it is gone already.
    """
    reason = _checked(reason)
    with one_transaction("drift.remove", by=by, reference=finding.left_by):
        policy.check_may_remove(by)
        locked = Finding.objects.select_for_update().get(pk=finding.pk)
        if locked.gone_at is not None:
            raise WrongState("It is gone from Azure already.")
        _, new = RemovalOrder.objects.get_or_create(
            finding=locked, defaults={"by": by, "at": db_now(), "reason": reason}
        )
        if new:
            ledger.record(
                "drift.removal_ordered",
                by=by,
                reference=locked.left_by,
                subject=locked.resource_key,
                data={"finding": locked.pk, "port": locked.port, "reason": reason},
            )
        gates = [locked.gate_id]
        transaction.on_commit(lambda: tasks.wake(gates, task=tasks.audit))
    return locked


def _checked(reason: str) -> str:
    reason = clean_text(reason)
    if not reason:
        raise Invalid({"reason": "Say why. Whoever opened it may ask, and so will the auditors."})
    if len(reason) > REASON_LIMIT:
        raise Invalid({"reason": f"Keep the reason under {REASON_LIMIT} characters."})
    return reason
