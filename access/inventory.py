"""Writing down the estate as it was read, page by page. Says what is there; decides nothing.

Memory does not grow with the estate: a page is compared with the rows it names, and only what
changed is written. Nothing is deleted here: a machine that a page did not list may still hold
grants that must be closed. See ``access.models.Synced`` for how something is called gone.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from access import ledger
from access.clock import db_now
from access.models import BastionHost, EstateItem, Gate, Machine, SyncRun
from access.models.estate import OUTSIDE, Synced

STALE = timedelta(minutes=30)  # a run that did not end by then was cut off
ABSENCES = 2  # complete readings in a row without it, before something is called gone
SANE_SHARE, SANE_COUNT = 0.2, 10  # more than both missing at once is taken for Azure's fault
SYNC = "estate sync"
Row = Mapping[str, Any]


class AlreadyRunning(Exception):
    """Another reading of the estate is under way."""


@dataclass(frozen=True)
class Absent:
    """What a complete reading lacked."""

    gone: int
    problem: str = ""


def begin_run() -> SyncRun:
    """The one reading under way. Raises ``AlreadyRunning``; a run that was cut off is ended."""
    now = db_now()
    forget_runs(before=now - STALE)
    try:
        with transaction.atomic():
            return SyncRun.objects.create(started_at=now)
    except IntegrityError:
        raise AlreadyRunning("The estate is being read already.") from None


def read_lately(seconds: float) -> bool:
    """Whether a complete reading began within that time."""
    since = db_now() - timedelta(seconds=seconds)
    return SyncRun.objects.filter(complete=True, started_at__gte=since).exists()


def newest_run() -> SyncRun | None:
    """Under way, complete or failed."""
    return SyncRun.objects.order_by("-pk").first()


def last_reading() -> SyncRun | None:
    """The last complete one."""
    return SyncRun.objects.filter(complete=True).order_by("-pk").first()


def forget_runs(*, before: datetime | None = None) -> int:
    """End the runs that were cut off. Without ``before`` all of them: only for a process that is
    certainly the only one, at its start."""
    cut_off = SyncRun.objects.filter(finished_at__isnull=True)
    if before is not None:
        cut_off = cut_off.filter(started_at__lt=before)
    return cut_off.update(finished_at=db_now(), problem="It was cut off before its end.")


def turn_page(run: SyncRun, *, phase: str, rows: int, changed: int) -> None:
    """Says how far the reading has come."""
    SyncRun.objects.filter(pk=run.pk).update(
        phase=phase, pages=F("pages") + 1, rows=F("rows") + rows, changed=F("changed") + changed
    )


def end_run(run: SyncRun, *, problem: str = "", complete: bool) -> None:
    run.finished_at, run.complete, run.problem, run.phase = db_now(), complete, problem, ""
    run.save(update_fields=["finished_at", "complete", "problem", "phase"])


def store_items(rows: Sequence[Row], run: SyncRun) -> int:
    """Networks, security groups, interfaces, public addresses. Returns how many changed."""
    return _store(EstateItem, rows, run)


def store_hosts(rows: Sequence[Row], run: SyncRun) -> int:
    return _store(BastionHost, rows, run)


def store_machines(rows: Sequence[Row], run: SyncRun) -> int:
    """A machine is its ``vm_id``: moved to another group it stays the same row; another one
    under an old name keeps the row, whose new ``vm_id`` voids what was approved for the old."""
    with transaction.atomic():
        _follow_moves(rows)
        _tell_recreated(rows)
        return _store(Machine, rows, run)


def refresh_items(found: Mapping[str, Row]) -> None:
    """Facts by id, as they were read from the items themselves between two readings of the estate.
    Without a digest the next reading compares nothing and writes its own."""
    for resource_id, facts in found.items():
        known = EstateItem.objects.filter(resource_key=resource_id.lower())
        known.update(facts=facts, digest="", synced_at=db_now())


def items_by_key(keys: Iterable[str]) -> dict[str, EstateItem]:
    found = EstateItem.objects.filter(resource_key__in=[key.lower() for key in keys])
    return {item.resource_key: item for item in found}


def hosts_by_key() -> dict[str, BastionHost]:
    return {host.resource_key: host for host in BastionHost.objects.filter(gone_at__isnull=True)}


def machines_by_key(keys: Iterable[str]) -> dict[str, Machine]:
    found = Machine.objects.filter(resource_key__in=[key.lower() for key in keys])
    return {machine.resource_key: machine for machine in found}


def settle_absences(run: SyncRun, *, accept: bool = False) -> Absent:
    """After a complete reading. ``accept`` waives the sane bound: somebody looked and says so."""
    gone, problems = 0, []
    for model, words in ((EstateItem, "parts"), (BastionHost, "Bastion hosts"), (Machine, "VMs")):
        found = _settle(model, words, run, accept=accept)
        gone += found.gone
        problems += [found.problem] if found.problem else []
    return Absent(gone, " ".join(problems))


def gate_for(*, kind: str, resource_id: str, name: str) -> Gate:
    """The gate of a kind at an Azure resource; made when it is first seen."""
    gate, _ = Gate.objects.get_or_create(
        kind=kind,
        resource_key=resource_id.lower(),
        defaults={"resource_id": resource_id, "name": name},
    )
    return gate


def missing_too_many(missing: int, known: int) -> bool:
    return missing > max(SANE_COUNT, known * SANE_SHARE)


def _store(model: type[Synced], rows: Sequence[Row], run: SyncRun) -> int:
    unique = {row["resource_id"].lower(): row for row in rows}
    known = _digests(model, unique)
    now = db_now()
    made = [_made(model, key, row, now) for key, row in unique.items()]
    changed = [row for row in made if known.get(row.resource_key) != row.digest]
    if changed:
        fields = [*next(iter(unique.values())), "digest", "synced_at"]
        model._default_manager.bulk_create(
            changed, update_conflicts=True, unique_fields=["resource_key"], update_fields=fields
        )
    seen = model._default_manager.filter(resource_key__in=list(unique))
    seen.update(seen_in=run.pk, absences=0, gone_at=None)
    return len(changed)


def _digests(model: type[Synced], keys: Iterable[str]) -> dict[str, str]:
    rows = model._default_manager.filter(resource_key__in=list(keys))
    return dict(rows.values_list("resource_key", "digest"))


def _made(model: type[Synced], key: str, row: Row, now: datetime) -> Synced:
    text = json.dumps(row, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return model(**row, resource_key=key, digest=digest, synced_at=now)


def _settle(model: type[Synced], words: str, run: SyncRun, *, accept: bool) -> Absent:
    """What Azure does not have cannot be missing there."""
    there = model._default_manager.exclude(resource_key__startswith=OUTSIDE)
    live = there.filter(gone_at__isnull=True)
    absent = live.filter(seen_in__lt=run.pk)
    missing, known = absent.count(), live.count()
    if missing_too_many(missing, known) and not accept:
        return Absent(0, f"{missing} of {known} {words} were missing, too many to believe.")
    with transaction.atomic():
        absent.update(absences=F("absences") + 1)
        gone = absent.filter(absences__gte=ABSENCES)
        lost = list(gone.values_list("resource_key", flat=True)) if model is Machine else []
        count = gone.update(gone_at=db_now())
        for key in lost:
            ledger.record("machine.gone", by=SYNC, subject=key)
    return Absent(count)


def _follow_moves(rows: Sequence[Row]) -> None:
    here = {row["vm_id"]: row["resource_id"] for row in rows if row["vm_id"]}
    taken = {row["resource_id"].lower() for row in rows}
    occupied = set(
        Machine.objects.filter(resource_key__in=taken).values_list("resource_key", flat=True)
    )
    for machine in Machine.objects.filter(~Q(vm_id=""), vm_id__in=list(here)):
        new = here[machine.vm_id]
        if machine.resource_key != new.lower() and new.lower() not in occupied:
            old = machine.resource_key
            machine.resource_id, machine.resource_key = new, new.lower()
            machine.save(update_fields=["resource_id", "resource_key"])
            ledger.record("machine.moved", by=SYNC, subject=new.lower(), data={"from": old})


def _tell_recreated(rows: Sequence[Row]) -> None:
    here = {row["resource_id"].lower(): row["vm_id"] for row in rows}
    for machine in Machine.objects.filter(resource_key__in=list(here)).only(
        "resource_key", "vm_id"
    ):
        now = here[machine.resource_key]
        if now and machine.vm_id and now != machine.vm_id:
            data = {"vm_id_before": machine.vm_id, "vm_id_now": now}
            ledger.record("machine.recreated", by=SYNC, subject=machine.resource_key, data=data)
