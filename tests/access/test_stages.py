"""Stages, shortening, changing, holding: how an approval comes about and what it is worth."""

from __future__ import annotations

from datetime import timedelta

import pytest

from access import gatekeeping, services, waiting
from access.clock import db_now
from access.errors import Invalid, NotAllowed, WrongState
from access.models import AccessRequest, Decision, Grant, LedgerEntry, Person, PersonRole, Role
from tests.support.cast import Cast, approve, approved, ask
from tests.support.estate import machine
from tests.support.ruling import TWO_STAGES, one_approver, put_in_force

pytestmark = pytest.mark.django_db


def events(asked: AccessRequest) -> list[str]:
    lines = LedgerEntry.objects.filter(reference=asked.reference).order_by("seq")
    return list(lines.values_list("event", flat=True))


def deciders(asked: AccessRequest) -> set[str]:
    return set(asked.deciders.values_list("person__display_name", flat=True))


def words(asked: AccessRequest, **changes: object) -> services.Words:
    values = {
        "minutes": asked.duration_minutes,
        "start": asked.asked_start,
        "reason": asked.reason,
        "ticket": asked.ticket,
    }
    return services.Words(**(values | changes))  # type: ignore[arg-type]


def test_one_stage_after_the_other(cast: Cast, carol: Person, sven: Person) -> None:
    put_in_force(TWO_STAGES)
    asked = ask(machine(), by=cast.alice)
    assert deciders(asked) == {"Bob", "Carol"}
    with pytest.raises(NotAllowed, match="other people"):
        approve(asked, by=sven)
    approve(asked, by=cast.bob)
    asked.refresh_from_db()
    assert (asked.state, asked.stage, asked.grants.count()) == ("pending", 1, 0)
    assert deciders(asked) == {"Sven", "Carol"}
    approve(asked, by=sven)
    asked.refresh_from_db()
    assert (asked.state, asked.approved_how, asked.grants.count()) == ("approved", "people", 1)
    assert events(asked) == [
        "request.submitted", "request.approve.refused", "request.approval_given",
        "request.approved",
    ]  # fmt: skip


def test_nobody_counts_twice(cast: Cast, carol: Person, sven: Person) -> None:
    put_in_force(TWO_STAGES)
    asked = ask(machine(), by=cast.alice)
    approve(asked, by=carol)
    assert deciders(asked) == {"Sven"}
    with pytest.raises(WrongState, match="already approved"):
        approve(asked, by=carol)


def test_when_one_person_would_have_to_count_twice_it_is_blocked(cast: Cast, carol: Person) -> None:
    """Carol is in both groups and alone in the second: she must be kept for it."""
    put_in_force(TWO_STAGES)
    asked = ask(machine(), by=cast.alice)
    asked.refresh_from_db()
    assert asked.blocked == ""  # Bob for Payments, Carol for Security
    Person.objects.filter(pk=cast.bob.pk).update(is_active=False)
    waiting.reckon_all()
    asked.refresh_from_db()
    assert "No eligible approver is left for Security" in asked.blocked
    assert "request.blocked" in events(asked)


def test_two_of_three(cast: Cast, carol: Person, sven: Person) -> None:
    approvals = [{"from": [{"role": "approver"}], "needed": 2}]
    put_in_force(one_approver(approvals=approvals))
    asked = ask(machine(), by=cast.alice)
    approve(asked, by=cast.bob)
    asked.refresh_from_db()
    assert (asked.state, deciders(asked)) == ("pending", {"Carol", "Sven"})
    approve(asked, by=sven)
    asked.refresh_from_db()
    assert asked.state == "approved"


def test_an_approver_may_shorten_and_nobody_lengthens_it_again(
    cast: Cast, carol: Person, sven: Person
) -> None:
    """X-11"""
    put_in_force(TWO_STAGES)
    asked = ask(machine(), by=cast.alice, minutes=120)
    with pytest.raises(Invalid, match="shorten"):
        approve(asked, by=cast.bob, minutes=121)
    approve(asked, by=cast.bob, minutes=60)
    with pytest.raises(Invalid, match="at most 60"):
        approve(asked, by=sven, minutes=90)
    approve(asked, by=sven)
    grant = Grant.objects.get(access_request=asked)
    assert grant.ends_at - grant.starts_at == timedelta(minutes=60)


def test_a_changed_request_loses_its_approvals(cast: Cast, carol: Person, sven: Person) -> None:
    """X-08 and X-09: who approved has not seen this; who looks at the old page decides nothing."""
    put_in_force(TWO_STAGES)
    asked = ask(machine(), by=cast.alice)
    seen = asked.terms_digest
    approve(asked, by=cast.bob)
    services.change(asked, words(asked, minutes=60), by=cast.alice, revision=1)
    asked.refresh_from_db()
    assert (asked.revision, asked.stage, asked.state) == (2, 0, "pending")
    assert Decision.objects.get(by=cast.bob).dismissed_at is not None
    with pytest.raises(WrongState, match="not the one you were shown"):
        services.approve(asked, by=cast.bob, terms_digest=seen)
    approve(asked, by=cast.bob)
    approve(asked, by=sven)
    asked.refresh_from_db()
    assert asked.state == "approved"
    assert "request.approval_dismissed" in events(asked)


def test_changing_to_what_it_is_changes_nothing(cast: Cast) -> None:
    asked = ask(machine(), by=cast.alice)
    services.change(asked, words(asked), by=cast.alice, revision=1)
    asked.refresh_from_db()
    assert asked.revision == 1
    with pytest.raises(NotAllowed):
        services.change(asked, words(asked, minutes=60), by=cast.bob, revision=1)
    approve(asked, by=cast.bob)
    with pytest.raises(WrongState, match="already approved by Bob"):
        services.change(asked, words(asked, minutes=60), by=cast.alice, revision=1)


