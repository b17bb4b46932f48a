"""Where clocks change: what is typed, how long a window lasts, and what the pages say."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from access.clock import db_now
from access.models import AccessRequest, Grant, Machine, Person
from access.walltime import NoSuchTimeError, moment_in, wall_moment
from tests.access.rules.makers import asked as asked_of
from tests.access.rules.makers import policy, rule
from tests.access.views.test_asking import filled
from tests.access.views.test_request_page import words
from tests.support import estate
from tests.support.browsers import Browser
from tests.support.cast import Cast, approve, ask

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
BERLIN = "Europe/Berlin"
# Two ordinary ones, one that shifts by half an hour, one that never does, and one that once left
# out a whole day.
ZONES = [BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia"]


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.tasks.look.apply_async", lambda *_args, **_options: None)
    monkeypatch.setattr("access.notices.gathering.wake_routes", lambda _names: None)


@pytest.fixture
def vm(db: None) -> Machine:
    return estate.machine()


@cache
def changes(name: str) -> list[datetime]:
    """Each hour in UTC at which the zone's clocks change, in the years that are looked at."""
    zone, found = ZoneInfo(name), []
    for year in (2011, 2026, 2027, 2028):
        moment = datetime(year, 1, 1, tzinfo=UTC)
        while moment.year == year:
            later = moment + HOUR / 2
            if moment.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset():
                found.append(later)
            moment = later
    return found


def near(name: str) -> st.SearchStrategy[datetime]:
    """Moments, most of them within a day of a change of the zone's clocks."""
    anywhere = st.datetimes(datetime(2011, 1, 1), datetime(2035, 1, 1)).map(
        lambda moment: moment.replace(tzinfo=UTC)
    )
    if not changes(name):
        return anywhere
    minutes = st.integers(-26 * 60, 26 * 60)
    return st.builds(lambda c, m: c + m * MINUTE, st.sampled_from(changes(name)), minutes)


zoned = st.sampled_from(ZONES).flatmap(lambda name: st.tuples(st.just(ZoneInfo(name)), near(name)))


def moments_that_show(zone: ZoneInfo, wall: datetime) -> set[datetime]:
    """By trying every offset there is: what the clocks show at each of these moments."""
    around = wall.replace(tzinfo=UTC)
    tried = {around - MINUTE * minutes for minutes in range(-15 * 60, 15 * 60, 30)}
    return {m for m in tried if m.astimezone(zone).replace(tzinfo=None) == wall}


class TestWhatIsTyped:
    @given(zoned)
    def test_it_is_the_only_moment_that_it_could_be_or_none(
        self, drawn: tuple[ZoneInfo, datetime]
    ) -> None:
        zone, moment = drawn
        wall = moment.replace(tzinfo=None)  # any time on a wall, also one that clocks skip
        possible = moments_that_show(zone, wall)
        if len(possible) == 1:
            assert {moment_in(zone, wall)} == possible
            return
        with pytest.raises(NoSuchTimeError, match="happens twice" if possible else "not exist"):
            moment_in(zone, wall)

    @given(zoned)
    def test_what_a_clock_showed_leads_back_to_its_moment(
        self, drawn: tuple[ZoneInfo, datetime]
    ) -> None:
        zone, moment = drawn
        moment = moment.replace(second=0, microsecond=0)
        wall = moment.astimezone(zone).replace(tzinfo=None)
        typed = wall.isoformat(timespec="minutes")
        if len(moments_that_show(zone, wall)) == 1:
            assert wall_moment(typed, zone) == moment
            return
        with pytest.raises(NoSuchTimeError, match="happens twice"):
            wall_moment(typed, zone)

    @pytest.mark.parametrize(
        ("name", "skipped", "instead"),
        [
            (BERLIN, datetime(2027, 3, 28, 2, 30), "Choose 03:30,"),
            ("America/New_York", datetime(2027, 3, 14, 2, 0), "Choose 03:00,"),
            ("Australia/Lord_Howe", datetime(2027, 10, 3, 2, 15), "Choose 02:45,"),
            ("Pacific/Apia", datetime(2011, 12, 30, 12, 0), "Choose 12:00 on 31 December 2011,"),
        ],
    )
    def test_what_is_skipped_comes_back_with_a_time_that_exists(
        self, name: str, skipped: datetime, instead: str
    ) -> None:
        with pytest.raises(NoSuchTimeError, match=f"does not exist in {name}") as caught:
            moment_in(ZoneInfo(name), skipped)
        assert instead in str(caught.value)

    def test_half_an_hour_that_lord_howe_has_twice(self) -> None:
        zone = ZoneInfo("Australia/Lord_Howe")
        with pytest.raises(NoSuchTimeError, match="happens twice"):
            moment_in(zone, datetime(2027, 4, 4, 1, 45))
        assert moment_in(zone, datetime(2027, 4, 4, 1, 15))
        assert moment_in(zone, datetime(2027, 4, 4, 2, 0))

    def test_a_leap_day_is_a_day_in_leap_years_only(self) -> None:
        zone = ZoneInfo(BERLIN)
        assert wall_moment("2028-02-29T12:00", zone) == datetime(2028, 2, 29, 11, tzinfo=UTC)
        for typed in ("2027-02-29T12:00", "2100-02-29T12:00"):
            with pytest.raises(NoSuchTimeError, match="Give a day and a time"):
                wall_moment(typed, zone)

    def test_a_zone_that_was_typed_is_taken_at_its_word(self) -> None:
        expected = datetime(2027, 7, 1, 8, tzinfo=UTC)
        assert wall_moment("2027-07-01T08:00Z", ZoneInfo(BERLIN)) == expected
        assert wall_moment("2027-07-01T13:30+05:30", ZoneInfo(BERLIN)) == expected


