"""The facts of a notice as texts, in the zone of whoever reads them.

All that people or Azure named passes through ``visible`` here, and only here: what would change
the reading of the text around it is shown as what it is.
"""

import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from access.notices.words import FALLBACKS
from access.presenters import moments
from access.presenters.ways import label_of

LONGEST = 1000
LONGEST_NAME = 120
MANY = 3
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
Door = Mapping[str, Any]


class Facts(dict[str, str]):
    """A fact that is not there reads as a word that fits, or as nothing."""

    def __missing__(self, name: str) -> str:
        return FALLBACKS.get(name, "")


def visible(text: object, *, lines: bool = False, longest: int = LONGEST) -> str:
    """Control and direction marks as ``[U+202E]``, one line unless ``lines``, with an end."""
    plain = str(text).replace("\r\n", "\n").replace("\r", "\n")
    if not lines:
        plain = " ".join(plain.split("\n"))
    if len(plain) > longest:
        plain = f"{plain[: longest - 1]}…"
    return "".join(_shown(char) for char in plain).strip()


def name_of(text: object) -> str:
    return visible(text, longest=LONGEST_NAME)


def moment(value: object) -> datetime | None:
    """An instant that was written into JSON; ``None`` where there is none."""
    if not isinstance(value, str) or not value:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else None


def at(when: datetime) -> str:
    """``25 Nov 2026, 17:30 CET (16:30 UTC)``."""
    local = moments.day_and_clock(when)
    return local if moments.reads_utc(when) else f"{local} ({moments.in_utc(when, beside=True)})"


def at_clock(when: datetime, now: datetime) -> str:
    """Without the day where that is the reader's present one."""
    if moments.day(when) != moments.day(now):
        return at(when)
    local = moments.clock(when)
    return local if moments.reads_utc(when) else f"{local} ({moments.in_utc(when, beside=True)})"


def between(start: datetime, end: datetime) -> str:
    """``25 Nov 2026, 17:00 to 18:00 CET (16:00 to 17:00 UTC)``; both whole where days differ."""
    if moments.day(start) != moments.day(end):
        return f"{at(start)} to {at(end)}"
    local = f"{moments.day(start)}, {moments.clock(start)[:5]} to {moments.clock(end)}"
    if moments.reads_utc(start) and moments.reads_utc(end):
        return local
    utc = f"{moments.in_utc(start, beside=True)[:-4]} to {moments.in_utc(end, beside=True)}"
    return f"{local} ({utc})"


def facts_of(data: Mapping[str, Any], reference: str) -> Facts:
    """Runs under the reader's time zone."""
    typed = {
        name: visible(value, lines=True)
        for name, value in data.items()
        if isinstance(value, (str, int, float)) and value != ""
    }
    facts = Facts({**typed, "machines": machines(data), "reference": reference})
    for name in ("requester", "by", "approver", "deputy", "vendor", "scope", "number", "ticket"):
        if name in typed:
            facts[name] = name_of(data[name])
    facts["addresses"] = _listed(data.get("addresses"))
    facts["reference_or_machines"] = reference or facts["machines"]
    why = typed.get("why") or typed.get("problem") or ""
    facts["why"] = why if not why or why.endswith((".", "!", "?")) else f"{why}."
    facts["by_whom"] = f" by {facts['by']}" if "by" in facts else ""
    facts.update(_time_phrases(data))
    return Facts({name: text for name, text in facts.items() if text or name not in FALLBACKS})


def _time_phrases(data: Mapping[str, Any]) -> dict[str, str]:
    deadline, review = moment(data.get("lapses_at")), moment(data.get("due_at"))
    locked, more = moment(data.get("locked_until")), _length(data)
    starts, end = _start(data), _end(data)
    seen = moment(data.get("last_seen"))
    return {
        "unseen_since": f", last at {at(seen)}" if seen else "",
        "deadline": f" The request expires at {at(deadline)}." if deadline else "",
        "at_deadline": f" at {at(deadline)}" if deadline else "",
        "until": f" until {at(end)}" if end else "",
        "at_end": f" at {at(end)}" if end else "",
        "deadline_review": f" by {at(review)}" if review else "",
        "until_unlocked": f" until {at(locked)}" if locked else "",
        "more": moments.duration(more) if more else "",
        "opens": f"It opens at {at(starts)}." if starts else "It opens now.",
        "period": f", {between(starts, end)}" if starts and end else "",
        "window": window(data),
    }


def window(data: Mapping[str, Any]) -> str:
    """When and how long, as it was asked for or granted."""
    starts, end, length = _start(data), _end(data), _length(data)
    if starts and end and starts < end:
        return f"{between(starts, end)}, {moments.span(end - starts)}"
    if end:
        return f"until {at(end)}"
    if starts:
        return f"from {at(starts)}"
    return f"{moments.duration(length)}, from the approval on" if length else ""


def _start(data: Mapping[str, Any]) -> datetime | None:
    return moment(data.get("starts_at")) or moment(data.get("from"))


def _end(data: Mapping[str, Any]) -> datetime | None:
    """As it is told, or as the start and the length make it."""
    told, starts, length = moment(data.get("until")), _start(data), _length(data)
    counted = starts + timedelta(minutes=length) if starts and length else None
    return told or moment(data.get("ends_at")) or counted


def _length(data: Mapping[str, Any]) -> int:
    minutes = data.get("minutes")
    return minutes if isinstance(minutes, int) and minutes > 0 else 0


def machines(data: Mapping[str, Any]) -> str:
    names = list(dict.fromkeys(name_of(door.get("machine", "")) for door in doors_in(data)))
    names = [name for name in names if name]
    if len(names) <= 1:
        return "".join(names)
    shown = names[: MANY - 1] if len(names) > MANY else names[:-1]
    rest = len(names) - len(shown)
    return f"{', '.join(shown)} and {names[-1] if rest == 1 else f'{rest} more machines'}"


def _listed(value: object) -> str:
    return ", ".join(name_of(each) for each in value) if isinstance(value, list) else ""


def ways(data: Mapping[str, Any]) -> str:
    """``Port window 22 (SSH)``; of several machines what each has."""
    labels = [
        label_of(name_of(door.get("kind", "")), int(door.get("port", 0)))
        for door in doors_in(data)
        if str(door.get("port", "")).isdecimal()
    ]
    return ", ".join(dict.fromkeys(labels))


def is_production(data: Mapping[str, Any]) -> bool:
    return any(door.get("production") for door in doors_in(data))


def doors_in(data: Mapping[str, Any]) -> list[Door]:
    """What was asked for, without what only serves it."""
    found = data.get("doors")
    each = found if isinstance(found, list) else []
    doors: list[Door] = [door for door in each if isinstance(door, dict)]
    return [door for door in doors if door.get("asked_for", True)] or doors


def _shown(char: str) -> str:
    if char == "\n" or unicodedata.category(char) not in HIDDEN:
        return char
    return " " if char == "\t" else f"[U+{ord(char):04X}]"
