"""How well the directory is known, for the shell of pages. Asks nobody outside the database.

The web process is not told whether a worker reads the directory: the row of the last reading says
so. A worker without an identity for it removes the row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Subquery

from portal.models import DirectoryReading

OLD = timedelta(minutes=15)  # three readings in vain
COLUMNS = ("started_at", "finished_at", "problem", "step_up_guarded")
PREFIX = "directory_"


@dataclass(frozen=True)
class Band:
    """One warning across the page. ``text`` ends the sentence that ``strong`` begins."""

    strong: str
    text: str
    alarm: bool


@dataclass(frozen=True)
class Standing:
    """``read_at``: as old as the last whole reading; ``None`` where there was none."""

    read_at: datetime | None
    problem: str
    bands: tuple[Band, ...]


def columns() -> dict[str, Subquery]:
    """To be asked beside something else; nothing where nobody signs in with Entra."""
    if not settings.ENTRA_TENANT_ID:
        return {}
    rows = DirectoryReading.objects.all()
    return {f"{PREFIX}{name}": Subquery(rows.values(name)[:1]) for name in COLUMNS}


def standing_of(known: Mapping[str, Any], now: datetime) -> Standing | None:
    """``known``: what ``columns`` gave. ``None`` where nobody signs in with Entra."""
    if f"{PREFIX}started_at" not in known:
        return None
    started, read, problem, guarded = (known[f"{PREFIX}{name}"] for name in COLUMNS)
    bands = [_reading_band(started, read, problem or "", now), _step_up_band(guarded=guarded)]
    return Standing(read, problem or "", tuple(band for band in bands if band))


def _reading_band(
    started: datetime | None, read: datetime | None, problem: str, now: datetime
) -> Band | None:
    if started is None or (read is not None and read > now - OLD):
        return None
    if read is None and not problem and started > now - OLD:
        return None  # the very first reading is under way
    since = f"for {_long(now - read)}" if read else "yet"
    text = (
        f"{problem} Until it is, a disabled account or a lost role is noticed only when that "
        "person next does something here."
    )
    return Band(f"The directory has not been read {since}.", text.strip(), alarm=True)


def _step_up_band(*, guarded: bool | None) -> Band | None:
    context = settings.ENTRA_STEP_UP_CONTEXT
    if not context or guarded:
        return None
    if guarded is None:
        text = (
            f"It is not known whether a Conditional Access policy asks for anything in {context}."
        )
        return Band("Signing in anew for a decision may prove nothing.", text, alarm=False)
    text = (
        f"No Conditional Access policy in force asks for the authentication context {context}. "
        "What a policy here wants a fresh sign-in for cannot be approved until one does."
    )
    return Band("Signing in anew for a decision would prove nothing.", text, alarm=True)


def _long(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"  # noqa: PLR2004
