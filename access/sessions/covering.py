"""Whose session it may be: the grants through which it could have begun.

Azure names the VM's own user, so a session is matched by machine, protocol and the moment of its
beginning. Who got a grant only later did not begin it, and who has none any more still did.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.db.models import Q

from access.kinds import serves
from access.models import Grant, LiveSession

SLACK = timedelta(seconds=60)  # Azure's clock and ours, and the time until a grant is seen closed


def covering(sessions: Collection[LiveSession]) -> dict[int, list[Grant]]:
    """By session: the grants that cover it, one for each request, oldest first. None at all
    means that nobody of the portal explains it. One query, or none for no sessions."""
    machines = {each.machine_id for each in sessions if each.machine_id}
    if not machines:
        return {each.pk: [] for each in sessions}
    earliest = min(map(began, sessions)) - SLACK
    rows = Grant.objects.filter(
        Q(closed_at__isnull=True) | Q(closed_at__gte=earliest),
        Q(asked_at__isnull=False) | Q(opened_at__isnull=False),
        machine__in=machines,
    )
    grants = list(rows.select_related("access_request__requester").order_by("starts_at", "pk"))
    return {each.pk: _once(g for g in grants if _covers(g, each)) for each in sessions}


def began(session: LiveSession) -> datetime:
    """Or was first seen, where Azure does not say when it began."""
    return min(session.started_at or session.first_seen_at, session.first_seen_at)


def _covers(grant: Grant, session: LiveSession) -> bool:
    if grant.machine_id != session.machine_id or not serves(grant.port, session.protocol):
        return False
    moment = began(session)
    over = grant.closed_at is not None and grant.closed_at < moment - SLACK
    return grant.starts_at <= moment + SLACK and not over


def _once(grants: Iterable[Grant]) -> list[Grant]:
    """A link and its window are one request's. The one that was asked for speaks for both."""
    found: dict[int, Grant] = {}
    for grant in grants:
        kept = found.get(grant.access_request_id)
        if kept is None or grant.kind == grant.access_request.kind:
            found[grant.access_request_id] = grant
    return list(found.values())
