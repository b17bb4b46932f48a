"""Working days. Pure: no clock and no settings."""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

SATURDAY = 5
A_DAY = timedelta(days=1)


def next_working_day(moment: datetime, zone: ZoneInfo, holidays: Collection[date]) -> datetime:
    """The same time of day on the next working day of that zone, in UTC.

    Where clocks change: a time of day that the day skips is as late as it would have been, and of
    one that it has twice the first is meant.
    """
    local = moment.astimezone(zone).replace(fold=0)
    day = local + A_DAY  # on the wall: its offset is looked up again below
    while day.weekday() >= SATURDAY or day.date() in holidays:
        day += A_DAY
    return day.astimezone(UTC)
