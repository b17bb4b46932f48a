"""Moves of the outbox that the stories share."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction

from access import notices
from access.clock import db_now
from access.models import Endpoint, Family, Notice, Person, Route
from access.sealed import seal


def told(event: str = "request.approved", *, to: Any = (), **more: Any) -> None:
    """Tell of something, in a transaction of its own."""
    values = {"key": "once", "to": [to] if isinstance(to, Person) else to} | more
    with transaction.atomic():
        notices.tell(event, **values)


def endpoint(name: str, address: str, kind: str = "slack", **changes: Any) -> Endpoint:
    values: dict[str, Any] = {
        "name": name,
        "kind": kind,
        "host": "localhost",
        "address": seal(address),
        "secret": seal("the secret") if kind == "webhook" else "",
        "families": [family.value for family in Family],
        "created_at": db_now(),
    }
    return Endpoint.objects.create(**(values | changes))


def let_pass(**length: float) -> None:
    """Time goes by for the outbox: all that waits has waited for so much longer."""
    shift = timedelta(**length)
    for notice in Notice.objects.all():
        notice.not_before -= shift
        notice.created_at -= shift
        notice.save(update_fields=["not_before", "created_at"])
    for route in Route.objects.all():
        for name in ("pause_until", "lease_until"):
            if moment := getattr(route, name):
                setattr(route, name, moment - shift)
        route.save()
