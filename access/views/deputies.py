"""Who decides for me while I am away, for whom I stand in, and taking it back."""

from datetime import datetime

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from access import policy
from access.forms.deputies import DeputyForm, labels
from access.models import Person
from access.presenters.deputies import deputies_for, row_for, standing_in
from access.services import deputies as service
from access.views.problems import accepted, mapped
from access.views.who import opens, signed_in

MOST_LISTED = 500


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@opens
@signed_in
def deputies(request: HttpRequest, person: Person) -> HttpResponse:
    """One's own deputies; administrators and auditors see everybody's below."""
    now = timezone.now()
    if request.method != "POST":
        if not (policy.may_name_deputy(person) or policy.may_see_all_deputies(person)):
            policy.check_may_name_deputy(person)
        return _page(request, person, _form(person, now), now)
    form = DeputyForm(request.POST, people=_people(person), zone=person.tz, now=now)
    named = accepted(form, lambda: service.name_deputy(**form.wanted(), by=person))
    if named is None:
        return _page(request, person, form, now)
    messages.success(request, f"{named.deputy.display_name} is named as your deputy.")
    return redirect("deputies")


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@signed_in
def take_back(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    rows = policy.visible_deputies(person).select_related("approver", "deputy")
    row = get_object_or_404(rows, pk=pk)
    if request.method == "POST":
        service.take_back(row, by=person)
        messages.success(request, f"{row.deputy.display_name} no longer decides in that place.")
        return redirect("deputies")
    policy.check_may_take_back_deputy(row, person)
    context = {"line": row_for(row, person, timezone.now())}
    return render(request, "access/deputy_end.html", context)


def _form(person: Person, now: datetime) -> DeputyForm:
    return DeputyForm(people=(), zone=person.tz, now=now)


def _people(person: Person) -> QuerySet[Person]:
    """Approvers to choose from; whether one will do is the service's to say."""
    return policy.people_with(policy.Act.DECIDE).exclude(pk=person.pk)


def _page(request: HttpRequest, person: Person, form: DeputyForm, now: datetime) -> HttpResponse:
    may_name = policy.may_name_deputy(person)
    context = {
        "form": form,
        "may_name": may_name,
        "names": labels(_people(person)[:MOST_LISTED]) if may_name else {},
        "shown": deputies_for(person, now),
        "standing_in": standing_in(person, now),
        "longest": service.LONGEST.days,
        "now": now,
    }
    status = 400 if form.errors else 200
    return render(request, "access/deputies.html", context, status=status)
