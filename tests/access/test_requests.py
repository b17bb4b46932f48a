"""Asking and deciding, told as stories."""

from __future__ import annotations

import math
import uuid
from datetime import timedelta

import pytest

from access import services, tasks, waiting
from access.clock import db_now
from access.errors import Invalid, NotAllowed, WrongState
from access.models import AccessRequest, Grant, LedgerEntry, PersonRole, Role
from tests.support.cast import Cast, approve, ask, submission
from tests.support.estate import host, machine


def events(asked: AccessRequest) -> list[str]:
    lines = LedgerEntry.objects.filter(reference=asked.reference).order_by("seq")
    return list(lines.values_list("event", flat=True))


def test_alice_asks_and_bob_approves(cast: Cast) -> None:
    asked = approve(ask(machine(), by=cast.alice), by=cast.bob, comment="Go ahead")
    grant = asked.grants.get()
    assert (asked.state, asked.decided_by, grant.state) == ("approved", cast.bob, "scheduled")
    assert grant.ends_at - grant.starts_at == timedelta(minutes=30)
    assert events(asked) == ["request.submitted", "request.approved"]


def test_sending_the_same_form_twice_makes_one_request(cast: Cast) -> None:
    form = submission(machine())
    first, second = services.submit(form, by=cast.alice), services.submit(form, by=cast.alice)
    assert first == second
    assert LedgerEntry.objects.filter(event="request.submitted").count() == 1


def test_somebody_elses_form_key_gives_nothing_away(cast: Cast) -> None:
    vm, key = machine(), uuid.uuid4()
    hers = ask(vm, by=cast.alice, submission_key=key)
    his = ask(vm, by=cast.alan, submission_key=key)
    assert hers != his


def test_nobody_approves_their_own_request(cast: Cast) -> None:
    """X-01"""
    PersonRole.objects.create(person=cast.dana, role=Role.APPROVER)
    asked = ask(machine(), by=cast.bob)
    with pytest.raises(NotAllowed, match="their own"):
        approve(asked, by=cast.bob)
    line = LedgerEntry.objects.get(event="request.approve.refused")
    assert (line.outcome, line.actor_name, line.reference) == ("denied", "Bob", asked.reference)


def test_an_administrator_is_no_approver(cast: Cast) -> None:
    """X-04"""
    with pytest.raises(NotAllowed):
        approve(ask(machine(), by=cast.alice), by=cast.dana)


def test_an_approver_who_lost_the_role_since_the_page_was_loaded_is_refused(cast: Cast) -> None:
    """X-12"""
    asked = ask(machine(), by=cast.alice)
    PersonRole.objects.filter(person=cast.bob, role=Role.APPROVER).delete()
    with pytest.raises(NotAllowed):
        approve(asked, by=cast.bob)


def test_approving_again_says_by_whom_it_was_decided(cast: Cast) -> None:
    """X-18"""
    asked = approve(ask(machine(), by=cast.alice), by=cast.bob)
    with pytest.raises(WrongState, match="already approved by Bob"):
        approve(asked, by=cast.bob)
    assert Grant.objects.count() == 1


def test_terms_that_bob_was_not_shown_cannot_be_approved(cast: Cast) -> None:
    """X-09"""
    asked = ask(machine(), by=cast.alice)
    with pytest.raises(WrongState, match="not the one you were shown"):
        services.approve(asked, by=cast.bob, terms_digest="0" * 64)


def test_deny_needs_a_reason(cast: Cast) -> None:
    asked = ask(machine(), by=cast.alice)
    with pytest.raises(Invalid):
        services.deny(asked, by=cast.bob, terms_digest=asked.terms_digest, comment=" ")
    services.deny(asked, by=cast.bob, terms_digest=asked.terms_digest, comment="Not today")
    asked.refresh_from_db()
    assert (asked.state, asked.comment) == ("denied", "Not today")


def test_only_alice_withdraws_her_request(cast: Cast) -> None:
    asked = ask(machine(), by=cast.alice)
    with pytest.raises(NotAllowed):
        services.withdraw(asked, by=cast.charlie)
    services.withdraw(asked, by=cast.alice)
    with pytest.raises(WrongState):
        approve(asked, by=cast.bob)


def test_an_unanswered_request_lapses_and_cannot_be_approved_before_the_sweep(cast: Cast) -> None:
    asked = ask(machine(), by=cast.alice)
    AccessRequest.objects.update(lapses_at=db_now())
    with pytest.raises(WrongState, match="expired unanswered"):
        approve(asked, by=cast.bob)
    assert waiting.lapse_due() == 1
    assert waiting.lapse_due() == 0
    asked.refresh_from_db()
    assert (asked.state, asked.decided_by) == ("lapsed", None)
    assert events(asked)[-1] == "request.lapsed"


def test_who_is_not_an_engineer_cannot_ask(cast: Cast) -> None:
    with pytest.raises(NotAllowed):
        ask(machine(), by=cast.erin)


def test_when_nobody_could_approve_the_request_waits_and_administrators_are_told(
    cast: Cast,
) -> None:
    """X-05: never do administrators decide instead."""
    PersonRole.objects.filter(role=Role.APPROVER).delete()
    asked = ask(machine(), by=cast.alice)
    asked.refresh_from_db()
    assert "No eligible approver" in asked.blocked
    assert not asked.deciders.exists()
    assert events(asked) == ["request.submitted", "request.blocked"]
    with pytest.raises(NotAllowed):
        approve(asked, by=cast.dana)
    PersonRole.objects.create(person=cast.bob, role=Role.APPROVER)
    waiting.reckon_all()
    asked.refresh_from_db()
    assert (asked.blocked, asked.deciders.get().person) == ("", cast.bob)


