"""One grant that the portal cannot make sense of must not take the others of its gate with it.

An id that is none, a place that cannot be read: what breaks down on it is found by halves, set
aside and shown to people; it is tried again, in the end once an hour (R-32).
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from access.engine.claim import Lease
from access.engine.doors import door_for
from access.engine.rest import is_set_aside
from access.engine.setbacks import record_unreadable
from access.errors import Later, Never
from access.kinds import Door, DoorKey, Kind, Seen
from access.models import Gate, Grant
from access.states import HOLDING, WANTING_NOW

logger = logging.getLogger(__name__)


def readable(lease: Lease, groups: Iterable[Sequence[Grant]]) -> list[Door]:
    """The doors of these groups of grants, without the grants that cannot be made out."""
    doors = []
    for group in groups:
        good = _without_bad(lease, group, door_for)
        if good:
            doors.append(door_for(good))
    return doors


def observed(lease: Lease, kind: Kind, gate: Gate, doors: Sequence[Door]) -> dict[DoorKey, Seen]:
    """What Azure shows of all doors but those on which the kind breaks down. Raises ``Later`` and
    ``Never`` for the gate as a whole."""
    try:
        return dict(kind.observe(gate, doors))
    except (Later, Never):
        raise
    except Exception:
        logger.exception("gate %s cannot be asked about %s doors", gate.pk, len(doors))
    if len(doors) > 1:
        half = len(doors) // 2
        first = observed(lease, kind, gate, doors[:half])
        return first | observed(lease, kind, gate, doors[half:])
    group = [each for each in _grants_at(gate, doors[0]) if not is_set_aside(each, gate.looked_at)]
    good = _without_bad(lease, group, lambda some: kind.observe(gate, [door_for(some)]))
    return dict(kind.observe(gate, [door_for(good)])) if good else {}


def well(group: Sequence[Grant], began: datetime | None) -> list[Grant]:
    """Those that are not set aside. One that is still wants its door, where nobody else does: it
    is not shut because others there are over. Its place is not known: see ``door_of``."""
    aside = {grant.pk for grant in group if is_set_aside(grant, began)}
    fine = [grant for grant in group if grant.pk not in aside]
    if not fine or any(grant.state in WANTING_NOW for grant in fine):
        return fine
    return [each for each in group if each.pk not in aside or each.state in WANTING_NOW]


def door_of(group: Sequence[Grant], began: datetime | None) -> Door:
    """Of what ``well`` left."""
    return door_for([grant for grant in group if not is_set_aside(grant, began)])


def _without_bad(
    lease: Lease, group: Sequence[Grant], attempt: Callable[[Sequence[Grant]], object]
) -> list[Grant]:
    """Those on which it breaks down, each alone, are set aside; all, if it is none of them."""
    faults = {grant.pk: _fault(attempt, [grant]) for grant in group}
    good = [grant for grant in group if faults[grant.pk] is None]
    if good and (fault := _fault(attempt, good)):
        faults, good = dict.fromkeys(faults, fault), []
    for grant in group:
        if fault := faults[grant.pk]:
            record_unreadable(lease, [grant], fault)
    return good


def _fault(
    attempt: Callable[[Sequence[Grant]], object], group: Sequence[Grant]
) -> Exception | None:
    try:
        attempt(group)
    except (Later, Never):
        raise
    except Exception as fault:
        logger.exception("the door of grant %s cannot be made out", group[0].pk)
        return fault
    return None


def _grants_at(gate: Gate, door: Door) -> list[Grant]:
    mine = Grant.objects.filter(gate=gate, machine=door.machine, port=door.port)
    return list(mine.filter(state__in=HOLDING).select_related("machine", "access_request"))
