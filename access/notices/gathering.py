"""Many notices of one transaction: what they have in common is asked once, and their rows are
written in one statement at the end."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from access.clock import db_now
from access.models import AccessRequest, Endpoint, Notice, Person, RequestedDoor
from access.notices.due import wake_routes


@dataclass
class Gathering:
    """``people``: active ones by number, ``None`` for those who are not. ``doors``: by the number
    of their request."""

    now: datetime
    rows: list[Notice] = field(default_factory=list)
    endpoints: list[Endpoint] | None = None
    people: dict[int, Person | None] = field(default_factory=dict)
    doors: dict[int, list[RequestedDoor]] = field(default_factory=dict)


_gathering: ContextVar[Gathering | None] = ContextVar("notices_together", default=None)


@contextmanager
def together(about: Iterable[AccessRequest] = ()) -> Iterator[None]:
    """All that is told inside. ``about``: requests whose doors will be named, read at once.
    What is told inside another such block belongs to that one."""
    if _gathering.get() is not None:
        yield
        return
    gathered = Gathering(db_now(), doors=_doors_of({asked.pk for asked in about}))
    mark = _gathering.set(gathered)
    try:
        yield
    finally:
        _gathering.reset(mark)
    insert(gathered.rows)


def write(rows: list[Notice]) -> None:
    """Now, or with the others that are being gathered."""
    found = _gathering.get()
    if found is None:
        insert(rows)
    else:
        found.rows += rows


def insert(rows: list[Notice]) -> None:
    if rows:
        Notice.objects.bulk_create(rows, ignore_conflicts=True)
        names = sorted({row.route for row in rows if not row.digest})
        transaction.on_commit(lambda: wake_routes(names))


def doors_of(about: AccessRequest) -> list[RequestedDoor]:
    """In the order in which they were asked for, with their machines."""
    found = _gathering.get()
    if found is None:
        return _doors_of({about.pk}).get(about.pk, [])
    if about.pk not in found.doors:
        found.doors |= {about.pk: [], **_doors_of({about.pk})}
    return found.doors[about.pk]


def active_endpoints() -> list[Endpoint]:
    found = _gathering.get()
    if found is not None and found.endpoints is not None:
        return found.endpoints
    endpoints = list(Endpoint.objects.filter(active=True).order_by("pk"))
    if found is not None:
        found.endpoints = endpoints
    return endpoints


def active_people(wanted: set[int]) -> list[Person]:
    """Those of them who are active, as they are now, with what they wish to hear."""
    found = _gathering.get()
    known: dict[int, Person | None] = found.people if found is not None else {}
    if missing := wanted - known.keys():
        active = Person.objects.filter(pk__in=missing, is_active=True)
        rows = {person.pk: person for person in active.select_related("notice_preference")}
        known.update({pk: rows.get(pk) for pk in missing})
    return [person for pk in sorted(wanted) if (person := known[pk]) is not None]


def _doors_of(requests: set[int]) -> dict[int, list[RequestedDoor]]:
    if not requests:
        return {}
    found: dict[int, list[RequestedDoor]] = {pk: [] for pk in requests}
    doors = RequestedDoor.objects.filter(access_request__in=requests)
    for door in doors.select_related("machine").order_by("pk"):
        found[door.access_request_id].append(door)
    return found


def moment() -> datetime:
    """When it is told."""
    found = _gathering.get()
    return found.now if found is not None else db_now()
