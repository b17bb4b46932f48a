"""Sessions made directly, as a worker would have written them down."""

from __future__ import annotations

from datetime import timedelta

from access.clock import db_now
from access.models import Grant, LiveSession, Machine, SessionReading
from tests.support import estate


def connected(machine: Machine | None, *, minutes: float = 0, **changes: object) -> LiveSession:
    """Somebody who began so long ago, as a worker wrote it down; and the host was just read."""
    host = machine.bastion if machine and machine.bastion else estate.host("bastion-other")
    now = db_now()
    read(host, now)
    began = now - timedelta(minutes=minutes)
    values: dict[str, object] = {
        "session_id": f"s-{LiveSession.objects.count()}",
        "user_name": "operator",
        "protocol": "ssh",
        "target": "vm-app-01",
        "started_at": began,
        "first_seen_at": began,
        "last_seen_at": now,
    }
    return LiveSession.objects.create(host=host, machine=machine, **(values | changes))


def read(host: object, at: object, **more: object) -> None:
    SessionReading.objects.update_or_create(host=host, defaults={"read_at": at, **more})


def since(grant: Grant, *, minutes: float) -> Grant:
    """It began so long ago."""
    at = db_now() - timedelta(minutes=minutes)
    Grant.objects.filter(pk=grant.pk).update(starts_at=at, opened_at=at)
    grant.refresh_from_db()
    return grant
