"""One look at one gate: claim, stage, observe, settle, act. Azure is called between transactions.

A worker may die between any two lines here; the next look finds out what Azure holds and goes on.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

from django.conf import settings

from access.anchoring import manifest
from access.engine.assuming import known_unasked
from access.engine.calm import calm
from access.engine.claim import Lease, LeaseLost, claim, renew
from access.engine.compare import Act, DoorCase, Judged
from access.engine.doors import by_door
from access.engine.putting_off import put_off
from access.engine.record import record_acts, settle
from access.engine.seeing_out import with_known_sessions
from access.engine.setbacks import (
    record_breakdown,
    record_in_vain,
    record_not_seen_out,
    record_refusal,
    record_setback,
    record_unsent,
)
from access.engine.stage import Staged, stage
from access.engine.unreadable import observed, readable
from access.errands import errand
from access.errors import Later, Never, Receipt
from access.gatekeeping import BROKE_DOWN
from access.kinds import Door, DoorKey, Kind, Seen, kind_named
from access.models import Gate
from access.states import GrantState

logger = logging.getLogger(__name__)


def look_at(gate_id: int) -> bool:
    """Look at a gate that is due. ``False`` when it was not due or somebody else has it."""
    lease = claim(gate_id)
    if lease is None:
        return False
    gate = Gate.objects.get(pk=gate_id)
    try:
        kind = kind_named(gate.kind)
        if put_off(lease, gate, kind):
            return True
        Look(gate, lease, kind).run()
    except LeaseLost:
        logger.warning("lease on gate %s was lost; the next look finds out the rest", gate_id)
    except Exception as fault:
        logger.exception("a look at gate %s broke down", gate_id)
        record_breakdown(lease, fault)  # else the gate would hang on its lease, silently
    else:
        manifest.after_look(gate)
    return True


class Look:
    """One worker's turn at one gate."""

    def __init__(self, gate: Gate, lease: Lease, kind: Kind) -> None:
        self.gate, self.lease, self.kind = gate, lease, kind
        self.asks = False  # of all doors, whatever may be known of some
        self.unasked = self.refused = False  # what was sent; and Azure did not take it
        self.full = False  # Azure was sent as much as it takes

    def run(self) -> None:
        """What is known to stand and is over is sent to be shut before Azure is asked of the rest:
        that may take a while, or fail."""
        staged = stage(self.lease)
        states = {grant.state for grant in staged.grants}
        closing, opening = GrantState.CLOSING in states, GrantState.OPENING in states
        with errand(closing=closing, opening=opening, until=self.lease.sends_until):
            if self._run(staged) and (
                self.refused or not put_off(self.lease, self.gate, self.kind)
            ):
                self.asks = True
                self._run(stage(self.lease, more=not self.full))

    def _run(self, staged: Staged) -> bool:
        """Whether there are doors left to be asked about. Closes go before disconnects, and both
        before opens."""
        doors = readable(self.lease, by_door(staged.grants).values())
        if not doors:
            calm(self.lease, [], whole=staged.extent.whole)
            return False
        try:
            seen = self._observe(doors)
        except (Later, Never) as setback:
            record_setback(self.lease, [], setback)
            return False
        judged = settle(self.lease, self.kind, seen, staged.extent)
        for act in (Act.CLOSE, Act.DISCONNECT, Act.OPEN):
            due = [item.case for item in judged if item.verdict.act is act]
            if due and not self._carry_out(act, due):
                return False
        moving = [grant for item in judged for grant in _moving(item)]
        finishing = [grant for item in judged for grant in _finishing(item)]
        if self.unasked and (self.refused or len(seen) < len(doors)):
            self.full = not self.refused and len(seen) >= settings.ACCESS_CHUNK
            return True
        calm(self.lease, moving, finishing, whole=staged.extent.whole)
        return False

    def _observe(self, doors: Sequence[Door]) -> dict[DoorKey, Seen]:
        """In parts, so that a long look keeps its lease; what must be shut comes first."""
        known = {} if self.asks else known_unasked(self.gate, self.kind, doors)
        self.unasked = bool(known)
        if known:
            return known
        urgent = sorted(doors, key=lambda door: door.until is not None)
        seen: dict[DoorKey, Seen] = {}
        for start in range(0, len(urgent), self.kind.observes):
            if start:
                renew(self.lease)
            part = urgent[start : start + self.kind.observes]
            seen |= observed(self.lease, self.kind, self.gate, part)
            seen |= self._ask_who_is_connected(part, seen)
        return seen

    def _ask_who_is_connected(
        self, doors: Sequence[Door], seen: dict[DoorKey, Seen]
    ) -> dict[DoorKey, Seen]:
        """Only where the door is shut: listing is slow and may fail, and must never keep an open
        door, this one or another, from being shut."""
        shut = [d for d in doors if d.ending and not d.until and _is_shut(seen.get(d.key))]
        found: dict[DoorKey, Seen] = {}
        for group in _by_host(shut):
            try:
                sessions = self.kind.sessions(self.gate, group)
            except (Later, Never) as setback:
                problem = str(setback)
                found |= {d.key: replace(seen[d.key], sessions_problem=problem) for d in group}
            else:
                found |= {
                    d.key: replace(seen[d.key], sessions=sessions[d.key])
                    for d in group
                    if d.key in sessions
                }
        return found

    def _carry_out(self, act: Act, cases: Sequence[DoorCase]) -> bool:
        """``False`` when Azure asked for patience: nothing more may be sent in this turn."""
        try:
            receipts = self._send(act, cases)
        except (Later, Never) as setback:
            return self._setback(act, cases, setback)
        except LeaseLost:
            raise
        except Exception:
            logger.exception("what was to be sent at gate %s broke down", self.gate.pk)
            return self._setback(act, cases, Never(BROKE_DOWN))
        record_acts(self.lease, act, cases, receipts)
        if act is Act.CLOSE:
            self._see_out(cases)
        return True

    def _see_out(self, cases: Sequence[DoorCase]) -> None:
        """Who is known to be inside, now that Azure took the order to shut their doors. Nothing
        rests where it does not work: Azure is asked again when they are shut."""
        known = with_known_sessions(self.gate, cases)
        if not known:
            return
        try:
            receipts = self._send(Act.DISCONNECT, known)
        except (Later, Never) as setback:
            record_not_seen_out(self.lease, known, setback)
        except LeaseLost:
            raise
        except Exception:
            logger.exception("who is inside at gate %s could not be seen out", self.gate.pk)
        else:
            record_acts(self.lease, Act.DISCONNECT, known, receipts)

    def _send(self, act: Act, cases: Sequence[DoorCase]) -> list[Receipt]:
        self.lease.check()
        doors = [case.door for case in cases]
        if act is Act.OPEN:
            manifest.before_opening(self.gate, doors)
            self.lease.check()
            return self.kind.open(self.gate, doors)
        if act is Act.CLOSE:
            return self.kind.close(self.gate, doors)
        sessions = [session for case in cases for session in case.overstaying]
        return self.kind.disconnect(sessions)

    def _setback(self, act: Act, cases: Sequence[DoorCase], setback: Later | Never) -> bool:
        """Azure as a whole is busy: the gate rests. Else one bad door must not take a batch with
        it: each is tried alone, and only the bad one rests. Where nothing was even sent to open
        (no token, no manifest), what is to be opened rests and nothing else: closing has tokens of
        its own."""
        if (
            act is Act.OPEN
            and isinstance(setback, Later)
            and not (setback.sent or setback.receipts)
        ):
            record_in_vain(self.lease, act, cases, setback)
            return True
        if isinstance(setback, Later) and setback.whole:
            grants = [grant for case in cases for grant in case.grants]
            record_setback(self.lease, grants, setback, act=act)
            return False
        if len(cases) > 1 and self.unasked and act is Act.CLOSE:
            record_unsent(self.lease, act, cases)  # perhaps none is there, or the host is gone
            self.refused = True
            return True
        if len(cases) > 1:
            return all(self._carry_out(act, [case]) for case in cases)
        if isinstance(setback, Later):
            record_in_vain(self.lease, act, cases, setback)
            return True
        record_refusal(self.lease, act, cases[0], setback)
        return act is not Act.CLOSE or self._end_sessions_anyway(cases[0])

    def _end_sessions_anyway(self, case: DoorCase) -> bool:
        """The door cannot be shut by us, but nobody need stay inside."""
        seen = self._ask_who_is_connected([case.door], {case.door.key: Seen(open=False)})
        found = seen.get(case.door.key)
        if found is None or found.sessions is None:
            return True  # not known now; the next look asks again
        case.seen = replace(case.seen, sessions=found.sessions)
        return not case.overstaying or self._carry_out(Act.DISCONNECT, [case])


def _is_shut(seen: Seen | None) -> bool:
    return seen is not None and not (seen.open or seen.unknown or seen.doubtful)


def _by_host(doors: Sequence[Door]) -> Iterator[list[Door]]:
    """One host that does not answer must not hide who is connected through another."""
    for host in dict.fromkeys(door.place.bastion_id for door in doors):
        yield [door for door in doors if door.place.bastion_id == host]


def _moving(item: Judged) -> list[int]:
    return [grant.pk for grant in item.case.grants] if item.verdict.moving else []


def _finishing(item: Judged) -> list[int]:
    return [grant.pk for grant in item.case.closing] if item.verdict.finishing else []
