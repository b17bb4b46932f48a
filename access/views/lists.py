"""Lists: my requests, and everything that is open now. Overdue comes first."""

from datetime import UTC, datetime

from django.db.models import Case, Exists, F, OuterRef, Prefetch, QuerySet, Value, When
from django.db.models.functions import Coalesce, Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from access import policy
from access.filters import MineFilter
from access.gatekeeping import overdue_grants
from access.models import AccessRequest, Grant, Person
from access.presenters.grants import lines_for
from access.presenters.requests import row_for, with_doors
from access.presenters.statuses import OVERDUE_AFTER, is_overdue
from access.states import HOLDING, GrantState
from access.views.freshness import mark, marked, unchanged
from access.views.pages import Page, page_of
from access.views.sessions import ConnectedNow, connected_now
from access.views.who import signed_in

ON_TOP = datetime(9000, 1, 1, tzinfo=UTC)
OPEN_SIZE = 50


@require_safe
@signed_in
def mine(request: HttpRequest, person: Person) -> HttpResponse:
    now = timezone.now()
    chosen = MineFilter(request.GET, queryset=_overdue_on_top(person))
    page = page_of(request, chosen.qs, ordering=("-rank", "-id"))
    context = {
        "page": page,
        "rows": [row_for(asked, now) for asked in page.rows],
        "filter": chosen,
    }
    return render(request, "access/requests.html", context)


@require_safe
@signed_in
def open_now(request: HttpRequest, person: Person) -> HttpResponse:
    """The same address answers the poll, with the list alone, or 304 when it is unchanged."""
    page = page_of(request, _held(person), ordering=("rank", "id"), size=OPEN_SIZE)
    now = timezone.now()
    connected = connected_now(person, now)
    etag = _open_etag(person, page, connected)
    if same := unchanged(request, etag):
        return same
    moving = connected.moving or any(grant.state != GrantState.OPEN for grant in page.rows)
    context = {
        "page": page,
        "connected": connected,
        "lines": lines_for(page.rows, person, now),
        "etag": etag,
        "every": 2 if moving else 10,
        "now": now,
    }
    partial = request.headers.get("HX-Target") == "open-list"
    name = "access/parts/open_now.html" if partial else "access/open_now.html"
    response = render(request, name, context)
    return marked(response, etag) if partial else response


def _overdue_on_top(person: Person) -> QuerySet[AccessRequest]:
    rows = ranked(AccessRequest.objects.filter(requester=person))
    ended = Grant.objects.select_related("end_order")
    return with_doors(rows).prefetch_related(Prefetch("grants", ended))


def ranked(rows: QuerySet[AccessRequest]) -> QuerySet[AccessRequest]:
    """``rank``: by which what is overdue comes before the newest."""
    late = overdue_grants(Now() - OVERDUE_AFTER).filter(access_request=OuterRef("pk"))
    return rows.annotate(rank=Case(When(Exists(late), then=Value(ON_TOP)), default=F("created_at")))


def _held(person: Person) -> QuerySet[Grant]:
    """What has been owed a closing for longest comes first, then what ends next."""
    rows = policy.visible_grants(person).filter(state__in=HOLDING)
    related = ("machine__bastion", "gate", "end_order")
    rows = rows.select_related(*related, "access_request__requester", "access_request__decided_by")
    return rows.annotate(rank=Coalesce("due_at", "ends_at"))


def _open_etag(person: Person, page: Page[Grant], connected: ConnectedNow) -> str:
    now = timezone.now()
    facts = [
        (
            grant.pk,
            grant.state,
            grant.outstanding,
            grant.problem,
            hasattr(grant, "end_order"),
            grant.gate.problem,
            grant.gate.pause_until,
            is_overdue(grant, now),
        )
        for grant in page.rows
    ]
    return mark(person, facts, page.next, page.previous, connected.mark)
