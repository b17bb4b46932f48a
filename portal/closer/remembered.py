"""Without PostgreSQL: what the deadline manifests say is overdue, by this process's own clock.

A manifest that was changed, cut, put under another gate's name or is one of before is refused and
told of; then the newest that was read before it counts. Nothing here asks the database.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from access.anchoring import manifest
from access.anchoring.documents import Forged
from access.anchoring.entries import Entry
from access.anchoring.store import NotKept, Store, store
from access.kinds import all_kinds
from access.models import Gate
from portal.closer import spool
from portal.closer.work import Due, Fresh, Work

logger = logging.getLogger(__name__)
READ_SECONDS = 20.0  # at a time: a slow memory must not keep anything from being shut


@dataclass
class Memory:
    """The newest good manifest of each gate, and what was told of the bad ones."""

    good: dict[str, dict[str, Any]] = field(default_factory=dict)
    serials: dict[str, int] = field(default_factory=dict)  # that the database knows of
    told: set[str] = field(default_factory=set)
    asked: dict[str, float] = field(default_factory=dict)  # when it was last read, or tried

    def read(self) -> None:
        """All that the outside memory has. What cannot be read now is as it was read before; what
        time does not allow has its turn next."""
        place = store()
        try:
            names = place.names(manifest.FOLDER) if place else []
        except NotKept:
            logger.exception("the manifests cannot be listed")
            return
        until = time.monotonic() + READ_SECONDS
        for name in sorted(names, key=lambda name: self.asked.get(name, 0.0)):
            if place is not None and time.monotonic() < until:
                self.asked[name] = time.monotonic()
                self._take(place, name)
        for name in set(self.good) - set(names):
            self.refuse(name, "is missing")

    def _take(self, place: Store, name: str) -> None:
        try:
            kept = place.read(name)
            body = manifest.read(kept, name) if kept else None
        except Forged:
            self.refuse(name, "was changed, or not written by the portal")
            return
        except NotKept:
            logger.exception("a manifest cannot be read")
            return
        if body is None:
            return
        if int(body["serial"]) < self._least(name):
            self.refuse(name, "is one of before")
            return
        self.good[name] = body
        self.told = {key for key in self.told if not key.startswith(name)}

    def _least(self, name: str) -> int:
        known = self.good.get(name)
        return max(self.serials.get(name, 0), int(known["serial"]) if known else 0)

    def refuse(self, name: str, why: str) -> None:
        if f"{name} {why}" in self.told:
            return
        self.told.add(f"{name} {why}")
        known = self.good.get(name, {})
        what = f"The deadline manifest {why}."
        logger.error("%s %s", what, known.get("gate", name))
        spool.trouble(what, str(known.get("gate", "")), str(known.get("kind", "")))

    def work(self, now: datetime | None = None) -> list[Work]:
        """One for each gate with something overdue."""
        now = now or datetime.now(UTC)
        made = [self._at(body, now) for body in self.good.values() if body["kind"] in all_kinds()]
        return [each for each in made if each.due]

    def _at(self, body: dict[str, Any], now: datetime) -> Work:
        gate = Gate(resource_id=body["resource_id"], resource_key=body["gate"], kind=body["kind"])
        late = now - timedelta(seconds=settings.CLOSER_OVERDUE_SECONDS)
        mine = manifest.entries_of(body)
        taken = {entry.at for entry in mine if entry.ends_at > late}
        due = [_due(e, self._staying(e, now)) for e in mine if e.ends_at <= late]
        due = [each for each in due if _at(each) not in taken]
        return Work(gate, all_kinds()[gate.kind], due, self._fresh(body), spool.put)

    def _fresh(self, body: dict[str, Any]) -> Fresh:
        """The database may be back, and an engine about to open the same door to somebody else:
        that stands in the manifest before it is done."""
        name = manifest.name_of(body["gate"], body["kind"])

        def fresh(asked: Sequence[Due]) -> list[Due]:
            if (place := store()) is not None:
                self._take(place, name)
            now_due = {_at(each) for each in self._at(self.good[name], datetime.now(UTC)).due}
            return [each for each in asked if _at(each) in now_due]

        return fresh

    def _staying(self, entry: Entry, now: datetime) -> frozenset[int]:
        """Ports of the machine that are somebody's still, by all manifests together."""
        others = [e for body in self.good.values() for e in manifest.entries_of(body)]
        return frozenset(
            other.port
            for other in others
            if other.at[0] == entry.at[0] and max(other.ends_at, other.finish_by) > now
        )


def _due(entry: Entry, staying: frozenset[int]) -> Due:
    return Due(entry.door(), entry.grants, entry.references, staying)


def _at(due: Due) -> tuple[str, int]:
    return (due.door.machine.resource_key, due.door.port)
