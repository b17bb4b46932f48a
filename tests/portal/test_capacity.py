"""Capacity and cost: what the page says, to whom, and from what."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from access.clock import db_now
from access.models import BastionHost, Finding, Gate, Grant, LiveSession, Machine
from portal.capacity import usage
from portal.capacity.steps import Span, fullest, most, steps_of
from tests.access.views.conftest import _no_broker, make_open
from tests.support import estate
from tests.support.browsers import Browser
from tests.support.cast import Cast, approved, be_seen
from tests.support.sessions import connected

__all__ = ["_no_broker"]
pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def page(client: Client, **asked: Any) -> str:
    answer = client.get("/capacity/", asked)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def numbers(client: Client, period: str = "7d") -> dict[str, dict[str, Any]]:
    answer = client.get("/api/v1/capacity/", {"period": period})
    assert answer.status_code == 200, answer.content
    return {each["host"]: each for each in answer.json()["hosts"]}


@pytest.fixture
def hub(db: None) -> BastionHost:
    return estate.host("bastion-hub-weu")


@pytest.fixture
def grant(cast: Cast, hub: BastionHost) -> Callable[..., Grant]:
    """One of Alice's that Bob approved, moved to where the story wants it."""
    be_seen()
    made: list[Machine] = []

    def of(start: datetime, *, hours: float = 1, port: int = 22, **columns: Any) -> Grant:
        system = "windows" if port == 3389 else "linux"
        vm = estate.machine(f"vm-{len(made):03d}", bastion=hub, os=system)
        made.append(vm)
        given = approved(vm, by=cast.alice, approver=cast.bob)
        values = {"starts_at": start, "ends_at": start + timedelta(hours=hours)} | columns
        Grant.objects.filter(pk=given.pk).update(**values)
        return given

    return of


def was(start: datetime, hours: float) -> dict[str, Any]:
    """Columns of a grant that was open then."""
    end = start + timedelta(hours=hours)
    return {
        "state": "closed",
        "opened_at": start,
        "due_at": end,
        "closed_at": end,
        "close_reason": "Its time is over.",
    }


class TestWho:
    def test_overseers_see_it_and_it_does_not_exist_for_others(self, cast: Cast, browser: Browser):
        for path in ("/capacity/", "/capacity/retiring/", "/api/v1/capacity/"):
            for person in (cast.bob, cast.dana, cast.erin):
                assert browser(person).get(path).status_code == 200
            for person in (cast.alice, cast.charlie):
                assert browser(person).get(path).status_code == 404

    def test_who_verifies_finds_the_way(self, cast: Cast, browser: Browser):
        assert 'href="/capacity/"' in browser(cast.erin).get("/verify/").content.decode()

    def test_an_approver_finds_it_in_the_menu(self, cast: Cast, browser: Browser):
        assert 'href="/capacity/"' in browser(cast.bob).get("/").content.decode()
        assert 'href="/capacity/"' not in browser(cast.alice).get("/").content.decode()

    def test_nothing_yet_says_why(self, cast: Cast, browser: Browser):
        assert "No Bastion host yet" in page(browser(cast.erin))

    def test_a_host_that_is_none_is_not_found(self, cast: Cast, browser: Browser, hub: BastionHost):
        assert browser(cast.erin).get("/capacity/?host=999").status_code == 404
        assert browser(cast.erin).get("/capacity/?period=nonsense").status_code == 200


