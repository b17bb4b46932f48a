"""Machines: step one of asking, and what can be asked for on each."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from access.filters import LONGEST_SEARCH, machines_like
from access.models import Machine, Person
from access.presenters.ways import ways_into
from access.views.pages import page_of
from access.views.who import signed_in


@require_safe
@signed_in
def machines(request: HttpRequest, _person: Person) -> HttpResponse:
    """The same address answers the live search, with the results alone."""
    typed = request.GET.get("q", "").strip()[:LONGEST_SEARCH]
    there = Machine.objects.filter(gone_at__isnull=True)
    rows = there.select_related("bastion__link_host", "outside").prefetch_related("jit_ports")
    page = page_of(request, machines_like(rows, typed), ordering=("name", "id"))
    context = {
        "typed": typed,
        "page": page,
        "found": [(machine, ways_into(machine)) for machine in page.rows],
    }
    partial = request.headers.get("HX-Target") == "results"
    name = "access/parts/machines.html" if partial else "access/machines.html"
    return render(request, name, context)
