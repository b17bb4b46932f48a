"""What whoever decides should know besides the request itself: what the same person asked for
lately, and who else is on the same machines."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import F

from access.models import AccessRequest, Grant, RequestedDoor
from access.presenters.statuses import DECIDED, Status
from access.presenters.ways import label_of
from access.states import HOLDING, RequestState

SHOWN, LOOKED_BACK, MOST_OTHERS = 5, 50, 10
APPROVED = Status("green", "circle-check", "Approved")


@dataclass(frozen=True)
class Past:
    """One earlier request. ``same``: for one of the same machines."""

    access_request: AccessRequest
    machine: str
    label: str
    same: bool

    @property
    def status(self) -> Status:
        return DECIDED.get(RequestState(self.access_request.state), APPROVED)


@dataclass(frozen=True)
class Background:
    history: list[Past]
    others: list[Grant]


def background_of(access_request: AccessRequest) -> Background:
    """Two queries. Needs the doors."""
    machines = {door.machine_id for door in access_request.doors.all()}
    return Background(_history(access_request, machines), _others(access_request, machines))


def _history(access_request: AccessRequest, machines: set[int]) -> list[Past]:
    """The same machines first, then the newest."""
    lately = AccessRequest.objects.filter(requester_id=access_request.requester_id)
    newest = lately.order_by("-created_at", "-id").values("pk")[:LOOKED_BACK]
    rows = (
        RequestedDoor.objects.filter(
            access_request__in=newest,
            kind=F("access_request__kind"),
            access_request__lt=access_request.pk,
        )
        .select_related("access_request", "machine")
        .order_by("-access_request_id", "pk")
    )
    found = list(_once(rows, machines))
    return sorted(found, key=lambda past: not past.same)[:SHOWN]


def _once(rows: Iterable[RequestedDoor], machines: set[int]) -> Iterable[Past]:
    """Each request once, by the machine that matters here where it has several."""
    best: dict[int, RequestedDoor] = {}
    for door in rows:
        known = best.get(door.access_request_id)
        if known is None or (known.machine_id not in machines and door.machine_id in machines):
            best[door.access_request_id] = door
    for door in best.values():
        label = label_of(door.kind, door.port)
        yield Past(door.access_request, door.machine.name, label, door.machine_id in machines)


def _others(access_request: AccessRequest, machines: set[int]) -> list[Grant]:
    """What others hold open there. The parent of a request for more time is no other."""
    own = [access_request.pk, access_request.extends_id or access_request.pk]
    rows = Grant.objects.filter(machine__in=machines, state__in=HOLDING)
    rows = rows.exclude(access_request__in=own).select_related(
        "machine", "access_request__requester"
    )
    return list(rows.order_by("ends_at", "pk")[:MOST_OTHERS])