class TestPast:
    def test_sessions_that_overlapped(self, cast: Cast, browser: Browser, hub: BastionHost):
        vm, now = estate.machine(bastion=hub), db_now()
        for begin, end in ((300, 200), (250, 150), (210, None)):
            ended = None if end is None else now - timedelta(minutes=end)
            connected(vm, minutes=begin, ended_at=ended, last_seen_at=now)
        told = numbers(browser(cast.erin))["bastion-hub-weu"]
        assert told["peak_sessions"]["ssh"] == 3
        assert told["now"] == {**told["now"], "rdp": 0, "ssh": 1, "units": 1}

    def test_the_choice_in_the_address_bounds_it(
        self, cast: Cast, browser: Browser, hub: BastionHost
    ):
        vm, now = estate.machine(bastion=hub), db_now()
        for days in (2, 20):
            ended = now - timedelta(days=days) + timedelta(minutes=5)
            for _ in range(days):
                connected(vm, minutes=days * 24 * 60, ended_at=ended, last_seen_at=now)
        told = [numbers(browser(cast.erin), each) for each in ("24h", "7d", "30d")]
        peaks = [each["bastion-hub-weu"]["peak_sessions"]["ssh"] for each in told]
        assert peaks == [0, 2, 20]

    def test_grants_from_opened_to_closed(
        self, cast: Cast, browser: Browser, grant: Callable[..., Grant]
    ):
        then = db_now() - 2 * DAY
        grant(then, **was(then, 1))
        grant(then, port=3389, **was(then + timedelta(minutes=30), 1))
        grant(then, **was(then + timedelta(minutes=90), 1))  # begins as the second one ends
        told = numbers(browser(cast.erin))["bastion-hub-weu"]["peak_grants"]
        assert (told["rdp"], told["ssh"]) == (1, 1)
        assert datetime.fromisoformat(told["at"]) == then + timedelta(minutes=30)

    def test_a_grant_that_never_opened_was_none(
        self, cast: Cast, browser: Browser, grant: Callable[..., Grant]
    ):
        then = db_now() - DAY
        grant(then, **(was(then, 1) | {"opened_at": None}))
        told = numbers(browser(cast.erin))["bastion-hub-weu"]
        assert told["peak_grants"] == {"at": None, "rdp": 0, "ssh": 0, "units": 0}

    def test_a_link_and_its_window_are_one_persons(
        self, cast: Cast, browser: Browser, hub: BastionHost
    ):
        be_seen()
        given = approved(estate.machine(bastion=hub), by=cast.alice, approver=cast.bob, kind="link")
        for each in given.access_request.grants.all():
            make_open(each)
        told = numbers(browser(cast.erin))["bastion-hub-weu"]
        assert told["peak_grants"]["ssh"] == told["worst_ahead"]["ssh"] == 1
        assert told["links"] == 1

    def test_a_link_that_nobody_was_granted_takes_room_too(
        self, cast: Cast, browser: Browser, hub: BastionHost
    ):
        gate = Gate.objects.get(kind="link")
        now = db_now()
        for number in range(400):
            Finding.objects.create(
                gate=gate, resource_key=f"vm-{number}", first_seen_at=now, last_seen_at=now
            )
        assert numbers(browser(cast.erin))["bastion-hub-weu"]["links"] == 400
        assert "nearly full" in page(browser(cast.erin))

    def test_the_database_and_the_arithmetic_agree(self, db: None):
        """By several hosts, with moments that coincide."""
        chance, now = random.Random(7), db_now()
        since = now - timedelta(minutes=300)
        hosts = [estate.host(f"bastion-{number}") for number in range(3)]
        made: list[LiveSession] = []
        for number in range(120):
            start = now - timedelta(minutes=chance.randrange(10, 400))
            end = start + timedelta(minutes=chance.randrange(1, 60))
            made.append(
                LiveSession(
                    host=chance.choice(hosts),
                    session_id=f"r-{number}",
                    protocol=chance.choice(["ssh", "rdp"]),
                    first_seen_at=start,
                    last_seen_at=end,
                    ended_at=end if end < now and chance.random() < 0.9 else None,
                )
            )
        LiveSession.objects.bulk_create(made)
        told = usage.peaks(since)[usage.SESSIONS]
        for host in hosts:
            mine = [row for row in made if row.host_id == host.pk]
            spans = [Span(r.first_seen_at, r.ended_at, r.protocol == "rdp") for r in mine]
            steps = steps_of(spans, since, now)
            assert told[host.pk].most.count == most(steps).count
            assert told[host.pk].units == fullest(steps).units
            drawn = steps_of(usage.spans(host.pk, since)[usage.SESSIONS], since, now)
            assert drawn == steps


