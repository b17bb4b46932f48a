"""Asking for access for oneself: one page, from the way in to the ticket."""

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from access.forms.asking import AskForm
from access.models import AccessRequest, Person
from access.presenters.shared_ways import ways_for
from access.presenters.ways import Way, page_asking_for, possible
from access.ruling import policy_in_force
from access.views.asking import Asking, AskingPage, Typed, first_terms, former_of, preview_of
from access.views.preflight import asked_machines, chosen
from access.views.problems import mapped
from access.views.who import opens, signed_in


class AskPage(AskingPage[AskForm]):
    name = "request-new"
    template = "access/ask.html"
    form_class = AskForm

    def way(self, asking: Asking, typed: Typed) -> Way | None:
        return chosen(asking.ways, str(typed.get("way") or ""))

    def form(self, asking: Asking, data: QueryDict | None = None, initial: Any = None) -> AskForm:
        ways = [(way.value, way.label) for way in possible(asking.ways)]
        return AskForm(data, ways=ways, initial=initial, **asking.terms)

    def first(self, request: HttpRequest, asking: Asking) -> dict[str, Any]:
        former = former_of(request, asking)
        return {"way": _wanted_way(request, asking.ways, former), **first_terms(asking, former)}


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@opens
@signed_in
def ask(request: HttpRequest, person: Person) -> HttpResponse:
    page = page_asking_for(request.GET.get("kind", ""))
    if page != AskPage.name and request.method != "POST":
        return redirect(f"{reverse(page)}?{request.GET.urlencode()}")
    return AskPage().answer(request, person)


@require_safe
@signed_in
def preview(request: HttpRequest, person: Person) -> HttpResponse:
    """When it would end and what would happen to it, while the form is being filled."""
    machines = asked_machines(request.GET)
    way = chosen(ways_for(machines), request.GET.get("way", "")) if machines else None
    asking = Asking(person, machines, policy_in_force(), [], [])
    context = preview_of(asking, way, request.GET)
    return render(request, "access/parts/preview.html", {**context, "swapping": True})


def _wanted_way(request: HttpRequest, ways: list[Way], former: AccessRequest | None) -> str:
    """What the address names, else the same doors as before, else the same kind."""
    wanted = f"{request.GET.get('kind', '')}:{request.GET.get('port', '')}"
    values = [way.value for way in possible(ways)]
    kinds = {way.value: way.kind for way in possible(ways)}
    same_kind = [value for value in values if kinds[value] == request.GET.get("kind")]
    as_before = [way.value for way in possible(ways) if former and _leads_to(way, former)]
    return wanted if wanted in values else next(iter([*as_before, *same_kind, *values]), "")


def _leads_to(way: Way, former: AccessRequest) -> bool:
    doors = former.doors.filter(kind=former.kind).values_list("machine_id", "port")
    return way.kind == former.kind and set(way.ports.items()) <= set(doors)
