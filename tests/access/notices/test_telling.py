"""Into the outbox: who is told, once, in the transaction of what they are told of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction

from access import notices, services
from access.clock import db_now
from access.delivery.message import message_of
from access.models import Family, Notice, NoticePreference
from access.notices.telling import NoTransaction, next_digest
from access.notices.words import WORDS
from tests.access.notices.moves import endpoint, told
from tests.support.cast import Cast, approve, ask
from tests.support.estate import machine

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


def test_outside_the_change_nobody_can_be_told(cast: Cast) -> None:
    with pytest.raises(NoTransaction):
        notices.tell("request.approved", key="x", to=[cast.alice])


def test_what_was_rolled_back_is_told_to_nobody(cast: Cast) -> None:
    with transaction.atomic():
        notices.tell("request.approved", key="x", to=[cast.alice])
        transaction.set_rollback(True)
    assert not Notice.objects.exists()


def test_the_same_occasion_is_told_once_to_each(cast: Cast) -> None:
    endpoint("Operations", "http://localhost:1/x")
    for _ in range(3):
        told(to=[cast.alice, cast.alan, cast.alice])
    assert Notice.objects.count() == 3
    told(to=[cast.alice], key="another")
    assert Notice.objects.filter(person=cast.alice).count() == 2


def test_nobody_is_told_of_their_own_act_and_no_inactive_person_of_anything(cast: Cast) -> None:
    cast.alan.is_active = False
    cast.alan.save()
    told(to=[cast.alice, cast.alan, cast.bob], by=cast.bob)
    assert [notice.person for notice in Notice.objects.all()] == [cast.alice]


def test_asking_tells_those_who_decide_and_not_alice_herself(cast: Cast) -> None:
    asked = ask(machine(), by=cast.alice)
    told_people = Notice.objects.filter(event="request.submitted")
    assert [notice.person for notice in told_people] == [cast.bob]
    approve(asked, by=cast.bob)
    [answer] = Notice.objects.filter(event="request.approved")
    assert answer.person == cast.alice


def test_when_alice_takes_it_back_those_who_were_asked_hear_it(cast: Cast) -> None:
    asked = ask(machine(), by=cast.alice)
    services.withdraw(asked, by=cast.alice)
    [told_of] = Notice.objects.filter(event="request.withdrawn")
    assert told_of.person == cast.bob


def test_a_muted_family_is_not_told_but_security_always_is(cast: Cast) -> None:
    everything = [family.value for family in Family]
    NoticePreference.objects.create(person=cast.dana, muted=everything)
    told("policy.in_force", to=[cast.dana])
    assert not Notice.objects.exists()
    told("break_glass.opened", to=[cast.dana])
    assert Notice.objects.get().person == cast.dana


def test_the_security_contact_is_told_though_no_administrator_is_left(
    cast: Cast, settings: Any
) -> None:
    """X-74"""
    settings.NOTICES_SECURITY_CONTACT = ["security@bank.example"]
    NoticePreference.objects.create(person=cast.dana, muted=[family.value for family in Family])
    cast.dana.roles.all().delete()
    with transaction.atomic():
        notices.tell_overseers("break_glass.opened", key="x", by=cast.dana)
    assert [notice.contact for notice in Notice.objects.all()] == ["security@bank.example"]


def test_an_address_that_may_be_a_way_in_does_not_leave_by_a_notice(cast: Cast) -> None:
    told(to=cast.alice, data={"why": "see https://bst-1.bastion.azure.com/api/x?t=secret now"})
    assert "secret" not in str(Notice.objects.get().data)


def test_telling_many_costs_as_many_queries_as_telling_one(
    cast: Cast, django_assert_num_queries: Any
) -> None:
    asked = ask(machine(), by=cast.alice)
    everybody = [cast.alice, cast.alan, cast.bob, cast.charlie, cast.dana]
    with transaction.atomic():
        with django_assert_num_queries(5):
            notices.tell("request.held", key="one", to=[cast.alice], about=asked)
        with django_assert_num_queries(5):
            notices.tell("request.held", key="many", to=everybody, about=asked)


def test_each_reads_their_own_time_with_utc_beside_it(cast: Cast) -> None:
    until = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
    told("grant.opened", to=[cast.alice, cast.alan], data={"until": until})
    at = {n.person.object_id: n for n in Notice.objects.select_related("person")}
    kolkata = message_of(at["alice"], ZoneInfo("Asia/Kolkata"))
    york = message_of(at["alan"], ZoneInfo("America/New_York"))
    assert "1 Jul 2026, 18:00 IST (12:30 UTC)" in kolkata.sentence
    assert "1 Jul 2026, 08:30 EDT (12:30 UTC)" in york.sentence


def test_an_event_that_nobody_wrote_words_for_still_says_what_it_is(cast: Cast) -> None:
    asked = ask(machine(), by=cast.alice)
    told("request.moved_house", to=[cast.charlie], about=asked)
    notice = Notice.objects.get(event="request.moved_house")
    message = message_of(notice, UTC)
    assert message.title == "BA-000001: Request moved house: BA-000001".replace(
        "BA-000001", asked.reference
    )
    assert ("Machine", "vm-app-01") in message.rows


@pytest.mark.parametrize("event", sorted(WORDS))
def test_every_event_reads_well_with_all_its_facts_and_with_none(event: str, cast: Cast) -> None:
    told(event, to=[cast.charlie])
    asked = ask(machine(), by=cast.alice)
    told(event, to=[cast.charlie], key="facts", about=asked, by=cast.bob, data={"why": "It was"})
    for notice in Notice.objects.filter(person=cast.charlie, event=event):
        message = message_of(notice, UTC)
        for text in (message.subject, message.sentence):
            assert "{" not in text
            assert "  " not in text
            assert " ." not in text
            assert text[0] == text[0].upper()
        assert message.sentence.endswith((".", "!"))
        assert message.link.startswith("https://access.example.test/")


def test_what_people_named_cannot_change_how_the_text_around_it_reads(cast: Cast) -> None:
    """X-60"""
    evil = "vm\u202e\x1b[31m\nBcc: all@example.test <script>" + "x" * 5000
    told("grant.opened", to=[cast.alice], data={"doors": [{"machine": evil, "port": 22}]})
    message = message_of(Notice.objects.get(), UTC)
    assert "\u202e" not in message.subject
    assert "[U+202E]" in message.subject
    assert "\n" not in message.subject
    assert len(message.subject) <= 200


@pytest.mark.parametrize(
    ("digest", "hour", "now", "due"),
    [
        ("hourly", 8, "2026-07-01T10:20:00", "2026-07-01T11:00:00"),
        ("daily", 8, "2026-07-01T02:00:00", "2026-07-01T02:30:00"),  # 08:00 in Kolkata
        ("daily", 8, "2026-07-01T02:30:00", "2026-07-02T02:30:00"),
    ],
)
def test_a_digest_is_due_at_the_hour_of_the_persons_own_clock(
    cast: Cast, digest: str, hour: int, now: str, due: str
) -> None:
    cast.bob.zone = "Asia/Kolkata"
    mine = NoticePreference(person=cast.bob, digest=digest, digest_hour=hour)
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert next_digest(mine, cast.bob, moment) == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_a_digest_holds_back_what_waits_and_nothing_that_is_urgent(cast: Cast) -> None:
    NoticePreference.objects.create(person=cast.bob, digest="hourly")
    ask(machine(), by=cast.alice)
    waits = Notice.objects.get(person=cast.bob)
    assert waits.digest
    assert waits.not_before > db_now()
    assert waits.not_before <= db_now() + timedelta(hours=1)
    told("request.escalated", to=[cast.bob])
    assert not Notice.objects.get(event="request.escalated").digest
