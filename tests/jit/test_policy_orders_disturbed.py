"""Orders for JIT policies while others change the same policy, workers die and Azure is away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from access.clock import db_now
from access.models import Gate
from jit import keeping, policies
from jit.models import JitPort, PolicyOrder
from tests.support.azure import SimulatedAzure
from tests.support.policies import (
    bare,
    dana,
    entries,
    named,
    ordered,
    ours,
    policed,
    put_by_hand,
    shorten,
    step,
    work,
)

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["dana", "policed"]


class TestOthersAtTheSamePolicy:
    def test_a_change_between_our_read_and_our_write_is_not_lost(
        self, policed: SimulatedAzure, dana: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = ordered(bare(), (22, 60), by=dana)
        read, turns = policies.read, []

        def overtaken(policy_id: str) -> Any:
            told = read(policy_id)
            turns.append(1)
            if len(turns) == 1:  # just after our first look
                put_by_hand(policed, shorten("vm-app-02"))
            return told

        monkeypatch.setattr(policies, "read", overtaken)
        assert "Somebody else is changing" in step(made).problem
        assert ours(policed) == []
        work()
        after = entries(policed)
        assert after["vm-app-02"]["ports"][0]["maxRequestAccessDuration"] == "PT1H"
        assert "vm-bare-01" in after

    def test_a_change_after_our_write_is_kept_and_said(
        self, policed: SimulatedAzure, dana: Any
    ) -> None:
        made = step(ordered(bare(), (22, 60), by=dana))
        put_by_hand(policed, shorten("vm-app-02"))
        work()
        made.refresh_from_db()
        assert made.done_at is not None
        assert "Somebody else has changed vm-app-02" in made.remark
        assert len(ours(policed)) == 1

    def test_our_entry_that_somebody_overwrote_is_put_again(
        self, policed: SimulatedAzure, dana: Any
    ) -> None:
        made = step(ordered(bare(), (22, 60), by=dana))

        def without(machines: list[dict[str, Any]]) -> None:
            machines[:] = [one for one in machines if not one["id"].endswith("vm-bare-01")]

        put_by_hand(policed, without)
        work()
        made.refresh_from_db()
        assert made.done_at is not None
        assert len(ours(policed)) == 2
        assert "vm-bare-01" in entries(policed)

    def test_ports_that_are_not_as_they_were_shown_are_left_alone(
        self, policed: SimulatedAzure, dana: Any
    ) -> None:
        vm = named("vm-app-01")
        made = ordered(vm, (22, 120), by=dana)
        put_by_hand(policed, shorten("vm-app-01"))
        work()
        made.refresh_from_db()
        assert made.failed_at is not None
        assert "Somebody else has changed this machine" in made.problem
        assert ours(policed) == []
        assert JitPort.objects.get(machine=vm).max_minutes == 60  # the page shows it at once


class TestAWorkerThatDies:
    def test_between_the_call_and_its_record_it_is_not_sent_again(
        self, policed: SimulatedAzure, dana: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = ordered(bare(), (22, 60), by=dana)
        put = policies.put

        def killed(policy_id: str, body: Any) -> Any:
            put(policy_id, body)
            raise SystemExit

        with monkeypatch.context() as patch:
            patch.setattr(policies, "put", killed)
            with pytest.raises(SystemExit):
                step(made)
        assert keeping.carry_out(made.pk) is False  # the lease of the dead
        Gate.objects.filter(kind="window").update(lease_until=db_now() - timedelta(seconds=1))
        work()
        made.refresh_from_db()
        assert made.done_at is not None
        assert len(ours(policed)) == 1

    def test_a_fault_of_ours_is_said_and_tried_again(
        self, policed: SimulatedAzure, dana: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = ordered(bare(), (22, 60), by=dana)
        with monkeypatch.context() as patch:
            patch.setattr(policies, "read", lambda _id: 1 / 0)
            assert "broke down" in step(made).problem
        work()
        assert PolicyOrder.objects.get().done_at is not None

    def test_an_azure_that_is_away_costs_time_and_no_opening(
        self, policed: SimulatedAzure, dana: Any
    ) -> None:
        policed.fault(operation="jit.put", action="status", status=503, times=2)
        made = step(ordered(bare(), (22, 60), by=dana))
        assert (made.tries, made.failed_at) == (1, None)
        gate = Gate.objects.get(pk=made.gate_id)
        assert (gate.lease_until, gate.pause_until, gate.problem) == (None, None, "")
        work()
        assert PolicyOrder.objects.get().done_at is not None

    def test_a_call_whose_answer_was_lost_is_not_sent_again(
        self, policed: SimulatedAzure, dana: Any
    ) -> None:
        policed.fault(operation="jit.put", action="reset_after", times=1)
        made = step(ordered(bare(), (22, 60), by=dana))
        assert "lost" in made.problem
        work()
        made.refresh_from_db()
        assert (made.done_at is not None, made.problem) == (True, "")
        assert len(ours(policed)) == 1

    def test_an_azure_that_stays_away_ends_the_order_and_frees_the_policy(
        self, policed: SimulatedAzure, dana: Any
    ) -> None:
        policed.fault(operation="jit.get", action="status", status=503)
        made = ordered(bare(), (22, 60), by=dana)
        PolicyOrder.objects.update(at=db_now() - timedelta(hours=2))
        assert step(made).failed_at is not None
        policed.mend()
        ordered(bare(), (22, 60), by=dana)

    def test_an_order_that_grew_old_is_given_up(self, policed: SimulatedAzure, dana: Any) -> None:
        made = ordered(bare(), (22, 60), by=dana)
        PolicyOrder.objects.update(at=db_now() - timedelta(hours=2))
        assert "within an hour" in step(made).problem
        assert ours(policed) == []
