"""The core as a state machine of Hypothesis: it looks for the shortest way to break a promise."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from access import ledger
from access.models import Grant
from tests.chaos.driver import prepared
from tests.chaos.oracle import judge
from tests.chaos.run import CALM, Run
from tests.support.azure import SimulatedAzure

MINUTES = st.sampled_from([5, 6, 10, 30])
POINTS = st.integers(0, 14)
LONG = os.environ.get("CHAOS") == "long"


class Core(RuleBasedStateMachine):
    azure: ClassVar[SimulatedAzure]
    run: Run

    def __init__(self) -> None:
        super().__init__()
        self.held = ExitStack()

    @initialize(seed=st.integers(0, 2**16))
    def begins(self, seed: int) -> None:
        self.run = self.held.enter_context(prepared(self.azure, seed))

    @rule(kind=st.sampled_from(["window", "link"]), machine=st.integers(0, 2), minutes=MINUTES)
    def asks_and_is_approved(self, kind: str, machine: int, minutes: int) -> None:
        self.run.ask(kind, machine, minutes)
        self.run.approve()

    @rule()
    def approves_something_else(self) -> None:
        self.run.approve(forged=True)

    @rule()
    def denies(self) -> None:
        self.run.deny()

    @rule()
    def ends_early(self) -> None:
        self.run.end()

    @rule()
    def asks_for_more(self) -> None:
        self.run.extend()
        self.run.approve()

    @rule()
    def incident(self) -> None:
        self.run.incident()

    @rule()
    def loses_a_role(self) -> None:
        self.run.role()

    @rule()
    def connects(self) -> None:
        self.run.connect()

    @rule(lies=st.booleans())
    def azure_fails(self, lies: bool) -> None:
        self.run.fault(lies=lies)

    @rule(times=st.integers(1, 5))
    def workers_work(self, times: int) -> None:
        for _ in range(times):
            self.run.work()
            self.run.clock.advance(0.5)

    @rule(point=POINTS)
    def a_worker_dies(self, point: int) -> None:
        self.run.work(dies_at=point)

    @rule(point=POINTS)
    def a_worker_is_stopped(self, point: int) -> None:
        self.run.work(stops_at=point + 1)

    @precondition(lambda self: self.run.parked)
    @rule()
    def a_stopped_one_wakes_up(self) -> None:
        self.run.wake_up()

    @rule(seconds=st.sampled_from([0.2, 1.0, 5.0, 20.0, 70.0, 320.0]))
    def time_goes_by(self, seconds: float) -> None:
        self.run.clock.advance(seconds)

    @invariant()
    def nothing_open_without_its_line(self) -> None:
        if not hasattr(self, "run"):
            return
        for grant in Grant.objects.filter(state="open"):
            assert grant.opened_at is not None
        assert ledger.verify()[1] is None

    def teardown(self) -> None:
        try:
            if hasattr(self, "run"):
                self.run.roles_are_back()
                self.run.calm(CALM if LONG else 150)
                violations = judge(self.run).violations
                assert violations == [], "\n".join([*violations, *self.run.told])
        finally:
            self.held.close()


@pytest.mark.chaos
@pytest.mark.timeout(3000 if LONG else 400)
def test_the_core_keeps_its_promises_in_whatever_order_things_happen(
    azure: SimulatedAzure, transactional_db: Any
) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    Core.azure = azure
    run_state_machine_as_test(
        Core,
        settings=settings(
            max_examples=200 if LONG else 4,
            stateful_step_count=40 if LONG else 15,
            deadline=None,
            database=None,
            print_blob=True,
            report_multiple_bugs=False,
            phases=list(Phase) if LONG else [Phase.generate],  # to make it shorter takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
