"""Attacks on the counting of approvals, and on what happens to an approval afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from access import gatekeeping, services, waiting
from access.approvers import Pool, stages_now, why_blocked
from access.clock import db_now
from access.errors import Invalid, NotAllowed, WrongState
from access.holding import hold
from access.models import (
    AccessRequest,
    Decision,
    Deputy,
    EndOrder,
    Grant,
    LedgerEntry,
    Machine,
    Person,
    PersonRole,
    Role,
)
from tests.support.cast import Cast, approve, approved, ask, person
from tests.support.estate import machine
from tests.support.ruling import TWO_STAGES, one_approver, put_in_force

pytestmark = pytest.mark.django_db

TWO_OF_TWO = one_approver(
    approvals=[{"from": [{"person": "bob"}, {"person": "carol"}], "needed": 2}]
)
ANY_TWO = one_approver(approvals=[{"from": [{"role": "approver"}], "needed": 2}])
QUICK_OR_SLOW = """
version: 1
rules:
  - name: Short
    when: {minutes: {at_most: 30}, production: false}
    max_minutes: 30
    auto_approve: true
  - {name: Long, max_minutes: 480, approvals: [{from: [{role: approver}], needed: 1}]}
"""
BY_LENGTH = """
version: 1
rules:
  - name: Short
    when: {minutes: {at_most: 60}}
    max_minutes: 60
    approvals: [{from: [{person: sven}], needed: 1}]
  - {name: Long, max_minutes: 480, approvals: [{from: [{person: bob}], needed: 1}]}
