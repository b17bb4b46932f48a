"""Who is told of what, and how far it got: for administrators; and each person's own notices."""

from typing import Any

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access import policy
from access.delivery.mail import is_configured
from access.delivery.showing import endpoint_lines, line_for
from access.forms.notices import FAMILIES, EndpointForm, NoticeForm
from access.models import Endpoint, Notice, NoticeState, Person, Route
from access.models.notices import MAIL_ROUTE
from access.services import endpoints
from access.services.preferences import prefer
from access.views.pages import page_of
from access.views.problems import accepted, mapped
from access.views.who import signed_in

FILTERS = {
    "": "All",
    "waiting": "Waiting",
    "failed": "Given up or not sent",
    "sent": "Sent",
}


@require_safe
@signed_in
def notices(request: HttpRequest, person: Person) -> HttpResponse:
    _check_may_see(person)
    chosen = request.GET.get("state", "")
    page = page_of(request, _rows(chosen), ordering=("-id",))
    context = {
        "endpoints": endpoint_lines(Endpoint.objects.order_by("-active", "name")),
        "page": page,
        "lines": [line_for(notice, person, may_retry=True) for notice in page.rows],
        "filters": FILTERS,
        "chosen": chosen if chosen in FILTERS else "",
        "mail": is_configured() and (Route.objects.filter(name=MAIL_ROUTE).first() or Route()),
    }
    return render(request, "access/notices.html", context)


@require_safe
@signed_in
def notice(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    """One as it was told: to its recipient, and to administrators."""
    able = policy.may_manage_notices(person)
    rows = Notice.objects.select_related("person", "endpoint")
    found = get_object_or_404(rows if able else rows.filter(person=person), pk=pk)
    context = {"line": line_for(found, person, may_retry=able), "able": able}
    return render(request, "access/notice.html", context)


@require_POST
@mapped
@signed_in
def retry(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    _check_may_see(person)
    endpoints.retry(get_object_or_404(Notice, pk=pk), by=person)
    messages.success(request, "It is tried again now.")
    return redirect("notice", pk)


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@signed_in
def add(request: HttpRequest, person: Person) -> HttpResponse:
    _check_may_see(person)
    form = EndpointForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        done = accepted(
            form,
            lambda: endpoints.add(form.cleaned_data["kind"], form.details(), by=person),
        )
        if done is not None:
            return _added(request, *done)
    return _form(request, form)


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@signed_in
def edit(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    known = _endpoint(person, pk)
    form = EndpointForm(request.POST if request.method == "POST" else None, known=known)
    if request.method == "POST":
        done = accepted(form, lambda: endpoints.change(known, form.details(), by=person))
        if done is not None:
            messages.success(request, "Saved.")
            return redirect("notices")
    return _form(request, form, known)


@require_POST
@mapped
@signed_in
def switch(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    known = _endpoint(person, pk)
    if request.POST.get("to") == "on":
        endpoints.switch_on(known, by=person)
        messages.success(request, f"{known.name} is told again from now on.")
    else:
        endpoints.switch_off(known, by=person)
        messages.success(request, f"{known.name} is told nothing from now on.")
    return redirect("notices")


@require_POST
@mapped
@signed_in
def test(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    known = _endpoint(person, pk)
    endpoints.send_test(known, by=person)
    messages.success(request, f"A test is on its way to {known.name}. The list shows what came.")
    return redirect("notices")


@require_POST
@mapped
@signed_in
def rotate(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    """The answer shows the new secret, and no later page does."""
    known = _endpoint(person, pk)
    return _secret(request, known, endpoints.rotate(known, by=person))


@require_POST
@mapped
@signed_in
def drop_old_secret(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    known = endpoints.drop_old_secret(_endpoint(person, pk), by=person)
    messages.success(request, f"Only the new secret of {known.name} signs from now on.")
    return redirect("endpoint", pk)


@require_POST
@signed_in
def preferences(request: HttpRequest, person: Person) -> HttpResponse:
    """The part of "My settings" about mail. What is wrong there cannot be chosen on the page."""
    form = NoticeForm(request.POST)
    if accepted(form, lambda: prefer(person, form.wish())) is None:
        messages.error(request, "Nothing was saved: choose from what the page offers.")
    else:
        messages.success(request, "Saved.")
    return redirect("settings")


def _check_may_see(person: Person) -> None:
    if not policy.may_manage_notices(person):
        raise Http404


def _endpoint(person: Person, pk: int) -> Endpoint:
    _check_may_see(person)
    return get_object_or_404(Endpoint, pk=pk)


def _rows(chosen: str) -> QuerySet[Notice]:
    rows = Notice.objects.select_related("person", "endpoint")
    chosen_states = {
        "waiting": Q(state=NoticeState.QUEUED),
        "failed": Q(state__in=[NoticeState.GIVEN_UP, NoticeState.NOT_SENT]),
        "sent": Q(state=NoticeState.SENT),
    }
    return rows.filter(chosen_states.get(chosen, Q()))


def _form(request: HttpRequest, form: EndpointForm, known: Endpoint | None = None) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "endpoint": known, "families": FAMILIES}
    if known is not None:
        context["line"] = endpoint_lines([known])[0]
    status = 400 if form.is_bound and form.errors else 200
    return render(request, "access/endpoint.html", context, status=status)


def _added(request: HttpRequest, made: Endpoint, secret: str) -> HttpResponse:
    if secret:
        return _secret(request, made, secret)
    messages.success(request, f"{made.name} was added. Send a test to see whether it arrives.")
    return redirect("notices")


def _secret(request: HttpRequest, known: Endpoint, secret: str) -> HttpResponse:
    context = {"endpoint": known, "secret": secret}
    return render(request, "access/endpoint_secret.html", context)
