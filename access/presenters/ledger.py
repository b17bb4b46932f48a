"""Ledger lines for people, each checked against its own hash and its neighbour's."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from access.ledger import digest
from access.models import LedgerEntry
from access.presenters.timeline import what_happened, who_did


@dataclass(frozen=True)
class Line:
    entry: LedgerEntry
    who: str
    what: str
    data: str  # as readable JSON
    problem: str  # empty while the line holds

    @property
    def machine(self) -> str:
        """The last part of the subject's resource id."""
        return self.entry.subject.rsplit("/", 1)[-1]


def checked(entries: Sequence[LedgerEntry]) -> list[Line]:
    """Newest first. A line whose predecessor is on the same page is checked against it too."""
    before = {entry.seq: entry for entry in entries}
    return [_line(entry, before.get(entry.seq - 1)) for entry in entries]


def _line(entry: LedgerEntry, previous: LedgerEntry | None) -> Line:
    problem = ""
    if digest(entry) != entry.hash:
        problem = "Its content does not match its hash."
    elif previous is not None and previous.hash != entry.prev_hash:
        problem = "It does not follow the line before it."
    return Line(
        entry=entry,
        who=who_did(entry),
        what=what_happened(entry.event),
        data=json.dumps(entry.data, indent=2, sort_keys=True, ensure_ascii=False),
        problem=problem,
    )
