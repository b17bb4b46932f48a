"""Soft ends: until when somebody who is connected at a door may finish.

Azure does not tell whose session is whose. So a session may stay as long as any of the grants
that ended softly on its port allows, and no grant there is called closed before it is over.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from access.engine.compare import DoorCase
from access.engine.lines import Lines
from access.kinds import PORT_OF
from access.models import Grant
from access.states import GrantState


def finishing_on(machines: AbstractSet[int], now: datetime) -> dict[int, dict[int, datetime]]:
    """Machine → port → until when, by the longest grace that still runs there.

    A grant that counts as closed because others held its door lends its grace on: they may end
    sooner. One that was cut short has none left.
    """
    if not machines:
        return {}
    soft = Grant.objects.filter(
        machine_id__in=machines,
        state__in=[GrantState.CLOSING, GrantState.CLOSED],
        grace_minutes__gt=0,
        finish_by__gt=now,
        end_order__isnull=True,
        access_request__requester__is_active=True,
    )
    found: dict[int, dict[int, datetime]] = {}
    columns = ("machine_id", "port", "ends_at", "grace_minutes")
    for machine, port, ends_at, minutes in soft.values_list(*columns):
        until = ends_at + timedelta(minutes=minutes)
        if until > now:
            ports = found.setdefault(machine, {})
            ports[port] = max(until, ports.get(port, until))
    return found


def keep_finish(
    case: DoorCase, finishing: Mapping[int, datetime], now: datetime, lines: Lines
) -> None:
    """Write down until when the sessions of this door may last: it is overdue only after that.
    When a grace was cut short and no other lasts, that moment is over."""
    ports = {case.door.port, *(PORT_OF.get(s.protocol, 0) for s in case.sessions or ())}
    until = max((finishing[port] for port in ports if port in finishing), default=None)
    for grant in case.closing:
        finish = until or (grant.finish_by and min(grant.finish_by, now))
        if grant.finish_by != finish:
            grant.finish_by = finish
            lines.save(grant, "finish_by")
