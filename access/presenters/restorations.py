"""A database that went back in time, for people: what is lost, what is asked still, what may be
open all the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from access import policy
from access.anchoring.restorations import lost
from access.kinds import all_kinds
from access.models import Finding, Gate, Person, Restoration
from access.services.restorations import unasked


@dataclass(frozen=True)
class Orphan:
    """A door that was written down outside and that the database never heard of."""

    machine: str
    label: str
    port: int
    ends_at: datetime
    references: str
    found: bool  # an audit found it open

    @property
    def is_open(self) -> str:
        return "found open" if self.found else "not found open"


@dataclass(frozen=True)
class Page:
    row: Restoration
    lost: str
    unasked: Sequence[Gate]
    orphans: Sequence[Orphan]
    findings: int
    may_reconcile: bool

    @property
    def is_ready(self) -> bool:
        return not self.unasked


def page_for(row: Restoration, person: Person) -> Page:
    found = Finding.objects.filter(gone_at__isnull=True)
    open_at = set(found.values_list("resource_key", flat=True))
    return Page(
        row=row,
        lost=lost(row),
        unasked=unasked(row) if row.waits else [],
        orphans=[_orphan(each, open_at) for each in row.orphans],
        findings=len(open_at),
        may_reconcile=row.waits and policy.may_reconcile(person),
    )


def _orphan(told: dict[str, object], open_at: set[str]) -> Orphan:
    known, kind = all_kinds(), str(told["kind"])
    references = told["references"]
    return Orphan(
        machine=str(told["machine"]),
        label=known[kind].label if kind in known else kind,
        port=int(str(told["port"])),
        ends_at=datetime.fromisoformat(str(told["ends_at"])),
        references=", ".join(map(str, references if isinstance(references, list) else [])),
        found=str(told["resource_key"]) in open_at,
    )
