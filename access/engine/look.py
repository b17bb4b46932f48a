"""One look at one gate: claim, stage, observe, settle, act. Azure is called between transactions.

A worker may die between any two lines here; the next look finds out what Azure holds and goes on.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from access.engine.claim import Lease, LeaseLost, claim
from access.engine.compare import Act, DoorCase
from access.engine.doors import by_door, door_for
from access.engine.record import UNSEEN, calm, record_acts, record_refusal, record_setback, settle
from access.engine.stage import stage
from access.errors import Later, Never, Receipt
from access.kinds import Door, DoorKey, Kind, Seen, kind_named
from access.models import Gate, Grant

logger = logging.getLogger(__name__)


def look_at(gate_id: int) -> bool:
    """Look at a gate that is due. ``False`` when it was not due or somebody else has it."""
    lease = claim(gate_id)
    if lease is None:
        return False
    gate = Gate.objects.get(pk=gate_id)
    try:
        Look(gate, lease, kind_named(gate.kind)).run()
    except LeaseLost:
        logger.warning("lease on gate %s was lost; the next look finds out the rest", gate_id)
    return True


class Look:
    """One worker's turn at one gate."""

    def __init__(self, gate: Gate, lease: Lease, kind: Kind) -> None:
        self.gate, self.lease, self.kind = gate, lease, kind

    def run(self) -> None:
        """Closes go before disconnects, and both before opens."""
        grants = stage(self.lease)
        if not grants:
            calm(self.lease, transient=False)
            return
        doors = [door_for(group) for group in by_door(grants).values()]
        try:
            seen = self._observe(doors)
        except (Later, Never) as setback:
            record_setback(self.lease, grants, setback, while_doing="look")
            return
        judged = settle(self.lease, self.kind, grants, seen)
        for act in (Act.CLOSE, Act.DISCONNECT, Act.OPEN):
            due = [item.case for item in judged if item.verdict.act is act]
            if due and not self._carry_out(act, due):
                return
        moving = [item.case for item in judged if item.verdict.moving]
        calm(self.lease, transient=bool(moving), sent_at=_first_sent(moving))

    def _observe(self, doors: Sequence[Door]) -> dict[DoorKey, Seen]:
        """Sessions are asked for where the door is shut: listing them is slow and may fail, and
        must never keep an open door from being shut."""
        seen = dict(self.kind.observe(self.gate, doors))
        ending = [door for door in doors if door.ending and not door.until]
        shut = [door for door in ending if not seen.get(door.key, UNSEEN).open]
        if shut:
            for key, sessions in self.kind.sessions(shut).items():
                seen[key] = replace(seen.get(key, UNSEEN), sessions=sessions)
        return seen

    def _carry_out(self, act: Act, cases: Sequence[DoorCase]) -> bool:
        """``False`` when Azure asked for patience: nothing more may be sent in this turn."""
        try:
            receipts = self._send(act, cases)
        except Later as setback:
            record_setback(self.lease, _grants(cases), setback, while_doing=act.value)
            return False
        except Never as refusal:
            return self._refused(act, cases, refusal)
        record_acts(self.lease, act, cases, receipts)
        return True

    def _send(self, act: Act, cases: Sequence[DoorCase]) -> list[Receipt]:
        doors = [case.door for case in cases]
        if act is Act.OPEN:
            return self.kind.open(self.gate, doors)
        if act is Act.CLOSE:
            return self.kind.close(self.gate, doors)
        sessions = [session for case in cases for session in case.seen.sessions]
        return self.kind.disconnect(sessions)

    def _refused(self, act: Act, cases: Sequence[DoorCase], refusal: Never) -> bool:
        """One bad door must not take a whole batch with it: each is then tried alone."""
        if len(cases) > 1:
            return all(self._carry_out(act, [case]) for case in cases)
        record_refusal(self.lease, act, cases[0], refusal)
        return act is not Act.CLOSE or self._end_sessions_anyway(cases[0])

    def _end_sessions_anyway(self, case: DoorCase) -> bool:
        """The door cannot be shut by us, but nobody need stay inside."""
        if case.covered:
            return True
        try:
            sessions = self.kind.sessions([case.door]).get(case.door.key, ())
        except (Later, Never) as setback:
            record_setback(self.lease, list(case.grants), setback, while_doing="look")
            return False
        case.seen = replace(case.seen, sessions=sessions)
        return not sessions or self._carry_out(Act.DISCONNECT, [case])


def _first_sent(cases: Sequence[DoorCase]) -> datetime | None:
    """When Azure was first asked for what is still under way."""
    return min((g.sent_at for case in cases for g in case.grants if g.sent_at), default=None)


def _grants(cases: Sequence[DoorCase]) -> list[Grant]:
    return [grant for case in cases for grant in case.grants]
