"""One round after another: what is overdue at each gate, each gate for itself."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.conf import settings
from django.db import Error, close_old_connections, connection, connections

from access.anchoring import manifest, restorations
from access.anchoring.documents import Forged, sealed
from access.anchoring.store import NotKept, store
from access.clock import db_now, own_clock
from access.delivery.closing import look_after
from access.errands import errand
from access.errors import Later, Never
from access.models import Manifest
from portal.azure.door import acting_as
from portal.azure.roles import Identity
from portal.budget import without_database
from portal.closer import ledgered, spool
from portal.closer.remembered import Memory
from portal.closer.work import Work

logger = logging.getLogger(__name__)
NAME = "second-closer"  # of its heartbeat
ALIVE = "closer/alive"
THREADS = 4  # one gate that hangs keeps three others company
REST, LONGEST_REST = 15.0, 120.0  # after Azure said no, twice as long each time
SETTLED_SECONDS = 60.0  # until what was seen shut, with nobody inside, is looked at again
MINUTE = 60.0


@dataclass
class Closer:
    """``threads``: how many gates at a time; one where they share this thread."""

    threads: int = THREADS
    memory: Memory = field(default_factory=Memory)
    rests: dict[str, tuple[float, float]] = field(default_factory=dict)  # until when, how long
    settled: dict[tuple[str, int, int], float] = field(default_factory=dict)
    sent: dict[tuple[str, int, int], datetime] = field(default_factory=dict)
    looked_after: float | None = None

    def round(self) -> str:
        """``ledger`` or ``manifests``: by what it went."""
        with acting_as(Identity.SECOND_CLOSER), errand(closing=True):
            close_old_connections()
            try:
                self._by_ledger()
                mode = "ledger"
            except Error as error:
                logger.warning("the database is away (%s)", type(error).__name__)
                mode = "manifests"
                connections.close_all()
                self._by_manifests()
            self._say_alive(mode)
            return mode

    def _by_ledger(self) -> None:
        """Raises what the database raises."""
        db_now()  # so that a database that is away is known before anything is begun
        self._tell_spooled()
        self._carry_out(ledgered.work())
        if self.looked_after is None or time.monotonic() - self.looked_after >= MINUTE:
            self._look_after()
            self.looked_after = time.monotonic()
        look_after(NAME)  # the first closer; and its own sign of life

    def _by_manifests(self) -> None:
        with own_clock(), without_database():
            self.memory.read()
            self._carry_out(self.memory.work())

    def _look_after(self) -> None:
        """While all is well: that the manifests are good when they are needed, and that the
        database did not go back in time."""
        restorations.look(by=ledgered.BY)
        rows = Manifest.objects.filter(serial__gt=0).select_related("gate")
        self.memory.serials = {
            manifest.name_of(row.gate.resource_key, row.gate.kind): row.serial for row in rows
        }
        before = set(self.memory.told)
        self.memory.read()
        self._missing(set(self.memory.serials))
        spoiled = {key.partition(" ")[0] for key in self.memory.told - before}
        for row in rows:
            if manifest.name_of(row.gate.resource_key, row.gate.kind) in spoiled:
                Manifest.objects.filter(pk=row.pk).update(digest="")  # to be written anew
        self._tell_spooled()

    def _missing(self, known: set[str]) -> None:
        """Of which the database says that it was written."""
        with suppress(NotKept):
            place = store()
            there = set(place.names(manifest.FOLDER)) if place else known
            for name in known - there:
                self.memory.refuse(name, "is missing")

    def _tell_spooled(self) -> None:
        try:
            spool.tell_all()
        except NotKept:
            logger.exception("what was done without the database cannot be read now")
        except Error:
            raise
        except Exception:
            logger.exception("what was done without the database cannot be told")

    def _carry_out(self, works: Sequence[Work]) -> None:
        due = [work for work in works if self._is_due(work)]
        if self.threads < 2 or len(due) < 2:  # noqa: PLR2004
            for work in due:
                self._one(work)
            return
        with ThreadPoolExecutor(min(self.threads, len(due))) as pool:
            list(pool.map(lambda pair: pair[0].run(self._in_thread, pair[1]), _in_contexts(due)))

    def _in_thread(self, work: Work) -> None:
        try:
            self._one(work)
        finally:
            connection.close()

    def _is_due(self, work: Work) -> bool:
        """Not while Azure asked for patience, and not over and over what is done: the engine is to
        see it, and may be away for hours."""
        now = time.monotonic()
        if self.rests.get(_key(work), (0.0, 0.0))[0] > now:
            return False
        work.due = [
            each for each in work.due if self.settled.get((_key(work), *each.door.key), 0.0) <= now
        ]
        return bool(work.due)

    def _one(self, work: Work) -> None:
        """Whatever goes wrong at one gate stays there."""
        work.sent = {
            each.door.key: self.sent[key]
            for each in work.due
            if (key := (_key(work), *each.door.key)) in self.sent
        }
        try:
            work.carry_out()
        except (Later, Never) as setback:
            asked = setback.retry_after if isinstance(setback, Later) else None
            self._rest(work, asked)
            logger.warning("gate %s: %s", work.gate.resource_key, setback)
        except Error:
            logger.exception("gate %s: the database went away", work.gate.resource_key)
        except Exception:
            logger.exception("gate %s broke down", work.gate.resource_key)
            self._rest(work, None)
        else:
            self.rests.pop(_key(work), None)
        self.sent |= {(_key(work), *key): at for key, at in work.sent.items()}
        for door in work.settled:
            self.settled[(_key(work), *door)] = time.monotonic() + SETTLED_SECONDS

    def _rest(self, work: Work, asked: float | None) -> None:
        length = min(LONGEST_REST, 2 * self.rests.get(_key(work), (0.0, REST / 2))[1])
        self.rests[_key(work)] = (time.monotonic() + (asked or length), length)

    def _say_alive(self, mode: str) -> None:
        """For who looks at the outside memory while the database is away."""
        body = {"at": datetime.now(UTC).isoformat(), "goes_by": mode}
        try:
            place = store()
            if place is not None:
                kept = place.read(ALIVE)
                place.write(ALIVE, sealed(ALIVE, body), over=kept.tag if kept else None)
        except (NotKept, Forged):
            logger.warning("that it is alive could not be said outside", exc_info=True)


def run(stop: threading.Event, closer: Closer | None = None) -> None:
    """Until ``stop``. A round that breaks down is not the last."""
    closer = closer or Closer()
    while not stop.is_set():
        try:
            closer.round()
        except Exception:
            logger.exception("a round broke down")
        finally:
            connections.close_all()
        stop.wait(settings.CLOSER_EVERY_SECONDS)


def _key(work: Work) -> str:
    return f"{work.gate.kind} {work.gate.resource_key}"


def _in_contexts(works: Sequence[Work]) -> Iterator[tuple[Context, Work]]:
    """Each with a copy of this context: as whom Azure is called, and by which clock."""
    for work in works:
        yield copy_context(), work
