"""An approval that no longer stands: the request waits for a new one, and its door stays shut.

Called by workers inside the transaction that found out. Nothing is ever widened here.
"""

from datetime import datetime

from django.db.models import Max

from access import approvers, notices
from access.models import AccessRequest, Decision, RequestedDoor
from access.ruling import Ruling
from access.states import RequestState
from access.terms import digest_of


def hold(access_request: AccessRequest, why: str, ruling: Ruling, now: datetime) -> bool:
    """Void the approvals and ask anew, by the policy as it is now. ``False`` when somebody was
    quicker: a second grant of the same request, or a second worker."""
    locked = AccessRequest.objects.select_for_update(no_key=True).get(pk=access_request.pk)
    was_judged = locked.revision == access_request.revision
    if locked.hold or locked.state != RequestState.APPROVED or not was_judged:
        return False
    standing = Decision.objects.filter(
        access_request=locked, revision=locked.revision, dismissed_at__isnull=True
    )
    standing.update(dismissed_at=now, dismissed_why=why)
    locked.hold, locked.held_at = why, now
    locked.judge_by(ruling.as_json())
    locked.revision, locked.stage, locked.stage_since = locked.revision + 1, 0, now
    locked.escalated_at = None
    ends = locked.grants.aggregate(last=Max("ends_at"))["last"]
    locked.lapses_at = ends or locked.lapses_at  # until then somebody may still approve it
    doors = list(locked.doors.select_related("machine"))
    for door in doors:  # what is approved anew is approved of the machines as they are now
        door.environment = door.machine.environment
        door.production = door.machine.is_production
    RequestedDoor.objects.bulk_update(doors, ["environment", "production"])
    locked.terms_digest = digest_of(locked, doors)
    locked.save()
    approvers.reckon(locked, approvers.Pool(now))
    _tell(locked)
    return True


def _tell(locked: AccessRequest) -> None:
    key = f"{locked.reference}.{locked.revision}.held"
    to = [row.person for row in locked.deciders.select_related("person")]
    data = {"why": locked.hold}
    notices.tell("request.held", key=key, to=[locked.requester, *to], about=locked, data=data)
    if locked.blocked:
        blocked = {"reference": locked.reference, "why": locked.blocked}
        notices.tell_overseers("request.blocked", key=f"{key}.blocked", data=blocked)
