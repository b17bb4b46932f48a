"""What was done while there was no ledger to tell: kept in the outside memory, signed, and told in
order when the database is back. Told once, also where this process dies in the middle."""

import logging
import threading
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from access import ledger
from access.anchoring import troubles
from access.anchoring.documents import Forged, opened, sealed
from access.anchoring.store import NotKept, store
from access.anchoring.troubles import Trouble
from access.models import LedgerEntry
from portal.closer.work import Done, as_data

logger = logging.getLogger(__name__)
FOLDER = "told"
_unwritten: list[list[dict[str, Any]]] = []  # where the outside memory did not take it either
_turn = threading.Lock()  # several gates are worked at, and each line is to be kept once


def put(done: Sequence[Done]) -> None:
    """Never raises: what was done is done. What cannot be kept outside is kept in this process."""
    _unwritten.append([_line(each) for each in done])
    flush()


def trouble(what: str, subject: str, kind: str) -> None:
    """Of the memory itself, to be told like the rest."""
    row = {
        "event": troubles.EVENT,
        "outcome": "failed",
        "subject": subject,
        "references": [""],
        "grants": [],
        "data": {"reason": what, "kind": kind},
        "at": datetime.now(UTC).isoformat(),
    }
    _unwritten.append([row])
    flush()


def flush() -> None:
    with _turn:
        _flush()


def _flush() -> None:
    place = store()
    while place is not None and _unwritten:
        name = f"{FOLDER}/{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:8]}"
        try:
            place.write(name, sealed(name, {"lines": _unwritten[0]}), over=None)
        except (NotKept, Forged):
            logger.exception("what the second closer did could not be kept outside")
            return
        _unwritten.pop(0)


def tell_all() -> None:
    """With the database back. Raises ``NotKept``, and what the database raises."""
    place = store()
    with _turn:
        while _unwritten:
            _tell(f"{FOLDER}/{uuid.uuid4().hex}", _unwritten[0])
            _unwritten.pop(0)
    for name in sorted(place.names(FOLDER)) if place else []:
        kept = place.read(name) if place else None
        if place is None or kept is None:
            continue
        try:
            _tell(name, opened(name, kept.text)["lines"])
        except Forged:
            logger.error("%s was not written by the portal, and is left out", name)  # noqa: TRY400
        place.remove(name)


def _tell(name: str, lines: list[dict[str, Any]]) -> None:
    with transaction.atomic():
        if LedgerEntry.objects.filter(
            event__in={line["event"] for line in lines}, data__spooled=name
        ).exists():
            return  # it was told, and not taken away after
        for line in lines:
            _record(name, line)


def _record(name: str, line: dict[str, Any]) -> None:
    if line["event"] == troubles.EVENT:
        trouble = Trouble(line["data"]["reason"], line["subject"], line["data"]["kind"])
        troubles.tell(trouble, by="second closer")
        return
    numbers = [*line["grants"], *[None] * len(line["references"])]
    for number, reference in zip(numbers, line["references"], strict=False):
        data = {"spooled": name, "done_at": line["at"], **line["data"]}
        ledger.record(
            line["event"],
            by="second closer",
            outcome=line["outcome"],
            reference=reference,
            subject=line["subject"],
            data=data | ({"grant": number} if number else {}),
        )


def _line(done: Done) -> dict[str, Any]:
    return {
        "event": done.event,
        "outcome": "failed" if done.problem else "success",
        "subject": done.due.door.machine.resource_key,
        "references": list(done.due.references),
        "grants": list(done.due.grants),
        "data": as_data(done),
        "at": datetime.now(UTC).isoformat(),
    }
