"""The last check before a door is opened, in the transaction that records the intent.

An approval is a fact of the past. Here it is asked again whether it still holds, and whether
what would be opened is what was approved.
"""

from datetime import datetime, timedelta

from django.conf import settings

from access.models import Grant, Heartbeat, Role
from access.states import RequestState
from access.terms import digest_of

CLOSER = "closer"


def reason_to_refuse(grant: Grant) -> str:
    """Empty when the door may be opened, else why not, for people."""
    access_request = grant.access_request
    approver, requester = access_request.decided_by, access_request.requester
    if access_request.state != RequestState.APPROVED or approver is None:
        return "It was never approved."
    if approver.pk == requester.pk:
        return "It was approved by the person who asked."
    if not requester.is_active:
        return "The person who asked is no longer active."
    if not approver.holds(Role.APPROVER):
        return "The person who approved is no longer an approver."
    return _changed(grant)


def _changed(grant: Grant) -> str:
    doors = list(grant.access_request.doors.select_related("machine"))
    if digest_of(grant.access_request, doors) != grant.access_request.terms_digest:
        return "The request differs from what was approved."
    mine = [door for door in doors if door.machine_id == grant.machine_id]
    if not any(door.kind == grant.kind and door.port == grant.port for door in mine):
        return "The request does not name this machine and port."
    if any(door.vm_id != grant.machine.vm_id for door in mine):
        return "The machine was re-created since it was approved."
    return ""


def closer_seen(now: datetime) -> bool:
    """Whether the part that closes doors was seen lately. If not, nothing may be opened."""
    oldest = now - timedelta(seconds=settings.ACCESS_CLOSER_SILENCE_SECONDS)
    return Heartbeat.objects.filter(name=CLOSER, at__gte=oldest).exists()
