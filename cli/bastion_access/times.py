"""Lengths and moments as people type and read them."""

import re
from datetime import UTC, datetime, timedelta

from bastion_access.errors import Wrong

LENGTH = re.compile(
    r"(?:(\d{1,3})d)?(?:(\d{1,4})h)?(?:(\d{1,6})m(?:in)?)?(?:(\d{1,7})s)?", re.IGNORECASE
)
CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
MINUTE = 60  # seconds
HOUR, DAY = 60, 24 * 60  # minutes
LONGEST = 8  # digits


def seconds_of(typed: str) -> int:
    """``30m``, ``1h30m``, ``2d``, ``45s``; a bare number is minutes. Raises ``Wrong``."""
    text = typed.strip().replace(" ", "")
    if text.isdecimal() and len(text) < LONGEST:
        return int(text) * MINUTE
    found = LENGTH.fullmatch(text)
    if not text or found is None:
        raise Wrong(f"“{typed}” is no length of time. Type 30m, 2h, 1h30m or 1d.")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return (days * DAY + hours * HOUR + minutes) * MINUTE + seconds


def minutes_of(typed: str) -> int:
    """Whole minutes, at least one. Raises ``Wrong``."""
    seconds = seconds_of(typed)
    if seconds < MINUTE or seconds % MINUTE:
        raise Wrong(f"“{typed}” is no whole number of minutes.")
    return seconds // MINUTE


def start_of(typed: str, now: datetime) -> datetime | None:
    """``now`` is ``None``; ``+2h`` is in two hours; ``14:00`` is when this computer's clock shows
    it next; else ISO 8601, in this computer's zone unless it names one. Raises ``Wrong``."""
    text = typed.strip()
    if text.lower() == "now":
        return None
    if text.startswith("+"):
        return now + timedelta(seconds=seconds_of(text[1:]))
    clock = CLOCK.fullmatch(text)
    if clock:
        return _next(int(clock[1]), int(clock[2]), now)
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Wrong(f"“{typed}” is no start. Type now, +2h, 14:00 or 2026-01-31T14:00.") from error
    return found.astimezone() if found.tzinfo is None else found


def _next(hour: int, minute: int, now: datetime) -> datetime:
    """Reckoned on the wall, so that a change of the clocks in between does not shift it."""
    wall = now.astimezone().replace(tzinfo=None)
    today = wall.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (today if today > wall else today + timedelta(days=1)).astimezone()


def moment(told: object) -> datetime | None:
    """What the portal sent; ``None`` where it sent none."""
    if not isinstance(told, str) or not told:
        return None
    try:
        found = datetime.fromisoformat(told)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def clock(told: object, now: datetime | None = None) -> str:
    """On this computer's clock: ``14:05`` today, else ``Thu 26 Nov 14:05``; empty for none."""
    found = moment(told)
    if found is None:
        return ""
    here, today = found.astimezone(), (now or datetime.now(UTC)).astimezone()
    if here.date() == today.date():
        return f"{here:%H:%M}"
    year = "" if here.year == today.year else f" {here:%Y}"
    return f"{here:%a} {here.day} {here:%b}{year} {here:%H:%M}"


def length(minutes: object) -> str:
    """``90`` is ``1 h 30 min``."""
    if not isinstance(minutes, int):
        return ""
    days, rest = divmod(minutes, DAY)
    hours, left = divmod(rest, HOUR)
    parts = [(days, "d"), (hours, "h"), (left, "min")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 min"


def left_until(told: object, now: datetime) -> str:
    """``23 min left``; empty when it is over, or no moment."""
    found = moment(told)
    if found is None or found <= now:
        return ""
    minutes = int((found - now).total_seconds()) // MINUTE
    return f"{length(minutes)} left" if minutes else "less than a minute left"
