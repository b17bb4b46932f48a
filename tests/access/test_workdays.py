"""One business day, by the calendar of whoever opened it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.workdays import next_working_day

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
     "Pacific/Apia", "America/St_Johns"]
).map(ZoneInfo)  # fmt: skip
MOMENTS = st.datetimes(
    min_value=datetime(2012, 1, 1), max_value=datetime(2037, 1, 1), timezones=st.just(UTC)
)
DAYS = st.dates(min_value=date(2012, 1, 1), max_value=date(2037, 1, 1))


def due(text: str, zone: ZoneInfo = BERLIN, *holidays: date) -> str:
    found = next_working_day(datetime.fromisoformat(text).replace(tzinfo=zone), zone, holidays)
    return f"{found.astimezone(zone):%a %d %H:%M}"


@pytest.mark.parametrize(
    ("opened", "expected"),
    [
        ("2026-11-24T02:10", "Wed 25 02:10"),
        ("2026-11-27T17:00", "Mon 30 17:00"),  # a Friday
        ("2026-11-28T03:00", "Mon 30 03:00"),  # in the night to Saturday
        ("2026-11-29T23:59", "Mon 30 23:59"),  # a Sunday
    ],
)
def test_it_is_the_same_hour_of_the_next_working_day(opened: str, expected: str) -> None:
    assert due(opened) == expected


def test_holidays_are_no_working_days() -> None:
    christmas = [date(2026, 12, 24), date(2026, 12, 25)]
    assert due("2026-12-23T10:00", BERLIN, *christmas) == "Mon 28 10:00"


def test_where_the_clocks_change_over_the_weekend_the_hour_stays() -> None:
    assert due("2026-03-27T10:00") == "Mon 30 10:00"  # three days less an hour
    assert due("2026-10-23T10:00") == "Mon 26 10:00"


def test_an_hour_that_the_day_skips_is_as_late_as_it_would_have_been() -> None:
    """In Egypt clocks go forward on a Friday, at midnight."""
    cairo = ZoneInfo("Africa/Cairo")
    assert due("2026-04-23T00:30", cairo) == "Fri 24 01:30"


def test_of_an_hour_that_the_day_has_twice_the_first_is_meant() -> None:
    """In Greenland clocks go back on a Saturday; in Egypt on a Friday before midnight."""
    cairo = ZoneInfo("Africa/Cairo")
    found = next_working_day(datetime(2026, 10, 28, 23, 30, tzinfo=cairo), cairo, [])
    assert found == datetime(2026, 10, 29, 23, 30, fold=0, tzinfo=cairo).astimezone(UTC)


@given(MOMENTS, ZONES, st.sets(DAYS, max_size=8))
def test_it_is_always_a_working_day_after_and_none_lies_between(
    moment: datetime, zone: ZoneInfo, holidays: set[date]
) -> None:
    found = next_working_day(moment, zone, holidays)
    local, opened = found.astimezone(zone), moment.astimezone(zone)
    assert found.tzinfo is UTC
    assert found > moment
    day = opened.date() + timedelta(days=1)
    while day < local.date():
        assert day.weekday() >= 5 or day in holidays or _is_no_day(day, zone)
        day += timedelta(days=1)
    assert local.weekday() < 5 or _shifted(opened, local)


@given(MOMENTS, ZONES)
def test_the_hour_is_the_same_unless_the_clocks_skip_it(moment: datetime, zone: ZoneInfo) -> None:
    opened = moment.astimezone(zone)
    local = next_working_day(moment, zone, []).astimezone(zone)
    assert local.time() == opened.time() or _shifted(opened, local)


def _shifted(opened: datetime, local: datetime) -> bool:
    """The wall time that was meant does not exist on the day that it was to be."""
    days = (local.date() - timedelta(days=back) for back in (0, 1))
    meant = [datetime.combine(day, opened.time()) for day in days]
    read = [wall.replace(tzinfo=local.tzinfo).astimezone(UTC) for wall in meant]
    shown = [moment.astimezone(local.tzinfo).replace(tzinfo=None) for moment in read]
    return any(
        moment == local and there != wall
        for moment, there, wall in zip(read, shown, meant, strict=True)
    )


def _is_no_day(day: date, zone: ZoneInfo) -> bool:
    """Samoa left out 30 December 2011."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone)
    return noon.astimezone(UTC).astimezone(zone).date() != day
