"""Home: am I in, and until when? What waits, and what did I use lately?"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from access import policy
from access.models import AccessRequest, Grant, Person
from access.presenters.deputies import standing_in
from access.presenters.grants import lines_for
from access.presenters.queue import for_queue, queue_row
from access.presenters.requests import RequestRow, load_doors, row_for
from access.states import LIVE, GrantState, RequestState
from access.views.who import signed_in

RECENT, RECENT_READ, SHOWN = 5, 20, 25


@require_safe
@signed_in
def home(request: HttpRequest, person: Person) -> HttpResponse:
    now = timezone.now()
    grants = _live_grants(person)
    lately, to_decide = _lately(person), _to_decide(person)
    load_doors([*lately, *to_decide])
    recent = [row_for(asked, now) for asked in lately]
    context = {
        "now": now,
        "lines": lines_for(grants, person, now),
        "has_open": any(grant.state == GrantState.OPEN for grant in grants),
        "waiting": [row for row in recent if row.access_request.state == RequestState.PENDING],
        "to_decide": [queue_row(asked, now) for asked in to_decide],
        "standing_in": standing_in(person, now),
        "again": _once_per_machine(recent)[:RECENT],
    }
    return render(request, "access/home.html", context)


def _live_grants(person: Person) -> list[Grant]:
    mine = Grant.objects.filter(access_request__requester=person, state__in=LIVE)
    related = ("machine__bastion", "gate", "end_order", "access_request")
    return list(mine.select_related(*related).order_by("ends_at", "pk"))


def _lately(person: Person) -> list[AccessRequest]:
    mine = AccessRequest.objects.filter(requester=person).order_by("-created_at", "-id")
    return list(mine[:RECENT_READ])


def _to_decide(person: Person) -> list[AccessRequest]:
    if not policy.has(person, policy.Act.DECIDE):
        return []
    return list(for_queue(policy.waiting_for(person))[:RECENT])


def _once_per_machine(rows: list[RequestRow]) -> list[RequestRow]:
    """The latest request for each machine and way."""
    found: dict[tuple[int, str], RequestRow] = {}
    for row in rows:
        if row.machine is not None and row.access_request.extends_id is None:
            found.setdefault((row.machine.pk, row.access_request.kind), row)
    return list(found.values())
