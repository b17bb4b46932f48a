"""Moments and lengths for people outside, in the language and the zone that are active: 24 hours,
the zone by name, UTC beside it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils import dateformat, timezone
from django.utils.translation import get_language, ngettext

from access.presenters import moments

AN_HOUR = 60
# As dates with their weekday are written; the names of days and months are Django's own.
DAYS = {
    "en": "l j F Y",
    "de": "l, j. F Y",
    "fr": "l j F Y",
    "es": r"l, j \d\e F \d\e Y",
    "ja": "Y年n月j日 (l)",
}


def at(when: datetime) -> str:
    """``Sunday 29 November 2026, 17:30 CET (16:30 UTC)``."""
    local = f"{day(when)}, {moments.clock(when)}"
    return local if moments.reads_utc(when) else f"{local} ({_utc(when)})"


def clock(when: datetime) -> str:
    """``17:30 CET (16:30 UTC)``, where the day goes without saying."""
    local = moments.clock(when)
    return local if moments.reads_utc(when) else f"{local} ({when.astimezone(UTC):%H:%M} UTC)"


def day(when: datetime) -> str:
    """``Sunday 29 November 2026`` in the reader's zone."""
    return _day(timezone.localtime(when))


def length(minutes: int) -> str:
    """Whole hours as hours, all else as minutes."""
    hours, rest = divmod(minutes, AN_HOUR)
    if rest or not hours:
        return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}


def zone_named(name: str) -> ZoneInfo:
    """A zone that this machine no longer knows must not keep a page from being shown or a letter
    from being sent, nor one that was typed break a preview: ``America`` is a folder."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _day(local: datetime) -> str:
    language = (get_language() or "en").partition("-")[0]
    return dateformat.format(local, DAYS.get(language, DAYS["en"]))


def _utc(when: datetime) -> str:
    """Its day only where that is another one than the reader's."""
    utc = when.astimezone(UTC)
    clock_in_utc = f"{utc:%H:%M} UTC"
    if utc.date() == timezone.localtime(when).date():
        return clock_in_utc
    return f"{_day(utc)}, {clock_in_utc}"
