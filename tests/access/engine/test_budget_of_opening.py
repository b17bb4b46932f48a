"""What may not be sent to open or to look just now keeps nobody from being shut out."""

from __future__ import annotations

import pytest
from django.conf import settings

from access import engine, services
from access.anchoring import manifest
from access.clock import db_now
from access.errors import Later
from access.models import Finding, Gate, Grant, Machine
from access.states import GrantState
from portal.azure.door import OUT_OF_BUDGET
from portal.budget import bucket
from portal.budget.rates import rate_of
from portal.budget.stores import Key, change
from tests.access.contract import Story
from tests.support.azure import SUBSCRIPTION
from tests.support.cast import approved, let_pass, run_engine


def shut_the_bucket_of(principal: str, seconds: float) -> None:
    key, rate = Key(SUBSCRIPTION, principal, "writes"), rate_of("writes")
    change(key, rate, lambda state, now: (bucket.shut(state, rate, seconds, now), None))


def refuse(*_: object) -> None:
    raise Later(manifest.NOT_WRITTEN, sent=False, whole=True, retry_after=300)


@pytest.mark.parametrize("what", ["no token", "no manifest"])
def test_a_gate_at_which_nothing_may_be_opened_just_now_is_closed_all_the_same(
    link: Story, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One 429 for the opener, and each gate with something to open would rest for its time: what
    ends there meanwhile would stay open."""
    grant = link.open()
    if what == "no token":
        shut_the_bucket_of(settings.AZURE_OPENER_CLIENT_ID, 300)
    else:
        monkeypatch.setattr(manifest, "before_opening", refuse)
    vm = Machine.objects.get(name="vm-app-02")
    waiting = approved(vm, by=link.cast.alan, approver=link.cast.bob, kind="link")
    run_engine(rounds=1)
    Gate.objects.update(look_again_at=None)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.sent_at, waiting.asked_at) == (GrantState.OPENING, None, None)
    services.end(grant, by=link.cast.alice)
    run_engine()
    grant.refresh_from_db()
    assert grant.state == GrantState.CLOSED
    assert Grant.objects.get(pk=waiting.pk).state == GrantState.OPENING


@pytest.mark.parametrize("how", ["its time is over", "somebody ends it"])
def test_a_gate_that_may_not_be_looked_at_just_now_is_closed_all_the_same(
    link: Story, how: str
) -> None:
    """The reader's calls are used up by a thousand hosts; who closes has calls of its own."""
    grant = link.open()
    gate = Gate.objects.get(pk=grant.gate_id)
    shut_the_bucket_of(settings.AZURE_READER_CLIENT_ID, 300)
    Gate.objects.filter(pk=gate.pk).update(look_again_at=None, whole_at=None)
    assert run_engine(rounds=1) == 1
    gate.refresh_from_db()
    assert (gate.problem, gate.pause_until) == (OUT_OF_BUDGET, None)
    assert run_engine() == 0  # no look before it is worth one
    if how == "its time is over":
        let_pass(grant, 31)
    else:
        services.end(grant, by=link.cast.alice)
    run_engine()
    grant.refresh_from_db()
    assert (grant.state, link.doors_in_azure()) == (GrantState.CLOSING, 0)


@pytest.mark.parametrize("calls", ["reads", "writes"])
def test_an_audit_without_a_token_does_not_lay_its_gate_down(
    link: Story, window: Story, calls: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of what it asks may have been answered: the policy was read, its group was not."""
    granted = [link.open(), window.open()]
    gates = [each.gate_id for each in granted]
    starve(monkeypatch, calls)
    Gate.objects.update(audited_at=None, problem="")
    for gate_id in gates:
        assert engine.audit(gate_id)
    rows = Gate.objects.filter(pk__in=gates)
    assert set(rows.values_list("pause_until", "lease_token", "problem")) == {(None, None, "")}
    assert rows.filter(audited_at=None).count() == 1  # still due; the other was answered


def starve(monkeypatch: pytest.MonkeyPatch, calls: str) -> None:
    """Links are listed by writes, and groups are read by reads; the policy has its token."""
    from jit import defender, strays
    from portal.azure import door

    if calls == "writes":
        shut_the_bucket_of(settings.AZURE_READER_CLIENT_ID, 300)
        return

    def no_token(*_: object) -> None:
        raise Later(door.OUT_OF_BUDGET, retry_after=3, sent=False, starved=True)

    monkeypatch.setattr(defender, "read_nsg", no_token)
    assert strays.Groups is defender.Groups


def test_a_removal_that_waits_goes_before_what_is_only_asked_now_and_then(link: Story) -> None:
    """A hundred gates that could not be asked are all still due, and fill every pass."""
    grant = link.open()
    like = Gate.objects.get(pk=grant.gate_id)
    for number in range(60):
        key = f"{like.resource_key}-{number}"
        Gate.objects.create(kind="link", resource_id=key, resource_key=key)
    Gate.objects.update(audited_at=None)
    first = [engine.due_audits(limit=5) for _ in range(5)]
    assert len({tuple(each) for each in first}) > 1  # not the same five each time
    Gate.objects.filter(pk=like.pk).update(audited_at=db_now())
    seen = {"first_seen_at": db_now(), "last_seen_at": db_now()}
    left_by = {"left_by": "alice", "resource_key": link.machine.resource_key, **seen}
    Finding.objects.create(gate=like, **left_by)
    for _ in range(5):
        assert engine.due_audits(limit=5)[0] == like.pk
