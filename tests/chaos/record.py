"""What doors were open when, by simulated Azure's own record and by nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

OPENER, CLOSER, SECOND = "portal-opener", "portal-closer", "portal-second-closer"
NEVER = datetime(9000, 1, 1, tzinfo=UTC)
Row = dict[str, Any]


@dataclass
class Opening:
    """One time that a door stood open. ``port``: 0 for a link, which is the whole machine's."""

    kind: str
    machine: str  # its id in lower case
    port: int
    since: datetime
    call: int  # the record's number of the call that opened it
    ours: bool
    until: datetime = NEVER
    ended_by: str = ""
    window: str = ""
    rule: str = ""
    host: str = ""
    source: str = ""
    lasts_until: datetime | None = None  # Azure's own end of it

    def __str__(self) -> str:
        end = "still open" if self.until is NEVER else f"{self.until:%H:%M:%S.%f} ({self.ended_by})"
        where = f"{self.machine.rsplit('/', 1)[-1]}:{self.port}"
        return f"{self.kind} {where} {self.since:%H:%M:%S.%f} - {end}, call {self.call}"

    def stood(self, moment: datetime) -> bool:
        return self.since <= moment < self.until


@dataclass
class Record:
    rows: list[Row]

    @property
    def openings(self) -> list[Opening]:
        made: list[Opening] = []
        for row in self.rows:
            opening = _opening(row, self.rows)
            if opening is not None:
                made.append(opening)
            else:
                _end(row, made)
        return made

    def calls(self, *principals: str) -> list[Row]:
        return [row for row in self.rows if row["principal"] in principals]

    def effects_of(self, call: Row) -> list[Row]:
        return [row for row in self.rows if row.get("because") == call["seq"]]


def at(row: Row) -> datetime:
    return datetime.fromisoformat(row["at"])


def _opening(row: Row, rows: list[Row]) -> Opening | None:
    what, body = row["operation"], row.get("body") or {}
    machine = row["resource"].lower()
    if what == "link.created":
        ours = body["principal"].startswith("portal-")
        host = body["bastion"].lower()
        return Opening("link", machine, 0, at(row), row["because"], ours, host=host)
    if what == "hand.add_link":
        return Opening("link", machine, 0, at(row), row["seq"], ours=False, host=body["bastion"])
    if what == "jit.opened":
        call = rows[row["because"] - 1]
        lasts = datetime.fromisoformat(body["ends_at"])
        return Opening(
            "window", machine, body["port"], at(row), row["because"],
            call["principal"].startswith("portal-"), window=body["window"], rule=body["rule_id"],
            source=body["source"], lasts_until=lasts,
        )  # fmt: skip
    return None


def _end(row: Row, made: Iterable[Opening]) -> None:
    what, body = row["operation"], row.get("body") or {}
    for each in made:
        if each.until is NEVER and _ends(each, what, row["resource"], body):
            each.until, each.ended_by = at(row), what


def _ends(each: Opening, what: str, resource: str, body: Any) -> bool:
    if each.kind == "link":
        return what in {"link.deleted", "hand.delete_link"} and each.machine == resource.lower()
    if what in {"jit.expired", "jit.replaced", "rule.deleted"}:
        return bool(body) and body.get("window") == each.window
    return what == "hand.delete_rule" and each.rule.lower() == resource.lower()
