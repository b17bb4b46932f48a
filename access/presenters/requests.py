"""A request as its page and as a row of a list show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch, QuerySet

from access import policy
from access.models import AccessRequest, Grant, Machine, Person, RequestedDoor
from access.offers import caveats_of
from access.presenters import statuses
from access.presenters.grants import GrantLine, lines_for
from access.presenters.moments import near
from access.presenters.ways import is_for_vendor, label_of
from access.states import GrantState, RequestState

QUICK, SLOW = 2, 30  # seconds between two looks of a page at the server


@dataclass(frozen=True)
class RequestRow:
    """``status`` and ``overdue`` need the grants loaded, or ask for them."""

    access_request: AccessRequest
    machine: Machine | None
    label: str
    now: datetime

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
    every: int  # seconds between polls; 0 when all is over

    @property
    def machine(self) -> Machine | None:
        return self.machines[0] if self.machines else None

    @property
    def pending(self) -> bool:
        return self.access_request.state == RequestState.PENDING

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
    doors = RequestedDoor.objects.select_related("machine__bastion").order_by("pk")
    return rows.prefetch_related(Prefetch("doors", doors))


def row_for(access_request: AccessRequest, now: datetime) -> RequestRow:
    """Needs ``with_doors``."""
    doors = list(access_request.doors.all())
    asked = next((d for d in doors if d.kind == access_request.kind), doors[0] if doors else None)
    label = label_of(asked.kind, asked.port) if asked else access_request.kind
    return RequestRow(access_request, asked.machine if asked else None, label, now)


def page_for(
    access_request: AccessRequest, grants: Sequence[Grant], viewer: Person, now: datetime
) -> RequestPage:
    row = row_for(access_request, now)
    doors = list(access_request.doors.all())
    lines = lines_for(grants, viewer, now)
    pending = access_request.state == RequestState.PENDING
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
        may_decide=pending and policy.may_decide(access_request, viewer),
        every=_every(access_request, lines),
    )


def _every(access_request: AccessRequest, lines: Sequence[GrantLine]) -> int:
    if access_request.state == RequestState.PENDING or any(line.moving for line in lines):
        return QUICK
    return SLOW if any(not line.is_over for line in lines) else 0


def _next_step(access_request: AccessRequest, grants: Sequence[Grant], now: datetime) -> str:
    if access_request.state == RequestState.PENDING:
        return _while_pending(access_request, now)
    if access_request.state != RequestState.APPROVED or not grants:
        return AFTER_DECISION.get(access_request.state, "")
    grant = statuses.speaks_for(access_request, grants, now)
    if statuses.is_overdue(grant, now):
        return "Its time is over and Azure has not shown it closed. Closing is tried until it is."
    if grant.never_opened:
        return f"{grant.close_reason} Nothing was open."
    return _for_grant(grant, now)


def _while_pending(access_request: AccessRequest, now: datetime) -> str:
    until = near(access_request.lapses_at, now)
    then = "It opens as soon as it is approved."
    if access_request.asked_start is not None:
        then = f"Once approved, it opens at {near(access_request.asked_start, now)}."
    return f"An approver must decide by {until}, or the request expires. {then}"


def _for_grant(grant: Grant, now: datetime) -> str:
    ends = near(grant.ends_at, now)
    if statuses.is_ending(grant):
        return "Its end was ordered. It counts as closed when Azure shows it shut."
    words = {
        GrantState.SCHEDULED: f"It opens at {near(grant.starts_at, now)} and ends at {ends}.",
        GrantState.OPENING: "Azure is opening it. This takes some seconds.",
        GrantState.OPEN: f"It closes by itself at {ends}. End it earlier when you are done.",
        GrantState.CLOSING: "Azure is closing it. It counts as closed when Azure shows it shut.",
        GrantState.CLOSED: f"It is closed. {grant.close_reason}",
    }
    return words[GrantState(grant.state)]


AFTER_DECISION: dict[str, str] = {
    RequestState.DENIED: "Nothing was opened. You can send a new request that answers the comment.",
    RequestState.WITHDRAWN: "Nothing was opened.",
    RequestState.LAPSED: "Nobody decided in time. Nothing was opened. It can be sent again.",
}
