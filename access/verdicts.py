"""Writing down what the checks said of the estate, and counting it. Judges nothing itself.

Like the inventory it takes pages of rows and writes only what changed.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count

from access.models import Verdict
from access.preflight import SEVERITY, Check, Level, worst, worst_first

KINDS = ("host", "network", "machine")  # in this order where equally bad


@dataclass(frozen=True)
class Judged:
    """One subject with all that was found; ``host_id`` of whom it is reached by."""

    kind: str
    resource_id: str
    name: str
    checks: Sequence[Check]
    host_id: int | None = None
    machine_id: int | None = None
    network: str = ""
    machines: int = 0


def store(judged: Sequence[Judged], *, run: int) -> int:
    """Returns how many changed."""
    made = {row.resource_key: row for row in (_verdict(each, run) for each in judged)}
    there = Verdict.objects.filter(resource_key__in=list(made))
    known = dict(there.values_list("resource_key", "digest"))
    changed = [row for key, row in made.items() if known.get(key) != row.digest]
    if changed:
        kept = {"id", "resource_key"}
        fields = [f.name for f in Verdict._meta.concrete_fields if f.name not in kept]
        Verdict.objects.bulk_create(
            changed, update_conflicts=True, unique_fields=["resource_key"], update_fields=fields
        )
    Verdict.objects.filter(resource_key__in=list(made)).update(judged_in=run)
    return len(changed)


def forget(*, before_run: int) -> None:
    """What this run did not judge is not there any more."""
    Verdict.objects.filter(judged_in__lt=before_run).delete()


def counts() -> dict[str, dict[Level, int]]:
    """How many of each kind are at each level."""
    found = {kind: dict.fromkeys(reversed(Level), 0) for kind in KINDS}
    rows = Verdict.objects.values_list("kind", "level").annotate(n=Count("pk")).order_by()
    for kind, level, number in rows:
        found[kind][Level(level)] = number
    return found


def _verdict(judged: Judged, run: int) -> Verdict:
    level, key = worst(judged.checks), judged.resource_id.lower()
    shown = worst_first(judged.checks)
    if judged.kind != "host":
        shown = [check for check in shown if check.level is not Level.PASS]
    made = Verdict(
        kind=judged.kind,
        resource_id=judged.resource_id,
        resource_key=key,
        name=judged.name,
        level=level,
        rank=_rank(level, judged),
        host_id=judged.host_id,
        machine_id=judged.machine_id,
        network=judged.network,
        machines=judged.machines,
        passes=sum(check.level is Level.PASS for check in judged.checks),
        checks=[check.as_json() for check in shown],
        judged_in=run,
    )
    made.digest = _digest(made)
    return made


def _rank(level: Level, judged: Judged) -> str:
    """Worst first. The end of it keeps two of the same name apart."""
    apart = hashlib.sha256(judged.resource_id.lower().encode()).hexdigest()[:12]
    return f"{3 - SEVERITY[level]}{KINDS.index(judged.kind)} {judged.name.lower()} {apart}"


def _digest(made: Verdict) -> str:
    told = [made.rank, made.host_id, made.machine_id, made.network, made.machines, made.passes]
    text = json.dumps([*told, made.checks], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
