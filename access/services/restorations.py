"""A database that went back in time, reconciled: an administrator says that what is open in Azure
was compared with it, and from then on things are opened again."""

from access import ledger, policy
from access.anchoring.restorations import lost
from access.clock import db_now
from access.errors import Invalid, WrongState
from access.models import Finding, Gate, Person, Restoration
from access.notices.telling import tell_overseers
from access.services.refusals import one_transaction
from access.services.submission import REASON_LIMIT, clean_text


def unasked(restoration: Restoration) -> list[Gate]:
    """Gates that nobody has asked since what is open there."""
    rows = Gate.objects.exclude(audited_at__gte=restoration.found_at)
    return list(rows.order_by("name", "pk"))


def reconcile(
    restoration: Restoration, note: str, *, by: Person, even_unasked: bool = False
) -> Restoration:
    """Safe to repeat. ``even_unasked``: for a gate that never answers again; the ledger names it.

    Raises ``NotAllowed``, ``Invalid`` or ``WrongState``.
    """
    with one_transaction("restoration.reconcile", by=by):
        policy.check_may_reconcile(by)
        locked = Restoration.objects.select_for_update().get(pk=restoration.pk)
        if not locked.waits:
            return locked
        note = _checked(note)
        left = unasked(locked)
        if left and not even_unasked:
            raise WrongState(_still_unasked(left))
        locked.waits, locked.note = False, note
        locked.reconciled_at, locked.reconciled_by = db_now(), by
        locked.save(update_fields=["waits", "note", "reconciled_at", "reconciled_by"])
        _record(locked, by, left)
    return locked


def _still_unasked(left: list[Gate]) -> str:
    some = ", ".join(gate.name for gate in left[:5]) + (" and others" if len(left) > 5 else "")  # noqa: PLR2004
    return (
        f"Not everything has been asked yet what is open there: {some}. It takes some minutes; "
        "what was found stands under Drift."
    )


def _checked(note: str) -> str:
    note = clean_text(note)
    if not note:
        raise Invalid({"note": "Say what happened, and what you compared."})
    if len(note) > REASON_LIMIT:
        raise Invalid({"note": f"Keep the note under {REASON_LIMIT} characters."})
    return note


def _record(row: Restoration, by: Person, left: list[Gate]) -> None:
    tell_overseers("ledger.reconciled", key=f"restoration-{row.pk}-over", by=by)
    ledger.record(
        "ledger.reconciled",
        by=by,
        data={
            "restoration": row.pk,
            "note": row.note,
            "lost": lost(row),
            "kept_hash": row.kept_hash,
            "open_findings": Finding.objects.filter(gone_at__isnull=True).count(),
            "unasked": [gate.resource_key for gate in left],
        },
    )
