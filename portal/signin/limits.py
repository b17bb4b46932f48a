"""How long a session lasts, and what people read when one is over. Pure: a row and a moment."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models

from portal.models import BrowserSession


class Ending(models.TextChoices):
    """Why a cookie counts no more. The last three are ``portal.models.Ended``."""

    IDLE = "idle"
    LIMIT = "limit"
    STRICT_LIMIT = "strict-limit"
    PERSON = "person"
    ADMIN = "admin"
    SYSTEM = "system"


def ending_of(row: BrowserSession, now: datetime, *, decides: bool) -> Ending | None:
    """``None`` while the session is good. ``decides``: the person approves or administers now,
    whatever was so when the session began. A browser where nobody signed in ends without a word,
    by ``expire_date``."""
    if row.ended_at is not None:
        return Ending(row.ended_by)
    if row.signed_in_at is None or row.seen_at is None:
        return None
    if now >= row.signed_in_at + longest():
        return Ending.LIMIT
    if decides and now >= row.signed_in_at + longest_of_deciders():
        return Ending.STRICT_LIMIT
    return Ending.IDLE if now >= row.seen_at + idle() else None


def idle() -> timedelta:
    """Without activity for so long, a session is over. Known to the minute, never too long."""
    return timedelta(seconds=settings.ACCESS_SESSION_IDLE_SECONDS)


def longest() -> timedelta:
    return timedelta(seconds=settings.ACCESS_SESSION_SECONDS)


def longest_of_deciders() -> timedelta:
    return timedelta(seconds=settings.ACCESS_SESSION_APPROVER_SECONDS)


def words_of(code: str) -> str:
    """What the sign-in page says, for a code that anybody may have written; empty for no code."""
    words: dict[str, str] = {
        Ending.IDLE: f"You were signed out after {in_words(idle())} without activity.",
        Ending.LIMIT: f"You were signed out: one sign-in lasts {in_words(longest())}.",
        Ending.STRICT_LIMIT: "You were signed out: one sign-in of an approver or administrator "
        f"lasts {in_words(longest_of_deciders())}.",
        Ending.PERSON: "This browser was signed out from another one, by you.",
        Ending.ADMIN: "An administrator ended your sessions.",
        Ending.SYSTEM: "Your account or your roles changed, so you were signed out everywhere.",
    }
    return words.get(code, "")


def in_words(span: timedelta) -> str:
    """``8 hours``, ``30 minutes``, ``90 minutes``."""
    hours, rest = divmod(int(span.total_seconds()), 3600)
    number, unit = (
        (hours, "hour") if hours and not rest else (max(1, hours * 60 + rest // 60), "minute")
    )
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
