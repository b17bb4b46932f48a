"""A request's window as a calendar file (RFC 5545), for whatever calendar the reader uses.

It says when, and leads to the request's page; it holds no way in, no secret, no resource id and
nothing that people typed, because calendars are shared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from icalendar import CLASS, STATUS, Alarm, Calendar, Event

from access.models import AccessRequest, Grant
from access.presenters.ways import label_of
from access.services.submission import clean_text
from access.states import GrantState, RequestState

PRODUCT = "-//Bastion Access//Windows//EN"
BEFORE = timedelta(minutes=10)


@dataclass(frozen=True)
class Window:
    """What a calendar is to know of a request as it stands."""

    start: datetime
    end: datetime
    status: STATUS
    ends_early: bool


def window_of(access_request: AccessRequest, grants: Sequence[Grant]) -> Window | None:
    """``None`` where no time is known: it is to begin once approved, or is more time for another
    request. Needs the grants' ``end_order``, or asks for each."""
    if access_request.extends_id is not None:
        return None
    if grants:
        start = min(grant.starts_at for grant in grants)
        end = max(grant.ends_at for grant in grants)
        early = all(_ended_early(grant) for grant in grants)
        status = STATUS.TENTATIVE if access_request.hold else STATUS.CONFIRMED
        return Window(start, end, STATUS.CANCELLED if early else status, early)
    if access_request.asked_start is None:
        return None
    start, end = access_request.window_from(access_request.asked_start)
    status = {
        RequestState.PENDING: STATUS.TENTATIVE,
        RequestState.APPROVED: STATUS.CONFIRMED,
    }.get(RequestState(access_request.state), STATUS.CANCELLED)
    return Window(start, end, status, ends_early=False)


def may_be_added(window: Window | None, now: datetime) -> bool:
    """Whether there is something ahead to put into a calendar."""
    return window is not None and window.status != STATUS.CANCELLED and window.end > now


def ics_for(
    access_request: AccessRequest, grants: Sequence[Grant], *, link: str, now: datetime
) -> bytes | None:
    """One event, the same one each time it is asked for; ``None`` as for ``window_of``. ``link``:
    the address of the request's page. Needs ``with_doors``."""
    window = window_of(access_request, grants)
    if window is None:
        return None
    event = Event.new(
        uid=f"{access_request.reference}-{access_request.created_at:%Y%m%dT%H%M%SZ}@bastion-access",
        sequence=_sequence(access_request, grants, window),
        stamp=now.astimezone(UTC),
        start=window.start.astimezone(UTC),
        end=window.end.astimezone(UTC),
        status=window.status,
        classification=CLASS.PRIVATE,
        summary=f"Access to {_machines(access_request)} ({access_request.reference})",
        description=_description(access_request, link),
        url=link,
        subcomponents=[] if window.status == STATUS.CANCELLED else _alarms(access_request),
    )
    calendar = Calendar.new(prodid=PRODUCT, method="PUBLISH", subcomponents=[event])
    text: bytes = calendar.to_ical()
    return text


def _ended_early(grant: Grant) -> bool:
    never = grant.state == GrantState.CLOSED and grant.opened_at is None
    return never or hasattr(grant, "end_order")


def _sequence(access_request: AccessRequest, grants: Sequence[Grant], window: Window) -> int:
    """Calendars keep what has the higher number: each change of the request, each time that was
    added to it, and its end before its time count one."""
    longer = max((grant.extensions.count() for grant in grants), default=0)
    cancelled = window.status == STATUS.CANCELLED
    return access_request.revision + longer + (1 if cancelled else 0)


def _machines(access_request: AccessRequest) -> str:
    doors = [door for door in access_request.doors.all() if door.kind == access_request.kind]
    names = list(dict.fromkeys(clean_text(door.machine.name) for door in doors))
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]}{more}" if names else "a machine"


def _description(access_request: AccessRequest, link: str) -> str:
    doors = list(access_request.doors.all())
    ways = [f"{clean_text(door.machine.name)}: {label_of(door.kind, door.port)}" for door in doors]
    return "\n".join([access_request.reference, *ways, "How to connect, and more time:", link])


def _alarms(access_request: AccessRequest) -> list[Alarm]:
    reference = access_request.reference
    return [
        _alarm(f"{reference} opens in 10 minutes", related="START"),
        _alarm(f"{reference} closes in 10 minutes", related="END"),
    ]


def _alarm(text: str, *, related: str) -> Alarm:
    alarm = Alarm.new(description=text)
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", -BEFORE, parameters={"RELATED": related})
    return alarm
