"""Who is known to be inside when a door is sent to be shut need not stay until Azure has shut it,
which takes it a dozen seconds for a link.

What is known is what the hosts' last readings showed, some seconds old, and asking anew would take
seconds itself. So this is over and above: once the door is seen to be shut, Azure is asked who is
connected all the same, and nothing is called closed before nobody is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from access.engine.compare import DoorCase
from access.kinds import Door, Session, serves
from access.models import Gate, LiveSession


def with_known_sessions(gate: Gate, cases: Sequence[DoorCase]) -> list[DoorCase]:
    """Those of the cases in which somebody is to go, with them as seen. One query. Only who was
    inside when it was last asked who may be there: somebody else may have come since, by right."""
    over = [case for case in cases if case.closing and not case.wanting]
    rows = LiveSession.objects.filter(
        machine__in={case.door.machine.pk for case in over},
        ended_at__isnull=True,
        disconnected_at__isnull=True,
    )
    by_machine: dict[int, list[LiveSession]] = {}
    for row in rows.select_related("host") if over else ():
        by_machine.setdefault(row.machine_id or 0, []).append(row)
    known = (_knowing(case, gate, by_machine.get(case.door.machine.pk, ())) for case in over)
    return [case for case in known if case.overstaying]


def _knowing(case: DoorCase, gate: Gate, rows: Iterable[LiveSession]) -> DoorCase:
    there = [row for row in rows if _is_at(case.door, gate, row) and _was_there(case, row)]
    mine = tuple(map(_session, there))
    return replace(case, seen=replace(case.seen, sessions=mine))


def _is_at(door: Door, gate: Gate, row: LiveSession) -> bool:
    hosts = {gate.resource_key, *(place.bastion_id.lower() for place in door.places)}
    return row.host.resource_key in hosts and serves(door.port, row.protocol)


def _was_there(case: DoorCase, row: LiveSession) -> bool:
    """Before the order to shut the door was written down, with which all was weighed."""
    weighed = [grant.sent_at for grant in case.closing if grant.sent_at]
    return bool(weighed) and row.first_seen_at <= min(weighed)


def _session(row: LiveSession) -> Session:
    since = row.started_at.isoformat() if row.started_at else ""
    return Session(row.session_id, row.host.resource_id, row.user_name, row.protocol, since)
