"""Whether what is being asked for can work: beside the form, and for who decides."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from access import judging, policy
from access.forms import AskForm, PreviewForm
from access.inventory import last_reading
from access.models import AccessRequest, Machine, Person
from access.offers import doors_needed, find_offer
from access.presenters.preflight import preflight_of
from access.views.problems import mapped
from access.views.who import signed_in

BIGGEST_ID = 2**63 - 1


@require_safe
@mapped
@signed_in
def preflight(request: HttpRequest, person: Person) -> HttpResponse:
    """For the form while it is being filled; nothing where no way in is chosen."""
    policy.check_may_request(person)
    form = PreviewForm(request.GET)
    form.is_valid()
    length = form.length()
    minutes = int(length.total_seconds() // 60) if length else 0
    machine = asked_machine(request.GET.get("machine", ""))
    context = for_way(machine, request.GET.get("way", ""), minutes)
    return render(request, "access/parts/preflight.html", context)


def asked_machine(sent: str) -> Machine:
    number = int(sent) if sent.isascii() and sent.isdecimal() else 0
    rows = Machine.objects.select_related("bastion__link_host", "outside").prefetch_related(
        "jit_ports"
    )
    return get_object_or_404(rows, pk=min(number, BIGGEST_ID))


def for_form(machine: Machine, form: AskForm) -> dict[str, Any]:
    """As the form stands, right or wrong."""
    length = PreviewForm(form.data or form.initial)
    length.is_valid()
    found = length.length()
    minutes = int(found.total_seconds() // 60) if found else 0
    return for_way(machine, str(form["way"].value() or ""), minutes)


def for_way(machine: Machine, way: str, minutes: int) -> dict[str, Any]:
    """``way``: ``window:22``. Without a length it is judged by the shortest."""
    kind, _, port = way.partition(":")
    number = int(port) if port.isascii() and port.isdecimal() else 0
    offer = find_offer(machine, kind=kind, port=number)
    if offer is None or offer.refusal:
        return {"preflight": None}
    doors = [(each.kind, each.port) for each in doors_needed(machine, offer)]
    length = minutes or policy.SHORTEST_MINUTES
    return _judged(machine, doors, kind, length)


def for_request(access_request: AccessRequest) -> dict[str, Any]:
    """Of one that waits for a decision. Needs ``with_doors``."""
    rows = list(access_request.doors.all())
    if not rows:
        return {"preflight": None}
    doors = [(door.kind, door.port) for door in rows if door.machine_id == rows[0].machine_id]
    minutes = access_request.duration_minutes
    return _judged(rows[0].machine, doors, access_request.kind, minutes)


def _judged(
    machine: Machine, doors: list[tuple[str, int]], asked: str, minutes: int
) -> dict[str, Any]:
    checks = judging.preflight(machine, doors, asked=asked, minutes=minutes)
    return {"preflight": preflight_of(checks), "reading": last_reading}
