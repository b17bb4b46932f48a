"""What is to be shut at one gate, and shutting it: look, close, look again, disconnect."""

import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import Error

from access.clock import db_now
from access.errors import Erred, Later, Never, Receipt
from access.gatekeeping import BROKE_DOWN
from access.kinds import PORT_OF, Door, DoorKey, Kind, Seen, Session
from access.models import Gate

logger = logging.getLogger(__name__)
BATCH = 50  # doors in one call, as many as Azure takes
LIST_SECONDS = 20.0  # for who is connected
FRESH_SECONDS = 2.0  # so old may be what a call is sent on


@dataclass(frozen=True)
class Due:
    """A door that nobody is entitled to any more, and the grants that it was open for.

    ``staying``: ports of its machine on which somebody may be connected all the same, for another
    grant or in the grace of a soft end."""

    door: Door
    grants: tuple[int, ...]
    references: tuple[str, ...]
    staying: frozenset[int] = frozenset()

    def overstays(self, session: Session) -> bool:
        return self.staying.isdisjoint({self.door.port, PORT_OF.get(session.protocol)})


@dataclass(frozen=True)
class Done:
    """One call, or one in vain, and what it was for: a line of the ledger for each grant."""

    event: str  # second_closer.close_sent, …disconnect_sent
    gate: Gate
    due: Due
    calls: Sequence[Receipt]
    problem: str = ""


Fresh = Callable[[Sequence[Due]], list[Due]]  # those of them that are still due, as of now
Tell = Callable[[Sequence[Done]], None]


