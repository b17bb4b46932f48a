"""More time while it is open: Azure's end follows without a gap, and never for what is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from access import engine, services
from access.clock import db_now
from access.engine import look
from access.engine.extend import lengthen
from access.errors import WrongState
from access.models import Gate, Grant, GrantExtension, LedgerEntry, Machine
from access.states import GrantState
from tests.access.contract import Story, settle_now, wake_up
from tests.support.cast import approved, ask, let_pass, run_engine

LATER = datetime(2099, 1, 1, tzinfo=UTC)


def more(story: Story, *grants: Grant, minutes: int = 30) -> list[int]:
    """An extension that was decided; how is not what is told here."""
    other = Machine.objects.get(name="vm-app-02")
    asked = ask(other, by=story.cast.charlie)
    until = max(grant.ends_at for grant in grants) + timedelta(minutes=minutes)
    with transaction.atomic():
        return lengthen(grants, until, by_request=asked)


def window_ends(story: Story) -> datetime:
    """Azure keeps the earlier rule until its own end beside the new one."""
    windows = story.azure.state()["open_windows"]
    return max(datetime.fromisoformat(window["ends_at"]) for window in windows)


def test_the_windows_end_in_azure_follows_and_it_is_never_shut(window: Story) -> None:
    grant = window.open()
    gates = more(window, grant)
    assert gates == [grant.gate_id]
    assert engine.due_gates() == gates  # without waiting for the next pass
    run_engine()
    grant.refresh_from_db()
    assert grant.state == GrantState.OPEN
    assert abs(window_ends(window) - grant.ends_at) < timedelta(seconds=2)
    assert (window.sent("jit.initiate"), window.sent("rule.delete")) == (2, 0)
    window.azure.advance(31 * 60)  # past the end that it had at first
    assert window.doors_in_azure() == 1
    line = LedgerEntry.objects.get(event="grant.extended")
    assert line.reference == grant.access_request.reference
    assert GrantExtension.objects.get().until == grant.ends_at


def test_a_link_needs_nothing_but_its_window_does(link: Story) -> None:
    grant = link.open()
    both = list(Grant.objects.filter(access_request=grant.access_request))
    more(link, *both)
    run_engine()
    assert (link.sent("link.create"), link.sent("link.delete"), link.doors_in_azure()) == (1, 0, 1)
    assert set(Grant.objects.values_list("state", flat=True)) == {GrantState.OPEN}


def test_more_time_that_comes_during_a_look_is_asked_for_at_once_and_not_a_minute_later(
    window: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant, calm, given = window.open(), look.calm, []

    def late(
        lease: object, moving: Sequence[int], finishing: Sequence[int], *, whole: bool
    ) -> None:
        if not given:
            given.append(more(window, grant))
        calm(lease, moving, finishing, whole=whole)  # type: ignore[arg-type]

    monkeypatch.setattr(look, "calm", late)
    Gate.objects.filter(pk=grant.gate_id).update(look_again_at=db_now())
    run_engine(rounds=1)
    assert given
    assert engine.due_gates() == [grant.gate_id]
    run_engine()
    grant.refresh_from_db()
    assert abs(window_ends(window) - grant.ends_at) < timedelta(seconds=2)


def test_what_azure_refuses_of_an_earlier_end_does_not_end_what_was_lengthened_meanwhile(
    window: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant, send, given = window.granted(), look.Look._send, []
    window.azure.fault(
        operation="jit.initiate", action="status", status=400, code="NotToday", times=1
    )

    def slowly(self: look.Look, act: object, cases: object) -> object:
        if not given:
            given.append(more(window, grant))
        return send(self, act, cases)  # type: ignore[arg-type]

    monkeypatch.setattr(look.Look, "_send", slowly)
    run_engine()
    settle_now()
    wake_up()
    run_engine()
    grant.refresh_from_db()
    assert (grant.state, window.doors_in_azure()) == (GrantState.OPEN, 1)


class TestRefused:
    def test_when_it_is_over_although_no_worker_has_noticed(self, window: Story) -> None:
        grant = window.open()
        let_pass(grant, 30.01)
        ends_at = grant.ends_at
        with pytest.raises(WrongState, match="over already"):
            more(window, grant, minutes=60)
        run_engine()
        grant.refresh_from_db()
        assert (grant.state, grant.ends_at) == (GrantState.CLOSED, ends_at)

    def test_when_its_end_was_ordered(self, window: Story) -> None:
        grant = window.open()
        services.end(grant, by=window.cast.alice)
        with pytest.raises(WrongState, match="end was ordered"):
            more(window, grant)

    def test_in_the_grace_of_a_soft_end(self, window: Story) -> None:
        grant = window.open()
        Grant.objects.filter(pk=grant.pk).update(
            state=GrantState.CLOSING, due_at=db_now(), close_reason="Its time is over.",
            grace_minutes=15, finish_by=db_now() + timedelta(minutes=15),
        )  # fmt: skip
        with pytest.raises(WrongState, match="over already"):
            more(window, grant)

    def test_when_it_lasts_that_long_already(self, window: Story) -> None:
        grant = window.open()
        with pytest.raises(WrongState, match="that long already"):
            more(window, grant, minutes=0)

    def test_all_of_them_or_none(self, window: Story) -> None:
        lasting = window.open()
        ended = approved(lasting.machine, by=window.cast.alan, approver=window.cast.bob)
        services.end(ended, by=window.cast.alan)
        with pytest.raises(WrongState):
            more(window, lasting, ended)
        assert not GrantExtension.objects.exists()
        assert not LedgerEntry.objects.filter(event="grant.extended").exists()

    def test_outside_a_transaction(self, window: Story) -> None:
        grant = window.granted()
        with pytest.raises(RuntimeError):
            lengthen([grant], grant.ends_at, by_request=grant.access_request)


def test_more_time_that_azure_does_not_take_is_not_asked_for_at_every_other_look(
    window: Story,
) -> None:
    """It would spend what closing needs: an attempt in vain is followed by a rest."""
    grant = window.open(minutes=5)
    more(window, grant)
    window.azure.fault(operation="jit.initiate", action="status", status=400, code="NotToday")
    before = window.sent("jit.initiate")
    for _ in range(6):
        wake_up()
        Grant.objects.filter(pk=grant.pk, not_before__isnull=False).update(not_before=LATER)
        run_engine(rounds=1)
    assert window.sent("jit.initiate") == before + 1
