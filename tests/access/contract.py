"""What every kind must do, told once. Each kind's own tests run it against simulated Azure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from access import ledger, services
from access.engine.compare import Act
from access.engine.look import Look
from access.kinds import kind_named
from access.models import Gate, Grant, LedgerEntry, Machine
from access.states import GrantState
from tests.support.azure import SimulatedAzure
from tests.support.budgets import takes_calls_again
from tests.support.cast import Cast, approved, let_pass, run_engine


@dataclass
class Story:
    """One kind at work: how to ask for it and how to see, in Azure, what it did."""

    azure: SimulatedAzure
    cast: Cast
    kind: str
    opened: str  # the simulator's word for the effect
    open_call: str
    close_call: str

    @property
    def machine(self) -> Machine:
        return Machine.objects.filter(jit_ports__isnull=False, os="linux").order_by("name")[0]

    def granted(self, **changes: object) -> Grant:
        return approved(
            self.machine, by=self.cast.alice, approver=self.cast.bob, kind=self.kind, **changes
        )

    def open(self, **changes: object) -> Grant:
        grant = self.granted(**changes)
        run_engine()
        grant.refresh_from_db()
        assert grant.state == GrantState.OPEN
        return grant

    def doors_in_azure(self) -> int:
        """How many doors of this kind Azure holds open at this moment."""
        state = self.azure.state()
        return len(state["links"]) if self.kind == "link" else len(state["open_windows"])

    def sent(self, call: str) -> int:
        return len(self.azure.record(call))


class KindContract:
    """Subclasses give a ``story`` fixture."""

    def test_it_is_open_only_when_azure_shows_it(self, story: Story) -> None:
        grant = story.granted()
        run_engine(rounds=1)
        grant.refresh_from_db()
        assert (grant.state, grant.opened_at) == (GrantState.OPENING, None)
        run_engine()
        grant.refresh_from_db()
        assert grant.state == GrantState.OPEN
        assert (story.doors_in_azure(), story.sent(story.open_call)) == (1, 1)

    def test_it_is_closed_only_when_azure_shows_it_gone(self, story: Story) -> None:
        grant = story.open()
        services.end(grant, by=story.cast.alice)
        run_engine(rounds=1)
        grant.refresh_from_db()
        assert grant.state == GrantState.CLOSING
        run_engine()
        grant.refresh_from_db()
        assert grant.state == GrantState.CLOSED
        assert story.doors_in_azure() == 0

    def test_at_its_end_it_is_closed_without_anybody(self, story: Story) -> None:
        grant = story.open()
        let_pass(grant, 31)
        run_engine()
        grant.refresh_from_db()
        assert (grant.state, story.doors_in_azure()) == (GrantState.CLOSED, 0)
        line = LedgerEntry.objects.filter(event="grant.closed").latest("seq")
        assert line.data["lateness_ms"] > 0

    def test_who_is_connected_at_the_end_is_disconnected_before_it_is_called_closed(
        self, story: Story
    ) -> None:
        grant = story.open()
        connect(story.azure, grant)
        services.end(grant, by=story.cast.alice)
        run_engine()
        grant.refresh_from_db()
        assert story.azure.state()["sessions"] == []
        assert grant.state == GrantState.CLOSED
        assert story.sent("session.disconnect") >= 1

    def test_a_lost_answer_to_opening_opens_once(self, story: Story) -> None:
        """K3: Azure acted, the answer never came."""
        story.azure.fault(operation=story.open_call, action="reset_after", times=1)
        grant = story.granted()
        run_engine()
        wake_up()
        run_engine()
        grant.refresh_from_db()
        assert (grant.state, story.doors_in_azure()) == (GrantState.OPEN, 1)
        assert story.sent(story.open_call) == 1

    def test_a_call_that_never_arrived_is_sent_again(self, story: Story) -> None:
        story.azure.fault(operation=story.open_call, action="reset_before", times=1)
        grant = story.granted()
        run_engine()
        assert story.doors_in_azure() == 0
        settle_now()
        wake_up()
        run_engine()
        grant.refresh_from_db()
        assert (grant.state, story.doors_in_azure()) == (GrantState.OPEN, 1)

    def test_a_lost_answer_to_closing_still_ends_closed(self, story: Story) -> None:
        grant = story.open()
        story.azure.fault(operation=story.close_call, action="reset_after", times=1)
        services.end(grant, by=story.cast.alice)
        run_engine()
        wake_up()
        run_engine()
        grant.refresh_from_db()
        assert (grant.state, story.doors_in_azure()) == (GrantState.CLOSED, 0)

    @pytest.mark.parametrize("moment", ["before the call", "after the call"])
    @pytest.mark.parametrize("act", ["open", "close", "disconnect"])
    def test_a_worker_that_dies_leaves_nothing_that_the_next_look_does_not_mend(
        self, story: Story, act: str, moment: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """K2, K3, K4, K7, K8: the process is gone; its lease and its intent remain."""
        grant = story.granted() if act == "open" else story.open()
        if act != "open":
            connect(story.azure, grant)
            services.end(grant, by=story.cast.alice)
        with monkeypatch.context() as dying:
            dying.setattr(Look, "_send", dies(Look._send, act, moment))
            with pytest.raises(Died):
                run_engine()
        Gate.objects.filter(lease_until__isnull=False).update(lease_until="2020-01-01T00:00:00Z")
        settle_now()
        run_engine()
        grant.refresh_from_db()
        if act == "open":
            assert (grant.state, story.doors_in_azure()) == (GrantState.OPEN, 1)
            assert story.sent(story.open_call) == 1
        else:
            assert (grant.state, story.doors_in_azure()) == (GrantState.CLOSED, 0)
            assert story.azure.state()["sessions"] == []
        assert ledger.verify()[1] is None

    def test_while_azure_is_busy_the_gate_rests_as_long_as_azure_asked(self, story: Story) -> None:
        story.azure.fault(
            operation=story.open_call, action="status", status=429, code="TooManyRequests",
            retry_after=60, times=1,
        )  # fmt: skip
        grant = story.granted()
        run_engine()
        gate = Gate.objects.get(pk=grant.gate_id)
        assert gate.pause_until is not None
        assert gate.looked_at is not None
        assert (gate.pause_until - gate.looked_at).total_seconds() >= 59
        assert "60 s" in gate.problem
        wake_up()
        run_engine()
        grant.refresh_from_db()
        assert grant.state == GrantState.OPEN

    def test_closing_goes_on_while_azure_errs_and_is_not_called_closed(self, story: Story) -> None:
        grant = story.open()
        story.azure.fault(operation=story.close_call, action="status", status=503)
        services.end(grant, by=story.cast.alice)
        for _ in range(3):
            run_engine()
            wake_up()
            grant.refresh_from_db()
            assert grant.state == GrantState.CLOSING
        story.azure.mend()
        run_engine()
        grant.refresh_from_db()
        assert (grant.state, story.doors_in_azure()) == (GrantState.CLOSED, 0)

    def test_what_azure_refuses_to_open_is_closed_with_the_reason(self, story: Story) -> None:
        story.azure.fault(
            operation=story.open_call, action="status", status=400, code="NotToday", times=1
        )
        grant = story.granted()
        run_engine()
        grant.refresh_from_db()
        assert grant.never_opened
        assert "NotToday" in grant.close_reason

    def test_ended_before_it_was_opened_it_never_opens(self, story: Story) -> None:
        grant = story.granted()
        services.end(grant, by=story.cast.alice)
        run_engine()
        grant.refresh_from_db()
        assert grant.never_opened
        assert story.sent(story.open_call) == 0

    def test_a_slow_effect_is_waited_for_and_not_sent_twice(self, story: Story) -> None:
        story.azure.pace(3600)
        grant = story.granted()
        run_engine(rounds=4)
        assert story.sent(story.open_call) == 1
        story.azure.advance(3601)
        # Azure's own end of the window has passed meanwhile; the grant's has not.
        run_engine(rounds=1)
        grant.refresh_from_db()
        assert story.sent(story.open_call) <= 2

    def test_what_the_approver_did_not_approve_is_not_opened(self, story: Story) -> None:
        """X-08: the row was changed behind everybody's back."""
        grant = story.granted()
        asked = grant.access_request
        type(asked).objects.filter(pk=asked.pk).update(reason="something else")
        run_engine()
        grant.refresh_from_db()
        assert grant.never_opened
        assert "differs from what was approved" in grant.close_reason

    def test_a_machine_created_anew_under_the_old_name_is_not_opened(self, story: Story) -> None:
        """X-16"""
        grant = story.granted()
        Machine.objects.filter(pk=grant.machine_id).update(vm_id="another")
        run_engine()
        grant.refresh_from_db()
        assert grant.never_opened
        assert "re-created" in grant.close_reason

    def test_a_requester_disabled_meanwhile_is_not_let_in(self, story: Story) -> None:
        """X-15"""
        grant = story.granted()
        story.cast.alice.is_active = False
        story.cast.alice.save()
        run_engine()
        grant.refresh_from_db()
        assert grant.never_opened

    def test_nothing_is_opened_while_nobody_is_seen_to_close(self, story: Story) -> None:
        from access import engine
        from access.models import Heartbeat

        grant = story.granted()
        Heartbeat.objects.all().delete()
        assert engine.look_at(grant.gate_id)
        grant.refresh_from_db()
        assert (grant.state, story.sent(story.open_call)) == (GrantState.SCHEDULED, 0)

    def test_every_effect_is_in_the_ledger_and_the_ledger_holds(self, story: Story) -> None:
        grant = story.open()
        services.end(grant, by=story.cast.alice)
        run_engine()
        told = LedgerEntry.objects.filter(reference=grant.access_request.reference)
        ids = {call["client_request_id"] for line in told for call in line.data.get("calls", [])}
        effects = [
            row for call in (story.open_call, story.close_call) for row in story.azure.record(call)
        ]
        assert effects
        assert all(row["client_request_id"] in ids for row in effects)
        assert ledger.verify()[1] is None

    def test_what_the_kind_is_told_of_its_grants(
        self, story: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Once when it is asked for and approved, once when it is open and when it is closed; to
        forget, when closing begins and again when it is done."""
        told = heard(story.kind, monkeypatch)
        grant = story.open()
        wake_up()
        run_engine()
        services.end(grant, by=story.cast.alice)
        run_engine()
        asked = grant.access_request
        assert told["submitted"] == [(asked,)]
        assert [(said, list(grants)) for said, grants in told["granted"]] == [
            (asked, list(asked.grants.order_by("pk")))
        ]
        events = [each for (all_told,) in told["told"] for each in all_told]
        assert events == [("grant.opened", grant), ("grant.closed", grant)]
        assert [list(grants) for (grants,) in told["ended"]] == [[grant], [grant]]
        secrets = [seen.secret for (all_seen,) in told["keep"] for _, seen in all_seen]
        assert all(secrets)
        assert bool(secrets) == (story.kind == "link")

    @pytest.mark.parametrize("hook", ["keep", "ended", "told"])
    def test_a_kind_that_fails_at_what_goes_with_it_opens_and_closes_all_the_same(
        self, story: Story, hook: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody stays inside because a letter could not be written."""

        def fails(*_: object) -> None:
            raise ValueError("bst-secret.bastion.azure.com")

        monkeypatch.setattr(type(kind_named(story.kind)), hook, fails)
        grant = story.open()
        connect(story.azure, grant)
        services.end(grant, by=story.cast.alice)
        run_engine()
        grant.refresh_from_db()
        assert (grant.state, story.doors_in_azure()) == (GrantState.CLOSED, 0)
        assert story.azure.state()["sessions"] == []
        lines = LedgerEntry.objects.filter(event="portal.broke_down", data__grant=grant.pk)
        assert {line.outcome for line in lines} == (
            {"failed"} if self._hears(story, hook) else set()
        )
        assert "bst-secret" not in str([line.data for line in lines])
        assert ledger.verify()[1] is None

    def _hears(self, story: Story, hook: str) -> bool:
        """Only of what a kind keeps a secret of is there something to keep."""
        return hook != "keep" or story.kind == "link"


HOOKS = ("submitted", "granted", "keep", "ended", "told")


def heard(kind: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """What each hook of that kind is called with, and does as before."""
    calls: dict[str, list[Any]] = {name: [] for name in HOOKS}
    owner = type(kind_named(kind))
    for name in HOOKS:
        monkeypatch.setattr(owner, name, _listening(getattr(owner, name), calls[name]))
    return calls


def _listening(hook: Callable[..., None], calls: list[Any]) -> Callable[..., None]:
    def listen(kind: object, *words: Any) -> None:
        calls.append(words)
        hook(kind, *words)

    return listen


class Died(BaseException):
    """The worker's process is gone: nothing of ours gets to run any more."""


def dies(send: Callable[..., Any], act: str, moment: str) -> Callable[..., Any]:
    def sending(look: Look, what: Act, cases: Any) -> Any:
        if what.value != act:
            return send(look, what, cases)
        if moment == "after the call":
            send(look, what, cases)
        raise Died

    return sending


def connect(azure: SimulatedAzure, grant: Grant, *, user: str = "operator") -> str:
    """Somebody connects through the open door."""
    machine = grant.machine
    assert machine.bastion is not None
    place = {"vm": machine.resource_id} if machine.in_azure else {"address": machine.private_ip}
    made = azure.control(
        "POST",
        "sessions",
        {
            **place,
            "bastion": machine.bastion.resource_id,
            "protocol": "SSH" if grant.port == 22 else "RDP",
            "userName": user,
        },
    )
    return str(made["sessionId"])


def wake_up() -> None:
    """Pauses are over, and so is the time for which Azure wanted to be left alone."""
    takes_calls_again()
    Gate.objects.update(pause_until=None, look_again_at=None)
    Grant.objects.filter(erred__gt=0).update(not_before=None)  # doors to blame rest by themselves
    from access.clock import db_now

    Gate.objects.update(look_again_at=db_now())


def settle_now() -> None:
    """So long ago was it sent that it would have shown by now; rests are over."""
    from datetime import timedelta

    for each in Grant.objects.exclude(state=GrantState.CLOSED):
        for name in ("sent_at", "asked_at", "shown_at", "not_before"):
            if getattr(each, name) is not None:
                setattr(each, name, getattr(each, name) - timedelta(minutes=5))
        each.save(update_fields=["sent_at", "asked_at", "shown_at", "not_before"])


__all__ = ["KindContract", "Story", "connect", "pytest", "settle_now", "wake_up"]
