"""More time for what is granted, against its end: exactly one of the two happens.

A worker ends a grant under the lock of its gate, and reads the grant after it has the lock. Here
the same lock is taken, so a grant is lengthened before it is over, or its end is kept.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection

from access.clock import db_now
from access.engine.lines import Lines
from access.errors import WrongState
from access.lockdowns import InForce, in_force
from access.models import AccessRequest, Gate, Grant, GrantExtension
from access.states import WANTING

OVER = "It is over already, so it cannot be lengthened. Somebody can ask for it anew."
BEING_ENDED = "Its end was ordered, so it cannot be lengthened."
HELD = "It waits for an approval itself, so it cannot be lengthened."
NO_LONGER = "It lasts that long already."


def lengthen(grants: Iterable[Grant], until: datetime, *, by_request: AccessRequest) -> list[int]:
    """Let all of them last ``until`` then, or none: raises ``WrongState`` and changes nothing.

    Inside the caller's transaction, before its first ledger line and before any lock on the
    request that the grants are of: a worker takes gate, request and ledger in this order. Returns
    the gates to wake after the commit. For a window the engine asks Azure for the later end; a
    link needs nothing.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("lengthen: only inside the transaction that decided it")
    locked = _locked(grants)
    now, shut, lines = db_now(), in_force(), Lines()
    if not locked:
        raise WrongState(OVER)
    for grant in locked:
        _check(grant, until, now, shut)
    GrantExtension.objects.bulk_create(
        GrantExtension(
            grant=grant, access_request=by_request, ended_at=grant.ends_at, until=until, at=now
        )
        for grant in locked
    )
    for grant in locked:
        ended_at, grant.ends_at = grant.ends_at, until
        grant.save(update_fields=["ends_at"])
        by = by_request.reference
        lines.about(grant, "grant.extended", until=until, instead_of=ended_at, by_request=by)
    # A look that is under way at this moment does not know of it: another follows at once.
    gates = sorted({grant.gate_id for grant in locked})
    Gate.objects.filter(pk__in=gates).update(look_again_at=now)
    lines.write()
    return gates


def _locked(grants: Iterable[Grant]) -> list[Grant]:
    """Read anew, after their gates were locked in the order of their keys."""
    wanted = list(grants)
    gates = Gate.objects.select_for_update(no_key=True).order_by("pk")
    list(gates.filter(pk__in={grant.gate_id for grant in wanted}))
    rows = Grant.objects.filter(pk__in=[grant.pk for grant in wanted]).order_by("pk")
    return list(rows.select_related("end_order", "machine__bastion", "access_request"))


def _check(grant: Grant, until: datetime, now: datetime, shut: InForce) -> None:
    if grant.state not in WANTING or grant.ends_at <= now:
        raise WrongState(OVER)
    if hasattr(grant, "end_order"):
        raise WrongState(BEING_ENDED)
    if grant.access_request.hold:
        raise WrongState(HELD)
    if why := shut.reason_shut(grant.machine):
        raise WrongState(why)
    if until <= grant.ends_at:
        raise WrongState(NO_LONGER)