class TestToCome:
    def test_what_does_not_fit_is_said_with_the_command(
        self, cast: Cast, browser: Browser, hub: BastionHost, grant: Callable[..., Grant]
    ):
        start = db_now() + 2 * DAY
        first = grant(start, port=3389)
        many_more(first, 40)
        told = numbers(browser(cast.dana))["bastion-hub-weu"]
        assert (told["units_needed"], told["scale_units"], told["verdict"]) == (3, 2, "Too small")
        text = page(browser(cast.dana))
        assert "needs 3 units, bastion-hub-weu has 2; changing units disconnects everybody" in text
        assert f"{start:%A}" in text
        assert "--scale-units 3" in told["remedy"]
        assert "Nothing is granted from" in text

    def test_without_a_quiet_moment_it_says_so(
        self, cast: Cast, browser: Browser, grant: Callable[..., Grant]
    ):
        now = db_now()
        grant(now - timedelta(hours=1), hours=100, state="open", opened_at=now)
        many_more(grant(now + DAY, port=3389), 40)
        assert "there is no moment without a grant" in page(browser(cast.dana))

    def test_basic_is_raised_first(
        self, cast: Cast, browser: Browser, hub: BastionHost, grant: Callable[..., Grant]
    ):
        BastionHost.objects.update(sku="Basic")
        many_more(grant(db_now() + DAY), 80)
        remedy = numbers(browser(cast.dana))["bastion-hub-weu"]["remedy"]
        assert "sku.name=Standard" in remedy

    def test_nearly_full_is_tight(self, cast: Cast, browser: Browser, grant: Callable[..., Grant]):
        many_more(grant(db_now() + DAY), 70)
        assert numbers(browser(cast.dana))["bastion-hub-weu"]["verdict"] == "Tight"

    def test_what_is_over_or_far_away_does_not_count(
        self, cast: Cast, browser: Browser, grant: Callable[..., Grant]
    ):
        now = db_now()
        grant(now + 8 * DAY)
        grant(now - DAY, **was(now - DAY, 1))
        assert numbers(browser(cast.erin))["bastion-hub-weu"]["worst_ahead"]["ssh"] == 0


def many_more(first: Grant, count: int) -> None:
    """As many like it, on the same machine."""
    asked = first.access_request
    first.refresh_from_db()
    for _ in range(count):
        asked.pk, asked._state.adding = None, True
        asked.submission_key = uuid.uuid4()
        asked.save()
        first.pk, first._state.adding, first.access_request = None, True, asked
        first.save()


class TestPicture:
    def test_the_chart_has_words_and_a_table(self, cast: Cast, browser: Browser, hub: BastionHost):
        vm = estate.machine(bastion=hub)
        connected(vm, minutes=90)
        text = page(browser(cast.erin), period="24h")
        assert 'role="img"' in text
        assert "at most 1 session at once" in text
        assert "The same as a table" in text
        assert " style=" not in text

    def test_another_host_can_be_chosen(self, cast: Cast, browser: Browser, hub: BastionHost):
        other = estate.host("bastion-other")
        assert "Concurrency on bastion-other" in page(browser(cast.erin), host=other.pk)

    def test_tiers_say_what_is_used(self, cast: Cast, browser: Browser, hub: BastionHost):
        BastionHost.objects.update(shareable_links=False)
        text = page(browser(cast.erin))
        assert "Switched on: native clients." in text
        assert "not: shareable links" in text


class TestBudget:
    def test_as_many_queries_for_one_host_as_for_a_hundred(
        self, cast: Cast, browser: Browser, hub: BastionHost, grant: Callable[..., Grant]
    ):
        client, path = browser(cast.dana), f"/capacity/?host={hub.pk}"
        grant(db_now() + DAY)
        vm = estate.machine("vm-used", bastion=hub)
        connected(vm)
        few = queries(client, path)
        for number in range(99):
            grant(db_now() + DAY)
            connected(vm, minutes=number)
            estate.host(f"bastion-{number}")
        assert queries(client, path) == few <= 12
        assert queries(client, "/api/v1/capacity/") <= 7


def queries(client: Client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200
    return len(seen)
