"""Cheap marks of what a page shows, so that an unchanged page costs one query and no body."""

import hashlib

from django.db.models import Count, Exists, Max, OuterRef, Q, Subquery
from django.db.models.functions import Now
from django.http import Http404, HttpRequest, HttpResponse

from access import policy
from access.gatekeeping import overdue_grants
from access.models import LedgerEntry, Notice, NoticeState, Person
from access.models.requests import REFERENCE_PREFIX
from access.presenters.statuses import OVERDUE_AFTER

REQUEST_FACTS = (
    "state",
    "revision",
    "stage",
    "hold",
    "blocked",
    "asked_back_at",
    "grants__pk",
    "grants__state",
    "grants__ends_at",
    "grants__shut_at",
    "grants__outstanding",
    "grants__problem",
    "grants__end_order__at",
    "grants__gate__problem",
    "grants__gate__pause_until",
)


def request_etag(person: Person, pk: int) -> str:
    """Changes whenever the request's page would. Not to be seen is a 404."""
    reference = f"{REFERENCE_PREFIX}{pk:06d}"
    lines = LedgerEntry.objects.filter(reference=reference).values("reference")
    late = overdue_grants(Now() - OVERDUE_AFTER).filter(access_request=OuterRef("pk"))
    last = lines.annotate(last=Max("seq")).values("last")
    rows = list(
        policy.visible_requests(person)
        .filter(pk=pk)
        .order_by("grants__pk")
        .values_list(*REQUEST_FACTS, Exists(late), Subquery(last), _letters(reference))
    )
    if not rows:
        raise Http404
    return mark(person, rows)


def _letters(reference: str) -> Subquery:
    """How far those to people without an account got, which no ledger line tells."""
    outside = Notice.objects.filter(reference=reference, person=None, endpoint=None)
    settled = Count("pk", filter=~Q(state=NoticeState.QUEUED))
    in_vain = Count("pk", filter=~Q(problem=""))
    counted = outside.order_by().values("reference").annotate(n=settled * 10_000 + in_vain)
    return Subquery(counted.values("n"))


def mark(person: Person, *facts: object) -> str:
    """Stands for what is shown to this person in their zone."""
    text = repr((person.pk, person.zone, facts))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def unchanged(request: HttpRequest, etag: str) -> HttpResponse | None:
    """A 304 when the browser shows this already. A proxy may have made the mark a weak one."""
    known = request.headers.get("If-None-Match", "").removeprefix("W/").strip('"')
    return marked(HttpResponse(status=304), etag) if known == etag else None


def marked(response: HttpResponse, etag: str) -> HttpResponse:
    response.headers["ETag"] = f'"{etag}"'
    return response