def test_an_approver_who_lost_the_role_before_the_start(cast: Cast, carol: Person) -> None:
    """X-13: held, and opened when another says yes."""
    grant = approved(machine(), by=cast.alice, approver=cast.bob)
    PersonRole.objects.filter(person=cast.bob, role=Role.APPROVER).delete()
    refusal = gatekeeping.refusal_of(_fresh(grant), db_now())
    assert refusal is not None
    assert refusal.ruling is not None
    assert "Bob, who approved it" in refusal.reason


def test_a_policy_that_was_tightened_before_the_start(cast: Cast, carol: Person) -> None:
    """X-14"""
    grant = approved(machine(), by=cast.alice, approver=cast.bob)
    assert gatekeeping.refusal_of(_fresh(grant), db_now()) is None
    put_in_force(one_approver(approvals=[{"from": [{"role": "approver"}], "needed": 2}]))
    refusal = gatekeeping.refusal_of(_fresh(grant), db_now())
    assert refusal is not None
    assert "stricter" in refusal.reason


def test_a_limit_that_the_request_keeps_anyway_holds_nothing(cast: Cast) -> None:
    grant = approved(machine(), by=cast.alice, approver=cast.bob)
    put_in_force(one_approver(max_minutes=30, notice_minutes=60))
    assert gatekeeping.refusal_of(_fresh(grant), db_now()) is None
    put_in_force(one_approver(max_minutes=29))
    assert gatekeeping.refusal_of(_fresh(grant), db_now()) is not None


def test_a_machine_that_became_production_since(cast: Cast) -> None:
    grant = approved(machine(), by=cast.alice, approver=cast.bob)
    grant.machine.environment = "production"
    grant.machine.save()
    refusal = gatekeeping.refusal_of(_fresh(grant), db_now())
    assert refusal is not None
    assert "became a production machine" in refusal.reason


def test_an_approval_that_nobody_carried_out_goes_stale(cast: Cast) -> None:
    grant = approved(machine(), by=cast.alice, approver=cast.bob)
    Grant.objects.update(starts_at=db_now() - timedelta(minutes=16))
    Decision.objects.update(at=db_now() - timedelta(minutes=16))
    refusal = gatekeeping.refusal_of(_fresh(grant), db_now())
    assert refusal is not None
    assert "within 15 minutes" in refusal.reason


def test_a_rule_approves_without_people(cast: Cast) -> None:
    source = one_approver(when={"production": False}, approvals=None, auto_approve=True)
    put_in_force(source)
    asked = ask(machine(), by=cast.alice)
    asked.refresh_from_db()
    assert (asked.state, asked.approved_how, asked.decided_by) == ("approved", "rule", None)
    assert gatekeeping.refusal_of(_fresh(asked.grants.get()), db_now()) is None
    assert events(asked) == ["request.submitted", "request.approved_by_rule"]


def test_more_people_are_asked_when_a_stage_waits_too_long(cast: Cast, sven: Person) -> None:
    stage = {
        "from": [{"person": "bob"}],
        "needed": 1,
        "escalate": {"after": 30, "to": [{"person": "sven"}]},
    }
    put_in_force(one_approver(approvals=[stage]))
    asked = ask(machine(), by=cast.alice)
    assert waiting.escalate_due() == 0
    with pytest.raises(NotAllowed):
        approve(asked, by=sven)
    AccessRequest.objects.update(stage_since=db_now() - timedelta(minutes=31))
    assert waiting.escalate_due() == 1
    assert waiting.escalate_due() == 0
    assert deciders(asked) == {"Bob", "Sven"}
    approve(asked, by=sven)
    assert gatekeeping.refusal_of(_fresh(asked.grants.get()), db_now()) is None


def test_step_up_is_wanted_and_fresh(cast: Cast) -> None:
    put_in_force(one_approver(step_up=True))
    asked = ask(machine(), by=cast.alice)
    with pytest.raises(NotAllowed, match="confirm that it is you"):
        approve(asked, by=cast.bob)
    with pytest.raises(NotAllowed):
        approve(asked, by=cast.bob, confirmed_at=db_now() - timedelta(minutes=6))
    approve(asked, by=cast.bob, confirmed_at=db_now() - timedelta(minutes=4))
    asked.refresh_from_db()
    assert asked.state == "approved"


def test_the_policy_is_asked_about_ticket_length_and_start(cast: Cast) -> None:
    put_in_force(
        one_approver(
            max_minutes=60, notice_minutes=30, ticket={"required": True, "pattern": r"CHG-\d+"}
        )
    )
    there = machine()
    with pytest.raises(Invalid) as wrong:
        ask(there, by=cast.alice, minutes=90)
    assert set(wrong.value.fields) == {"minutes", "start", "ticket"}
    later = db_now() + timedelta(hours=1)
    with pytest.raises(Invalid, match="does not know such tickets"):
        ask(there, by=cast.alice, minutes=60, start=later, ticket="INC-1")
    assert ask(there, by=cast.alice, minutes=60, start=later, ticket="CHG-1").pk


def test_several_machines_one_decision_a_grant_each(cast: Cast) -> None:
    others = ((machine("vm-2").pk, 22),)
    asked = ask(machine(), by=cast.alice, others=others)
    approve(asked, by=cast.bob)
    assert asked.grants.count() == 2
    assert asked.doors.filter(pending=True).count() == 0


def _fresh(grant: Grant) -> Grant:
    return Grant.objects.select_related("machine", "access_request__requester").get(pk=grant.pk)
