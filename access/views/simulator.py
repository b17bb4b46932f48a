"""Who could approve if somebody asked for something? For administrators and auditors; for others
the page does not exist. Nothing is asked for here: it is a page like any, with its own address."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from access import policy
from access.filters import machines_like
from access.forms.asking import PRESETS
from access.forms.plain import NOW
from access.forms.policies import BIGGEST_NUMBER, SimulateForm
from access.models import Machine, Person
from access.offers import with_offers
from access.presenters.people import people_like
from access.presenters.policies import Edition, edition_in_force, edition_of, offered
from access.presenters.simulator import Simulation, simulate
from access.presenters.ways import Way, ways_into
from access.ruling import Terms
from access.views.numbers import number_in
from access.views.problems import mapped
from access.views.who import signed_in

MOST_OFFERED = 8  # of several that fit what was typed
FIRST = {"minutes": PRESETS[1], "when": NOW}


@require_safe
@mapped
@signed_in
def simulator(request: HttpRequest, person: Person) -> HttpResponse:
    if not policy.may_see_policies(person):
        raise Http404
    number = request.GET.get("policy", "")
    edition = _edition(number)
    context: dict[str, Any] = {"edition": edition, "editions": offered(), "chosen": number}
    if "person" not in request.GET:
        context["form"] = SimulateForm(None, zone=person.tz, initial=FIRST | request.GET.dict())
        return render(request, "access/simulator.html", context)
    form = SimulateForm(request.GET, zone=person.tz)
    context |= {"form": form} | _answer(request, form, edition)
    status = 400 if form.errors else 200
    return render(request, "access/simulator.html", context, status=status)


def _answer(request: HttpRequest, form: SimulateForm, edition: Edition) -> dict[str, Any]:
    """As much as can be told: the people and machines that fit, then the ways in, then the rest."""
    form.is_valid()
    who = _person(request, form)
    machine = _machine(request, form)
    found: dict[str, Any] = {}
    if machine is not None:
        found |= {"machine": machine, "ways": ways_into(machine)}
    if form.errors or who is None or machine is None:
        return found
    way = _way(form, found["ways"])
    if way is None:
        return found
    simulation = _simulation(form, edition, who, machine, way)
    may_ask = policy.has(who, policy.Act.ASK)
    return found | {"who": who, "could_ask": may_ask, "way": way, "simulation": simulation}


def _simulation(
    form: SimulateForm, edition: Edition, who: Person, machine: Machine, way: Way
) -> Simulation:
    now, sent = timezone.now(), form.cleaned_data
    start: datetime | None = sent["moment"]
    terms = Terms(
        kind=way.kind,
        minutes=sent["minutes"],
        start=start or now,
        requester=who,
        vendor_mail=sent["vendor_mail"],
    )
    ahead = int((start - now).total_seconds() // 60) if start else None
    return simulate(edition, [(machine, way.port)], terms, now=now, ahead=ahead)


def _edition(number: str) -> Edition:
    if not number:
        return edition_in_force()
    given = number_in(number)
    found = None if given is None else edition_of(min(given, BIGGEST_NUMBER))
    if found is None:
        raise Http404
    return found


def _person(request: HttpRequest, form: SimulateForm) -> Person | None:
    """By identity or whole name, else by what is typed of it."""
    typed = form.cleaned_data.get("person", "")
    if not typed:
        return None
    rows = Person.objects.select_related("manager").prefetch_related("roles")
    tenant, _, thing = typed.rpartition("/")
    exact = list(rows.filter(object_id=thing, **({"tenant_id": tenant} if tenant else {}))[:2])
    exact = exact or list(rows.filter(display_name__iexact=typed)[:2])
    if len(exact) == 1:
        return exact[0]
    fit = list(people_like(rows, typed).order_by("display_name", "pk")[: MOST_OFFERED + 1])
    choices = [(each.identity, f"{each.display_name} ({each.identity})") for each in fit]
    if len(fit) == 1:
        return fit[0]
    _unclear(request, form, "person", choices)
    return None


def _machine(request: HttpRequest, form: SimulateForm) -> Machine | None:
    typed = form.cleaned_data.get("machine", "")
    if not typed:
        return None
    rows = with_offers(Machine.objects.filter(gone_at__isnull=True))
    name, _, number = typed.rpartition("#")
    exact = list(rows.filter(pk=int(number))[:1]) if _is_id(number) and name else []
    exact = exact or list(rows.filter(name__iexact=typed)[:2])
    if len(exact) == 1:
        return exact[0]
    fit = list(machines_like(rows, typed).order_by("name", "pk")[: MOST_OFFERED + 1])
    choices = [(f"{m.name} #{m.pk}", f"{m.name} in {m.resource_group}") for m in fit]
    if len(fit) == 1:
        return fit[0]
    _unclear(request, form, "machine", choices)
    return None


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 18  # noqa: PLR2004 - of a bigint


def _unclear(
    request: HttpRequest, form: SimulateForm, field: str, choices: list[tuple[str, str]]
) -> None:
    """Says so at the field, with a link for each that fits."""
    if not choices:
        form.add_error(field, f"Nothing fits this {field}. Type a part of the name.")
        return
    form.add_error(field, f"Several fit this {field}. Choose one, or type more of it.")
    form.choices[field] = [
        (f"?{_with(request, field, value)}", label) for value, label in choices[:MOST_OFFERED]
    ]


def _with(request: HttpRequest, field: str, value: str) -> str:
    sent = request.GET.copy()
    sent[field] = value
    return sent.urlencode()


def _way(form: SimulateForm, ways: list[Way]) -> Way | None:
    """The chosen one. A machine that was changed may not have it: then its first."""
    wanted = {way.value: way for way in ways}
    if not ways:
        form.add_error("machine", "Nothing can be asked for on this machine.")
        return None
    return wanted.get(form.cleaned_data.get("way", ""), ways[0])
