"""Whose turn it is to read a host's sessions: one worker at a host at a time, under a lease.

Due is asked of the rows, never of a stored wake-up time: a host is read often while somebody may
be connected or somebody looks, and now and then otherwise.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from access.heartbeats import beat
from access.models import BastionHost, Grant, Heartbeat, LiveSession, SessionReading
from access.states import HOLDING

ONLOOKER = "sessions-onlooker"  # somebody who may see all sessions has the page open
LOOKING = timedelta(seconds=30)
LEASE = timedelta(seconds=60)  # longer than the calls of one turn can take


class TurnLost(Exception):
    """Another worker has the host now; nothing may be written."""


@dataclass(frozen=True)
class Turn:
    host: BastionHost
    token: uuid.UUID


def somebody_looks() -> None:
    """Has every host read often for the next half minute."""
    beat(ONLOOKER)


def add_missing() -> None:
    """Each host of the estate has its reading. Safe to repeat, and to do twice at once."""
    new = BastionHost.objects.filter(gone_at__isnull=True, session_reading__isnull=True)
    rows = [SessionReading(host_id=pk) for pk in new.values_list("pk", flat=True)]
    if rows:
        SessionReading.objects.bulk_create(rows, ignore_conflicts=True)


def due_hosts(limit: int = 1000) -> list[tuple[int, Any]]:
    """Hosts to be read now that nobody reads, who waited longest first: ids, each with the
    moments of its last turn. Those that are new to the estate are given their reading."""
    is_new = Q(gone_at__isnull=True, session_reading__isnull=True)
    hosts = BastionHost.objects.filter(is_new | Exists(_due().filter(host=OuterRef("pk"))))
    longest_first = F("session_reading__tried_at").asc(nulls_first=True)
    rows = hosts.order_by(longest_first, "session_reading__pk", "pk")
    turn = ("session_reading__tried_at", "session_reading__not_before", "session_reading__pk")
    found = list(rows.values_list("pk", *turn)[:limit])
    if any(row[-1] is None for row in found):
        add_missing()
    return [(row[0], row[1:]) for row in found]


def take(host_id: int) -> Turn | None:
    """Take the host if it is due. ``None`` when it is not, or another worker was quicker."""
    with transaction.atomic():
        due = _due().filter(host_id=host_id)
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True, no_key=True, of=("self",))
        reading = due.select_related("host").first()
        if reading is None:
            return None
        turn = Turn(reading.host, uuid.uuid4())
        SessionReading.objects.filter(pk=reading.pk).update(
            lease_token=turn.token, lease_until=Now() + LEASE
        )
        return turn


def hold(turn: Turn) -> SessionReading:
    """Lock the host's reading inside the caller's transaction. Raises ``TurnLost``."""
    mine = SessionReading.objects.select_for_update(no_key=True)
    reading = mine.filter(host=turn.host, lease_token=turn.token).first()
    if reading is None:
        raise TurnLost(f"host {turn.host.pk}")
    return reading


def forget_turns() -> int:
    """Free every host. Only for a process that is certainly the only worker, at its start."""
    held = SessionReading.objects.filter(lease_token__isnull=False)
    return held.update(lease_token=None, lease_until=None)


def _due() -> QuerySet[SessionReading]:
    live = Exists(LiveSession.objects.filter(host=OuterRef("host"), ended_at__isnull=True))
    there = Q(host__gone_at__isnull=True) | Q(live)
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=Now())
    come_back = Q(not_before__lte=Now())
    old = Q(tried_at__lte=Now() - timedelta(seconds=settings.ACCESS_SESSIONS_SLOW_SECONDS))
    aged = Q(tried_at__lte=Now() - timedelta(seconds=settings.ACCESS_SESSIONS_SECONDS))
    matters = Q(live) | _somebody_may_connect()
    in_time = Q(not_before__isnull=True) & (Q(tried_at__isnull=True) | old | (aged & matters))
    ordered = Exists(_to_be_ended().filter(host=OuterRef("host")))
    rows = SessionReading.objects.filter(there, free)
    return rows.filter(come_back | in_time | Q(ordered))


def _somebody_may_connect() -> Q:
    """Or somebody looks, and then it matters."""
    held = Grant.objects.filter(state__in=HOLDING)
    through = held.filter(machine__bastion=OuterRef("host"))
    by_gate = held.filter(gate__resource_key=OuterRef("host__resource_key"))
    looks = Heartbeat.objects.filter(name=ONLOOKER, at__gte=Now() - LOOKING)
    return Q(Exists(through)) | Q(Exists(by_gate)) | Q(Exists(looks))


def _to_be_ended() -> QuerySet[LiveSession]:
    rested = Q(not_before__isnull=True) | Q(not_before__lte=Now())
    return LiveSession.objects.filter(
        rested,
        ended_at__isnull=True,
        disconnected_at__isnull=True,
        disconnect_order__isnull=False,
    )


def to_be_ended(turn: Turn) -> list[LiveSession]:
    """Sessions of the host that somebody ordered to end, and whose try is due."""
    return list(_to_be_ended().filter(host=turn.host).order_by("pk"))
