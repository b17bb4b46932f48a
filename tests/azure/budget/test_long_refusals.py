"""Azure refuses, or breaks, for half an hour while links end. In virtual time, with the engine."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from access.clock import db_now
from access.models import Grant, Machine
from access.states import GrantState
from bench.estates import hosts
from portal.sync import sync_estate
from tests.chaos.virtual import Clock, virtual_time
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, approved, run_engine

pytestmark = pytest.mark.chaos
HALF_AN_HOUR, RETRY_AFTER = 1800, 60
EVERYTHING = {"path": "/subscriptions/*", "action": "status"}


class House:
    """Four hosts with a machine each, three of which have a link that ends when the trouble begins.
    On the fourth somebody is to get one, shortly before it is over."""

    def __init__(self, azure: SimulatedAzure, clock: Clock, cast: Cast) -> None:
        self.azure, self.clock, self.cast = azure, clock, cast
        azure.control("POST", "reset", {"estate": hosts(4, 1)})
        azure.pace(0)
        sync_estate()
        *ending, self.waiting = Machine.objects.order_by("name")
        self.ending = [self._approved(machine) for machine in ending]
        self.live(20)
        assert self.states() == {GrantState.OPEN: 3}
        clock.advance(1750)

    def _approved(self, machine: Machine, **more: Any) -> Grant:
        cast = self.cast
        return approved(machine, by=cast.alice, approver=cast.bob, kind="link", **more)

    def soon(self) -> None:
        start = db_now() + timedelta(seconds=HALF_AN_HOUR - 60)
        self._approved(self.waiting, start=start)

    def live(self, seconds: int, step: int = 3) -> None:
        for _ in range(0, seconds, step):
            run_engine(rounds=1)
            self.clock.advance(step)

    def states(self) -> Counter[str]:
        kept = Grant.objects.filter(kind="link").exclude(machine=self.waiting)
        return Counter(kept.values_list("state", flat=True))

    @property
    def links(self) -> int:
        held = {grant.machine.resource_id.lower() for grant in self.ending}
        return sum(row["vm"].lower() in held for row in self.azure.state()["links"])

    def nothing_is_said_to_be_closed(self) -> None:
        assert self.states()[GrantState.CLOSED] <= 3 - self.links


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


def test_half_an_hour_of_429_is_waited_out_and_closes_go_first(
    azure: SimulatedAzure, cast: Cast
) -> None:
    """R-11. Whoever asks in vain spends what the closes need, and may be shut out for longer."""
    with virtual_time(azure) as clock:
        house = House(azure, clock, cast)
        house.soon()
        azure.fault(**EVERYTHING, status=429, retry_after=RETRY_AFTER)
        before = azure.control("GET", "record")["last"]
        house.live(HALF_AN_HOUR)
        assert house.links == 3
        house.nothing_is_said_to_be_closed()
        calls = azure.control("GET", "calls")
        azure.mend()
        house.live(120)
        assert house.states() == {GrantState.CLOSED: 3}
        assert house.links == 0
        house.live(60)
        rows = azure.control("GET", "record")["record"][before:]
    asked = Counter(row["key"] for row in calls["throttled"])
    print("429s of each bucket, of which", HALF_AN_HOUR // RETRY_AFTER, "are the least:", asked)
    assert calls["early"] == []
    assert max(asked.values()) <= 1.1 * (HALF_AN_HOUR / RETRY_AFTER + 1)
    done = [row["operation"] for row in rows if row.get("status") == 202]
    assert done.count("link.delete") == 3
    assert done.index("link.create") > 0
    assert done[:3] == ["link.delete"] * 3


def test_half_an_hour_of_503_forgets_nothing_and_claims_nothing(
    azure: SimulatedAzure, cast: Cast
) -> None:
    """R-10. It is closed when Azure shows it, within two minutes of Azure's return."""
    with virtual_time(azure) as clock:
        house = House(azure, clock, cast)
        azure.fault(operation="link.delete", action="status", status=503)
        for _ in range(15):
            house.live(HALF_AN_HOUR // 15)
            house.nothing_is_said_to_be_closed()
        assert house.links == 3
        assert Grant.objects.filter(state="closing").exclude(problem="").count() == 3
        tried = len(azure.record("link.delete"))
        azure.mend()
        begun = clock.now()
        while house.links:
            house.live(3)
        took = (clock.now() - begun).total_seconds()
        house.live(60)
        assert house.states() == {GrantState.CLOSED: 3}
    print(f"{tried} attempts in half an hour at 3 hosts; all gone {took:.0f} s after it")
    assert took <= 120
