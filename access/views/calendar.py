"""A request's window as a file for calendars."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from access.models import AccessRequest, Person
from access.presenters.calendar import ics_for
from access.views.requests import grants_of, visible
from access.views.who import signed_in


@require_safe
@signed_in
def ics(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    """For whoever may see the request. A 404 where there is no time to put down."""
    access_request = visible(person, pk)
    link = _address(request, access_request)
    now = timezone.now()
    text = ics_for(access_request, grants_of(access_request), link=link, now=now)
    if text is None:
        raise Http404
    response = HttpResponse(text, content_type="text/calendar; charset=utf-8; method=PUBLISH")
    response["Content-Disposition"] = f'attachment; filename="{access_request.reference}.ics"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _address(request: HttpRequest, access_request: AccessRequest) -> str:
    """As the settings name the portal, for a calendar outlives the address it was fetched by."""
    page = reverse("request", args=[access_request.reference])
    known = settings.PORTAL_URL.rstrip("/")
    return f"{known}{page}" if known else request.build_absolute_uri(page)
