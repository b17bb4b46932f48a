"""Break-glass for the stories: a policy that names who may, and the act itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from access.clock import db_now
from access.models import AccessRequest, Grant, Machine, Person, Review
from access.services.break_glass import open_at_once
from tests.support.cast import submission
from tests.support.ruling import put_in_force

ON_CALL = """
version: 1
groups:
  on-call: [alice, dana]
  payments: [bob, oscar]
rules:
  - name: Everything
    max_minutes: 240
    approvals:
      - {label: Payments, from: [{group: payments}], needed: 1}
      - {label: Anybody, from: [{role: approver}], needed: 1}
    break_glass: {who: [{group: on-call}], max_minutes: 90}
"""
WHY = "The payment service is down"


def on_call() -> None:
    put_in_force(ON_CALL)


def break_glass(machine: Machine, *, by: Person, **changes: Any) -> AccessRequest:
    return open_at_once(submission(machine, **({"reason": WHY} | changes)), by=by)


def is_over(asked: AccessRequest) -> AccessRequest:
    """Open for a quarter of an hour, and closed since."""
    now = db_now()
    opened = now - timedelta(minutes=15)
    Grant.objects.filter(access_request=asked).update(
        state="closed", starts_at=opened, opened_at=opened, ends_at=now, due_at=now, closed_at=now,
        close_reason="Its time is over.",
    )  # fmt: skip
    return asked


def is_due(asked: AccessRequest, *, hours: float) -> AccessRequest:
    """Its review is due in so many hours; before now if they are less than none."""
    Review.objects.filter(access_request=asked).update(due_at=db_now() + timedelta(hours=hours))
    return asked
