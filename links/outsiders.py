"""What may be kept of somebody from outside: one rule for each word, wherever it is typed."""

from datetime import datetime, timedelta
from functools import cache
from zoneinfo import available_timezones

from django.conf import settings

from links.models import VendorContact

LONGEST_NAME, LONGEST_PHONE = 200, 40
FEWEST_DIGITS, MOST_DIGITS = 6, 15  # E.164 has no longer ones
WITHIN_PHONE = frozenset("0123456789 ()/.-")


def name_problem(name: str) -> str:
    """Empty when it may be kept; so of the others."""
    if not name:
        return "Name the person who will use the link."
    return _line_problem(name)


def company_problem(company: str) -> str:
    if not company:
        return "Name the company of the person who will use the link."
    return _line_problem(company)


def phone_problem(phone: str) -> str:
    digits = len(digits_of(phone))
    fits = len(phone) <= LONGEST_PHONE and set(phone.removeprefix("+")) <= WITHIN_PHONE
    if fits and FEWEST_DIGITS <= digits <= MOST_DIGITS:
        return ""
    return "Give a number to call them back on, such as +49 30 123456."


def zone_problem(zone: str) -> str:
    return "" if zone in _zones() else "Choose a time zone from the list."


def language_problem(language: str) -> str:
    return "" if language in dict(settings.LANGUAGES) else "Choose a language from the list."


def digits_of(phone: str) -> str:
    """By which two spellings of one number are the same."""
    return "".join(c for c in phone if c in "0123456789")


def check_is_fresh(contact: VendorContact, now: datetime) -> bool:
    return contact.checked_at is not None and contact.checked_at > fresh_since(now)


def fresh_since(now: datetime) -> datetime:
    """Checks from before then count no more."""
    return now - timedelta(days=settings.VENDOR_CHECK_DAYS)


def _line_problem(text: str) -> str:
    """A line break would be another line of a mail's head."""
    if len(text.splitlines()) > 1:
        return "Keep it on one line."
    return f"Keep it under {LONGEST_NAME} characters." if len(text) > LONGEST_NAME else ""


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
