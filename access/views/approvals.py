"""The approver's queue: whichever is due first on top, what waits for an answer at the bottom."""

from datetime import UTC, datetime

from django.db.models import Case, F, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from access import policy
from access.models import AccessRequest, Person
from access.presenters.deputies import standing_in
from access.presenters.queue import for_queue, last_decision, queue_row
from access.presenters.requests import with_doors
from access.views.pages import page_of
from access.views.who import signed_in

AT_THE_END = datetime(9000, 1, 1, tzinfo=UTC)


@require_safe
@signed_in
def approvals(request: HttpRequest, person: Person) -> HttpResponse:
    now = timezone.now()
    waiting = with_doors(for_queue(_ranked(person)))
    page = page_of(request, waiting, ordering=("rank", "id"))
    rows = [queue_row(asked, now) for asked in page.rows]
    context = {
        "page": page,
        "rows": rows,
        "standing_in": standing_in(person, now),
        "last": None if rows else last_decision(person),
        "now": now,
    }
    return render(request, "access/approvals.html", context)


def _ranked(person: Person) -> QuerySet[AccessRequest]:
    waits = When(asked_back_at__isnull=False, then=Value(AT_THE_END))
    return policy.waiting_for(person).annotate(rank=Case(waits, default=F("lapses_at")))
