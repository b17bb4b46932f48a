"""Which gates are due, and who holds one: a lease with a token, by the database's clock."""

import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from access.clock import db_now
from access.models import Finding, Gate, Grant
from access.states import HOLDING, WANTING_NOW, GrantState

MARGIN = 0.25  # of a lease: with less than this left, nothing is sent any more


class LeaseLost(Exception):
    """Another worker took the gate over, or may have; nothing may be written or sent."""


@dataclass
class Lease:
    """The token guards what is written. ``fresh_until`` guards what is sent: a process that was
    stopped for a minute must not open what another has meanwhile seen closed."""

    gate_id: int
    token: uuid.UUID
    fresh_until: float = field(default_factory=lambda: _from_now(time.monotonic()))

    def sends_until(self) -> float:
        """By ``time.monotonic``; it moves on when the lease is renewed."""
        return self.fresh_until - MARGIN * float(settings.ACCESS_LEASE_SECONDS)

    def check(self) -> None:
        """Raises ``LeaseLost`` when too little is left of it to send a call."""
        if time.monotonic() > self.sends_until():
            raise LeaseLost(f"gate {self.gate_id}: the lease is too old to send anything")


def due_gates(limit: int = 200) -> list[int]:
    """Ids of gates with work to do now, that nobody holds and that are not paused."""
    return [gate_id for gate_id, _ in due_since(limit)]


def due_since(limit: int = 1000) -> list[tuple[int, datetime | None]]:
    """The same, each with the moment of its last look."""
    return list(_due().order_by("looked_at", "pk").values_list("pk", "looked_at")[:limit])


def claim(gate_id: int) -> Lease | None:
    """Take the gate if it is due. ``None`` when it is not, or another worker was quicker."""
    return _claim(_due(), gate_id, look_again_at=None)  # should this look never end, it is due


def due_audits(limit: int = 50) -> list[int]:
    """Ids of gates that nobody has asked for a while what is open there without a grant; where a
    removal waits, first. Of the others any: those that could not be asked last time are still due,
    and must not keep everybody else from it."""
    due = due_for_audit().annotate(waits=Exists(_removals())).order_by("-waits", "?")
    return list(due.values_list("pk", flat=True)[:limit])


def claim_for_audit(gate_id: int) -> Lease | None:
    """Like ``claim``, for the audit pass. One worker at a gate, whatever for. That it was asked is
    written down with the answer: who dies in between has compared nothing."""
    return _claim(due_for_audit(), gate_id)


def claim_free(gate_id: int) -> Lease | None:
    """For work at a gate that a kind has beside looking and asking. ``None`` when it is held."""
    return _claim(_free(), gate_id)


def _claim(due: QuerySet[Gate], gate_id: int, **changes: datetime | None) -> Lease | None:
    with transaction.atomic():
        due = due.filter(pk=gate_id).order_by()
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True, no_key=True, of=("self",))
        gate = due.first()
        if gate is None:
            return None
        lease = Lease(gate.pk, uuid.uuid4())
        now = db_now()
        Gate.objects.filter(pk=gate.pk).update(
            lease_token=lease.token,
            lease_until=now + timedelta(seconds=settings.ACCESS_LEASE_SECONDS),
            looked_at=now,
            **changes,
        )
        return lease


def is_moving(gate_id: int) -> bool:
    """Whether something at this gate is on its way, and the next look comes within a second."""
    soon = Now() + timedelta(seconds=1)
    moving = Grant.objects.filter(
        gate_id=gate_id, state__in=[GrantState.OPENING, GrantState.CLOSING]
    )
    return moving.filter(gate__look_again_at__lte=soon).exists()


