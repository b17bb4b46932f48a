"""A request: where it stands, and everything that is known of it."""

import uuid
from datetime import datetime
from typing import Any

from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from access import policy
from access.approvers import Pool, StageNow, stages_now
from access.forms.deciding import DecideForm
from access.forms.plain import PlainForm
from access.forms.saying import SayForm
from access.models import AccessRequest, Decision, Grant, Person
from access.presenters.background import background_of
from access.presenters.calendar import may_be_added, window_of
from access.presenters.changes import changed_since
from access.presenters.conversation import conversation_for
from access.presenters.lines import lines_of
from access.presenters.requests import RequestPage, page_for, with_doors
from access.presenters.timeline import story
from access.states import RequestState
from access.views.connect import panel
from access.views.freshness import marked, request_etag, unchanged
from access.views.preflight import for_request
from access.views.who import signed_in


@require_safe
@signed_in
def detail(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    return request_page(request, person, pk)


@require_safe
@signed_in
def live(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    """What may have changed since the page was loaded; 304 when nothing has."""
    etag = request_etag(person, pk)
    if same := unchanged(request, etag):
        return same
    facts = _facts(person, pk)
    shown, now_at = request.GET.get("shown", ""), str(facts["asked"].revision)
    moved = {"shown": shown or now_at, "moved": shown not in ("", now_at)}
    context = {**facts, **panel(request, person, facts["page"]), **moved}
    context |= {"etag": etag, "swapping": True}
    return marked(render(request, "access/parts/live.html", context), etag)


def request_page(
    request: HttpRequest,
    person: Person,
    pk: int,
    *,
    typed: PlainForm | None = None,
    banner: str = "",
    status: int = 200,
) -> HttpResponse:
    """The page of a request, with the form that somebody typed into as they sent it."""
    facts = _facts(person, pk)
    page, asked = facts["page"], facts["asked"]
    if page.undecided:
        facts |= for_request(asked)
    if page.undecided and policy.oversees(person):
        facts["background"] = background_of(asked)
    facts |= panel(request, person, page)
    form = typed if isinstance(typed, DecideForm) else DecideForm(asked)
    if form.seen < asked.revision:
        facts["changes"] = changed_since(asked.reference, form.seen)
    say = typed if isinstance(typed, SayForm) else SayForm(initial={"key": uuid.uuid4()})
    etag = request_etag(person, pk) if page.every else ""  # nobody asks again for what is over
    context = {
        **facts, "form": form, "say": say, "banner": banner, "etag": etag,
        "shown": asked.revision,
    }  # fmt: skip
    return render(request, "access/request.html", context, status=status)


def _facts(person: Person, pk: int) -> dict[str, Any]:
    access_request, now = visible(person, pk), timezone.now()
    stages = _stages(access_request, now)
    grants = grants_of(access_request)
    page = page_for(access_request, grants, stages, person, now)
    lines = lines_of(access_request)
    return {
        "page": page,
        "asked": access_request,
        "for_calendar": may_be_added(window_of(access_request, grants), now),
        "extensions": _extensions(access_request),
        "talk": conversation_for(access_request, person, lines, may_decide=page.may_decide),
        "lines": lines,
        "steps": story(lines.latest),
        "prefix": _source(page),
        "now": now,
    }


def _stages(access_request: AccessRequest, now: datetime) -> list[StageNow]:
    """As they stand; none of what is decided."""
    if not access_request.is_undecided:
        return []
    return stages_now(access_request, Pool(now))


def visible(person: Person, pk: int) -> AccessRequest:
    """With its doors, and with what was decided and by whom."""
    rows = policy.visible_requests(person).select_related("requester", "decided_by", "extends")
    decisions = Decision.objects.select_related("by", "on_behalf_of").order_by("at", "pk")
    rows = rows.prefetch_related(Prefetch("decisions", decisions))
    return get_object_or_404(with_doors(rows), pk=pk)


def grants_of(access_request: AccessRequest) -> list[Grant]:
    if access_request.state != RequestState.APPROVED:
        return []
    related = ("machine__bastion", "gate", "end_order", "access_request")
    rows = Grant.objects.filter(access_request=access_request).select_related(*related)
    return list(rows.order_by("pk"))


def _extensions(access_request: AccessRequest) -> list[AccessRequest]:
    """Those that were asked for more time of what this one opened."""
    if access_request.state != RequestState.APPROVED or access_request.extends_id is not None:
        return []
    return list(access_request.extensions.order_by("pk"))


def _source(page: RequestPage) -> str:
    """Where Azure will let the connection come from."""
    host = page.machine.bastion if page.machine else None
    return f"{host.subnet_prefix} ({host.name})" if host else ""
