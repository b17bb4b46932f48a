"""What a look sends to close, disconnect and open; and what becomes of what Azure does not take.

Each order is written down before it is sent. See ``dividing`` for what goes in one order.
"""

import logging
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from access.anchoring import manifest
from access.engine.claim import Lease, LeaseLost, renew
from access.engine.compare import Act, DoorCase, Judged
from access.engine.dividing import (
    BLAMED_FIRST,
    MOST_BLAMED,
    MOST_IN_A_ROW,
    PROBED_FROM,
    divided,
    halves,
    is_to_blame,
    waits_alone,
)
from access.engine.record import record_acts
from access.engine.seeing_out import with_known_sessions
from access.engine.setbacks import (
    record_in_vain,
    record_left,
    record_not_seen_out,
    record_refusal,
    record_setback,
    record_to_blame,
    record_unsent,
)
from access.errands import current
from access.errors import Erred, Later, Never, Receipt
from access.gatekeeping import BROKE_DOWN
from access.kinds import Door, DoorKey, Kind, Seen
from access.models import Gate

logger = logging.getLogger(__name__)
Order = tuple[Act, Sequence[DoorCase]]


class Sending:
    """Of one worker's turn at one gate."""

    def __init__(self, gate: Gate, lease: Lease, kind: Kind) -> None:
        self.gate, self.lease, self.kind = gate, lease, kind
        self.blamed_first = gate.erred % BLAMED_FIRST == 1  # perhaps one of them is well by now
        self.unasked = self.refused = False  # what was sent; and Azure did not take it
        self.took = self.failed = 0  # orders to close; of the latter, in a row
        self.alone = False  # but for doors to blame there is only one to be shut in this look
        self.stuck: list[DoorCase] = []  # that cannot be shut now, though others may
        self.left: list[Order] = []  # what is still to be sent, and was written down so

    def send_all(self, judged: Sequence[Judged]) -> bool:
        """Closes go before disconnects, and both before opens; of closes those last on which Azure
        broke down by themselves. ``False``: see ``_carry_out``."""
        due = {act: [item.case for item in judged if item.verdict.act is act] for act in Act}
        blamed = [case for case in due[Act.CLOSE] if is_to_blame(case)]
        others = [case for case in due[Act.CLOSE] if not is_to_blame(case)]
        later: list[Order] = [(act, due[act]) for act in (Act.DISCONNECT, Act.OPEN) if due[act]]
        self.stuck, self.alone = [], len(others) == 1
        parts = divided(others, 0 if self.took else self.gate.erred)
        first = blamed if self.blamed_first else []
        self.left = [*((Act.CLOSE, part) for part in parts), *later]
        if first and not self._close_blamed(first):
            return False
        self.left = [(Act.CLOSE, blamed), *later] if not first else later
        if not self._in_turn([(Act.CLOSE, part) for part in parts]):
            return False
        self.left = later
        if not first and not self._close_blamed(blamed):
            return False
        self._see_stuck_out()
        self.left = []
        return self._in_turn(later)

    def _close_blamed(self, cases: list[DoorCase]) -> bool:
        """Each by itself, until one is taken, with which the others go; or until it is plain that
        none is, and they rest together."""
        random.shuffle(cases)
        for number, case in enumerate(cases[:MOST_BLAMED], 1):
            before, left, probing = self.took, cases[number:], current().probing
            current().probing = not before and self.gate.erred >= PROBED_FROM
            self.left = [(Act.CLOSE, left), *self.left]
            if not self._carry_out(Act.CLOSE, [case]):
                return False
            self.left = self.left[1:]
            current().probing = probing and not self.took
            if left and self.took > before:
                return self._in_turn([(Act.CLOSE, left)])
            if not before or number == MOST_BLAMED:
                record_left(self.lease, left, like=case)
                self.stuck += left
                break
        return True

    def _in_turn(self, orders: Sequence[Order]) -> bool:
        after = self.left
        for number, (act, cases) in enumerate(orders, 1):
            self.left = [*orders[number:], *after]
            if not self._carry_out(act, cases):
                return False
        self.left = after
        return True

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
            self.took, self.failed, current().probing = self.took + 1, 0, False
            self._see_out(cases)
        return True

    def _see_out(self, cases: Sequence[DoorCase]) -> None:
        """Who is known to be inside, now that Azure took the order to shut their doors. Nothing
        rests where it does not work: Azure is asked again when they are shut."""
        self._disconnect(with_known_sessions(self.gate, cases))

    def _see_stuck_out(self) -> None:
        """Those doors cannot be shut now, but nobody need stay inside. Nothing rests for that."""
        self._disconnect(self._with_sessions(self.stuck))

    def _disconnect(self, known: Sequence[DoorCase]) -> None:
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
        of_one = act is Act.CLOSE and isinstance(setback, Erred) and self._is_of_one(cases)
        if isinstance(setback, Later) and setback.whole and not of_one:
            grants = [grant for case in cases for grant in case.grants]
            record_setback(self.lease, grants, setback, act=act, left=self.left)
            return False
        if len(cases) > 1 and self.unasked and act is Act.CLOSE and not of_one:
            record_unsent(self.lease, act, cases)  # perhaps none is there, or the host is gone
            self.refused = True
            return True
        if len(cases) > 1:
            renew(self.lease)
            return self._in_parts(act, halves(cases) if of_one else [[case] for case in cases])
        if isinstance(setback, Never):
            record_refusal(self.lease, act, cases[0], setback)
            return act is not Act.CLOSE or self._end_sessions_anyway(cases)
        if of_one:
            record_to_blame(self.lease, cases[0], setback, errs=not self.took)
            self.stuck += cases
        else:
            record_in_vain(self.lease, act, cases, setback)
        return True

    def _in_parts(self, act: Act, parts: Sequence[Sequence[DoorCase]]) -> bool:
        """What was named in an order to open may have been opened by it, and is not forgotten."""
        if act is Act.CLOSE:
            return self._in_turn([(act, part) for part in parts])
        return all(self._carry_out(act, part) for part in parts)

    def _is_of_one(self, cases: Sequence[DoorCase]) -> bool:
        """That Azure broke down on it says nothing of the gate's other doors. Too many in a row do,
        whatever it took before."""
        self.failed += 1
        if self.failed > MOST_IN_A_ROW:
            return False
        if self.took or all(map(is_to_blame, cases)):
            return True
        return self.alone and waits_alone(self.gate, cases[0])

    def _end_sessions_anyway(self, cases: Sequence[DoorCase]) -> bool:
        """The door cannot be shut by us, but nobody need stay inside."""
        inside = self._with_sessions(cases)
        return not inside or self._carry_out(Act.DISCONNECT, inside)

    def _with_sessions(self, cases: Sequence[DoorCase]) -> list[DoorCase]:
        """Those in which somebody is to go. Where it is not known who is there, the next look asks
        again."""
        seen = {case.door.key: Seen(open=False) for case in cases}
        found = self.ask_who_is_connected([case.door for case in cases], seen)
        for case in cases:
            if case.door.key in found:
                case.seen = replace(case.seen, sessions=found[case.door.key].sessions)
        return [case for case in cases if case.overstaying]

    def ask_who_is_connected(
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


def _is_shut(seen: Seen | None) -> bool:
    return seen is not None and not (seen.open or seen.unknown or seen.doubtful)


def _by_host(doors: Sequence[Door]) -> Iterator[list[Door]]:
    """One host that does not answer must not hide who is connected through another."""
    for host in dict.fromkeys(door.place.bastion_id for door in doors):
        yield [door for door in doors if door.place.bastion_id == host]
