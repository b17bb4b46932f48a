"""Room on a Bastion host: who is connected, and who may come within the hour."""

from __future__ import annotations

from datetime import timedelta

import pytest

from access.clock import db_now
from access.crowds import crowd_on
from access.judging import preflight
from access.models import BastionHost, LiveSession, Machine
from access.preflight import Crowd, Level
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, approved

pytestmark = pytest.mark.django_db


def connected(host: BastionHost, protocol: str, count: int) -> None:
    now = db_now()
    for number in range(count):
        LiveSession.objects.create(
            host=host, session_id=f"{protocol}-{number}", protocol=protocol,
            first_seen_at=now, last_seen_at=now,
        )  # fmt: skip


@pytest.fixture
def vm(estate: SimulatedAzure) -> Machine:
    return Machine.objects.get(name="vm-app-01")


def test_sessions_now_and_grants_to_come_are_counted_apart(vm: Machine, cast: Cast) -> None:
    assert vm.bastion is not None
    assert crowd_on(vm.bastion.pk) == Crowd(0, 0, 0, 0)
    connected(vm.bastion, "RDP", 3)
    connected(vm.bastion, "SSH", 1)
    approved(vm, by=cast.alice, approver=cast.bob)
    approved(vm, by=cast.alan, approver=cast.bob)
    far = db_now() + timedelta(days=2)
    approved(vm, by=cast.charlie, approver=cast.bob, start=far)
    assert crowd_on(vm.bastion.pk) == Crowd(rdp=3, ssh=1, coming_rdp=0, coming_ssh=1)


def test_who_left_takes_no_room(vm: Machine) -> None:
    assert vm.bastion is not None
    connected(vm.bastion, "ssh", 2)
    LiveSession.objects.update(ended_at=db_now())
    assert crowd_on(vm.bastion.pk).ssh == 0


@pytest.mark.parametrize(
    ("sessions", "level"), [(10, Level.PASS), (140, Level.WARN), (200, Level.WARN)]
)
def test_a_full_host_is_said_and_refuses_nobody(vm: Machine, sessions: int, level: Level) -> None:
    assert vm.bastion is not None
    connected(vm.bastion, "SSH", sessions)
    checks = preflight(vm, [("window", 22)], asked="window", minutes=30)
    (room,) = [check for check in checks if check.key == "capacity.sessions"]
    assert room.level is level
    assert f"{sessions} SSH sessions (0 and {sessions} of them now)" in room.evidence
    assert bool(room.remedy) == (level is not Level.PASS)


def test_one_query_for_all_of_it(vm: Machine, django_assert_num_queries) -> None:
    with django_assert_num_queries(1):
        crowd_on(vm.bastion_id)
