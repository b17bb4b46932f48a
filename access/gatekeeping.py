"""The last check before a door is opened, in the transaction that records the intent.

An approval is a fact of the past. Here it is asked again whether it still holds, and whether
what would be opened is what was approved.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.expressions import Combinable

from access.models import Grant, Heartbeat, Role
from access.states import GrantState, RequestState
from access.terms import digest_of

CLOSER, LOOKER = "closer", "looker"  # who sweeps, and whose looks come to their end
RECREATED = "The machine was re-created since it was approved."


def reason_to_refuse(grant: Grant) -> str:
    """Empty when the door may be opened, else why not, for people."""
    access_request = grant.access_request
    approver, requester = access_request.decided_by, access_request.requester
    if access_request.state != RequestState.APPROVED or approver is None:
        return "It was never approved."
    if approver.pk == requester.pk:
        return "It was approved by the person who asked."
    if not approver.holds(Role.APPROVER):
        return "The person who approved is no longer an approver."
    return reason_to_end(grant) or _changed(grant)


def reason_to_end(grant: Grant) -> str:
    """Empty while what is open may stay open, else what it has lost, for people."""
    if not grant.access_request.requester.is_active:
        return "The person who asked is no longer active."
    doors = [d for d in grant.access_request.doors.all() if d.machine_id == grant.machine_id]
    return RECREATED if any(door.vm_id != grant.machine.vm_id for door in doors) else ""


def _changed(grant: Grant) -> str:
    doors = list(grant.access_request.doors.select_related("machine"))
    if digest_of(grant.access_request, doors) != grant.access_request.terms_digest:
        return "The request differs from what was approved."
    mine = [door for door in doors if door.machine_id == grant.machine_id]
    if not any(door.kind == grant.kind and door.port == grant.port for door in mine):
        return "The request does not name this machine and port."
    return ""


def closer_seen(now: datetime | Combinable) -> bool:
    """Whether closing is looked after. If not, nothing may be opened.

    Two signs of life: somebody sweeps, and, as long as anything is overdue, some look at Azure
    came to its end. A sweep alone proves nothing while no call to Azure succeeds.
    """
    oldest = now - timedelta(seconds=settings.ACCESS_CLOSER_SILENCE_SECONDS)
    seen = set(Heartbeat.objects.filter(at__gte=oldest).values_list("name", flat=True))
    return CLOSER in seen and (LOOKER in seen or not overdue_grants(oldest).exists())


def overdue_grants(since: datetime | Combinable) -> QuerySet[Grant]:
    """Grants that should have been seen closed before then, whoever may have noticed."""
    ended = Q(ends_at__lt=since) | Q(end_order__at__lt=since)
    return Grant.objects.filter(
        Q(state=GrantState.CLOSING, due_at__lt=since)
        | (Q(state__in=[GrantState.OPENING, GrantState.OPEN]) & ended)
    )
