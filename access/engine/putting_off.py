"""Not looking while there is nothing to be seen: Azure takes seconds for what it was sent, and a
look at it meanwhile costs the worker a hundred grants, and Azure a list of all that is open.

Only where every door that moves here was sent to be shut, and either none waits for its turn or
Azure takes no more at once. The kind tells for how long; it may ask Azure one small question. What
is over by then is owed to be closed all the same, and begins to be.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q

from access.clock import db_now
from access.engine import hooks
from access.engine.chunk import over, until_whole
from access.engine.claim import Lease, hold, set_free
from access.engine.stage import end_more
from access.errands import errand
from access.errors import Later, Never
from access.kinds import Kind
from access.models import Gate, Grant
from access.states import GrantState

logger = logging.getLogger(__name__)
SOON = timedelta(seconds=2)  # until what has come to its end meanwhile begins to be closed
STATE = ["look_again_at", "full_until", "lease_token", "lease_until"]


@dataclass(frozen=True)
class UnderWay:
    doors: int  # that Azure is shutting
    over: bool  # something else is over, and not owed to be closed yet

    @property
    def full(self) -> bool:
        return self.doors >= int(settings.ACCESS_CHUNK)


def put_off(lease: Lease, gate: Gate, kind: Kind) -> bool:
    """Whether the gate was given back without a look. Raises ``LeaseLost``."""
    if not hooks.cares(kind, "pause"):
        return False
    now = db_now()
    found = _under_way(gate.pk, now) if until_whole(gate, now) else None
    seconds = None if found is None else _pause(lease, gate, kind, found.doors)
    if found is None or seconds is None:
        return False
    more = found.over and end_more(lease)
    _give_back(lease, seconds, full=found.full and not more)
    return True


def _pause(lease: Lease, gate: Gate, kind: Kind, doors: int) -> float | None:
    try:
        with errand(closing=True, until=lease.sends_until):
            return kind.pause(gate, doors)
    except (Later, Never):
        return None
    except Exception:
        logger.exception("gate %s is looked at: whether it can wait is not known", gate.pk)
        return None


def _under_way(gate_id: int, now: datetime) -> UnderWay | None:
    """``None`` where nothing is, or anything else calls for a look."""
    closing = Q(state=GrantState.CLOSING)
    unsent = closing & Q(sent_at__isnull=True)
    scheduled = Q(state=GrantState.SCHEDULED)
    beyond = (
        Q(state=GrantState.OPENING)
        | (scheduled & (Q(starts_at__lte=now) | Q(end_order__isnull=False)))
        | (closing & (Q(shut_at__isnull=False) | Q(finish_by__isnull=False)))
        | (closing & Q(grace_minutes__gt=0))
        | (unsent & Q(not_before__isnull=False))
    )
    live = Grant.objects.filter(gate_id=gate_id).exclude(state=GrantState.CLOSED)
    found = live.aggregate(
        beyond=Count("pk", filter=beyond),
        unsent=Count("pk", filter=unsent),
        over=Count("pk", filter=Q(state=GrantState.OPEN) & over(now)),
        sent=Count("pk", filter=closing & Q(sent_at__isnull=False)),
    )
    made = UnderWay(found["sent"], over=found["over"] > 0)
    waiting = found["unsent"] or made.over
    return None if not made.doors or found["beyond"] or (waiting and not made.full) else made


def _give_back(lease: Lease, seconds: float, *, full: bool) -> None:
    with transaction.atomic():
        gate, now = hold(lease), db_now()
        again = now + timedelta(seconds=seconds)
        set_free(gate, again=again)
        gate.full_until = min(again, now + SOON) if full else None
        gate.save(update_fields=STATE)
