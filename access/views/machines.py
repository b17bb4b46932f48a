"""Machines: step one of asking, and what can be asked for on each."""

from collections.abc import Sequence
from urllib.parse import parse_qs

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from access.filters import LONGEST_SEARCH, machines_like
from access.lockdowns import in_force
from access.models import Machine, Person
from access.offers import with_offers
from access.presenters.ways import possible, ways_into
from access.services.submission import MOST_MACHINES
from access.views.numbers import number_in
from access.views.pages import Page, page_of
from access.views.preflight import asked_machines
from access.views.who import signed_in


@require_safe
@signed_in
def machines(request: HttpRequest, _person: Person) -> HttpResponse:
    """The same address answers the live search, with the results alone. Machines that were ticked
    are kept in the address, from search to search and from page to page."""
    typed = request.GET.get("q", "").replace("\0", "").strip()[:LONGEST_SEARCH]
    rows = with_offers(Machine.objects.filter(gone_at__isnull=True))
    page = page_of(request, machines_like(rows, typed), ordering=("name", "id"))
    ticked = asked_machines(request.GET) if "machine" in request.GET else []
    shut = in_force()
    found = [(machine, ways_into(machine, shut)) for machine in page.rows]
    context = {
        "typed": typed,
        "contact": number_in(request.GET.get("contact", "")),  # whom the machine is chosen for
        "page": page,
        "turns": _turns(page),
        "found": [(machine, ways, bool(possible(ways))) for machine, ways in found],
        "ticked": {machine.pk for machine in ticked},
        "elsewhere": _elsewhere(ticked, page.rows),
        "most": MOST_MACHINES,
    }
    partial = request.headers.get("HX-Target") == "results"
    name = "access/parts/machines.html" if partial else "access/machines.html"
    return render(request, name, context)


def _elsewhere(ticked: Sequence[Machine], shown: Sequence[Machine]) -> list[Machine]:
    """Ticked before, and not on this page."""
    here = {machine.pk for machine in shown}
    return [machine for machine in ticked if machine.pk not in here]


def _turns(page: Page[Machine]) -> dict[str, str]:
    """The cursors alone: pages are turned by the form, which carries what is ticked."""
    found = {"previous": page.previous, "next": page.next}
    return {name: _cursor(query) for name, query in found.items() if query}


def _cursor(query: str) -> str:
    return parse_qs(query.removeprefix("?")).get("cursor", [""])[0]