def test_asking_again_while_one_waits_names_the_waiting_one(cast: Cast) -> None:
    vm = machine()
    first = ask(vm, by=cast.alice)
    with pytest.raises(Invalid, match=first.reference):
        ask(vm, by=cast.alice)


@pytest.mark.parametrize("minutes", [-5, 0, 4, 181, 10 * 365 * 24 * 60])
def test_a_duration_outside_the_policy_is_refused_with_the_maximum(
    cast: Cast, minutes: int
) -> None:
    """X-56"""
    with pytest.raises(Invalid, match="between 5 and 180"):
        ask(machine(), by=cast.alice, minutes=minutes)


@pytest.mark.parametrize("hours", [-1, 24 * 31, 24 * 3650])
def test_a_start_in_the_past_or_far_away_is_refused(cast: Cast, hours: int) -> None:
    """X-56"""
    with pytest.raises(Invalid) as refused:
        ask(machine(), by=cast.alice, start=db_now() + timedelta(hours=hours))
    assert "start" in refused.value.fields


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reason", "  \n "),
        ("reason", "x" * 1001),
        ("reason", "\x00\x07\u202e"),
        ("ticket", "INC 1; DROP"),
        ("ticket", "x" * 65),
    ],
)
def test_bad_words_are_named_by_their_field(cast: Cast, field: str, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        ask(machine(), by=cast.alice, **{field: value})
    assert set(refused.value.fields) == {field}


def test_control_characters_and_tricks_of_direction_are_dropped_from_a_reason(cast: Cast) -> None:
    """X-60"""
    asked = ask(machine(), by=cast.alice, reason="Fix\x1b[31m \u202edisk\r\nnow\x00")
    assert asked.reason == "Fix[31m disk\nnow"


def test_a_machine_that_no_bastion_reaches_is_refused_with_the_cause(cast: Cast) -> None:
    vm = machine()
    vm.bastion = None
    vm.save()
    with pytest.raises(Invalid, match="No Bastion host reaches"):
        ask(vm, by=cast.alice)


def test_a_machine_that_is_gone_from_azure_cannot_be_asked_for(cast: Cast) -> None:
    vm = machine()
    vm.gone_at = db_now()
    vm.save()
    with pytest.raises(Invalid, match="gone from Azure"):
        ask(vm, by=cast.alice)


def test_a_link_through_a_basic_bastion_is_refused_naming_what_would_allow_it(cast: Cast) -> None:
    vm = machine(bastion=host(sku="Basic", tunneling=False, shareable_links=False))
    with pytest.raises(Invalid, match="Standard or Premium"):
        ask(vm, by=cast.alice, kind="link")


def test_a_link_to_a_guarded_machine_brings_the_window_it_needs(cast: Cast) -> None:
    asked = approve(ask(machine(), by=cast.alice, kind="link", minutes=2880), by=cast.bob)
    assert sorted(asked.grants.values_list("kind", flat=True)) == ["link", "window"]


def test_a_second_link_in_that_time_is_refused_naming_when_the_machine_is_free(cast: Cast) -> None:
    """X-47"""
    vm = machine()
    first = approve(ask(vm, by=cast.alice, kind="link", minutes=60), by=cast.bob)
    free = first.grants.get(kind="link").ends_at.strftime("%H:%M UTC")
    with pytest.raises(Invalid, match=free) as refused:
        ask(vm, by=cast.alan, kind="link", minutes=60)
    assert first.reference in str(refused.value)


def test_a_link_after_the_first_one_is_accepted(cast: Cast) -> None:
    vm = machine()
    first = approve(ask(vm, by=cast.alice, kind="link", minutes=60), by=cast.bob)
    end = first.grants.get(kind="link").ends_at
    assert ask(vm, by=cast.alan, kind="link", start=end + timedelta(minutes=1))


def test_two_pending_links_cannot_both_be_approved(cast: Cast) -> None:
    vm = machine()
    later = db_now() + timedelta(hours=3)
    first = ask(vm, by=cast.alice, kind="link", minutes=60)
    second = ask(vm, by=cast.alan, kind="link", minutes=60, start=later)
    AccessRequest.objects.filter(pk=second.pk).update(asked_start=None)
    second.refresh_from_db()
    approve(first, by=cast.bob)
    with pytest.raises(WrongState, match=first.reference):
        approve(second, by=cast.bob)


def test_charlie_sees_nothing_of_alices_request(cast: Cast) -> None:
    from access import policy

    ask(machine(), by=cast.alice)
    assert policy.visible_requests(cast.charlie).count() == 0
    assert policy.visible_requests(cast.erin).count() == 1


def test_no_number_is_too_strange_for_a_duration() -> None:
    """X-56: the type already refuses NaN and infinity before the service is reached."""
    from access.api.request_serializers import SubmitSerializer

    for strange in (math.nan, math.inf, "1e9", None, [], True):
        assert not SubmitSerializer(data={"minutes": strange}).is_valid()


def test_skipping_the_approval_by_calling_the_worker_opens_nothing(cast: Cast) -> None:
    """X-55"""
    asked = ask(machine(), by=cast.alice)
    gate = asked.doors.get().machine.jit_ports.get().gate
    tasks.look(gate.pk)
    assert not Grant.objects.exists()