"""


def stands_in(deputy: Person, *, for_: Person) -> None:
    now = db_now()
    Deputy.objects.create(
        approver=for_, deputy=deputy, starts_at=now, ends_at=now + timedelta(days=1), created_at=now
    )


def one_human(*accounts: Person) -> None:
    pks = [account.pk for account in accounts]
    Person.objects.filter(pk__in=pks).update(person_key="employee-7")


def now_is(who: Person) -> Person:
    return Person.objects.get(pk=who.pk)


def refusal(grant: Grant) -> str:
    """What the last check says of it; empty when it would be opened."""
    rows = Grant.objects.select_related("machine", "access_request__requester")
    found = gatekeeping.refusal_of(rows.get(pk=grant.pk), db_now())
    return found.reason if found else ""


def held_by_the_last_check(grant: Grant) -> AccessRequest:
    """What a worker does of what the last check says."""
    fresh = Grant.objects.select_related("machine", "access_request__requester").get(pk=grant.pk)
    found = gatekeeping.refusal_of(fresh, db_now())
    assert found is not None
    assert found.ruling is not None
    with transaction.atomic():
        assert hold(fresh.access_request, found.reason, found.ruling, db_now())
    return AccessRequest.objects.get(pk=grant.access_request_id)


class TestWhoCounts:
    def test_a_deputy_and_whom_they_stand_in_for_are_one_voice(
        self, cast: Cast, carol: Person, sven: Person
    ) -> None:
        """Two of Bob and Carol: Sven says yes for Bob, so Bob's own yes would be his second."""
        put_in_force(TWO_OF_TWO)
        stands_in(sven, for_=cast.bob)
        asked = ask(machine(), by=cast.alice)
        approve(asked, by=sven)
        with pytest.raises(WrongState, match="Sven has approved this in your place"):
            approve(asked, by=cast.bob)
        approve(asked, by=carol)
        asked.refresh_from_db()
        assert asked.state == "approved"

    def test_nor_does_the_deputy_follow_whom_they_stand_in_for(
        self, cast: Cast, carol: Person, sven: Person
    ) -> None:
        put_in_force(TWO_OF_TWO)
        stands_in(sven, for_=cast.bob)
        asked = ask(machine(), by=cast.alice)
        approve(asked, by=cast.bob)
        with pytest.raises(NotAllowed):
            approve(asked, by=sven)

    def test_a_deputy_does_not_make_two_of_one(
        self, cast: Cast, carol: Person, sven: Person
    ) -> None:
        put_in_force(TWO_OF_TWO)
        stands_in(sven, for_=cast.bob)
        Person.objects.filter(pk=carol.pk).update(is_active=False)
        asked = ask(machine(), by=cast.alice)
        asked.refresh_from_db()
        assert "No eligible approver is left" in asked.blocked

    def test_a_deputy_of_two_is_free_to_speak_for_the_other(
        self, cast: Cast, carol: Person, sven: Person
    ) -> None:
        put_in_force(TWO_OF_TWO)
        stands_in(sven, for_=cast.bob)
        stands_in(sven, for_=carol)
        asked = ask(machine(), by=cast.alice)
        approve(asked, by=cast.bob)
        approve(asked, by=sven)
        assert Decision.objects.get(by=sven).on_behalf_of == carol

    def test_two_accounts_that_turn_out_to_be_one_person_are_one_approval(
        self, cast: Cast, carol: Person, sven: Person
    ) -> None:
        """Only one of them had its key when they approved."""
        put_in_force(ANY_TWO)
        grant = approve(approve_first(cast, carol), by=sven).grants.get()
        assert refusal(grant) == ""
        one_human(carol, sven)
        assert "all the approvals" in refusal(grant)

    def test_and_the_second_of_three_does_not_count_while_it_waits(
        self, cast: Cast, carol: Person, sven: Person
    ) -> None:
        put_in_force(one_approver(approvals=[{"from": [{"role": "approver"}], "needed": 3}]))
        asked = approve(approve_first(cast, carol), by=sven)
        one_human(carol, sven)
        approve(asked, by=cast.bob)
        asked.refresh_from_db()
        assert (asked.state, asked.grants.count()) == ("pending", 0)

    def test_a_vendor_who_has_a_second_account_lets_nobody_in(
        self, cast: Cast, carol: Person
    ) -> None:
        other = person("Carol admin", Role.APPROVER)
        one_human(carol, other)
        asked = ask(machine(), by=cast.alice, kind="link", vendor_mail="carol@vendor.test")
        Person.objects.filter(pk=carol.pk).update(mail="Carol@vendor.test")  # known only now
        for account in (carol, other):
            with pytest.raises(NotAllowed, match="let yourself in"):
                approve(asked, by=now_is(account))

    def test_x49_nobody_sponsors_themselves_as_a_vendor(self, cast: Cast) -> None:
        """X-49: not with the address of another account either."""
        other = person("Alice admin", Role.ADMIN)
        one_human(cast.alice, other)
        there = machine()
        for mail in ("ALICE@example.test", other.mail):
            with pytest.raises(Invalid, match="your own address"):
                ask(there, by=now_is(cast.alice), kind="link", vendor_mail=mail)

    def test_a_window_is_for_no_vendor_whatever_the_form_says(self, cast: Cast) -> None:
        """A rule for a trusted vendor's links would let who asks choose it for themselves."""
        trusted = {"vendor_domain": "trusted.example", "production": False}
        put_in_force(one_approver(auto_approve=True, when=trusted, approvals=None))
        with pytest.raises(Invalid, match="No rule"):
            ask(machine(), by=cast.alice, vendor_mail="me@trusted.example")

    def test_an_approval_of_other_terms_is_none(self, cast: Cast) -> None:
        """Who can write the request and its digest, but not what Bob decided on."""
        grant = approved(machine(), by=cast.alice, approver=cast.bob)
        Decision.objects.update(terms_digest="0" * 64)
        assert "all the approvals" in refusal(grant)

    def test_who_is_left_is_reckoned_with_deputies_moving_up(
        self, cast: Cast, carol: Person, sven: Person
    ) -> None:
        """Sven alone is in the second group, and stands in for Bob in the first: Carol takes it."""
        put_in_force(TWO_STAGES)
        stands_in(sven, for_=cast.bob)
        asked = ask(machine(), by=cast.alice)
        assert why_blocked(asked, stages_now(asked, Pool(db_now()))) == ""
        Person.objects.filter(pk=cast.bob.pk).update(is_active=False)
        assert why_blocked(asked, stages_now(asked, Pool(db_now()))) == ""
        Person.objects.filter(pk=sven.pk).update(is_active=False)
        assert "Security" in why_blocked(asked, stages_now(asked, Pool(db_now())))


