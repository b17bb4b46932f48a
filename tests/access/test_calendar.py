"""Alice puts her window into her calendar, and the calendar learns what becomes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse
from icalendar import Calendar, Event

from access import services
from access.clock import db_now
from access.models import AccessRequest, EndOrder, Grant, GrantExtension, Machine, Person
from tests.support import estate
from tests.support.browsers import Browser
from tests.support.cast import Cast, approve, ask

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.tasks.look.apply_async", lambda *_args, **_options: None)
    monkeypatch.setattr("access.notices.gathering.wake_routes", lambda _names: None)


@pytest.fixture
def vm(db: None) -> Machine:
    return estate.machine("vm-app-01")


@pytest.fixture
def start() -> datetime:
    return (db_now() + timedelta(days=2)).replace(minute=30, second=0, microsecond=0)


@pytest.fixture
def asked(cast: Cast, vm: Machine, start: datetime) -> AccessRequest:
    return ask(vm, by=cast.alice, start=start, minutes=60, reason="Mr Miller's disk is full")


@pytest.fixture
def scheduled(cast: Cast, asked: AccessRequest) -> AccessRequest:
    return approve(asked, by=cast.bob)


def path(asked: AccessRequest) -> str:
    return reverse("request-calendar", args=[asked.reference])


def event_of(response: Any) -> Event:
    assert response.status_code == 200
    calendar = Calendar.from_ical(response.content)
    (event,) = calendar.walk("VEVENT")
    assert event.errors == []
    return event


def test_a_scheduled_window_is_one_event_in_utc(
    cast: Cast, scheduled: AccessRequest, start: datetime, browser: Browser
) -> None:
    Person.objects.filter(pk=cast.alice.pk).update(zone="Europe/Berlin")
    response = browser(cast.alice).get(path(scheduled))
    event = event_of(response)
    assert (event.start, event.end) == (start, start + HOUR)
    assert f"DTSTART:{start:%Y%m%dT%H%M%SZ}" in response.content.decode()
    assert event["STATUS"] == "CONFIRMED"
    assert event["SEQUENCE"] == scheduled.revision
    assert event["SUMMARY"] == f"Access to vm-app-01 ({scheduled.reference})"
    assert response["Content-Type"].startswith("text/calendar")
    assert f'filename="{scheduled.reference}.ics"' in response["Content-Disposition"]


def test_it_reminds_ten_minutes_before_it_opens_and_before_it_closes(
    cast: Cast, scheduled: AccessRequest, browser: Browser
) -> None:
    event = event_of(browser(cast.alice).get(path(scheduled)))
    triggers = {a["TRIGGER"].params.get("RELATED"): a["TRIGGER"].dt for a in event.walk("VALARM")}
    assert triggers == {"START": timedelta(minutes=-10), "END": timedelta(minutes=-10)}


def test_it_leads_to_the_request_and_holds_nothing_that_is_not_for_a_shared_calendar(
    cast: Cast, scheduled: AccessRequest, vm: Machine, browser: Browser, settings: Any
) -> None:
    settings.PORTAL_URL = "https://access.example.test/"
    response = browser(cast.alice).get(path(scheduled))
    page = f"https://access.example.test/requests/{scheduled.reference}/"
    assert event_of(response)["URL"] == page
    text = response.content.decode().replace("\r\n ", "")
    for secret in (vm.resource_id, vm.vm_id, vm.private_ip, "Miller", "subscriptions"):
        assert secret
        assert secret not in text


def test_it_is_the_same_event_each_time_and_another_for_each_request(
    cast: Cast, scheduled: AccessRequest, vm: Machine, start: datetime, browser: Browser
) -> None:
    alice = browser(cast.alice)
    first, again = (event_of(alice.get(path(scheduled))) for _ in range(2))
    assert first["UID"] == again["UID"]
    other = approve(ask(vm, by=cast.alice, start=start + 3 * HOUR), by=cast.bob)
    assert event_of(alice.get(path(other)))["UID"] != first["UID"]


def test_while_it_waits_it_is_tentative_and_withdrawn_it_is_cancelled(
    cast: Cast, asked: AccessRequest, browser: Browser
) -> None:
    alice = browser(cast.alice)
    before = event_of(alice.get(path(asked)))
    assert before["STATUS"] == "TENTATIVE"
    services.withdraw(asked, by=cast.alice)
    after = event_of(alice.get(path(asked)))
    assert after["STATUS"] == "CANCELLED"
    assert (after["UID"], after["SEQUENCE"]) == (before["UID"], before["SEQUENCE"] + 1)
    assert list(after.walk("VALARM")) == []


def test_ended_before_its_time_it_is_cancelled(
    cast: Cast, scheduled: AccessRequest, browser: Browser
) -> None:
    EndOrder.objects.create(grant=scheduled.grants.get(), by=cast.alice, at=db_now())
    assert event_of(browser(cast.alice).get(path(scheduled)))["STATUS"] == "CANCELLED"


def test_a_window_that_ran_its_course_stays_in_the_calendar(
    cast: Cast, scheduled: AccessRequest, browser: Browser
) -> None:
    now = db_now()
    Grant.objects.update(
        state="closed", opened_at=now - HOUR, starts_at=now - HOUR, ends_at=now, due_at=now,
        closed_at=now, close_reason="Its time is over.",
    )  # fmt: skip
    assert event_of(browser(cast.alice).get(path(scheduled)))["STATUS"] == "CONFIRMED"


def test_more_time_moves_its_end_under_a_higher_number(
    cast: Cast, scheduled: AccessRequest, vm: Machine, browser: Browser
) -> None:
    alice, grant = browser(cast.alice), scheduled.grants.get()
    before = event_of(alice.get(path(scheduled)))
    until = grant.ends_at + HOUR
    GrantExtension.objects.create(
        grant=grant, access_request=scheduled, ended_at=grant.ends_at, until=until, at=db_now()
    )
    Grant.objects.update(ends_at=until)
    after = event_of(alice.get(path(scheduled)))
    assert (after.end, after["SEQUENCE"]) == (until, before["SEQUENCE"] + 1)


def test_what_begins_once_approved_has_no_time_yet(
    cast: Cast, vm: Machine, browser: Browser
) -> None:
    asked, alice = ask(vm, by=cast.alice), browser(cast.alice)
    assert alice.get(path(asked)).status_code == 404
    assert "Add to calendar" not in page_of(alice, asked)
    approve(asked, by=cast.bob)
    assert event_of(alice.get(path(asked)))["STATUS"] == "CONFIRMED"
    assert "Add to calendar" in page_of(alice, asked)


def page_of(client: Any, asked: AccessRequest) -> str:
    return str(client.get(reverse("request", args=[asked.reference])).content.decode())


def test_the_page_offers_it_as_long_as_there_is_something_ahead(
    cast: Cast, asked: AccessRequest, browser: Browser
) -> None:
    alice = browser(cast.alice)
    assert path(asked) in page_of(alice, asked)
    services.withdraw(asked, by=cast.alice)
    assert path(asked) not in page_of(alice, asked)


def test_overseers_may_have_it_and_a_colleague_may_not(
    cast: Cast, scheduled: AccessRequest, browser: Browser
) -> None:
    for overseer in (cast.bob, cast.dana, cast.erin):
        assert event_of(browser(overseer).get(path(scheduled)))
    assert browser(cast.charlie).get(path(scheduled)).status_code == 404


def test_a_hostile_machine_name_stays_one_line(
    cast: Cast, start: datetime, browser: Browser
) -> None:
    """X-60: a name with line breaks must not write properties of its own."""
    bad = estate.machine("vm\r\nSTATUS:CANCELLED\nATTENDEE:mailto:x;\u202e,")
    asked = approve(ask(bad, by=cast.alice, start=start), by=cast.bob)
    event = event_of(browser(cast.alice).get(path(asked)))
    assert event["STATUS"] == "CONFIRMED"
    assert "ATTENDEE" not in event


def test_the_clocks_do_not_move_it(cast: Cast, vm: Machine, browser: Browser) -> None:
    """A window over the change of clocks keeps its real length, whatever zone it is read in."""
    asked = ask(vm, by=cast.alice, start=db_now() + 2 * HOUR, minutes=180)
    before_change = datetime(2027, 3, 28, 0, 30, tzinfo=UTC)
    AccessRequest.objects.filter(pk=asked.pk).update(asked_start=before_change)
    Person.objects.filter(pk=cast.alice.pk).update(zone="Europe/Berlin")
    response = browser(cast.alice).get(path(asked))
    event = event_of(response)
    assert (event.start, event.end) == (before_change, before_change + 3 * HOUR)
    assert "TZID" not in response.content.decode()