class TestHowLongAWindowLasts:
    @given(drawn=zoned, minutes=st.integers(5, 3 * 24 * 60), now_zone=st.sampled_from(ZONES))
    def test_as_long_as_was_asked_for_in_whatever_zone_it_is_reckoned(
        self, drawn: tuple[ZoneInfo, datetime], minutes: int, now_zone: str
    ) -> None:
        zone, moment = drawn
        for asked_start in (moment.astimezone(zone), None):
            asked = AccessRequest(asked_start=asked_start, duration_minutes=minutes)
            start, end = asked.window_from(moment.astimezone(ZoneInfo(now_zone)))
            assert start == moment
            assert end.astimezone(UTC) - start.astimezone(UTC) == minutes * MINUTE

    def test_a_leap_day_is_a_day_long(self) -> None:
        start = datetime(2028, 2, 28, 12, tzinfo=UTC)
        asked = AccessRequest(asked_start=start, duration_minutes=24 * 60)
        assert asked.window_from(start)[1] == datetime(2028, 2, 29, 12, tzinfo=UTC)

    def test_a_window_over_the_change_is_approved_for_its_real_length(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        Person.objects.filter(pk=cast.alice.pk).update(zone=BERLIN)
        start = db_now().astimezone(ZoneInfo(BERLIN)) + 2 * HOUR
        body = {
            "machine_id": vm.pk, "kind": "window", "port": 22, "minutes": 180, "reason": "Disk",
            "start": start.isoformat(),
        }  # fmt: skip
        made = browser(cast.alice).post("/api/v1/requests/", body, content_type="application/json")
        assert made.status_code == 201, made.content
        asked = AccessRequest.objects.get()
        AccessRequest.objects.update(asked_start=datetime(2027, 3, 28, 0, 30, tzinfo=UTC))
        asked.refresh_from_db()
        grant = approve(asked, by=cast.bob).grants.get()
        assert grant.ends_at - grant.starts_at == 180 * MINUTE


@pytest.mark.parametrize(
    ("zone", "start", "said"),
    [
        (BERLIN, (2027, 3, 28, 0, 30), "28 Mar 2027, 01:30 CET|28 Mar 2027, 05:30 CEST"),
        (BERLIN, (2027, 10, 31, 0, 30), "31 Oct 2027, 02:30 CEST|31 Oct 2027, 04:30 CET"),
        ("America/New_York", (2027, 3, 14, 6, 0), "01:00 EST|05:00 EDT"),
        ("Australia/Lord_Howe", (2027, 4, 3, 14, 45), "01:45 UTC+11|04:15 UTC+1030"),
        ("Asia/Kolkata", (2027, 3, 28, 0, 30), "06:00 IST|09:00 IST"),
    ],
)
def test_pages_name_the_zone_on_both_sides_of_the_change(
    zone: str, start: tuple[int, ...], said: str, cast: Cast, vm: Machine, browser: Browser
) -> None:
    began = datetime(*start, tzinfo=UTC)  # type: ignore[arg-type,misc]
    asked = approve(ask(vm, by=cast.alice, minutes=180), by=cast.bob)
    Grant.objects.update(starts_at=began, ends_at=began + 3 * HOUR)
    Person.objects.filter(pk=cast.alice.pk).update(zone=zone)
    alice = browser(cast.alice)
    for page in (reverse("request", args=[asked.reference]), reverse("home")):
        text = words(alice.get(page))
        for side in said.split("|"):
            assert side in text
        assert f"{began:%H:%M} UTC" in text


class TestTheTimeOfDayOfRules:
    """A rule "from 02:00 to 03:00" on the days when that hour is not, or is twice."""

    NIGHT = {"days": ["sun"], "from": "02:00", "to": "03:00", "zone": BERLIN}

    def applies(self, start: datetime) -> bool:
        made = policy(rule("Night", when={"time": self.NIGHT}), rule("Else"))
        return "Night" in made.judge(asked_of(start=start, minutes=5)).rules

    def test_on_an_ordinary_night(self) -> None:
        assert self.applies(datetime(2027, 3, 21, 1, 30, tzinfo=UTC))
        assert not self.applies(datetime(2027, 3, 21, 2, 0, tzinfo=UTC))

    @pytest.mark.parametrize("minute", [-31, -1, 0, 1, 30, 59, 60])
    def test_in_spring_the_hour_is_not_there(self, minute: int) -> None:
        change = datetime(2027, 3, 28, 1, 0, tzinfo=UTC)
        assert not self.applies(change + minute * MINUTE)

    @pytest.mark.parametrize(
        ("minute", "inside"),
        [(-61, False), (-60, True), (-1, True), (0, True), (59, True), (60, False)],
    )
    def test_in_autumn_it_lasts_both_times(self, minute: int, inside: bool) -> None:
        change = datetime(2027, 10, 31, 1, 0, tzinfo=UTC)
        assert self.applies(change + minute * MINUTE) is inside


TEN_YEARS = 10 * 366 * 24 * 60


class TestX56:
    """Negative, zero, ten years, not a number, in the gap, in the past: 400 at the field."""

    @pytest.fixture(autouse=True)
    def _alice_lives_in_berlin(self, cast: Cast) -> None:
        Person.objects.filter(pk=cast.alice.pk).update(zone=BERLIN)

    @pytest.mark.parametrize("typed", ["-5", "0", str(TEN_YEARS), "NaN", "1e400", "inf"])
    def test_lengths_on_the_page(
        self, typed: str, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        sent = filled(vm, minutes="custom", custom_minutes=typed)
        self.refused(browser(cast.alice).post("/requests/new/", sent), "id_custom_minutes")
        sent = filled(vm, minutes=typed)
        self.refused(browser(cast.alice).post("/requests/new/", sent), "id_minutes")

    @pytest.mark.parametrize(
        "typed",
        [
            "2027-03-28T02:30", "2026-03-29T02:30", "2020-01-01T10:00", "2036-11-24T10:00",
            "9999-12-31T23:59", "0001-01-01T00:00", "2027-02-29T10:00", "NaN", "-1",
        ],
    )  # fmt: skip
    def test_starts_on_the_page(
        self, typed: str, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        sent = filled(vm, when="later", start=typed)
        self.refused(browser(cast.alice).post("/requests/new/", sent), "id_start")

    def refused(self, page: Any, field: str) -> None:
        assert page.status_code == 400
        assert f'<li><a href="#{field}">' in page.content.decode()
        assert not AccessRequest.objects.exists()

    @pytest.mark.parametrize("minutes", [-5, 0, TEN_YEARS, 10**400, "NaN", 5.5, None, [], True])
    def test_lengths_through_the_api(
        self, minutes: Any, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        self.refused_by_api(browser(cast.alice), vm, "minutes", minutes=minutes)

    @pytest.mark.parametrize(
        "start",
        [
            "2027-03-28T02:30:00", "2027-10-31T02:30:00", "2020-01-01T10:00:00Z",
            "2036-11-24T10:00:00Z", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00",
            "2027-02-29T10:00:00Z", "NaN", -1, "2027-03-28",
        ],
    )  # fmt: skip
    def test_starts_through_the_api(
        self, start: Any, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        self.refused_by_api(browser(cast.alice), vm, "start", start=start)

    def refused_by_api(self, client: Any, vm: Machine, field: str, **changes: Any) -> None:
        body = {"machine_id": vm.pk, "kind": "window", "port": 22, "minutes": 30, "reason": "x"}
        key = {"Idempotency-Key": str(uuid.uuid4())}
        answer = client.post(
            "/api/v1/requests/", body | changes, content_type="application/json", headers=key
        )
        assert answer.status_code == 400
        assert set(answer.json()["errors"]) == {field}
        assert not AccessRequest.objects.exists()

    def test_a_bare_nan_is_no_json(self, cast: Cast, vm: Machine, browser: Browser) -> None:
        body = f'{{"machine_id": {vm.pk}, "kind": "window", "port": 22, "minutes": NaN}}'
        answer = browser(cast.alice).post(
            "/api/v1/requests/", body, content_type="application/json"
        )
        assert answer.status_code == 400
