"""A request as its page and as a row of a list show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Prefetch, QuerySet, prefetch_related_objects
from django.urls import reverse

from access.approvers import Candidate, StageNow, may_decide
from access.models import AccessRequest, Grant, Machine, Person, RequestedDoor
from access.offers import caveats_of
from access.presenters import statuses
from access.presenters.asks import asks_of, details_of
from access.presenters.grants import GrantLine, lines_for
from access.presenters.moments import near
from access.presenters.progress import StageLine, progress_of
from access.presenters.ways import is_for_vendor, label_of, page_asking_for, port_words
from access.states import GrantState, RequestState

QUICK, SLOW = 2, 30  # seconds between two looks of a page at the server


@dataclass(frozen=True)
class RequestRow:
    """``status`` and ``overdue`` need the grants loaded, or ask for them."""

    access_request: AccessRequest
    machines: list[Machine]
    label: str
    now: datetime

    @property
    def machine(self) -> Machine | None:
        return self.machines[0] if self.machines else None

    @property
    def others(self) -> int:
        """Machines besides the first."""
        return max(0, len(self.machines) - 1)

    @property
    def production(self) -> bool:
        return any(machine.is_production for machine in self.machines)

    @property
    def again(self) -> str:
        """The address at which the same can be asked for again."""
        words = [("machine", str(machine.pk)) for machine in self.machines]
        words += [("kind", self.access_request.kind), ("again", self.access_request.reference)]
        return f"{reverse(page_asking_for(self.access_request.kind))}?{urlencode(words)}"

    @property
    def status(self) -> statuses.Status:
        approved = self.access_request.state == RequestState.APPROVED
        grants = list(self.access_request.grants.all()) if approved else []
        return statuses.of_request(self.access_request, grants, self.now)

    @property
    def overdue(self) -> bool:
        return self.status is statuses.OVERDUE


@dataclass(frozen=True)
class RequestPage:
    """All that the request page knows but its story and its approvers."""

    access_request: AccessRequest
    machines: list[Machine]
    doors: list[str]
    caveats: list[str]
    status: statuses.Status
    label: str
    for_vendor: bool
    lines: list[GrantLine]
    next_step: str
    is_mine: bool
    may_decide: bool
    stages: list[StageNow]
    progress: list[StageLine]
    again: str  # where the same can be asked for once more
    every: int  # seconds between polls; 0 when all is over

    @property
    def machine(self) -> Machine | None:
        return self.machines[0] if self.machines else None

    @property
    def pending(self) -> bool:
        return self.access_request.state == RequestState.PENDING

    @property
    def undecided(self) -> bool:
        """New, or approved once and waiting to be approved again."""
        return self.access_request.is_undecided

    @property
    def production(self) -> bool:
        return any(machine.is_production for machine in self.machines)

    @property
    def places(self) -> list[tuple[Machine, list[str]]]:
        """Each machine with its ways in, in words."""
        found: dict[int, tuple[Machine, list[str]]] = {}
        for door in self.access_request.doors.all():
            _, words = found.setdefault(door.machine_id, (door.machine, []))
            words.append(label_of(door.kind, door.port))
        return list(found.values())

    @property
    def others(self) -> int:
        return max(0, len(self.machines) - 1)

    @property
    def given(self) -> int:
        """Approvals so far, which a change would dismiss."""
        return sum(len(stage.approvals) for stage in self.stages)

    @property
    def missing(self) -> int:
        """Approvals that are still needed, in all stages."""
        return sum(stage.missing for stage in self.stages)

    @property
    def may_change(self) -> bool:
        """An extension is withdrawn and sent anew instead."""
        return self.pending and self.is_mine and self.access_request.extends_id is None

    @property
    def may_extend(self) -> bool:
        return self.is_mine and any(line.may_extend for line in self.lines)

    @property
    def ends_soon(self) -> bool:
        return any(line.ends_soon for line in self.lines)

    @property
    def ends_at(self) -> datetime | None:
        """Where the end is known ahead: of what starts at a set time."""
        start = self.access_request.asked_start
        return self.access_request.window_from(start)[1] if start else None

    @property
    def details(self) -> list[tuple[str, str]]:
        return details_of(self.access_request)

    @property
    def asks(self) -> list[str]:
        return asks_of(self.access_request.judgement)

    @property
    def deciders(self) -> list[Candidate]:
        """Who could decide the stage that waits."""
        at = self.access_request.stage
        return list(self.stages[at].candidates) if self.undecided and at < len(self.stages) else []

    @property
    def open_lines(self) -> list[GrantLine]:
        """Those that somebody connects through; not one whose end was ordered."""
        usable = [line for line in self.lines if line.is_open and not line.ending]
        return [line for line in usable if not line.only_serves]

    @property
    def overdue(self) -> bool:
        return any(line.overdue for line in self.lines)


def with_doors(rows: QuerySet[AccessRequest]) -> QuerySet[AccessRequest]:
    """What a row shows of its doors, in one more query for all rows."""
    return rows.prefetch_related(_doors())


def load_doors(rows: Sequence[AccessRequest]) -> None:
    """The same for rows that were read already, from wherever."""
    prefetch_related_objects(rows, _doors())


def _doors() -> "Prefetch[str, QuerySet[RequestedDoor], str]":
    doors = RequestedDoor.objects.select_related("machine__bastion").order_by("pk")
    return Prefetch("doors", doors)


def row_for(access_request: AccessRequest, now: datetime) -> RequestRow:
    """Needs ``with_doors``."""
    doors = list(access_request.doors.all())
    asked = [door for door in doors if door.kind == access_request.kind] or doors[:1]
    machines = list({door.machine_id: door.machine for door in asked}.values())
    return RequestRow(access_request, machines, _label(access_request, asked), now)


def _label(access_request: AccessRequest, doors: Sequence[RequestedDoor]) -> str:
    if not doors:
        return access_request.kind
    first, *others = dict.fromkeys(door.port for door in doors)
    also = "".join(f", {port_words(port)}" for port in others)
    more = "More time: " if access_request.extends_id else ""
    return f"{more}{label_of(doors[0].kind, first)}{also}"


def page_for(
    access_request: AccessRequest,
    grants: Sequence[Grant],
    stages: list[StageNow],
    viewer: Person,
    now: datetime,
) -> RequestPage:
    row = row_for(access_request, now)
    doors = list(access_request.doors.all())
    lines = lines_for(grants, viewer, now)
    return RequestPage(
        access_request=access_request,
        machines=list({door.machine_id: door.machine for door in doors}.values()),
        doors=[label_of(door.kind, door.port) for door in doors],
        caveats=caveats_of(doors),
        status=statuses.of_request(access_request, grants, now),
        label=row.label,
        for_vendor=is_for_vendor(access_request.kind),
        lines=lines,
        next_step=_next_step(access_request, grants, now),
        is_mine=access_request.requester_id == viewer.pk,
        may_decide=may_decide(access_request, viewer, stages),
        stages=stages,
        progress=progress_of(access_request, stages),
        again=row.again,
        every=_every(access_request, lines),
    )


def _every(access_request: AccessRequest, lines: Sequence[GrantLine]) -> int:
    if access_request.is_undecided or any(line.moving for line in lines):
        return QUICK
    return SLOW if any(not line.is_over for line in lines) else 0


def _next_step(access_request: AccessRequest, grants: Sequence[Grant], now: datetime) -> str:
    if access_request.state == RequestState.PENDING:
        return _while_pending(access_request, now)
    if access_request.state != RequestState.APPROVED or not grants:
        longer = access_request.state == RequestState.APPROVED and access_request.extends_id
        return LONGER if longer else AFTER_DECISION.get(access_request.state, "")
    grant = statuses.speaks_for(access_request, grants, now)
    if statuses.is_overdue(grant, now):
        return "Its time is over and Azure has not shown it closed. Closing is tried until it is."
    if grant.never_opened:
        return f"{grant.close_reason} Nothing was open."
    held = access_request.hold and grant.state == GrantState.SCHEDULED
    return _while_held(access_request, now) if held else _for_grant(grant, now)


def _while_pending(access_request: AccessRequest, now: datetime) -> str:
    until = near(access_request.lapses_at, now)
    if access_request.blocked:
        return f"{access_request.blocked} Administrators were told. It expires at {until}."
    if access_request.asked_back_at is not None:
        return f"An approver asked something first. Without an answer it expires at {until}."
    if access_request.extends_id is not None:
        return f"It must be decided by {until}, when the access ends; until then that stays open."
    then = "It opens as soon as it is approved."
    if access_request.asked_start is not None:
        then = f"Once approved, it opens at {near(access_request.asked_start, now)}."
    return f"An approver must decide by {until}, or the request expires. {then}"


def _while_held(access_request: AccessRequest, now: datetime) -> str:
    nobody = f" {access_request.blocked}" if access_request.blocked else ""
    until = near(access_request.lapses_at, now)
    why = access_request.hold.rstrip(".")
    return (
        f"It was approved, but that approval no longer stands. {why}. Nothing is opened until it "
        f"is approved anew, by {until} at the latest.{nobody}"
    )


def _for_grant(grant: Grant, now: datetime) -> str:
    ends = near(grant.ends_at, now)
    if statuses.is_ending(grant):
        return "Its end was ordered. It counts as closed when Azure shows it shut."
    if statuses.is_finishing(grant, now) and grant.finish_by:
        until = near(grant.finish_by, now)
        return (
            f"It is shut. Whoever is still connected may finish until {until}, then they must go."
        )
    words = {
        GrantState.SCHEDULED: f"It opens at {near(grant.starts_at, now)} and ends at {ends}.",
        GrantState.OPENING: "Azure is opening it. This takes some seconds.",
        GrantState.OPEN: f"It closes by itself at {ends}. End it earlier when you are done.",
        GrantState.CLOSING: "Azure is closing it. It counts as closed when Azure shows it shut.",
        GrantState.CLOSED: f"It is closed. {grant.close_reason}",
    }
    return words[GrantState(grant.state)]


LONGER = "The access that it is for stays open for that much longer."
AFTER_DECISION: dict[str, str] = {
    RequestState.DENIED: "Nothing was opened. A new request may answer the comment.",
    RequestState.WITHDRAWN: "Nothing was opened.",
    RequestState.LAPSED: "Nobody decided in time. Nothing was opened. It can be sent again.",
}