class TestHeld:
    def test_approved_by_a_rule_then_held_is_opened_when_people_approve(self, cast: Cast) -> None:
        """It was held again and again: it went on being called approved by a rule."""
        put_in_force(one_approver(approvals=None, auto_approve=True, when={"production": False}))
        grant = ask(machine(), by=cast.alice).grants.get()
        put_in_force(one_approver())
        asked = held_by_the_last_check(grant)
        approve(asked, by=cast.bob)
        assert refusal(grant) == ""
        asked.refresh_from_db()
        assert (asked.approved_how, asked.hold) == ("people", "")

    def test_what_became_production_is_opened_when_it_is_approved_as_that(self, cast: Cast) -> None:
        grant = approved(machine(), by=cast.alice, approver=cast.bob)
        Machine.objects.update(environment="production")
        asked = held_by_the_last_check(grant)
        assert "became a production machine" in asked.hold
        approve(asked, by=cast.bob)
        assert refusal(grant) == ""

    def test_a_request_of_before_is_not_said_to_have_become_production(self, cast: Cast) -> None:
        """What its machine was then is not known: it was not written down."""
        grant = approved(machine(), by=cast.alice, approver=cast.bob)
        Machine.objects.update(environment="production")
        asked = grant.access_request
        asked.judge_by({"version": 1, "approvals": 1})
        asked.terms_digest = gatekeeping.digest_of(asked, asked.doors.select_related("machine"))
        asked.save()
        Decision.objects.update(terms_digest=asked.terms_digest)
        assert refusal(grant) == ""

    def test_who_approved_is_not_missed_where_the_policy_asks_nobody_any_more(
        self, cast: Cast
    ) -> None:
        grant = approved(machine(), by=cast.alice, approver=cast.bob)
        put_in_force(one_approver(approvals=None, auto_approve=True, when={"production": False}))
        PersonRole.objects.filter(person=cast.bob, role=Role.APPROVER).delete()
        assert refusal(grant) == ""

    def test_a_worker_that_is_late_does_not_void_what_was_approved_anew(
        self, cast: Cast, carol: Person
    ) -> None:
        grant = approved(machine(), by=cast.alice, approver=cast.bob)
        PersonRole.objects.filter(person=cast.bob, role=Role.APPROVER).delete()
        late = Grant.objects.select_related("access_request", "machine").get(pk=grant.pk)
        found = gatekeeping.refusal_of(late, db_now())
        approve(held_by_the_last_check(grant), by=carol)
        assert found is not None
        assert found.ruling is not None
        with transaction.atomic():
            assert not hold(late.access_request, found.reason, found.ruling, db_now())
        assert refusal(grant) == ""

    def test_what_was_ended_meanwhile_is_not_approved_anew(self, cast: Cast, carol: Person) -> None:
        grant = approved(machine(), by=cast.alice, approver=cast.bob)
        PersonRole.objects.filter(person=cast.bob, role=Role.APPROVER).delete()
        asked = held_by_the_last_check(grant)
        services.end(grant, by=cast.alice)
        with pytest.raises(WrongState, match="nothing of it can be opened"):
            approve(asked, by=carol)

    def test_it_waits_for_nobody_when_nothing_of_it_can_open_any_more(
        self, cast: Cast, carol: Person
    ) -> None:
        """Held requests that were over were reckoned for ever, before those that still wait."""
        grant = approved(machine(), by=cast.alice, approver=cast.bob)
        PersonRole.objects.filter(person=cast.bob, role=Role.APPROVER).delete()
        asked = held_by_the_last_check(grant)
        assert waiting.let_go_of_held() == 0
        now = db_now()
        Grant.objects.update(state="closed", due_at=now, closed_at=now, close_reason="Over")
        assert (waiting.let_go_of_held(), waiting.let_go_of_held()) == (1, 0)
        asked.refresh_from_db()
        assert (asked.hold, asked.deciders.count(), waiting.reckon_all()) == ("", 0, 0)
        assert LedgerEntry.objects.filter(event="request.hold_over").count() == 1

    def test_denied_it_ends_all_machines_of_it(self, cast: Cast, carol: Person) -> None:
        others = ((machine("vm-2").pk, 22),)
        grant = approve(ask(machine(), by=cast.alice, others=others), by=cast.bob).grants.first()
        assert grant is not None
        PersonRole.objects.filter(person=cast.bob, role=Role.APPROVER).delete()
        asked = held_by_the_last_check(grant)
        services.deny(asked, by=carol, terms_digest=asked.terms_digest, comment="No")
        assert EndOrder.objects.count() == 2


