"""What became of a request since somebody looked at it, from its ledger lines."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from access.models import LedgerEntry
from access.presenters.moments import day_and_clock, duration

MOST_READ = 50


@dataclass(frozen=True)
class Change:
    """``before`` and ``after`` empty: something happened that has no two sides."""

    what: str
    before: str = ""
    after: str = ""


def changed_since(reference: str, revision: int) -> list[Change]:
    """What a person who saw ``revision`` has not seen, the oldest first. One query."""
    events = ("request.changed", "grant.held")
    lines = LedgerEntry.objects.filter(reference=reference, event__in=events).order_by("-seq")
    found = list(reversed(lines[:MOST_READ]))
    seen = [line for line in found if line.event == "request.changed"]
    unseen = [line for line in seen if int(line.data.get("revision", 0)) > revision]
    held = [line for line in found if line.event == "grant.held"][-1:]
    return [*_merged(unseen), *(_held(line) for line in held)]


def changes_of(data: Mapping[str, Any]) -> list[Change]:
    """Of one line ``request.changed``."""
    before, after = data.get("before", {}), data.get("after", {})
    pairs = [(name, before.get(name), after.get(name)) for name in SAID]
    return [
        Change(SAID[name], _said(name, old), _said(name, new))
        for name, old, new in pairs
        if old != new
    ]


def _merged(lines: Iterable[LedgerEntry]) -> list[Change]:
    """Several changes one after another are one, from what was seen to what is."""
    lines = list(lines)
    if not lines:
        return []
    return changes_of({"before": lines[0].data["before"], "after": lines[-1].data["after"]})


def _held(line: LedgerEntry) -> Change:
    return Change(f"Its approval no longer stands: {line.data.get('reason', '')}".strip())


def _said(name: str, value: Any) -> str:
    if name == "minutes":
        return duration(int(value or 0))
    if name == "start":
        return day_and_clock(datetime.fromisoformat(value)) if value else "once approved"
    return str(value or "none")


SAID = {"minutes": "Length", "start": "Start", "reason": "Reason", "ticket": "Ticket"}
