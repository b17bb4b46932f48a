"""Asking for access: one page, from the way in to the ticket, for one machine or for several."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from access import policy, services
from access.forms.asking import CUSTOM, PRESETS, AskForm, PreviewForm
from access.forms.plain import NOW
from access.models import AccessRequest, Machine, Person
from access.presenters.asks import ticket_words
from access.presenters.moments import duration
from access.presenters.outlook import Asker, outlook_for, with_lengths
from access.presenters.shared_ways import ways_for
from access.presenters.ways import Way, possible
from access.ruling import InForce, Terms, policy_in_force
from access.services.submission import MOST_MACHINES
from access.states import RequestState
from access.views.preflight import asked_machines, chosen, for_way, own_request
from access.views.problems import accepted, mapped
from access.views.who import opens, signed_in
from access.walltime import NoSuchTimeError

WORDS = ("reason", "ticket", "vendor_name", "vendor_company", "vendor_mail")
TYPED = ("submission_key", "way", "minutes", "custom_minutes", "when", "start", *WORDS)


@dataclass(frozen=True)
class Asking:
    """Who asks for what, and the ways in that there are."""

    person: Person
    machines: list[Machine]
    ways: list[Way]
    by: InForce

    @property
    def longest(self) -> int:
        return max((way.max_minutes for way in possible(self.ways)), default=0)

    @property
    def lengths(self) -> list[tuple[str, str]]:
        """Those that some way bears; which one bears what is checked when it is sent."""
        found = {minutes for way in possible(self.ways) for minutes in way.lengths}
        return [(str(minutes), duration(minutes)) for minutes in sorted(found)]

    def form(self, data: QueryDict | None = None, initial: Any = None) -> AskForm:
        return AskForm(
            ways=[(way.value, way.label) for way in possible(self.ways)],
            lengths=self.lengths,
            zone=self.person.tz,
            data=data,
            initial=initial,
        )


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@opens
@signed_in
def ask(request: HttpRequest, person: Person) -> HttpResponse:
    sent = request.POST if request.method == "POST" else request.GET
    removed = sent.get("remove", "")
    machines = [machine for machine in asked_machines(sent) if str(machine.pk) != removed]
    if not machines or len(machines) > MOST_MACHINES:
        return _elsewhere(request, machines)
    asking = _asking(person, machines, sent)
    if request.method != "POST":
        policy.check_may_request(person)
        return _page(request, asking, asking.form(initial=_first(request, asking)))
    if removed or "update" in sent:  # nothing is sent: the page is made anew with what was typed
        kept = {name: sent.get(name, "") for name in TYPED}
        return _page(request, asking, asking.form(initial=kept))
    return _send(request, asking)


def _send(request: HttpRequest, asking: Asking) -> HttpResponse:
    form, way = asking.form(data=request.POST), chosen(asking.ways, request.POST.get("way", ""))
    ports = {machine.pk: way.ports[machine.pk] for machine in asking.machines} if way else {}
    made = accepted(form, lambda: services.submit(form.submission(ports), by=asking.person))
    if made is None:
        return _page(request, asking, form)
    what = "was sent" if made.state == RequestState.PENDING else "was approved by the policy"
    messages.success(request, f"{made.reference} {what}.")
    return redirect("request", made.reference)


@require_safe
@signed_in
def preview(request: HttpRequest, person: Person) -> HttpResponse:
    """When it would end and what would happen to it, while the form is being filled."""
    machines = asked_machines(request.GET)
    way = chosen(ways_for(machines), request.GET.get("way", "")) if machines else None
    asking = Asking(person, machines, [], policy_in_force())
    context = _preview(asking, way, request.GET)
    return render(request, "access/parts/preview.html", {**context, "swapping": True})


def _asking(person: Person, machines: list[Machine], sent: Mapping[str, Any]) -> Asking:
    (start, _), by = _start(person, sent), policy_in_force()
    asker = Asker(person, start or timezone.now())
    ways = with_lengths(ways_for(machines), machines, PRESETS, asker, by)
    return Asking(person, machines, ways, by)


def _preview(asking: Asking, way: Way | None, typed: Mapping[str, Any]) -> dict[str, Any]:
    """As the form stands, right or wrong."""
    form = PreviewForm(typed)
    form.is_valid()
    length, now = form.length(), timezone.now()
    start, problem = _start(asking.person, typed)
    outlook = None
    if way is not None:
        minutes = form.in_minutes() or policy.SHORTEST_MINUTES
        mail = str(typed.get("vendor_mail") or "")
        terms = Terms(way.kind, minutes, start or now, asking.person, mail)
        wanted = [(machine, way.ports[machine.pk]) for machine in asking.machines]
        outlook = outlook_for(wanted, terms, now, by=asking.by)
    end = (start or now) + length if length and not problem else None
    return {
        "start": start, "end": end, "problem": problem, "outlook": outlook,
        "ticket_hint": ticket_words(outlook.judgement) if outlook else "Such as INC-12345.",
    }  # fmt: skip


def _start(person: Person, typed: Mapping[str, Any]) -> tuple[datetime | None, str]:
    """(the start, ``None`` for now; what is wrong with it)."""
    form = PreviewForm(typed)
    form.is_valid()
    try:
        return form.start_in(person.tz), ""
    except NoSuchTimeError as wrong:
        return None, str(wrong)


def _elsewhere(request: HttpRequest, machines: list[Machine]) -> HttpResponse:
    """To the list of machines: with none there is nothing to ask for, and too many are too many."""
    if machines:
        messages.error(request, f"Choose at most {MOST_MACHINES} machines for one request.")
    elif "q" in request.GET:
        messages.error(request, "Tick the machines that you need first.")
    query = QueryDict(mutable=True)
    query.setlist("machine", [str(machine.pk) for machine in machines])
    return redirect(f"{reverse('machines')}?{query.urlencode()}" if machines else "machines")


def _first(request: HttpRequest, asking: Asking) -> dict[str, Any]:
    """Initial values. The key made here lets the form be sent twice and count once."""
    former = own_request(request.GET.get("again", ""), asking.person, asking.machines)
    bears = [int(minutes) for minutes, _ in asking.lengths] or [PRESETS[0]]
    minutes = former.duration_minutes if former else bears[0]
    words = {name: getattr(former, name) for name in WORDS} if former else {}
    return {
        "submission_key": uuid.uuid4(),
        "way": _wanted_way(request, asking.ways, former),
        "minutes": str(minutes) if minutes in bears else CUSTOM,
        "custom_minutes": None if minutes in bears else minutes,
        "when": NOW,
        **words,
    }


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


def _page(request: HttpRequest, asking: Asking, form: AskForm) -> HttpResponse:
    mine = AccessRequest.objects.filter(requester=asking.person).exclude(ticket="")
    typed = form.data or form.initial
    way, usable = chosen(asking.ways, str(form["way"].value() or "")), possible(asking.ways)
    length = PreviewForm(typed)
    length.is_valid()
    context = {
        "machines": asking.machines,
        "machine": asking.machines[0],
        "ways": asking.ways,
        "can_ask": bool(usable),
        "asks_vendor": any(way.for_vendor for way in usable),
        "longest": asking.longest,
        "form": form,
        "tickets": list(dict.fromkeys(mine.order_by("-id").values_list("ticket", flat=True)[:10])),
        "now": timezone.now(),
        **_preview(asking, way, typed),
        **for_way(asking.machines, way, length.in_minutes()),
    }
    return render(request, "access/ask.html", context, status=400 if form.errors else 200)