@dataclass
class Work:
    """``fresh`` is asked right before each call: what was due a moment ago may be somebody's now.
    An overdue grant holds its exclusive door until it is closed, so there it is certain; a shared
    door would be opened again by the engine at its next look."""

    gate: Gate
    kind: Kind
    due: list[Due]
    fresh: Fresh
    tell: Tell
    sent: dict[DoorKey, datetime] = field(default_factory=dict)  # when it was asked to be shut
    settled: set[DoorKey] = field(default_factory=set)  # seen shut, with nobody inside

    def carry_out(self) -> None:
        """Raises ``Later`` or ``Never`` when Azure does not answer for the gate, or for a host."""
        seen = self._observe(self.due)
        still = [due for due in self.due if _may_stand(seen.get(due.door.key))]
        setback: Later | Never | None = None
        if still:
            try:
                self._each(self._close, still)
            except (Later, Never) as found:
                setback = found  # others may be shut, and somebody still inside
            seen = {**seen, **self._observe(still)}
        shut = [due for due in self.due if _is_shut(seen.get(due.door.key))]
        for group in _by_host(shut):
            try:
                self._end_sessions(group)
            except (Later, Never) as found:
                setback = found
        if setback is not None:
            raise setback

    def _observe(self, due: Sequence[Due]) -> Mapping[DoorKey, Seen]:
        found: dict[DoorKey, Seen] = {}
        for part in _parts(due, self.kind.observes):
            found |= self._observed(part)
        return found

    def _observed(self, due: Sequence[Due]) -> Mapping[DoorKey, Seen]:
        """What the kind breaks down on is found by halves and left out, as the engine does."""
        try:
            return self.kind.observe(self.gate, [self._door(each) for each in due])
        except (Later, Never, Error):
            raise
        except Exception:
            if len(due) == 1:
                logger.exception("door %s cannot be asked about", due[0].door.key)
                return {}
        half = len(due) // 2
        return {**self._observed(due[:half]), **self._observed(due[half:])}

    def _door(self, due: Due) -> Door:
        return replace(due.door, sent_at=self.sent.get(due.door.key))

    def _close(self, due: Sequence[Due]) -> None:
        certain = self._certain(due)
        if not certain:
            return
        now = db_now()
        self._send(
            "second_closer.close_sent",
            certain,
            lambda: self.kind.close(self.gate, [each.door for each in certain]),
        )
        self.sent |= {each.door.key: now for each in certain}

    def _certain(self, due: Sequence[Due]) -> list[Due]:
        """Asked until the answer is young: this process may have been stopped in between."""
        while True:
            asked = time.monotonic()
            certain = self.fresh(due)
            if time.monotonic() - asked < FRESH_SECONDS:
                return certain

    def _end_sessions(self, due: Sequence[Due]) -> None:
        found = self._sessions([each.door for each in due])
        left = {each.door.key: _staying(each, found) for each in due}
        self.settled |= {key for key, sessions in found.items() if not sessions}
        over = [each for each in due if left[each.door.key]]
        certain = self._certain(over) if over else []
        for each in certain:
            sessions = [s for s in left[each.door.key] if each.overstays(s)]
            if sessions:
                self._send(
                    "second_closer.disconnect_sent",
                    [each],
                    lambda sessions=sessions: self.kind.disconnect(sessions),  # type: ignore[misc]
                )

    def _sessions(self, doors: Sequence[Door]) -> dict[DoorKey, tuple[Session, ...]]:
        """Azure takes its time for the list. What it has not told by then the next round hears."""
        found: dict[DoorKey, tuple[Session, ...]] = {}
        until = time.monotonic() + LIST_SECONDS
        while left := [door for door in doors if door.key not in found]:
            found |= self.kind.sessions(self.gate, left)
            if time.monotonic() > until:
                break
            if len(found) < len(doors):
                time.sleep(settings.AZURE_POLL_SECONDS)
        return found

    def _send(self, event: str, due: Sequence[Due], call: Callable[[], Sequence[Receipt]]) -> None:
        """A call that failed may have had an effect, so it is told as well."""
        try:
            receipts = call()
        except (Later, Never) as setback:
            self._told(event, due, setback.receipts, str(setback))
            raise
        except Error:
            raise
        except Exception as fault:
            logger.exception("what was to be sent at gate %s broke down", self.gate.resource_key)
            self._told(event, due, [], BROKE_DOWN)
            raise Never(BROKE_DOWN) from fault
        self._told(event, due, receipts, "")

    def _told(self, event: str, due: Sequence[Due], calls: Sequence[Receipt], problem: str) -> None:
        self.tell([Done(event, self.gate, each, list(calls), problem) for each in due])

    def _each(self, act: Callable[[Sequence[Due]], None], due: Sequence[Due]) -> None:
        """In batches; a door that cannot be shut must not keep the others open."""
        problem: Later | Never | None = None
        for part in _parts(due, BATCH):
            try:
                act(part)
            except Erred:
                if len(part) == 1:
                    raise
                problem = self._divided(act, part)
            except (Later, Never) as setback:
                if isinstance(setback, Later) and setback.whole:
                    raise
                problem = setback
                if len(part) > 1:
                    problem = self._alone(act, part)
        if problem is not None and len(due) == 1:
            raise problem

    def _divided(
        self, act: Callable[[Sequence[Due]], None], part: Sequence[Due]
    ) -> Later | Never | None:
        """Azure broke down on it. One door alone tells whether it is not well at all, which is
        raised, or cannot bear one of the others, which is found by halves."""
        one = random.choice(part)  # noqa: S311 - guards nothing
        refused = self._alone(act, [one])
        return self._halved(act, [each for each in part if each is not one]) or refused

    def _halved(
        self, act: Callable[[Sequence[Due]], None], part: Sequence[Due]
    ) -> Later | Never | None:
        try:
            act(part)
        except (Later, Never) as setback:
            erred = isinstance(setback, Erred)
            if isinstance(setback, Later) and setback.whole and not erred:
                raise
            if len(part) == 1:
                return setback
        else:
            return None
        size = len(part) // 2 if erred else 1
        found = [self._halved(act, each) for each in _parts(part, size)]
        return next((setback for setback in found if setback), None)

    def _alone(
        self, act: Callable[[Sequence[Due]], None], part: Sequence[Due]
    ) -> Later | Never | None:
        last: Later | Never | None = None
        for each in part:
            try:
                act([each])
            except (Later, Never) as setback:
                if isinstance(setback, Later) and setback.whole:
                    raise
                last = setback
        return last


def _may_stand(seen: Seen | None) -> bool:
    """Shown open; or shown shut, and nothing bears that out. To be asked to shut does no harm."""
    return seen is not None and not seen.unknown and (seen.open or seen.doubtful)


def _is_shut(seen: Seen | None) -> bool:
    return seen is not None and not (seen.unknown or seen.open or seen.doubtful)


def _staying(due: Due, found: Mapping[DoorKey, tuple[Session, ...]]) -> list[Session]:
    return [session for session in found.get(due.door.key, ()) if due.overstays(session)]


def _parts(due: Sequence[Due], size: int) -> Iterator[Sequence[Due]]:
    for start in range(0, len(due), size):
        yield due[start : start + size]


def _by_host(due: Sequence[Due]) -> list[list[Due]]:
    """One host that does not answer must not hide who is connected through another."""
    groups: dict[str, list[Due]] = {}
    for each in due:
        groups.setdefault(each.door.place.bastion_id, []).append(each)
    return list(groups.values())


def as_data(done: Done) -> dict[str, Any]:
    """Of one line, but for its grant."""
    told: dict[str, Any] = {
        "kind": done.gate.kind,
        "port": done.due.door.port,
        "calls": [dict(call) for call in done.calls],
    }
    return told | ({"reason": done.problem} if done.problem else {})
