"""Globs and ticket patterns: written by people, matched in time that grows with the text alone."""

import re
from functools import lru_cache
from itertools import product
from typing import Any

import re2

PATTERN_MOST = 200
USUAL = ("INC", "CHG", "ABC", "")  # what tickets begin with where a pattern does not say


def glob_matches(glob: str, text: str) -> bool:
    """``*`` stands for any characters, also none. Case does not count: Azure's names have none.

    Never backtracks: each piece between stars is taken where it is first found.
    """
    first, *middle = glob.casefold().split("*")
    text = text.casefold()
    if not middle:
        return text == first
    *between, last = middle
    if not text.startswith(first) or len(text) < len(first) + len(last):
        return False
    rest = text[len(first) : len(text) - len(last)]
    for piece in between:
        found = rest.find(piece)
        if found < 0:
            return False
        rest = rest[found + len(piece) :]
    return text.endswith(last)


def pattern_problem(pattern: str) -> str:
    """Why it cannot be used as a ticket's pattern. Empty: it can."""
    if len(pattern) > PATTERN_MOST:
        return f"is longer than {PATTERN_MOST} characters"
    try:
        _compiled(pattern)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        words = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        return f"is no pattern that RE2 reads ({words})"
    return ""


def ticket_matches(pattern: str, ticket: str) -> bool:
    """The whole ticket must match. A pattern that cannot be read matches nothing."""
    if not ticket.isprintable() or pattern_problem(pattern):
        return False
    return _compiled(pattern).fullmatch(ticket) is not None


@lru_cache(maxsize=256)
def example_of(patterns: tuple[str, ...]) -> str:
    """A ticket that all of them match, for people who do not read patterns. Found by trying what
    tickets look like; empty where that finds none."""
    words = [word for pattern in patterns for word in re.findall(r"[A-Za-z]{2,}", pattern)]
    numbers = ["1234567890"[:length] for length in (5, 4, 6, 3, 7, 8, 2, 1, 9, 10)]
    for word, between, number in product([*words, *USUAL], ("-", "", "#", "_"), numbers):
        ticket = f"{word}{between}{number}"
        if all(ticket_matches(pattern, ticket) for pattern in patterns):
            return ticket
    return ""


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20  # a pattern such as (a{1000}){1000} is refused, not tried
    return re2.compile(pattern, options)