def hold(lease: Lease) -> Gate:
    """Lock the leased gate inside the caller's transaction, and renew the lease.

    ``no_key``: an approval refers to the gate while it holds the ledger's head, which we want
    next; a full lock would have the two wait for each other. Raises ``LeaseLost``.
    """
    started = time.monotonic()
    mine = Gate.objects.select_for_update(no_key=True)
    gate = mine.filter(pk=lease.gate_id, lease_token=lease.token).first()
    if gate is None:
        raise LeaseLost(f"gate {lease.gate_id}")
    gate.lease_until = db_now() + timedelta(seconds=settings.ACCESS_LEASE_SECONDS)
    gate.save(update_fields=["lease_until"])
    lease.fresh_until = _from_now(started)
    return gate


def set_free(gate: Gate, *, again: datetime) -> None:
    """The lease is over, which the caller saves. The next look is at ``again``, or sooner where
    somebody asked for that meanwhile."""
    gate.look_again_at = min(gate.look_again_at or again, again)
    gate.lease_token = gate.lease_until = None


def give_back(lease: Lease) -> None:
    """Raises ``LeaseLost``."""
    with transaction.atomic():
        gate = hold(lease)
        gate.lease_token = gate.lease_until = None
        gate.save(update_fields=["lease_token", "lease_until"])


def renew(lease: Lease) -> None:
    """Between two parts of a long look. Raises ``LeaseLost``."""
    with transaction.atomic():
        hold(lease)


def forget_leases() -> int:
    """Free every gate. Only for a process that is certainly the only worker, at its start."""
    return Gate.objects.filter(lease_token__isnull=False).update(lease_token=None, lease_until=None)


def _from_now(moment: float) -> float:
    return moment + float(settings.ACCESS_LEASE_SECONDS)


def _free() -> QuerySet[Gate]:
    """Gates that nobody holds and that need not rest."""
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=Now())
    running = Q(pause_until__isnull=True) | Q(pause_until__lte=Now())
    return Gate.objects.filter(free, running)


def due_for_audit() -> QuerySet[Gate]:
    """Every few minutes, and at once when somebody ordered that a finding be removed."""
    old = timedelta(seconds=settings.ACCESS_DRIFT_SECONDS)
    never = Q(audited_at__isnull=True)
    return _free().filter(never | Q(audited_at__lte=Now() - old) | Exists(_removals()))


def _removals() -> QuerySet[Finding]:
    """Of a gate, those that are to be sent now."""
    rested = timedelta(seconds=settings.ACCESS_DRIFT_AGAIN_SECONDS)
    return Finding.objects.filter(
        Q(sent_at__isnull=True) | Q(sent_at__lte=Now() - rested),
        Q(removal__isnull=False) | ~Q(left_by=""),
        gate=OuterRef("pk"), gone_at__isnull=True,
    )  # fmt: skip


def _due() -> QuerySet[Gate]:
    """Asked of the grants' states, not of a stored wake-up time: nothing can be missed."""
    mine = Grant.objects.filter(gate=OuterRef("pk"))
    not_held = Q(not_before__isnull=True) | Q(not_before__lte=Now())
    starting = mine.filter(not_held, state=GrantState.SCHEDULED, starts_at__lte=Now())
    over = mine.filter(state__in=WANTING_NOW, ends_at__lte=Now())
    ordered = mine.filter(state__in=WANTING_NOW, end_order__isnull=False)
    given_up = mine.filter(state=GrantState.SCHEDULED, end_order__isnull=False)
    closing = mine.filter(state=GrantState.CLOSING)
    cut = closing.filter(grace_minutes__gt=0, end_order__isnull=False)
    finished = closing.filter(finish_by__lte=Now(), finish_by__gt=F("gate__looked_at"))
    again = Q(look_again_at__isnull=True) | Q(look_again_at__lte=Now())
    moving = again & Exists(mine.filter(state__in=HOLDING))
    takes_more = Q(full_until__isnull=True) | Q(full_until__lte=Now())
    ended = takes_more & (Q(Exists(over)) | Q(Exists(ordered)))
    now_due = [starting, given_up, cut, finished]
    return _free().filter(reduce(or_, (Exists(rows) for rows in now_due), moving | ended))