class TestLengths:
    def test_changed_to_what_a_rule_approves_it_is_approved(self, cast: Cast) -> None:
        """It waited for nobody, until it lapsed."""
        put_in_force(QUICK_OR_SLOW)
        asked = ask(machine(), by=cast.alice, minutes=60)
        words = services.Words(30, None, asked.reason, "")
        services.change(asked, words, by=cast.alice, revision=1)
        asked.refresh_from_db()
        assert (asked.state, asked.approved_how, asked.grants.count()) == ("approved", "rule", 1)
        assert refusal(asked.grants.get()) == ""

    def test_shortened_it_stays_approved_by_whom_the_longer_one_needed(
        self, cast: Cast, sven: Person
    ) -> None:
        put_in_force(BY_LENGTH)
        asked = ask(machine(), by=cast.alice, minutes=120)
        approve(asked, by=cast.bob, minutes=60)
        assert refusal(asked.grants.get()) == ""

    def test_and_a_policy_that_now_allows_only_so_much_does_not_stop_it(self, cast: Cast) -> None:
        asked = ask(machine(), by=cast.alice, minutes=120)
        approve(asked, by=cast.bob, minutes=60)
        put_in_force(one_approver(when={"minutes": {"at_most": 60}}, max_minutes=60))
        assert refusal(asked.grants.get()) == ""


class TestWaiting:
    def test_changed_in_the_instant_it_would_lapse_it_does_not(self, cast: Cast) -> None:
        """The sweep had it on its list, and waited for the change to be written."""
        asked = ask(machine(), by=cast.alice)
        assert not waiting._lapse(asked.pk)
        asked.refresh_from_db()
        assert asked.state == "pending"

    def test_requests_that_never_escalate_do_not_stand_before_one_that_is_due(
        self, cast: Cast, sven: Person
    ) -> None:
        for number in range(3):
            ask(machine(f"vm-{number}"), by=cast.alice)
        stage = {
            "from": [{"person": "bob"}],
            "needed": 1,
            "escalate": {"after": 30, "to": [{"person": "sven"}]},
        }
        put_in_force(one_approver(approvals=[stage]))
        asked = ask(machine("vm-late"), by=cast.alice)
        AccessRequest.objects.update(stage_since=db_now() - timedelta(minutes=31))
        assert waiting.escalate_due(limit=2) == 1
        asked.refresh_from_db()
        assert asked.escalated_at is not None


def test_an_engineer_no_more_is_shown_out_at_once(cast: Cast) -> None:
    """Whoever takes the role away means now; what is open ends like what was not opened yet."""
    grant = approved(machine(), by=cast.alice, approver=cast.bob)
    PersonRole.objects.filter(person=cast.alice).delete()
    grant = Grant.objects.get(pk=grant.pk)
    assert "no longer has the Engineer role" in gatekeeping.reason_to_end(grant)


def approve_first(cast: Cast, by: Person) -> AccessRequest:
    return approve(ask(machine(), by=cast.alice), by=by)
