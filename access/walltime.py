"""What people type as a time of day, turned into moments. Pure, and never a guess: where the
clocks change, a time that does not exist or exists twice is given back to who typed it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

YEARS = range(1970, 9000)  # far enough from where Python's own calendar ends to reckon with
HOW_TO_TYPE = "Give a day and a time, such as 2026-07-13 17:30."


class NoSuchTimeError(ValueError):
    """A wall-clock time that the zone skips or has twice. ``str()`` is fit to show."""


def moment_in(zone: ZoneInfo, wall: datetime) -> datetime:
    """The aware moment, in UTC, of a wall-clock time without a zone. UTC, because Python counts
    minutes on the wall where two times share a zone, and a window must last what it lasts.

    Raises ``NoSuchTimeError`` where clocks change.
    """
    earlier, later = wall.replace(tzinfo=zone, fold=0), wall.replace(tzinfo=zone, fold=1)
    if earlier.utcoffset() == later.utcoffset():
        return earlier.astimezone(UTC)
    shown = earlier.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    if shown != wall:
        instead = f"{shown:%H:%M}" if shown.date() == wall.date() else _words(shown)
        raise NoSuchTimeError(
            f"{_words(wall)} does not exist in {zone.key}: the clocks go forward then. "
            f"Choose {instead}, or another time."
        )
    raise NoSuchTimeError(
        f"{_words(wall)} happens twice in {zone.key}: the clocks go back then. "
        "Choose a time before or after that."
    )


def wall_moment(typed: str, zone: ZoneInfo) -> datetime:
    """What a datetime-local field sends, as a moment. Raises ``NoSuchTimeError``."""
    try:
        return typed_moment(datetime.fromisoformat(typed), zone)
    except NoSuchTimeError:
        raise
    except ValueError:
        raise NoSuchTimeError(HOW_TO_TYPE) from None


def typed_moment(typed: datetime, zone: ZoneInfo) -> datetime:
    """In UTC. ``zone`` is meant where none was typed. Raises ``NoSuchTimeError``."""
    if typed.year not in YEARS:
        raise NoSuchTimeError(HOW_TO_TYPE)
    return typed.astimezone(UTC) if typed.tzinfo is not None else moment_in(zone, typed)


def _words(wall: datetime) -> str:
    return f"{wall:%H:%M} on {wall.day} {wall:%B %Y}"
