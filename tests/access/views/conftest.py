"""Pages are tested with rows made directly: no page ever asks Azure."""

from __future__ import annotations

from datetime import timedelta

import pytest

from access import ledger
from access.clock import db_now
from access.models import Gate, Grant, Machine, Person
from tests.support import estate
from tests.support.browsers import Browser
from tests.support.cast import Cast, approved

__all__ = ["Browser"]


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wake-up may be lost without harm; here all of them are."""
    monkeypatch.setattr("access.tasks.look.apply_async", lambda *_args, **_options: None)


@pytest.fixture
def vm(db: None) -> Machine:
    return estate.machine()


@pytest.fixture
def opened(cast: Cast, vm: Machine) -> Grant:
    """Alice's window on port 22, approved by Bob and seen open."""
    return make_open(approved(vm, by=cast.alice, approver=cast.bob))


def make_open(grant: Grant) -> Grant:
    Grant.objects.filter(pk=grant.pk).update(state="open", opened_at=db_now())
    grant.refresh_from_db()
    return grant


def make_overdue(grant: Grant, *, seconds: int = 120) -> Grant:
    due = db_now() - timedelta(seconds=seconds)
    Grant.objects.filter(pk=grant.pk).update(
        state="closing",
        opened_at=due - timedelta(hours=1),
        starts_at=due - timedelta(hours=1),
        ends_at=due,
        due_at=due,
        close_reason="Its time is over.",
    )
    grant.refresh_from_db()
    return grant


def make_closed(grant: Grant, *, opened: bool, reason: str = "Its time is over.") -> Grant:
    now = db_now()
    Grant.objects.filter(pk=grant.pk).update(
        state="closed",
        opened_at=now if opened else None,
        due_at=now,
        closed_at=now,
        close_reason=reason,
    )
    grant.refresh_from_db()
    return grant


def trouble(gate: Gate, problem: str) -> None:
    pause = db_now() + timedelta(seconds=20)
    Gate.objects.filter(pk=gate.pk).update(problem=problem, pause_until=pause)


def fill_ledger(lines: int, *, by: Person) -> None:
    from django.db import transaction

    for number in range(lines):
        with transaction.atomic():
            ledger.record("person.signed_in", by=by, data={"number": number})
