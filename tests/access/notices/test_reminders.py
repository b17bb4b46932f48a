"""What only time gives cause to tell: once, whoever keeps the time, and anew for another end."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from access.clock import db_now
from access.delivery.reminding import remind_all
from access.engine.lines import Lines
from access.models import AccessRequest, EndOrder, Grant, Notice
from tests.support.cast import Cast, approved, ask
from tests.support.estate import machine

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


def opened(cast: Cast, *, minutes: int = 60, left: float = 60, **changes: Any) -> Grant:
    """Alice's grant, open in Azure, with so many minutes left."""
    grant = approved(machine(**changes), by=cast.alice, approver=cast.bob, minutes=minutes)
    ends = db_now() + timedelta(minutes=left)
    starts = ends - timedelta(minutes=minutes)
    Grant.objects.filter(pk=grant.pk).update(
        state="open", starts_at=starts, opened_at=starts, ends_at=ends
    )
    grant.refresh_from_db()
    Notice.objects.all().delete()
    return grant


def warnings() -> list[str]:
    rows = Notice.objects.filter(event__startswith="grant.ends_in").order_by("pk")
    return list(rows.values_list("event", flat=True))


def test_alice_is_warned_at_fifteen_and_at_five_minutes_and_no_oftener(cast: Cast) -> None:
    grant = opened(cast, left=20)
    assert remind_all() == 0
    for left, expected in (
        (14, ["grant.ends_in_15"]),
        (4, ["grant.ends_in_15", "grant.ends_in_5"]),
    ):
        Grant.objects.filter(pk=grant.pk).update(ends_at=db_now() + timedelta(minutes=left))
        for _ in range(3):
            remind_all()
        assert warnings() == expected
    assert {n.person for n in Notice.objects.all()} == {cast.alice}


def test_an_end_that_was_moved_is_warned_of_anew(cast: Cast) -> None:
    grant = opened(cast, left=10)
    remind_all()
    Grant.objects.filter(pk=grant.pk).update(ends_at=grant.ends_at + timedelta(minutes=30))
    remind_all()
    assert warnings() == ["grant.ends_in_15"]
    Grant.objects.filter(pk=grant.pk).update(ends_at=db_now() + timedelta(minutes=12))
    remind_all()
    remind_all()
    assert warnings() == ["grant.ends_in_15", "grant.ends_in_15"]


def test_who_comes_late_gives_only_the_warning_that_holds_now(cast: Cast) -> None:
    opened(cast, left=3)
    remind_all()
    assert warnings() == ["grant.ends_in_5"]


def test_what_lasts_for_a_moment_or_is_ended_already_is_not_warned_of(cast: Cast) -> None:
    opened(cast, minutes=15, left=14)
    remind_all()
    assert warnings() == []
    other = opened(cast, left=10, name="vm-app-02")
    EndOrder.objects.create(grant=other, by=cast.alice, at=db_now())
    remind_all()
    assert warnings() == []


@pytest.mark.postgres
def test_two_schedulers_at_once_warn_once(cast: Cast) -> None:
    opened(cast, left=10)
    barrier = threading.Barrier(6)

    def work() -> None:
        barrier.wait(timeout=10)
        remind_all()
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings() == ["grant.ends_in_15"]


def test_what_is_overdue_is_told_to_administrators_and_the_security_contact(
    cast: Cast, settings: Any
) -> None:
    settings.NOTICES_SECURITY_CONTACT = ["security@bank.example"]
    opened(cast, left=-5)
    remind_all()
    remind_all()
    rows = Notice.objects.filter(event="grant.overdue")
    assert {n.recipient for n in rows} == {
        f"person-{cast.dana.pk}",
        "contact-security@bank.example",
    }


def test_halfway_to_expiry_those_who_can_decide_are_reminded_once(cast: Cast) -> None:
    asked = ask(machine(), by=cast.alice)
    now = db_now()
    remind_all()
    assert not Notice.objects.filter(event="request.reminder").exists()
    AccessRequest.objects.filter(pk=asked.pk).update(
        created_at=now - timedelta(hours=5),
        stage_since=now - timedelta(hours=5),
        lapses_at=now + timedelta(hours=3),
    )
    remind_all()
    remind_all()
    [reminder] = Notice.objects.filter(event="request.reminder")
    assert reminder.person == cast.bob


def test_what_the_engine_saw_is_told_in_the_transaction_of_its_line(cast: Cast) -> None:
    grant = opened(cast)
    with transaction.atomic():
        lines = Lines()
        lines.about(grant, "grant.opened", until=grant.ends_at)
        lines.write()
    [told] = Notice.objects.all()
    assert (told.event, told.person) == ("grant.opened", cast.alice)
    assert told.data["doors"][0]["machine"] == "vm-app-01"
    with transaction.atomic():
        lines = Lines()
        lines.about(grant, "grant.closed")
        lines.write()
        transaction.set_rollback(True)
    assert Notice.objects.count() == 1


def test_alice_is_not_told_that_what_she_ended_is_closed(cast: Cast) -> None:
    grant = opened(cast)
    EndOrder.objects.create(grant=grant, by=cast.alice, at=db_now())
    with transaction.atomic():
        lines = Lines()
        lines.about(Grant.objects.select_related("end_order").get(pk=grant.pk), "grant.closed")
        lines.write()
    assert not Notice.objects.exists()


def test_an_idle_schedule_costs_a_few_queries(
    cast: Cast, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(5):
        remind_all()
