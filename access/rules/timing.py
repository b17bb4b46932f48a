"""When a rule applies: days of the week and hours in some zone, across midnight and clock changes.

Each span begins on one of its days by the zone's own clocks and is then compared as two moments,
so a night with 23 or 25 hours is neither shortened nor doubled.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MIDNIGHT = 24 * 60  # the end of a day, in minutes from its beginning
LONGEST = timedelta(days=60)  # any week has gone round by then
YEARS = range(1900, 9000)
Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Hours:
    """``first`` and ``last`` in minutes from midnight. A ``last`` that is not after ``first`` is on
    the day after. ``days``: 0 is Monday; a span counts for the day that it begins on."""

    days: tuple[int, ...]
    first: int
    last: int
    zone: str

    def holds(self, start: datetime, minutes: int, covering: str) -> bool:
        """``covering``: ``start`` when the beginning must lie in the hours, ``all`` when all of
        the time must, ``any`` when some of it is enough."""
        start = start.replace(tzinfo=start.tzinfo or UTC)
        if start.year not in YEARS:
            return False
        start, length = start.astimezone(UTC), timedelta(minutes=min(max(minutes, 0), 10**6))
        if covering == "start":
            return any(since <= start < until for since, until in self._spans(start, start))
        end = start + min(length, LONGEST)
        spans = _joined(self._spans(start, end))
        if covering == "any":
            return any(since < end and start < until for since, until in spans)
        return length <= LONGEST and any(s <= start and end <= u for s, u in spans)

    def _spans(self, start: datetime, end: datetime) -> Iterator[Span]:
        """In UTC, those that could touch the time."""
        zone = ZoneInfo(self.zone)
        day = start.astimezone(zone).date() - timedelta(days=1)
        while day <= end.astimezone(zone).date():
            if day.weekday() in self.days:
                overnight = timedelta(days=1) if self.last <= self.first else timedelta()
                yield _moment(day, self.first, zone), _moment(day + overnight, self.last, zone)
            day += timedelta(days=1)


def minutes_of(text: str) -> int | None:
    """``08:30`` in minutes from midnight; ``24:00`` is the end of the day."""
    hours, colon, minutes = text.partition(":")
    if not (colon and hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2):  # noqa: PLR2004
        return None
    total = int(hours) * 60 + int(minutes)
    return total if len(hours) <= 2 and int(minutes) < 60 and total <= MIDNIGHT else None  # noqa: PLR2004


def clock_words(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def day_range(text: str) -> tuple[int, ...] | None:
    """``mon`` or ``mon-fri``, also round the end of the week: ``fri-mon``."""
    first, dash, last = text.lower().partition("-")
    if first not in DAYS or (dash and last not in DAYS):
        return None
    since = DAYS.index(first)
    count = (DAYS.index(last) - since) % 7 if dash else 0
    return tuple((since + step) % 7 for step in range(count + 1))


def _moment(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """A time that clocks skip in spring is as many minutes after the gap; one that they show twice
    in autumn is the first."""
    day += timedelta(days=minutes // MIDNIGHT)
    at = clock_time(minutes % MIDNIGHT // 60, minutes % 60)
    return datetime.combine(day, at, zone).astimezone(UTC)


def _joined(spans: Iterator[Span]) -> list[Span]:
    """Those that touch become one: Monday to 24:00 and Tuesday from 00:00."""
    found: list[Span] = []
    for since, until in sorted(spans):
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(until, found[-1][1]))
        elif since < until:
            found.append((since, until))
    return found
