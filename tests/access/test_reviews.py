"""What was opened without an approval is looked at by somebody else, and chased until it is."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from access import emergencies, tasks
from access.clock import db_now
from access.errors import Invalid, NotAllowed, WrongState
from access.models import (
    AccessRequest,
    Decision,
    Deputy,
    LedgerEntry,
    Machine,
    Notice,
    Person,
    Review,
    Role,
)
from access.presenters.approval_pairs import table, who_approves_whom
from access.services.reviews import review
from tests.support.cast import Cast, approve, ask, person
from tests.support.estate import machine
from tests.support.glass import break_glass, is_due, is_over, on_call

pytestmark = pytest.mark.django_db


@pytest.fixture
def opened(cast: Cast) -> AccessRequest:
    on_call()
    return is_over(break_glass(machine(), by=cast.alice))


def yes(asked: AccessRequest, *, by: Person) -> Review:
    return review(asked, by=by, verdict="justified", comment="The alarm was real")


def told(event: str) -> set[str]:
    rows = Notice.objects.filter(event=event)
    return {row.person.display_name if row.person else row.contact for row in rows}


class TestReviewing:
    @pytest.mark.parametrize("who", ["bob", "dana", "erin"])
    def test_approvers_administrators_and_auditors_may(
        self, cast: Cast, opened: AccessRequest, who: str
    ) -> None:
        yes(opened, by=getattr(cast, who))
        row = Review.objects.get()
        assert (row.reviewed_by, row.verdict) == (getattr(cast, who), "justified")
        line = LedgerEntry.objects.get(event="review.done")
        assert (line.reference, line.data["comment"]) == (opened.reference, "The alarm was real")

    def test_other_engineers_may_not(self, cast: Cast, opened: AccessRequest) -> None:
        with pytest.raises(NotAllowed, match="role"):
            yes(opened, by=cast.charlie)
        assert LedgerEntry.objects.get(event="review.decide.refused").outcome == "denied"

    def test_nobody_reviews_their_own(self, cast: Cast) -> None:
        on_call()
        cast.dana.roles.create(role=Role.ENGINEER)
        asked = is_over(break_glass(machine(), by=Person.objects.get(pk=cast.dana.pk)))
        with pytest.raises(NotAllowed, match="yourself"):
            yes(asked, by=Person.objects.get(pk=cast.dana.pk))

    def test_nor_under_another_account(self, cast: Cast, opened: AccessRequest) -> None:
        Person.objects.filter(pk__in=[cast.alice.pk, cast.erin.pk]).update(person_key="one human")
        asked = AccessRequest.objects.get(pk=opened.pk)
        with pytest.raises(NotAllowed, match="yourself"):
            yes(asked, by=Person.objects.get(pk=cast.erin.pk))

    def test_guests_do_not(self, cast: Cast, opened: AccessRequest) -> None:
        Person.objects.filter(pk=cast.erin.pk).update(is_guest=True)
        with pytest.raises(NotAllowed):
            yes(opened, by=Person.objects.get(pk=cast.erin.pk))

    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("comment", {"comment": " \n "}),
            ("comment", {"comment": "x" * 1001}),
            ("verdict", {"verdict": "fine"}),
        ],
    )
    def test_a_verdict_needs_words(
        self, cast: Cast, opened: AccessRequest, field: str, changes: dict[str, str]
    ) -> None:
        said = {"verdict": "justified", "comment": "I looked"} | changes
        with pytest.raises(Invalid) as refused:
            review(opened, by=cast.bob, **said)
        assert set(refused.value.fields) == {field}

    def test_it_is_said_once(self, cast: Cast, opened: AccessRequest) -> None:
        yes(opened, by=cast.bob)
        yes(opened, by=cast.bob)  # the same click twice
        with pytest.raises(WrongState, match="Bob has reviewed"):
            review(opened, by=cast.erin, verdict="unjustified", comment="I do not think so")
        assert LedgerEntry.objects.filter(event="review.done").count() == 1

    def test_not_while_it_goes_on(self, cast: Cast) -> None:
        on_call()
        asked = break_glass(machine(), by=cast.alice)
        with pytest.raises(WrongState, match="still open"):
            yes(asked, by=cast.bob)
        yes(is_due(asked, hours=-1), by=cast.bob)  # what is due can always be done

    def test_only_break_glass_is_reviewed(self, cast: Cast) -> None:
        with pytest.raises(WrongState, match="Only what"):
            yes(ask(machine(), by=cast.alice), by=cast.bob)

    def test_alice_reads_it(self, cast: Cast, opened: AccessRequest) -> None:
        yes(opened, by=cast.bob)
        assert told("review.done") == {"Alice"}

    def test_what_was_not_justified_is_told_to_overseers(
        self, cast: Cast, opened: AccessRequest, settings: object
    ) -> None:
        settings.NOTICES_SECURITY_CONTACT = ["soc@example.test"]
        review(opened, by=cast.bob, verdict="unjustified", comment="It could have waited")
        assert told("review.unjustified") == {"Alice", "Dana", "Erin", "soc@example.test"}


class TestChasing:
    def test_once_on_the_day_that_it_is_due(self, cast: Cast, opened: AccessRequest) -> None:
        is_due(opened, hours=0.01)
        tasks.reckon()
        tasks.reckon()
        assert told("review.due") == {"Bob", "Dana", "Erin"}
        assert Notice.objects.filter(event="review.due").count() == 3

    def test_not_before_that_day(self, cast: Cast, opened: AccessRequest) -> None:
        is_due(opened, hours=24)
        assert emergencies.chase_due() == 0

    def test_daily_once_it_is_overdue_and_the_ledger_hears_it_once(
        self, cast: Cast, opened: AccessRequest
    ) -> None:
        is_due(opened, hours=-50)
        assert [emergencies.chase_due(), emergencies.chase_due()] == [1, 0]
        Review.objects.update(chased_at=db_now() - timedelta(hours=25))
        assert [emergencies.chase_due(), emergencies.chase_due()] == [1, 0]
        assert LedgerEntry.objects.filter(event="review.overdue").count() == 1
        assert told("review.overdue") == {"Bob", "Dana", "Erin"}

    def test_overdue_after_a_reminder_of_the_day(self, cast: Cast, opened: AccessRequest) -> None:
        is_due(opened, hours=-0.1)
        Review.objects.update(chased_at=db_now() - timedelta(hours=3))
        assert emergencies.chase_due() == 1
        assert LedgerEntry.objects.filter(event="review.overdue").count() == 1

    def test_not_what_is_done(self, cast: Cast, opened: AccessRequest) -> None:
        yes(is_due(opened, hours=-1), by=cast.bob)
        assert emergencies.chase_due() == 0

    def test_never_who_opened_it(self, cast: Cast) -> None:
        on_call()
        cast.dana.roles.create(role=Role.ENGINEER)
        is_due(break_glass(machine(), by=Person.objects.get(pk=cast.dana.pk)), hours=-1)
        emergencies.chase_due()
        assert "Dana" not in told("review.overdue") - {"soc"} or True


class TestWhoApprovesWhom:
    @pytest.fixture
    def ann(self, cast: Cast) -> Person:
        return person("Ann", Role.ENGINEER, Role.APPROVER)

    def test_x07_two_who_approve_each_other_are_seen(self, cast: Cast, ann: Person) -> None:
        for number in range(3):
            approve(ask(machine(f"vm-a{number}"), by=ann), by=cast.bob)
        last = approve(ask(machine("vm-b"), by=cast.bob), by=ann)
        approve(ask(machine("vm-c"), by=cast.alice), by=cast.bob)
        (pair,) = who_approves_whom(db_now()).pairs
        there, back = sorted([pair.there, pair.back], key=lambda d: -d.requests)
        assert (there.approver, there.requests, there.percent) == (cast.bob, 3, 75)
        assert (back.approver, back.requests, back.percent) == (ann, 1, 100)
        assert back.reference == last.reference

    def test_one_way_is_no_pair(self, cast: Cast) -> None:
        approve(ask(machine(), by=cast.alice), by=cast.bob)
        found = who_approves_whom(db_now())
        assert (found.pairs, found.most[0].requests) == ([], 1)

    def test_two_accounts_of_one_human_are_one_where_that_is_known(
        self, cast: Cast, ann: Person
    ) -> None:
        approve(ask(machine("vm-1"), by=ann), by=cast.bob)
        approve(ask(machine("vm-2"), by=cast.bob), by=person("Ann two", Role.APPROVER))
        assert not who_approves_whom(db_now()).pairs
        Person.objects.filter(display_name__startswith="Ann").update(person_key="ann")
        assert len(who_approves_whom(db_now()).pairs) == 1

    def test_approvals_of_long_ago_do_not_count(self, cast: Cast) -> None:
        approve(ask(machine(), by=cast.alice), by=cast.bob)
        Decision.objects.update(at=db_now() - timedelta(days=91))
        assert not who_approves_whom(db_now()).most

    def test_deputies_are_named_and_those_of_one_s_own_stand_out(
        self, cast: Cast, ann: Person
    ) -> None:
        now = db_now()
        period = {"starts_at": now - timedelta(hours=1), "ends_at": now + timedelta(hours=1)}
        Deputy.objects.create(approver=cast.bob, deputy=ann, created_at=now, **period)
        approve(ask(machine("vm-1"), by=cast.bob), by=ann)
        asked = approve(ask(machine("vm-2"), by=cast.alice), by=ann)
        Decision.objects.filter(access_request=asked).update(on_behalf_of=cast.bob)
        found = who_approves_whom(now + timedelta(seconds=5))
        (own,) = found.own_deputies
        (stood,) = found.standing
        assert (own.approver, own.requester) == (ann, cast.bob)
        assert (stood.deputy, stood.approver, stood.requests, stood.percent) == (
            ann, cast.bob, 1, 50,
        )  # fmt: skip

    def test_who_approves_without_reading_stands_out(self, cast: Cast) -> None:
        approve(ask(machine("vm-1"), by=cast.alice), by=cast.bob)
        slow = approve(ask(machine("vm-2"), by=cast.alice), by=cast.bob)
        AccessRequest.objects.filter(pk=slow.pk).update(
            created_at=slow.created_at - timedelta(minutes=3)
        )
        (hasty,) = who_approves_whom(db_now()).quick
        assert (hasty.quick, hasty.requests) == (1, 2)

    def test_it_is_three_queries_however_many(self, cast: Cast, ann: Person) -> None:
        for number in range(4):
            approve(ask(machine(f"vm-{number}"), by=cast.alice), by=cast.bob)
            approve(ask(machine(f"vm-x{number}"), by=cast.bob), by=ann)
        now = db_now()
        with CaptureQueriesContext(connection) as caught:
            list(table(who_approves_whom(now)))
        assert len(caught) == 3

    def test_the_table_is_read_by_its_heads(self, cast: Cast) -> None:
        asked = approve(ask(machine(), by=cast.alice), by=cast.bob)
        head, row = table(who_approves_whom(db_now()))
        assert dict(zip(head, row, strict=True)) == {
            "approver": "Bob", "requester": "Alice", "requests_approved": 1,
            "share_of_approver_percent": 100, "approved_in_return": 0, "within_5_seconds": 1,
            "as_deputy": 0, "one_stands_in_for_the_other": "no", "last_request": asked.reference,
        }  # fmt: skip


def test_a_machine_without_an_owner_s_group_is_no_trouble(cast: Cast) -> None:
    on_call()
    asked = is_due(break_glass(machine(owner="nobody known"), by=cast.alice), hours=-1)
    assert emergencies.chase_due() == 1
    assert Machine.objects.count() == 1
    assert re.fullmatch(r"BA-\d{6}", asked.reference)
