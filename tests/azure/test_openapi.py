"""What our client code sends, against Microsoft's OpenAPI documents.

The simulator keeps each write's body as it arrived; its own answers are checked in
tests/azure/simulator.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from access.clock import db_now
from access.kinds import Door, Session
from access.models import BastionHost, Machine
from tests.azure.simulator.openapi import Documents
from tests.azure.simulator.test_recordings import REFERENCE, needs_reference
from tests.support.azure import SimulatedAzure

pytestmark = needs_reference


@pytest.fixture
def door(estate: SimulatedAzure) -> Door:
    vm = Machine.objects.get(name="vm-app-01")
    return Door(vm, 22, until=db_now() + timedelta(minutes=30), on_behalf="BA-000001 Alice")


def check(azure: SimulatedAzure, operation: str, word: str) -> None:
    (row,) = azure.record(operation)
    told = Documents(Path(REFERENCE) / "spec").check_request(
        "POST", f"{row['resource']}/{word}", row["body"]
    )
    print("checked:", told)


def test_a_window_asked_for_by_the_portal(azure: SimulatedAzure, door: Door) -> None:
    from jit import defender

    gate = door.machine.jit_ports.get().gate
    defender.initiate(gate.resource_id, [door])
    check(azure, "jit.initiate", "initiate")


def test_links_made_and_deleted_by_the_portal(azure: SimulatedAzure, door: Door) -> None:
    from links import bastion

    host = BastionHost.objects.get().resource_id
    bastion.create(host, [door])
    bastion.delete(host, [door])
    check(azure, "link.create", "createShareableLinks")
    check(azure, "link.delete", "deleteShareableLinks")


def test_sessions_disconnected_by_the_portal(azure: SimulatedAzure, door: Door) -> None:
    from portal.azure import sessions

    host = BastionHost.objects.get().resource_id
    nobody = Session(session_id="none", bastion_id=host, user_name="", protocol="ssh", since="")
    sessions.disconnect([nobody])
    check(azure, "session.disconnect", "disconnectActiveSessions")
