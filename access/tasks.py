"""Celery carries wake-ups only. Any message may be lost or doubled without harm.

A task is handed a row's id and does nothing that the row does not already call for.
"""

import logging
import time
from collections.abc import Iterable
from typing import Any

from celery import Task, shared_task
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from access import engine, ledger
from access.clock import db_now
from access.gatekeeping import CLOSER
from access.heartbeats import beat
from access.models import AccessRequest
from access.states import RequestState

logger = logging.getLogger(__name__)


@shared_task(name="access.look", ignore_result=True)
def look(gate_id: int) -> None:
    """Look at one gate now, if it is due and nobody else has it, and follow it for a moment
    while Azure is at work: most windows are open before the next sweep."""
    patience = time.monotonic() + settings.ACCESS_FOLLOW_SECONDS
    while engine.look_at(gate_id) and engine.is_moving(gate_id):
        if time.monotonic() > patience:
            return
        time.sleep(settings.ACCESS_LOOK_SECONDS + 0.05)


@shared_task(name="access.sweep", ignore_result=True)
def sweep() -> None:
    """Wake every gate that is due and let unanswered requests lapse. Runs about every second.

    The sign of life comes after the work: who cannot wake a gate must not look alive.
    """
    wake(engine.due_gates())
    beat(CLOSER)
    lapse_due()
    wake(engine.due_audits(), task=audit)


@shared_task(name="access.audit", ignore_result=True)
def audit(gate_id: int) -> None:
    """Ask a gate, if that is due, what is open there without a grant."""
    engine.audit(gate_id)


def wake(gate_ids: Iterable[int], *, task: "Task[Any, None] | None" = None) -> None:
    """Ask for a look at each gate. A broker that is away costs latency, nothing else."""
    for gate_id in gate_ids:
        try:
            (task or look).apply_async((gate_id,), expires=settings.ACCESS_WAKE_EXPIRES_SECONDS)
        except OperationalError as error:
            logger.warning("no broker for the wake-up of gate %s: %s", gate_id, error)
            return


def lapse_due(limit: int = 100) -> int:
    """Let pending requests lapse whose time to be decided is over. Returns how many."""
    due = AccessRequest.objects.filter(state=RequestState.PENDING, lapses_at__lte=Now())
    return sum(_lapse(pk) for pk in list(due.values_list("pk", flat=True)[:limit]))


def _lapse(request_id: int) -> bool:
    with transaction.atomic():
        locked = AccessRequest.objects.select_for_update().get(pk=request_id)
        if locked.state != RequestState.PENDING:
            return False
        locked.state, locked.decided_at = RequestState.LAPSED, db_now()
        locked.save(update_fields=["state", "decided_at"])
        ledger.record("request.lapsed", by="schedule", reference=locked.reference)
    return True
