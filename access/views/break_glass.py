"""Break-glass: one page that says what follows, and opens at once. For who is not named by the
policy it does not exist."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from access.forms.reviews import BreakGlassForm
from access.models import Machine, Person
from access.presenters.break_glass import GlassWay, consequences, glass_ways, lengths
from access.presenters.ways import possible, ways_into
from access.services.break_glass import open_at_once
from access.views.preflight import asked_machine, own_request
from access.views.problems import accepted, mapped_onto
from access.views.who import opens_in_emergency, signed_in

USUAL = 30  # minutes


@dataclass(frozen=True)
class _Asking:
    """Who is here, for which machine, and what they could open there at once."""

    person: Person
    machine: Machine
    ways: list[GlassWay]
    now: datetime


def fresh(request: HttpRequest, *, banner: str, status: int) -> HttpResponse:
    """The form as it was sent, above it what stood in the way."""
    return _again(request, banner=banner, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@mapped_onto(fresh)
@opens_in_emergency
@signed_in
def break_glass(request: HttpRequest, person: Person) -> HttpResponse:
    sent = request.POST if request.method == "POST" else request.GET
    if not sent.get("machine"):
        return redirect("machines")
    asking = _asking(person, sent.get("machine", ""))
    if request.method != "POST":
        return _page(request, asking, _form(asking.ways, initial=_first(request, asking)))
    form = _sent(request, asking)
    made = accepted(form, lambda: open_at_once(form.submission(asking.machine), by=person))
    if made is None:
        return _page(request, asking, form)
    messages.success(request, f"{made.reference} is being opened. Everybody concerned is told.")
    return redirect("request", made.reference)


@signed_in
def _again(request: HttpRequest, person: Person, banner: str, status: int) -> HttpResponse:
    asking = _asking(person, request.POST.get("machine", ""))
    return _page(request, asking, _sent(request, asking), banner=banner, status=status)


def _asking(person: Person, machine_id: str) -> _Asking:
    machine, now = asked_machine(machine_id), timezone.now()
    return _Asking(person, machine, glass_ways(person, machine, now), now)


def _sent(request: HttpRequest, asking: _Asking) -> BreakGlassForm:
    """Somebody who is offered nothing and sends it all the same is refused by the service, so that
    the ledger knows."""
    if asking.ways:
        return _form(asking.ways, data=request.POST)
    ways = [(way.value, way.label) for way in possible(ways_into(asking.machine))]
    return BreakGlassForm(request.POST, ways=ways, lengths=lengths(USUAL))


def _form(
    ways: list[GlassWay],
    *,
    data: QueryDict | None = None,
    initial: dict[str, Any] | None = None,
) -> BreakGlassForm:
    most = max((each.minutes for each in ways), default=0)
    return BreakGlassForm(
        data,
        ways=[(each.way.value, each.way.label) for each in ways],
        lengths=lengths(most),
        initial=initial,
    )


def _first(request: HttpRequest, asking: _Asking) -> dict[str, Any]:
    """Initial values. The words of a request that waits are not typed twice."""
    waiting = own_request(request.GET.get("instead", ""), asking.person, [asking.machine])
    values = [each.way.value for each in asking.ways]
    wanted = f"{request.GET.get('kind', '')}:{request.GET.get('port', '')}"
    most = max((each.minutes for each in asking.ways), default=0)
    fitting = [each for each in lengths(most) if each <= USUAL]
    return {
        "submission_key": uuid.uuid4(),
        "machine": asking.machine.pk,
        "way": wanted if wanted in values else next(iter(values), ""),
        "minutes": str(max(fitting, default=most)),
        "reason": waiting.reason if waiting else "",
    }


def _page(
    request: HttpRequest,
    asking: _Asking,
    form: BreakGlassForm,
    *,
    banner: str = "",
    status: int = 0,
) -> HttpResponse:
    if not asking.ways:
        raise Http404
    machine, ways, now = asking.machine, asking.ways, asking.now
    context = {
        "machine": machine,
        "ways": ways,
        "form": form,
        "lengths": lengths(max(each.minutes for each in ways)),
        "several": len({each.minutes for each in ways}) > 1,
        "follows": consequences(asking.person, machine, ways[0].judgement, now),
        "banner": banner,
        "now": now,
    }
    status = status or (400 if form.errors else 200)
    return render(request, "access/break_glass.html", context, status=status)
