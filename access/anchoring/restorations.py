"""That the database went back in time: found out, told, and shown until people reconciled it."""

import logging
from datetime import timedelta
from typing import Any

from django.db import transaction

from access import ledger
from access.anchoring import checkpoints, manifest
from access.anchoring.checkpoints import GoneBack
from access.anchoring.documents import Forged
from access.anchoring.entries import Entry
from access.anchoring.store import NotKept, store
from access.anchoring.troubles import Trouble, tell
from access.clock import db_now
from access.inventory import gate_for
from access.models import Finding, Gate, Restoration
from access.notices.telling import tell_overseers

logger = logging.getLogger(__name__)
EVENT = "ledger.went_back"
TIDIES_FOR = timedelta(hours=1)


def look(*, by: str = "worker") -> None:
    """Keep a checkpoint; or find out that the database knows less than was kept. Every minute, by
    a worker and by the second closer. Never raises: a place that fails is told of."""
    try:
        found = checkpoints.keep()
        if found is not None:
            _found(found, by)
        _name_orphans()
        _tidy()
    except NotKept as error:
        tell(Trouble(str(error)), by=by)
    except Forged:
        tell(Trouble("There is no key to sign with: ACCESS_ANCHOR_KEYS is empty."), by=by)


def waiting() -> Restoration | None:
    return Restoration.objects.filter(waits=True).first()


def _found(found: GoneBack, by: str) -> None:
    """One row, one line and one notice, whoever else finds it in the same moment."""
    with transaction.atomic():
        made, is_new = Restoration.objects.get_or_create(
            waits=True,
            defaults={
                "found_at": db_now(),
                "kept_seq": found.kept.seq,
                "kept_hash": found.kept.hash,
                "kept_at": found.kept.at,
                "head_seq": found.head,
                "agreed_seq": found.agreed,
            },
        )
        if not is_new:
            return
        data = {"lost": lost(made), "kept_at": made.kept_at}
        tell_overseers(EVENT, key=f"restoration-{made.pk}", data=data, by=by)
        ledger.record(EVENT, by=by, outcome="failed", data=_as_data(made))
    logger.error("the database went back: %s", made)


def lost(row: Restoration) -> str:
    """Which lines, for people: ``lines 101 to 120``."""
    return f"lines {row.agreed_seq + 1} to {row.kept_seq}"


def _as_data(row: Restoration) -> dict[str, Any]:
    return {
        "restoration": row.pk,
        "lost_from": row.agreed_seq + 1,
        "lost_to": row.kept_seq,
        "kept_hash": row.kept_hash,
        "kept_at": row.kept_at,
        "head": row.head_seq,
    }


def _name_orphans() -> None:
    """What the manifests name and this database never heard of, for the page: the web process can
    read no container."""
    row = waiting()
    if row is None:
        return
    _learn_gates()
    found = [_shown(gate, entry) for gate, entry in orphans()]
    if found != row.orphans:
        Restoration.objects.filter(pk=row.pk, waits=True).update(orphans=found)


def _learn_gates() -> None:
    """Gates that are younger than the backup and had something open: so they are asked, and what
    is open there is shown, before anybody can say that all was compared."""
    place = store()
    known = {manifest.name_of(*each) for each in Gate.objects.values_list("resource_key", "kind")}
    names = place.names(manifest.FOLDER) if place else []
    for name in sorted(set(names) - known):
        kept = place.read(name) if place else None
        try:
            body = manifest.read(kept, name) if kept else {}
        except Forged:
            continue  # the second closer tells of it
        if body and manifest.orphans_in(body):
            number = str(body["resource_id"])
            gate_for(kind=body["kind"], resource_id=number, name=number.rsplit("/", 1)[-1])


def _tidy() -> None:
    """Soon after people reconciled: what no audit found any more need not stand in a manifest. Of
    a gate that no audit reached since then, all stays there."""
    lately = db_now() - TIDIES_FOR
    over = Restoration.objects.filter(waits=False, reconciled_at__gt=lately).last()
    if over is None:
        return
    found = Finding.objects.filter(gone_at__isnull=True).values_list("resource_key", flat=True)
    still = set(found)
    asked = Gate.objects.filter(audited_at__gte=over.found_at)
    for gate in asked.filter(pk__in={gate.pk for gate, _ in orphans()}):
        manifest.drop_orphans(gate, lambda entry: entry.at[0] not in still)


def orphans() -> list[tuple[Gate, Entry]]:
    """Raises ``NotKept``."""
    place = store()
    if place is None:
        return []
    found: list[tuple[Gate, Entry]] = []
    for gate in Gate.objects.order_by("pk"):
        kept = place.read(manifest.name_of(gate.resource_key, gate.kind))
        try:
            found += [(gate, entry) for entry in manifest.orphans_at(gate, kept)] if kept else []
        except Forged:
            tell(Trouble("The deadline manifest was changed.", gate.resource_key, gate.kind))
    return found


def _shown(gate: Gate, entry: Entry) -> dict[str, Any]:
    return {
        "gate": gate.pk,
        "kind": gate.kind,
        "machine": entry.machine["name"],
        "resource_key": entry.machine["resource_key"],
        "port": entry.port,
        "ends_at": entry.ends_at.isoformat(),
        "references": list(entry.references),
    }
