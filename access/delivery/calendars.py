"""The calendar file that goes with the mail of a window approved for later."""

from datetime import datetime

from access.delivery.links import link_to
from access.models import AccessRequest, Notice
from access.models.requests import REFERENCE_PREFIX
from access.presenters.calendar import ics_for
from access.states import RequestState

EVENT = "request.approved"
CALENDAR = "text/calendar"


def calendar_for(notice: Notice, now: datetime) -> bytes | None:
    """``None`` where the window is none for later, or stands no longer."""
    number = notice.reference.removeprefix(REFERENCE_PREFIX)
    if notice.event != EVENT or not number.isdecimal():
        return None
    found = AccessRequest.objects.filter(
        pk=int(number), state=RequestState.APPROVED, asked_start__gt=now, hold=""
    ).first()
    if found is None:
        return None
    grants = list(found.grants.select_related("machine", "end_order"))
    return ics_for(found, grants, link=link_to("request", notice.reference), now=now)
