"""Celery carries wake-ups only. Any message may be lost or doubled without harm.

A task is handed a row's id and does nothing that the row does not already call for.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from celery import Task, shared_task
from django.conf import settings
from django.db.models import QuerySet, Value

from access import emergencies, engine, unconfirmed, waiting
from access.anchoring import restorations
from access.gatekeeping import CLOSER
from access.heartbeats import beat
from access.notices.due import deliverable, due_routes, wake_routes
from access.waking import Woken, put, unless_away

MOST_TRIED = 8  # due gates that a worker tries for one that nobody holds
SHORT_SLEEP = 0.15
woken = Woken()
_not_before = [0.0]  # of what a sweep need not ask each second, by this process's clock


@shared_task(name="access.look", ignore_result=True)
def look(gate_id: int) -> None:
    """Look at one gate now, if it is due and nobody else has it, and go on for a moment while
    Azure is at work: most windows are open before the next sweep. Whoever follows a gate that is
    not due yet looks at others that are, so no gate waits because Azure takes its time at one."""
    patience = time.monotonic() + settings.ACCESS_FOLLOW_SECONDS
    if not engine.look_at(gate_id):
        return
    while time.monotonic() < patience:
        if any(map(engine.look_at, engine.due_gates(limit=MOST_TRIED))):
            continue
        if not engine.is_moving(gate_id):
            return
        time.sleep(SHORT_SLEEP)


@shared_task(name="access.sweep", ignore_result=True)
@unless_away
def sweep() -> None:
    """Wake every gate that is due; every few seconds let unanswered requests lapse, and more. Runs
    about every second.

    The sign of life comes after the work: who cannot wake a gate must not look alive.
    """
    wake(woken.anew(engine.due_since()))
    if time.monotonic() < _not_before[0]:
        return
    beat(CLOSER)
    _look_around()
    _not_before[0] = time.monotonic() + settings.ACCESS_LOOK_AROUND_SECONDS


def _look_around() -> None:
    for number in _turns_due():
        _TURNS[number][1]()


def _turns_due() -> list[int]:
    """One question for all of them: most of the time none is due."""
    first, *others = (
        rows().order_by().annotate(turn=Value(number)).values_list("turn", flat=True)
        for number, (rows, _) in enumerate(_TURNS)
    )
    return sorted(first.union(*others))


@shared_task(name="access.reckon", ignore_result=True)
def reckon() -> None:
    """Who could decide what waits, as people, groups and deputies are now."""
    waiting.escalate_due()
    waiting.reckon_all()
    emergencies.chase_due()


@shared_task(name="access.checkpoint", ignore_result=True)
def checkpoint() -> None:
    """Say outside the database how far the ledger has come, and whether it went back."""
    restorations.look()


@shared_task(name="access.audit", ignore_result=True)
def audit(gate_id: int) -> None:
    """Ask a gate, if that is due, what is open there without a grant."""
    engine.audit(gate_id)


def wake(gate_ids: Iterable[int], *, task: "Task[Any, None] | None" = None) -> None:
    """Ask for a look at each gate, or for ``task``."""
    put(task or look, gate_ids)


def _wake_audits() -> None:
    wake(engine.due_audits(), task=audit)


# What is less urgent than gates: the rows that call for it, and what is done about them.
_TURNS: Sequence[tuple[Callable[[], "QuerySet[Any]"], Callable[[], object]]] = (
    (waiting.lapsing, waiting.lapse_due),
    (waiting.held_in_vain, waiting.let_go_of_held),
    (unconfirmed.lapsing, unconfirmed.lapse_lockdowns),
    (engine.due_for_audit, _wake_audits),
    (deliverable, lambda: wake_routes(due_routes())),
)
