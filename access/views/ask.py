"""Asking for access: one page, from the way in to the ticket."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from access import policy, services
from access.forms import CUSTOM, NOW, PRESETS, AskForm, NoSuchTimeError, PreviewForm
from access.models import AccessRequest, Machine, Person
from access.presenters.moments import duration
from access.presenters.ways import Way, possible, ways_into
from access.views.preflight import BIGGEST_ID, asked_machine, for_form
from access.views.problems import accepted, mapped
from access.views.who import signed_in

WORDS = ("reason", "ticket", "vendor_name", "vendor_company", "vendor_mail")


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@signed_in
def ask(request: HttpRequest, person: Person) -> HttpResponse:
    sent = request.POST if request.method == "POST" else request.GET
    if not sent.get("machine"):
        return redirect("machines")
    machine = asked_machine(sent.get("machine", ""))
    ways = ways_into(machine)
    if request.method != "POST":
        policy.check_may_request(person)
        form = _form(ways, person, initial=_first(request, person, machine, ways))
        return _page(request, person, machine, ways, form)
    form = _form(ways, person, data=request.POST)
    made = accepted(form, lambda: services.submit(form.submission(machine), by=person))
    if made is None:
        return _page(request, person, machine, ways, form)
    messages.success(request, f"{made.reference} was sent.")
    return redirect("request", made.reference)


@require_safe
@signed_in
def preview(request: HttpRequest, person: Person) -> HttpResponse:
    """When it would end, while the form is being filled."""
    form = PreviewForm(request.GET)
    form.is_valid()
    length, problem, start = form.length(), "", None
    try:
        start = form.start_in(person.tz)
    except NoSuchTimeError as wrong:
        problem = str(wrong)
    end = (start or timezone.now()) + length if length and not problem else None
    context = {"start": start, "end": end, "problem": problem}
    return render(request, "access/parts/preview.html", context)


def _form(
    ways: list[Way],
    person: Person,
    *,
    data: QueryDict | None = None,
    initial: dict[str, Any] | None = None,
) -> AskForm:
    longest = _longest(ways)
    return AskForm(
        ways=[(way.value, way.label) for way in possible(ways)],
        lengths=[(str(m), duration(m)) for m in PRESETS if m <= longest],
        zone=person.tz,
        data=data,
        initial=initial,
    )


def _longest(ways: list[Way]) -> int:
    return max((way.max_minutes for way in possible(ways)), default=0)


def _first(
    request: HttpRequest, person: Person, machine: Machine, ways: list[Way]
) -> dict[str, Any]:
    """Initial values. The key made here lets the form be sent twice and count once."""
    former = _former(request.GET.get("again", ""), person, machine)
    minutes = former.duration_minutes if former else PRESETS[0]
    preset = minutes in PRESETS
    words = {name: getattr(former, name) for name in WORDS} if former else {}
    return {
        "submission_key": uuid.uuid4(),
        "machine": machine.pk,
        "way": _wanted_way(request, ways),
        "minutes": str(minutes) if preset else CUSTOM,
        "custom_minutes": None if preset else minutes,
        "when": NOW,
        **words,
    }


def _wanted_way(request: HttpRequest, ways: list[Way]) -> str:
    wanted = f"{request.GET.get('kind', '')}:{request.GET.get('port', '')}"
    values = [way.value for way in possible(ways)]
    kinds = {way.value: way.kind for way in possible(ways)}
    same_kind = [value for value in values if kinds[value] == request.GET.get("kind")]
    return wanted if wanted in values else next(iter([*same_kind, *values]), "")


def _former(reference: str, person: Person, machine: Machine) -> AccessRequest | None:
    """One's own request for this machine that is asked for again."""
    number = reference.removeprefix("BA-")
    if not (number.isascii() and number.isdecimal()):
        return None
    mine = AccessRequest.objects.filter(requester=person, doors__machine=machine)
    return mine.filter(pk=min(int(number), BIGGEST_ID)).first()


def _page(
    request: HttpRequest, person: Person, machine: Machine, ways: list[Way], form: AskForm
) -> HttpResponse:
    mine = AccessRequest.objects.filter(requester=person).exclude(ticket="")
    context = {
        "machine": machine,
        "ways": ways,
        "can_ask": bool(possible(ways)),
        "asks_vendor": any(way.for_vendor for way in possible(ways)),
        "longest": _longest(ways),
        "form": form,
        "approvers": list(policy.eligible_approvers(person.pk)),
        "lapse_minutes": policy.lapse_after().total_seconds() // 60,
        "tickets": list(dict.fromkeys(mine.order_by("-id").values_list("ticket", flat=True)[:10])),
        "now": timezone.now(),
        **for_form(machine, form),
    }
    return render(request, "access/ask.html", context, status=400 if form.errors else 200)
