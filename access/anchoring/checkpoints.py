"""Checkpoints: how far the ledger had come, said outside the database every minute.

The chain of hashes alone says nothing of a tail that was cut, of a ledger that was written anew, or
of a database that was restored. The checkpoint goes forward only. Where it knows more than the
database, or another line, nothing is opened until people have reconciled the two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from access.anchoring.documents import Forged, opened, sealed
from access.anchoring.store import Changed, Kept, Store, store
from access.anchoring.troubles import Trouble, tell
from access.clock import db_now
from access.errors import Later
from access.heartbeats import beat
from access.ledger import Broken
from access.lockdowns import WENT_BACK
from access.models import Heartbeat, LedgerEntry, LedgerHead, Restoration

NAME = "checkpoint"
BEAT = "checkpoint"  # the sign of life: one was kept outside just now
MINUTES, HOURS, DAYS = 60, 48, 60  # how many of the checkpoints before it remembers


@dataclass(frozen=True)
class Mark:
    """One line of the ledger, by which a database is recognised."""

    seq: int
    hash: str
    at: datetime

    def as_json(self) -> list[Any]:
        return [self.seq, self.hash, self.at.isoformat()]


@dataclass(frozen=True)
class Checkpoint:
    """The newest mark, and some of those before it, the newest first."""

    newest: Mark
    trail: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class GoneBack:
    """``agreed``: the newest line that the database and the outside memory both have."""

    kept: Mark
    head: int
    agreed: int


def keep() -> GoneBack | None:
    """Say outside how far the ledger has come; or what is wrong, and then nothing is said. Safe to
    run twice. Raises ``NotKept``."""
    place = store()
    if place is None:
        return None
    kept = place.read(NAME)
    last = _last(kept)
    if last is not None and (found := compared(last)) is not None and not _reconciled(found.kept):
        return found
    if Restoration.objects.filter(waits=True).exists():
        return None
    head = _head()
    if head.seq and (last is None or last.newest.hash != head.hash):
        try:
            place.write(NAME, _text(head, last), over=kept.tag if kept else None)
        except Changed:
            return None  # another process said it
    beat(BEAT)
    return None


def compared(last: Checkpoint) -> GoneBack | None:
    """``None`` while the database has the line that was kept."""
    if _holds(last.newest):
        return None
    agreed = next((mark.seq for mark in last.trail if _holds(mark)), 0)
    return GoneBack(last.newest, _head().seq, agreed)


def refuse_if_gone_back(place: Store) -> None:
    """Raises ``Later``: nothing may be opened. One small text, and two rows by their keys."""
    if Restoration.objects.filter(waits=True).exists():
        raise Later(WENT_BACK, sent=False)
    kept = place.read(NAME)
    try:
        last = _opened(kept) if kept else None
    except Forged:
        return  # told of each minute; the database itself may well be whole
    if last and not _holds(last.newest) and not _reconciled(last.newest):
        raise Later(WENT_BACK, sent=False)


def against_outside() -> tuple[Mark | None, Broken | None]:
    """For who verifies the ledger: the mark that was kept, and what does not agree with it. Raises
    ``NotKept`` and ``Forged``."""
    place = store()
    kept = place.read(NAME) if place else None
    last = _opened(kept) if kept else None
    if last is None:
        return None, None
    found = compared(last)
    if found is None or _reconciled(last.newest):
        return last.newest, None
    return last.newest, Broken(
        last.newest.seq,
        f"outside the database another line is known here, of {last.newest.at:%Y-%m-%d %H:%M} UTC; "
        f"both agree up to line {found.agreed} at least",
    )


def _last(kept: Kept | None) -> Checkpoint | None:
    """What is none of ours is told of, and written over: it says nothing about the database."""
    if kept is None:
        if Heartbeat.objects.filter(name=BEAT).exists():
            tell(Trouble("The checkpoint of the ledger is missing."))
        return None
    try:
        return _opened(kept)
    except Forged:
        tell(Trouble("The checkpoint of the ledger was changed, or not written by the portal."))
        return None


def _opened(kept: Kept) -> Checkpoint:
    body = opened(NAME, kept.text)
    return Checkpoint(_mark(body["newest"]), tuple(map(_mark, body["trail"])))


def _mark(row: Sequence[Any]) -> Mark:
    return Mark(int(row[0]), str(row[1]), datetime.fromisoformat(row[2]))


def _text(head: Mark, last: Checkpoint | None) -> str:
    """After a restore that people reconciled, the trail keeps only what this database has."""
    before = [last.newest, *last.trail] if last else []
    trail = [mark for mark in _thinned(before, head.at) if mark.seq < head.seq]
    if last is not None and not _holds(last.newest):
        trail = [mark for mark in trail if _holds(mark)]
    body: Mapping[str, Any] = {
        "v": 1,
        "newest": head.as_json(),
        "trail": [mark.as_json() for mark in trail],
    }
    return sealed(NAME, body)


def _thinned(marks: Sequence[Mark], now: datetime) -> list[Mark]:
    """All of the last hour, one for each hour of two days, one for each day before."""
    left: dict[str, Mark] = {}
    for mark in marks:
        age = now - mark.at
        if age <= timedelta(minutes=MINUTES):
            slot = f"{mark.at:%Y%m%d%H%M}"
        elif age <= timedelta(hours=HOURS):
            slot = f"{mark.at:%Y%m%d%H}"
        else:
            slot = f"{mark.at:%Y%m%d}"
        left.setdefault(slot, mark)
    return list(left.values())[: MINUTES + HOURS + DAYS]


def _head() -> Mark:
    head = LedgerHead.objects.first()
    return Mark(head.seq if head else 0, head.hash if head else "", db_now())


def _holds(mark: Mark) -> bool:
    return LedgerEntry.objects.filter(seq=mark.seq, hash=mark.hash).exists()


def _reconciled(mark: Mark) -> bool:
    """People know that this line is lost."""
    known = Restoration.objects.filter(waits=False, kept_seq=mark.seq, kept_hash=mark.hash)
    return known.exists()
