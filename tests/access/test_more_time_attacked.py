"""Attacks on more time: nothing looks at it a second time, so it must be right when it is given."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest

from access import services
from access.clock import db_now
from access.errors import Invalid, WrongState
from access.models import AccessRequest, Grant, GrantExtension, Machine, Person, PersonRole, Role
from tests.support.cast import Cast, approve, approved, ask
from tests.support.estate import machine
from tests.support.ruling import TWO_STAGES, one_approver, put_in_force

pytestmark = pytest.mark.django_db

BY_HOUR = """
version: 1
rules:
  - name: Day
    when:
      production: false
      time: {days: [mon, tue, wed, thu, fri, sat, sun], from: "%s", to: "%s", zone: UTC}
    max_minutes: 480
    auto_approve: true
  - {name: Night, max_minutes: 480, approvals: [{from: [{role: approver}], needed: 2}]}
"""


@pytest.fixture
def open_grant(cast: Cast) -> Grant:
    return opened(approved(machine(), by=cast.alice, approver=cast.bob))


def opened(grant: Grant) -> Grant:
    Grant.objects.filter(access_request=grant.access_request).update(
        state="open", opened_at=db_now()
    )
    grant.refresh_from_db()
    return grant


def more(grant: Grant, *, by: Person, minutes: int = 60, **changes: object) -> AccessRequest:
    values = {"reason": "The restore takes longer", "key": uuid.uuid4(), **changes}
    return services.extend(grant.access_request, minutes=minutes, by=by, **values)  # type: ignore[arg-type]


def end_of(grant: Grant) -> datetime:
    return Grant.objects.get(pk=grant.pk).ends_at


class TestTheLastApprovalOfIt:
    def test_the_first_approver_lost_the_role_meanwhile(
        self, cast: Cast, open_grant: Grant, sven: Person
    ) -> None:
        put_in_force(TWO_STAGES)
        asked, ended = more(open_grant, by=cast.alice), open_grant.ends_at
        approve(asked, by=cast.bob)
        PersonRole.objects.filter(person=cast.bob, role=Role.APPROVER).delete()
        with pytest.raises(WrongState, match="Bob, who approved it"):
            approve(asked, by=sven)
        assert end_of(open_grant) == ended

    def test_the_policy_was_tightened_meanwhile(self, cast: Cast, open_grant: Grant) -> None:
        asked, ended = more(open_grant, by=cast.alice), open_grant.ends_at
        put_in_force(one_approver(approvals=[{"from": [{"role": "approver"}], "needed": 2}]))
        with pytest.raises(WrongState, match="stricter"):
            approve(asked, by=cast.bob)
        assert end_of(open_grant) == ended

    def test_the_policy_does_not_allow_it_any_more(self, cast: Cast, open_grant: Grant) -> None:
        asked = more(open_grant, by=cast.alice)
        put_in_force(one_approver(when={"machine": "another"}))
        with pytest.raises(WrongState, match="does not allow"):
            approve(asked, by=cast.bob)

    def test_the_machine_became_production(self, cast: Cast, open_grant: Grant) -> None:
        asked = more(open_grant, by=cast.alice)
        Machine.objects.update(environment="production")
        with pytest.raises(WrongState, match="production"):
            approve(asked, by=cast.bob)

    def test_who_asked_is_no_engineer_any_more(self, cast: Cast, open_grant: Grant) -> None:
        asked = more(open_grant, by=cast.alice)
        PersonRole.objects.filter(person=cast.alice).delete()
        with pytest.raises(WrongState, match="Engineer role"):
            approve(asked, by=cast.bob)

    def test_what_it_is_for_waits_for_an_approval_itself(
        self, cast: Cast, open_grant: Grant
    ) -> None:
        asked, ended = more(open_grant, by=cast.alice), open_grant.ends_at
        AccessRequest.objects.filter(pk=open_grant.access_request_id).update(
            hold="Bob could not approve it any more.", held_at=db_now()
        )
        with pytest.raises(WrongState, match="waits for an approval itself"):
            approve(asked, by=cast.bob)
        assert end_of(open_grant) == ended

    def test_a_machine_whose_end_was_ordered_does_not_stop_the_others(self, cast: Cast) -> None:
        others = ((machine("vm-2").pk, 22),)
        asked = approve(ask(machine(), by=cast.alice, others=others), by=cast.bob)
        first, second = asked.grants.order_by("pk")
        opened(first)
        longer, ended = more(first, by=cast.alice), first.ends_at
        services.end(first, by=cast.alice)
        approve(longer, by=cast.bob)
        assert (end_of(first), end_of(second)) == (ended, ended + timedelta(hours=1))
        assert GrantExtension.objects.count() == 1


class TestAsking:
    def test_the_hour_that_counts_is_the_hour_that_is_asked_for(
        self, cast: Cast, open_grant: Grant
    ) -> None:
        """At noon for the night: what may be had by day without people is not had by night."""
        now = db_now()
        day = (now - timedelta(hours=2)), (now + timedelta(minutes=20))
        put_in_force(BY_HOUR % tuple(f"{moment:%H:%M}" for moment in day))
        asked = more(open_grant, by=cast.alice)  # it ends in 30 minutes
        assert (asked.state, asked.judgement.rules) == ("pending", ("Night",))

    def test_what_has_not_begun_is_not_lengthened(self, cast: Cast) -> None:
        """Nobody would look at the approval of the longer time when it begins."""
        start = db_now() + timedelta(hours=2)
        grant = approved(machine(), by=cast.alice, approver=cast.bob, start=start)
        with pytest.raises(WrongState, match="has not begun"):
            more(grant, by=cast.alice)

    def test_the_same_key_twice_is_one_request_also_where_a_rule_approves(
        self, cast: Cast, open_grant: Grant
    ) -> None:
        put_in_force(one_approver(approvals=None, auto_approve=True, when={"production": False}))
        key, ended = uuid.uuid4(), open_grant.ends_at
        first, second = (more(open_grant, by=cast.alice, key=key) for _ in range(2))
        assert first == second
        assert end_of(open_grant) == ended + timedelta(hours=1)

    def test_a_link_is_not_lengthened_into_another_s_time(self, cast: Cast) -> None:
        """X-47: Alan's vendor was promised the place from the end of Alice's on."""
        there = machine()
        grant = opened(approved(there, by=cast.alice, approver=cast.bob, kind="link"))
        asked = more(grant, by=cast.alice, minutes=30)
        services.withdraw(asked, by=cast.alice)
        approved(there, by=cast.alan, approver=cast.bob, kind="link", start=grant.ends_at)
        with pytest.raises(Invalid, match="serves one at a time"):
            more(grant, by=cast.alice, minutes=30)

    def test_nor_where_the_other_was_approved_while_it_waited(self, cast: Cast) -> None:
        there = machine()
        grant = opened(approved(there, by=cast.alice, approver=cast.bob, kind="link"))
        asked = more(grant, by=cast.alice, minutes=30)
        AccessRequest.objects.filter(pk=asked.pk).update(lapses_at=db_now())  # for a moment
        other = approved(there, by=cast.alan, approver=cast.bob, kind="link", start=grant.ends_at)
        AccessRequest.objects.filter(pk=asked.pk).update(lapses_at=grant.ends_at)
        reference = other.access_request.reference
        with pytest.raises(WrongState, match=f"{reference} was approved"):
            approve(asked, by=cast.bob)
