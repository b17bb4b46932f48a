"""A request: where it stands, deciding it, taking it back, and the lists of requests."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from access import policy, services
from access.forms import DecideForm
from access.models import AccessRequest, Grant, LedgerEntry, Person
from access.presenters.requests import RequestPage, page_for, with_doors
from access.presenters.timeline import Step, story
from access.states import RequestState
from access.views.connect import panel
from access.views.freshness import marked, request_etag, unchanged
from access.views.preflight import for_request
from access.views.problems import accepted, mapped_onto
from access.views.who import signed_in

LONGEST_STORY = 200
Decider = Callable[..., AccessRequest]


@require_safe
@signed_in
def detail(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    return _page(request, person, pk)


@require_safe
@signed_in
def live(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    """What may have changed since the page was loaded; 304 when nothing has."""
    etag = request_etag(person, pk)
    if same := unchanged(request, etag):
        return same
    facts = _facts(person, pk)
    context = {**facts, **panel(request, person, facts["page"]), "etag": etag, "swapping": True}
    return marked(render(request, "access/parts/live.html", context), etag)


def fresh(request: HttpRequest, *, pk: int, banner: str, status: int) -> HttpResponse:
    """The request as it is now, above it what could not be done."""
    return _shown(request, pk, banner=banner, status=status)


@require_POST
@mapped_onto(fresh)
@signed_in
def approve(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    return _decide(request, person, pk, services.approve, "approved")


@require_POST
@mapped_onto(fresh)
@signed_in
def deny(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    return _decide(request, person, pk, services.deny, "denied")


@require_POST
@mapped_onto(fresh)
@signed_in
def withdraw(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    done = services.withdraw(_visible(person, pk), by=person)
    messages.success(request, f"{done.reference} was withdrawn.")
    return redirect("request", done.reference)


def _decide(
    request: HttpRequest, person: Person, pk: int, service: Decider, what: str
) -> HttpResponse:
    access_request, form = _visible(person, pk), DecideForm(request.POST)
    done = accepted(form, lambda: service(access_request, by=person, **form.cleaned_data))
    if done is None:
        return _page(request, person, pk, form=form, status=400)
    messages.success(request, f"{access_request.reference} was {what}.")
    return redirect("request", access_request.reference)


@signed_in
def _shown(request: HttpRequest, person: Person, pk: int, banner: str, status: int) -> HttpResponse:
    return _page(request, person, pk, banner=banner, status=status)


def _page(
    request: HttpRequest,
    person: Person,
    pk: int,
    *,
    form: DecideForm | None = None,
    banner: str = "",
    status: int = 200,
) -> HttpResponse:
    facts = _facts(person, pk)
    if facts["page"].pending:
        facts |= for_request(facts["asked"])
    facts |= panel(request, person, facts["page"])
    digest = facts["page"].access_request.terms_digest
    form = form or DecideForm(initial={"terms_digest": digest})
    context = {**facts, "form": form, "banner": banner, "etag": request_etag(person, pk)}
    return render(request, "access/request.html", context, status=status)


def _facts(person: Person, pk: int) -> dict[str, Any]:
    access_request, now = _visible(person, pk), timezone.now()
    page = page_for(access_request, _grants(access_request), person, now)
    approvers = policy.eligible_approvers(access_request.requester_id) if page.pending else []
    return {
        "page": page,
        "asked": access_request,
        "approvers": list(approvers),
        "steps": _story(access_request),
        "prefix": _source(page),
        "now": now,
    }


def _visible(person: Person, pk: int) -> AccessRequest:
    rows = policy.visible_requests(person).select_related("requester", "decided_by")
    return get_object_or_404(with_doors(rows), pk=pk)


def _grants(access_request: AccessRequest) -> list[Grant]:
    if access_request.state != RequestState.APPROVED:
        return []
    related = ("machine__bastion", "gate", "end_order", "access_request")
    rows = Grant.objects.filter(access_request=access_request).select_related(*related)
    return list(rows.order_by("pk"))


def _story(access_request: AccessRequest) -> list[Step]:
    """The latest lines, oldest first."""
    lines = LedgerEntry.objects.filter(reference=access_request.reference).order_by("-seq")
    return story(reversed(lines[:LONGEST_STORY]))


def _source(page: RequestPage) -> str:
    """Where Azure will let the connection come from."""
    host = page.machine.bastion if page.machine else None
    return f"{host.subnet_prefix} ({host.name})" if host else ""
