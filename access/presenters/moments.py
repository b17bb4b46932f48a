"""Moments and durations in words: 24 hours, the reader's zone by name, UTC beside it."""

from datetime import UTC, datetime, timedelta

from django.utils import timezone

MINUTES_PER_HOUR = 60


def zone_name(moment: datetime) -> str:
    """The abbreviation in the reader's zone; zones without one read as an offset of UTC."""
    name = timezone.localtime(moment).tzname() or "UTC"
    return f"UTC{name}" if name[0] in "+-" else name


def clock(moment: datetime, *, seconds: bool = False) -> str:
    """``17:30 CET``."""
    form = "%H:%M:%S" if seconds else "%H:%M"
    return f"{timezone.localtime(moment).strftime(form)} {zone_name(moment)}"


def day(moment: datetime) -> str:
    """``13 Jul 2026`` in the reader's zone."""
    local = timezone.localtime(moment)
    return f"{local.day} {local:%b %Y}"


def day_and_clock(moment: datetime) -> str:
    """``13 Jul 2026, 17:30 CET``."""
    return f"{day(moment)}, {clock(moment)}"


def in_utc(moment: datetime, *, beside: bool = False) -> str:
    """``13 Jul 2026, 16:30 UTC``; ``beside`` a local time the day only where it differs."""
    utc = moment.astimezone(UTC)
    if beside and utc.date() == timezone.localtime(moment).date():
        return f"{utc:%H:%M} UTC"
    return f"{utc.day} {utc:%b %Y}, {utc:%H:%M} UTC"


def reads_utc(moment: datetime) -> bool:
    """The reader's own time is UTC, so that saying it twice would be noise."""
    return zone_name(moment) == "UTC"


def near(moment: datetime, now: datetime) -> str:
    """The clock alone on the reader's present day, else with its day."""
    return clock(moment) if day(moment) == day(now) else day_and_clock(moment)


def duration(minutes: int) -> str:
    """``1 h 30 min``."""
    hours, rest = divmod(int(minutes), MINUTES_PER_HOUR)
    parts = [f"{hours} h" if hours else "", f"{rest} min" if rest or not hours else ""]
    return " ".join(part for part in parts if part)


def span(length: timedelta) -> str:
    """A length of time for a sentence: seconds under a minute, else minutes and hours."""
    seconds = max(0, int(length.total_seconds()))
    return f"{seconds} s" if seconds < MINUTES_PER_HOUR else duration(seconds // MINUTES_PER_HOUR)
