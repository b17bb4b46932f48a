"""What the judge is told of a run of real processes, and what is asked beside: was anything lost
that people had been told was done, and how late was what came to its end."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from access.models import AccessRequest, Grant
from access.states import RequestState
from tests.chaos.oracle import judge
from tests.chaos.record import Record, at
from tests.chaos.run import Calm
from tests.support.azure import SimulatedAzure

if TYPE_CHECKING:
    from tests.chaos.fleet import Fleet
    from tests.chaos.visitors import Said

FEWEST = 3  # doors, approvals, ends
SOON = timedelta(seconds=5)  # its own end came as well


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class Aftermath:
    """Of a ``Run``, what the judge reads."""

    azure: SimulatedAzure
    calms: list[Calm]
    cut_off: set[str]
    woke_late: list[datetime]
    clock: Now = field(default_factory=Now)
    faults: list[BaseException] = field(default_factory=list)

    def role_gaps(self) -> list[Any]:
        return []


def hear(fleet: Fleet, said: Said, recovered: datetime) -> tuple[list[str], dict[str, object]]:
    record = Record(fleet.made.azure.record())
    cut_off = {
        str(row["client_request_id"]) for row in record.rows
        if row.get("client_request_id") and _met_a_fault(fleet, at(row))
    }  # fmt: skip
    calm = Calm(recovered, datetime.now(UTC))
    run = Aftermath(fleet.made.azure, [calm], cut_off, fleet.woke_late)
    verdict = judge(run)  # type: ignore[arg-type]
    lost = [*_lost(said), *said.broken, *_broke_down(fleet)]
    if min(verdict.openings, len(said.approved), len(said.ended)) < FEWEST:
        lost.append("so little happened that nothing is shown by it")
    closers = Counter(row["principal"] for row in record.rows if row["operation"] == "link.delete")
    return verdict.violations + lost, {
        "doors opened": verdict.openings,
        "asked, approved, ended: acknowledged": f"{len(said.asked)}, {len(said.approved)}, "
        f"{len(said.ended)}",
        "worst lateness of an end in calm, s": f"{verdict.worst:.1f}",
        "worst lateness after recovery, s": f"{verdict.worst_after:.1f}",
        "opened by who had been stopped, removed": verdict.strays,
        "calls to delete links, by identity": dict(closers),
    }


def _met_a_fault(fleet: Fleet, moment: datetime) -> bool:
    return any(since <= moment <= until for since, until in fleet.faults)


def _lost(said: Said) -> list[str]:
    """R-08: what was acknowledged is there."""
    found = {f"{row.reference}": row for row in AccessRequest.objects.all()}
    lost = [f"R-08: {key} was taken, and is not there" for key in said.asked if key not in found]
    for key in said.approved:
        if key not in found or found[key].decided_at is None:
            lost.append(f"R-08: the approval of {key} was taken, and is not there")
        elif found[key].state not in {RequestState.APPROVED, RequestState.WITHDRAWN}:
            lost.append(f"R-08: {key} was approved and is {found[key].state}")
    for key, heard in said.ended:
        grant = Grant.objects.select_related("end_order").get(pk=key)
        if not hasattr(grant, "end_order") and grant.ends_at > heard + SOON:
            lost.append(f"R-08: the end of grant {key} was ordered, and is not there")
    return lost


def _broke_down(fleet: Fleet) -> list[str]:
    """What processes said of themselves that no fault explains: without a database they say so."""
    lines = []
    for log in sorted(fleet.made.parts.folder.glob("*.log")):
        told = log.read_text(errors="replace")
        found = re.findall(r"^.*(?:broke down|Traceback).*$", told, re.MULTILINE)
        found = [line for line in found if "OperationalError" not in line]
        lines += [f"{log.stem} said: {line[:2000]}" for line in found[:3]]
    return lines
