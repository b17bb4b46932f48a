"""What a manifest says of one door: where it is, and until when it and who is inside may last."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from access.kinds import Door, Place
from access.models import Grant, Machine
from access.states import GrantState

logger = logging.getLogger(__name__)
OF_MACHINE = ("resource_id", "resource_key", "name", "os", "private_ip", "nsg_ids")


@dataclass(frozen=True)
class Entry:
    """``ends_at``: when the door must be shut. ``finish_by``: when nobody may be inside any more.
    ``requests``: the keys that requests were sent with, for grants' numbers come again after a
    restore."""

    machine: Mapping[str, Any]  # with its number in the database
    port: int
    places: tuple[Place, ...]
    ends_at: datetime
    finish_by: datetime
    grants: tuple[int, ...]
    references: tuple[str, ...]
    requests: tuple[str, ...]

    @property
    def key(self) -> tuple[str, int, tuple[str, ...]]:
        return (str(self.machine["resource_key"]), self.port, self.requests)

    @property
    def at(self) -> tuple[str, int]:
        return (str(self.machine["resource_key"]), self.port)

    def door(self) -> Door:
        """As a kind takes it that is to shut it: nobody wants it."""
        fields = {name: self.machine[name] for name in OF_MACHINE}
        return Door(Machine(pk=self.machine["pk"], **fields), self.port, self.places, ending=True)

    def as_json(self) -> dict[str, Any]:
        return {
            **vars(self),
            "machine": dict(self.machine),
            "places": [place.as_json() for place in self.places],
            "ends_at": self.ends_at.isoformat(),
            "finish_by": self.finish_by.isoformat(),
            "grants": list(self.grants),
            "references": list(self.references),
            "requests": list(self.requests),
        }


def from_json(row: Mapping[str, Any]) -> Entry:
    return Entry(
        machine=row["machine"],
        port=int(row["port"]),
        places=tuple(Place.from_json(place) for place in row["places"]),
        ends_at=datetime.fromisoformat(row["ends_at"]),
        finish_by=datetime.fromisoformat(row["finish_by"]),
        grants=tuple(row["grants"]),
        references=tuple(row["references"]),
        requests=tuple(row["requests"]),
    )


def entry_of(group: Sequence[Grant]) -> Entry:
    """The door that these grants share, until the latest of their ends."""
    machine = group[0].machine
    return Entry(
        machine={"pk": machine.pk, **{name: getattr(machine, name) for name in OF_MACHINE}},
        port=group[0].port,
        places=places_of(group) or (Place.of(machine),),
        ends_at=max(map(_end_of, group)),
        finish_by=max(map(_finish_of, group)),
        grants=tuple(grant.pk for grant in group),
        references=tuple(grant.access_request.reference for grant in group),
        requests=tuple(str(grant.access_request.submission_key) for grant in group),
    )


def places_of(group: Iterable[Grant]) -> tuple[Place, ...]:
    """One that cannot be read is left out: the engine shows its grant to people, and no other door
    may stay open, or shut, for it."""
    found: dict[Place, None] = {}
    for grant in group:
        try:
            if grant.place:
                found[Place.from_json(grant.place)] = None
        except (KeyError, TypeError, ValueError):
            logger.exception("the place of grant %s cannot be read", grant.pk)
    return tuple(found)


def _end_of(grant: Grant) -> datetime:
    """Of one that is closing since before its time, that moment."""
    return grant.due_at or grant.ends_at


def _finish_of(grant: Grant) -> datetime:
    if grant.state == GrantState.CLOSING:
        return grant.finish_by or _end_of(grant)
    return grant.ends_at + timedelta(minutes=grant.grace_minutes)
