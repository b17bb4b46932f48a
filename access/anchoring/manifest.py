"""The deadline manifest: one document for each gate, of the doors that may be open and until when.

It is written before the call that opens, by whoever holds the gate, so nothing can be open that it
does not name; the second closer goes by it when the database is away.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import Error

from access.anchoring import checkpoints
from access.anchoring.documents import Forged, opened, sealed
from access.anchoring.entries import Entry, entry_of, from_json
from access.anchoring.store import Changed, Kept, NotKept, Store, store
from access.anchoring.troubles import Trouble, tell
from access.clock import db_now
from access.errors import Later
from access.kinds import Door, DoorKey
from access.models import Gate, Grant, LedgerHead, Manifest
from access.states import HOLDING, GrantState

logger = logging.getLogger(__name__)
FOLDER = "manifests"
NOT_WRITTEN = "What would be opened could not be written down outside the database."
LONGEST_ORPHAN = timedelta(days=7)  # after its end an entry of nobody's is kept no longer


def before_opening(gate: Gate, doors: Sequence[Door]) -> None:
    """Every door of the gate that may be open, and ``doors`` beside them. Raises ``Later``, with
    ``sent`` false, where it cannot be written: then nothing is opened. Nor is anything where the
    outside memory knows more of the ledger than this database."""
    place = store()
    if place is None:
        return
    try:
        checkpoints.refuse_if_gone_back(place)
        _write(place, gate, {door.key for door in doors}, surely=True)
    except (NotKept, Forged) as error:
        logger.exception("gate %s: the manifest could not be written", gate.pk)
        raise Later(NOT_WRITTEN, sent=False, whole=True) from error


def after_look(gate: Gate) -> None:
    """What ended is left out, and what was given more time is said anew. Never raises: a document
    that still names it, or names an earlier end, lets nothing stay open."""
    try:
        place = store()
        if place is not None:
            _write(place, gate, frozenset())
    except (NotKept, Forged, Error):
        logger.warning("gate %s: the manifest could not be renewed", gate.pk, exc_info=True)


def name_of(resource_key: str, kind: str) -> str:
    """Two kinds may have their gates at one resource."""
    return f"{FOLDER}/{hashlib.sha256(f'{kind} {resource_key}'.encode()).hexdigest()[:40]}"


def read(kept: Kept, name: str) -> dict[str, Any]:
    """What it says. Raises ``Forged`` where it is not ours, or belongs to another gate."""
    body = opened(name, kept.text)
    if name_of(str(body.get("gate", "")), str(body.get("kind", ""))) != name:
        raise Forged(name)
    return body


def entries_of(body: dict[str, Any]) -> list[Entry]:
    return [from_json(row) for row in body["doors"]]


def _write(place: Store, gate: Gate, opening: Collection[DoorKey], *, surely: bool = False) -> None:
    """Written only when it would say something else. ``surely``: look whether it still stands."""
    row, _ = Manifest.objects.get_or_create(gate=gate)
    entries = _current(gate, opening)
    digest = _digest(entries)
    if digest == row.digest and not surely:
        return
    name, now = name_of(gate.resource_key, gate.kind), db_now()
    kept = place.read(name)
    before = _before(gate, row, kept, name)
    if digest == row.digest and int(before.get("serial", 0)) == row.serial:
        return
    known = {entry.key for entry in entries}
    entries += [e for e in _orphans(before, now) if e.key not in known]
    serial = max(row.serial, int(before.get("serial", 0))) + 1
    body = _body(gate, entries, serial, now)
    place.write(name, sealed(name, body), over=kept.tag if kept else None)
    Manifest.objects.filter(pk=row.pk).update(serial=serial, digest=digest, written_at=now)


def _before(gate: Gate, row: Manifest, kept: Kept | None, name: str) -> dict[str, Any]:
    """What stands there. What is none of ours is told of, and written over."""
    trouble = ""
    body: dict[str, Any] = {}
    if kept is None:
        trouble = "is missing" if row.serial else ""
    else:
        try:
            body = read(kept, name)
        except Forged:
            trouble = "was changed, or not written by the portal"
        if body and int(body["serial"]) < row.serial:
            trouble, body = "is one of before", {}
    if trouble:
        tell(Trouble(f"The deadline manifest {trouble}.", gate.resource_key, gate.kind))
    return body


def _current(gate: Gate, opening: Collection[DoorKey]) -> list[Entry]:
    """What Azure was asked for, is about to be asked for, and was not seen shut with nobody in."""
    rows = Grant.objects.filter(gate=gate, state__in=HOLDING).order_by("pk")
    groups: dict[DoorKey, list[Grant]] = {}
    for grant in rows.select_related("machine", "access_request"):
        asked = grant.asked_at is not None or grant.opened_at is not None
        if asked or (grant.machine_id, grant.port) in opening:
            groups.setdefault((grant.machine_id, grant.port), []).append(grant)
    return [entry_of(group) for group in groups.values()]


def _orphans(before: dict[str, Any], now: datetime) -> list[Entry]:
    """Entries of grants that this database never heard of, or believes that they never began: it
    was restored, and they may be open. Kept until people have reconciled it, or long after their
    end."""
    found = entries_of(before) if before else []
    asked = {key for entry in found for key in entry.requests}
    numbers = [number for entry in found for number in entry.grants]
    known = {
        str(key)
        for key in Grant.objects.filter(pk__in=numbers)
        .exclude(state=GrantState.SCHEDULED)
        .values_list("access_request__submission_key", flat=True)
    }
    lost = asked - known
    return [e for e in found if lost & set(e.requests) and e.ends_at > now - LONGEST_ORPHAN]


def orphans_at(gate: Gate, kept: Kept) -> list[Entry]:
    """Of the document of that gate. Raises ``Forged``."""
    return orphans_in(read(kept, name_of(gate.resource_key, gate.kind)))


def orphans_in(body: dict[str, Any]) -> list[Entry]:
    return _orphans(body, db_now())


def drop_orphans(gate: Gate, is_gone: Callable[[Entry], bool]) -> None:
    """After people reconciled: what an audit did not find any more. Raises ``NotKept`` and
    ``Forged``."""
    place, name = store(), name_of(gate.resource_key, gate.kind)
    kept = place.read(name) if place else None
    if place is None or kept is None:
        return
    body = read(kept, name)
    lost = {entry.key for entry in _orphans(body, db_now())}
    left = [e for e in entries_of(body) if e.key not in lost or not is_gone(e)]
    if len(left) == len(body["doors"]):
        return
    serial = int(body["serial"]) + 1
    text = sealed(name, _body(gate, left, serial, db_now()))
    try:
        place.write(name, text, over=kept.tag)
    except Changed:
        return  # the gate's holder wrote it, and is the one to say; again in a minute
    Manifest.objects.filter(gate=gate).update(serial=serial, digest="")


def _body(gate: Gate, entries: Sequence[Entry], serial: int, now: datetime) -> dict[str, Any]:
    head = LedgerHead.objects.values_list("seq", flat=True).first()
    return {
        "v": 1,
        "kind": gate.kind,
        "gate": gate.resource_key,
        "resource_id": gate.resource_id,
        "serial": serial,
        "at": now.isoformat(),
        "ledger": head or 0,
        "doors": [entry.as_json() for entry in entries],
    }


def _digest(entries: Sequence[Entry]) -> str:
    text = json.dumps([entry.as_json() for entry in entries], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest() if entries else ""
