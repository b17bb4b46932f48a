"""One look at one gate: claim, stage, observe, settle, act. Azure is called between transactions.

A worker may die between any two lines here; the next look finds out what Azure holds and goes on.
"""

import logging
from collections.abc import Sequence

from django.conf import settings

from access.anchoring import manifest
from access.engine.assuming import known_unasked
from access.engine.calm import calm
from access.engine.claim import Lease, LeaseLost, claim, renew
from access.engine.compare import Judged
from access.engine.dividing import PROBED_FROM, explains
from access.engine.doors import by_door
from access.engine.putting_off import put_off
from access.engine.record import settle
from access.engine.sending import Sending
from access.engine.setbacks import (
    record_breakdown,
    record_setback,
)
from access.engine.stage import Staged, stage
from access.engine.unreadable import observed, readable
from access.errands import errand
from access.errors import Later, Never
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


class Look(Sending):
    """One worker's turn at one gate."""

    def __init__(self, gate: Gate, lease: Lease, kind: Kind) -> None:
        super().__init__(gate, lease, kind)
        self.asks = False  # of all doors, whatever may be known of some
        self.full = False  # Azure was sent as much as it takes

    def run(self) -> None:
        """What is known to stand and is over is sent to be shut before Azure is asked of the rest:
        that may take a while, or fail."""
        staged = stage(self.lease)
        states = {grant.state for grant in staged.grants}
        closing, opening = GrantState.CLOSING in states, GrantState.OPENING in states
        probing = self.gate.erred >= PROBED_FROM and not explains(self.gate)
        with errand(
            closing=closing, opening=opening, until=self.lease.sends_until, probing=probing
        ):
            if self._run(staged) and (
                self.refused or not put_off(self.lease, self.gate, self.kind)
            ):
                self.asks = True
                self._run(stage(self.lease, more=not self.full))

    def _run(self, staged: Staged) -> bool:
        """Whether there are doors left to be asked about."""
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
        if not self.send_all(judged):
            return False
        moving = [grant for item in judged for grant in _moving(item)]
        finishing = [grant for item in judged for grant in _finishing(item)]
        if self.unasked and (self.refused or len(seen) < len(doors)):
            self.full = not self.refused and len(seen) >= settings.ACCESS_CHUNK
            return True
        if staged.extent.tries is not None and self.took and not self.asks:
            return True  # it is well, and the rest is not kept waiting
        calm(self.lease, moving, finishing, whole=staged.extent.whole)
        return False

    def _observe(self, doors: Sequence[Door]) -> dict[DoorKey, Seen]:
        """In parts, so that a long look keeps its lease; what must be shut comes first."""
        asks = self.asks or (self.blamed_first and any(door.erred for door in doors))
        known = {} if asks else known_unasked(self.gate, self.kind, doors)
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
            seen |= self.ask_who_is_connected(part, seen)
        return seen


def _moving(item: Judged) -> list[int]:
    return [grant.pk for grant in item.case.grants] if item.verdict.moving else []


def _finishing(item: Judged) -> list[int]:
    return [grant.pk for grant in item.case.closing] if item.verdict.finishing else []
