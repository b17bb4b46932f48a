"""The append-only, hash-chained record of what was done, refused and failed.

``record`` and ``record_many`` are the only writers. They refuse to run outside a transaction, so a
change and its line stand or fall together. Never put a secret, a link's URL or a token into
``data``.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from access.clock import db_now
from access.models import LedgerEntry, LedgerHead, Person

GENESIS = "0" * 64
CANONICAL_VERSION = 1
# Made once: a million lines are verified in half a minute.
_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True)
class Outsider:
    """Somebody without an account: who they are said to be. ``key`` names the row that knows."""

    key: str  # ``vendor/12``
    name: str


@dataclass(frozen=True)
class Line:
    """One line to be appended. ``by`` is a person, somebody from outside, or the name of a part of
    the system."""

    event: str
    by: "Person | Outsider | str"
    reference: str = ""
    subject: str = ""
    outcome: str = "success"
    data: Mapping[str, Any] = field(default_factory=dict)


class NoTransaction(RuntimeError):
    """A ledger line was attempted outside the transaction of its change."""


@dataclass(frozen=True)
class Broken:
    """The first place where the chain does not hold."""

    seq: int
    problem: str


def record(
    event: str,
    *,
    by: Person | Outsider | str,
    reference: str = "",
    subject: str = "",
    outcome: str = "success",
    data: Mapping[str, Any] | None = None,
) -> LedgerEntry:
    """Append one line. ``by`` is a person, somebody from outside, or the name of a part of the
    system."""
    return record_many([Line(event, by, reference, subject, outcome, data or {})])[0]


def record_many(lines: Sequence[Line]) -> list[LedgerEntry]:
    """Append them in this order: the same chain as one by one, with the head locked once."""
    if not connection.in_atomic_block:
        raise NoTransaction("the ledger writes only inside the change's transaction")
    if not lines:
        return []
    entries = [_entry(line) for line in lines]  # before the lock, for which everybody waits
    head = _lock_head()
    now, previous = db_now(), head.hash
    for seq, entry in enumerate(entries, start=head.seq + 1):
        entry.seq, entry.at, entry.prev_hash = seq, now, previous
        previous = entry.hash = digest(entry)
    LedgerEntry.objects.bulk_create(entries)
    LedgerHead.objects.filter(pk=head.pk).update(seq=entries[-1].seq, hash=previous)
    return entries


def _entry(line: Line) -> LedgerEntry:
    return LedgerEntry(
        event=line.event,
        outcome=line.outcome,
        **_actor(line.by),
        reference=line.reference,
        subject=line.subject,
        data=_plain(line.data),
    )


def _actor(by: Person | Outsider | str) -> dict[str, str]:
    if isinstance(by, Person):
        kind, key, name = "person", by.identity, by.display_name
    elif isinstance(by, Outsider):
        kind, key, name = "vendor", by.key, by.name
    else:
        kind, key, name = "system", by, by
    return {"actor_kind": kind, "actor_id": key, "actor_name": name}


def canonical(entry: LedgerEntry) -> bytes:
    """Version 1: JSON with sorted keys and no spaces, of every field but the hash itself."""
    fields = {
        "v": CANONICAL_VERSION,
        "seq": entry.seq,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "event": entry.event,
        "outcome": entry.outcome,
        "actor_kind": entry.actor_kind,
        "actor_id": entry.actor_id,
        "actor_name": entry.actor_name,
        "reference": entry.reference,
        "subject": entry.subject,
        "data": entry.data,
        "prev": entry.prev_hash,
    }
    return _encoder.encode(fields).encode()


def digest(entry: LedgerEntry) -> str:
    """SHA-256 of the canonical form, in hexadecimal."""
    return hashlib.sha256(canonical(entry)).hexdigest()


def verify() -> tuple[int, Broken | None]:
    """(lines read, first break or ``None``). Reads in chunks; memory does not grow.

    The head is read first: lines that are written meanwhile are no reason for alarm.
    """
    head = LedgerHead.objects.first()
    if head is None:
        return 0, Broken(0, "the head is missing: nobody can tell whether the end was cut off")
    previous, expected = GENESIS, 0
    for entry in _lines():
        expected += 1
        problem = _problem(entry, expected, previous)
        if not problem and expected == head.seq and entry.hash != head.hash:
            problem = "the head knows of another line here"
        if problem:
            return expected, Broken(expected, problem)
        previous = entry.hash
    if expected < head.seq:
        return expected, Broken(head.seq, "the last lines are missing: the head knows of more")
    return expected, None


def _problem(entry: Any, expected: int, previous: str) -> str:
    if entry.seq != expected:
        return f"line {expected} is missing"
    if entry.prev_hash != previous:
        return "it does not follow the line before it"
    if digest(entry) != entry.hash:
        return "its content was changed"
    return ""


def _lines() -> Iterator[Any]:
    """Bare rows with the names of their columns: to make a model of each would take half as long
    again."""
    names = [field.attname for field in LedgerEntry._meta.concrete_fields]
    rows = LedgerEntry.objects.order_by("seq").values_list(*names, named=True)
    return rows.iterator(chunk_size=2000)


def _lock_head() -> LedgerHead:
    """SQLite ignores the row lock, but there a transaction that writes is alone anyway."""
    return LedgerHead.objects.select_for_update().get(pk=1)


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """Exactly what JSON can hold, so that the hash survives the database's own JSON type."""
    plain: dict[str, Any] = json.loads(json.dumps(data, default=_text))
    return plain


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return str(value)
