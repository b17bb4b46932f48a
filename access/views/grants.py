"""Ending access before its time: a page that says what it does, then the order."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from access import policy, services
from access.forms.saying import EndForm
from access.models import EndedHow, Grant, Person
from access.presenters.grants import line_for
from access.services.end import how_of
from access.states import GrantState
from access.views.problems import accepted, mapped
from access.views.who import signed_in


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@signed_in
def end(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    grant = _visible(person, pk)
    if request.method != "POST":
        policy.check_may_end(grant, person)
        return _page(request, person, grant, EndForm())
    form = EndForm(request.POST)
    done = accepted(form, lambda: services.end(grant, by=person, **form.cleaned_data))
    if done is None:
        return _page(request, person, grant, form)
    messages.success(request, "The end was ordered. This page says when Azure shows it closed.")
    return redirect("request", grant.access_request.reference)


def _visible(person: Person, pk: int) -> Grant:
    related = ("machine__bastion", "gate", "end_order", "access_request__requester")
    return get_object_or_404(policy.visible_grants(person).select_related(*related), pk=pk)


def _page(request: HttpRequest, person: Person, grant: Grant, form: EndForm) -> HttpResponse:
    same = Grant.objects.filter(access_request=grant.access_request, machine=grant.machine)
    together = same.exclude(pk=grant.pk).exclude(state=GrantState.CLOSED)
    context = {
        "line": line_for(grant, person, timezone.now()),
        "together": [each.kind for each in together],
        "form": form,
        "revokes": how_of(grant, person) == EndedHow.REVOKED,
    }
    return render(request, "access/end.html", context, status=400 if form.errors else 200)
