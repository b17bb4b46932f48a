"""A worker's turns at bastion-hub, and people who connect through it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from access import services
from access.clock import db_now
from access.models import BastionHost, Grant, LedgerEntry, LiveSession, Machine, SessionReading
from access.sessions import turns
from access.states import GrantState
from portal import watch
from portal.azure import patience
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, approved, run_engine

LIST, DISCONNECT = "session.list", "session.disconnect"


@pytest.fixture
def cloud(live_estate: SimulatedAzure) -> SimulatedAzure:
    patience._under_way.clear()
    turns.add_missing()
    return live_estate


@pytest.fixture
def window(cloud: SimulatedAzure, cast: Cast) -> Grant:
    """Alice's window, seen open in Azure."""
    vm = Machine.objects.filter(jit_ports__isnull=False, os="linux").order_by("name")[0]
    grant = approved(vm, by=cast.alice, approver=cast.bob)
    run_engine()
    grant.refresh_from_db()
    assert grant.state == GrantState.OPEN
    return grant


def hub() -> BastionHost:
    return BastionHost.objects.get(name="bastion-hub")


def reading() -> SessionReading:
    return SessionReading.objects.get(host=hub())


def turn() -> bool:
    """A worker's turn at the host, now that it is due."""
    later()
    return watch.read_host(hub().pk)


def later() -> None:
    """Pauses and rests are over."""
    past = db_now() - timedelta(hours=1)
    SessionReading.objects.update(tried_at=past, not_before=None)
    LiveSession.objects.filter(not_before__isnull=False).update(not_before=past)


def live() -> list[str]:
    rows = LiveSession.objects.filter(ended_at__isnull=True).order_by("pk")
    return list(rows.values_list("user_name", flat=True))


def told(event: str) -> list[LedgerEntry]:
    return list(LedgerEntry.objects.filter(event=event).order_by("seq"))


def order(cast: Cast, session: LiveSession | None = None) -> LiveSession:
    session = session or LiveSession.objects.get(ended_at__isnull=True)
    services.disconnect(session, by=cast.dana, reason="Not one of ours")
    session.refresh_from_db()
    return session


def other(grant: Grant) -> Machine:
    """Another machine behind the same host, to which nobody has access."""
    behind = Machine.objects.filter(bastion=hub(), os="linux").exclude(pk=grant.machine_id)
    return behind.order_by("name")[0]


def barge_in(
    cloud: SimulatedAzure, grant: Grant, *, user: str = "azureuser", **more: object
) -> str:
    """Somebody connects past the portal."""
    body = {"bastion": hub().resource_id, "vm": other(grant).resource_id, "userName": user}
    return str(cloud.control("POST", "sessions", {**body, "force": True, **more})["sessionId"])


def ago(seconds: float) -> None:
    SessionReading.objects.update(tried_at=db_now() - timedelta(seconds=seconds), not_before=None)
