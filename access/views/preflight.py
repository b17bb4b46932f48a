"""Whether what is being asked for can work: beside the form, and for who decides."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from access import judging, policy
from access.forms.asking import PreviewForm
from access.inventory import last_reading
from access.models import AccessRequest, Machine, Person
from access.models.requests import REFERENCE_PREFIX
from access.offers import doors_at, with_offers
from access.presenters.preflight import MachinePreflight, preflight_of, worst_machines_first
from access.presenters.shared_ways import ways_for
from access.presenters.ways import Way
from access.views.numbers import number_in
from access.views.problems import mapped
from access.views.who import signed_in

BIGGEST_ID = 2**63 - 1
MOST_READ = 100  # of machines in an address; a request may name far fewer


@require_safe
@mapped
@signed_in
def preflight(request: HttpRequest, person: Person) -> HttpResponse:
    """For the form while it is being filled; nothing where no way in is chosen."""
    policy.check_may_request(person)
    form = PreviewForm(request.GET)
    form.is_valid()
    machines = asked_machines(request.GET)
    way = chosen(ways_for(machines), request.GET.get("way", "")) if machines else None
    context = for_way(machines, way, form.in_minutes())
    return render(request, "access/parts/preflight.html", context)


def own_request(
    reference: str, person: Person, machines: Sequence[Machine]
) -> AccessRequest | None:
    """The person's own request for one of the machines, by its reference in an address."""
    number = number_in(reference.removeprefix(REFERENCE_PREFIX))
    if number is None:
        return None
    ids = [machine.pk for machine in machines]
    mine = AccessRequest.objects.filter(requester=person, doors__machine__in=ids)
    return mine.filter(pk=min(number, BIGGEST_ID)).first()


def asked_machine(sent: str) -> Machine:
    """The one of this number, or a 404."""
    return get_object_or_404(
        with_offers(Machine.objects.all()), pk=min(number_in(sent) or 0, BIGGEST_ID)
    )


def asked_machines(sent: QueryDict) -> list[Machine]:
    """Each once, in the order of the address. One that is not there is a 404."""
    given = [value for value in sent.getlist("machine") if value]
    numbers = [number_in(value) for value in given[: MOST_READ + 1]]
    if None in numbers or len(numbers) > MOST_READ:
        raise Http404
    wanted = list(dict.fromkeys(min(number or 0, BIGGEST_ID) for number in numbers))
    found = with_offers(Machine.objects.all()).in_bulk(wanted)
    if len(found) != len(wanted):
        raise Http404
    return [found[pk] for pk in wanted]


def chosen(ways: Iterable[Way], value: str) -> Way | None:
    """``value``: ``window:22``."""
    return next((way for way in ways if way.value == value and not way.refusal), None)


def for_way(machines: Sequence[Machine], way: Way | None, minutes: int) -> dict[str, Any]:
    """Without a length it is judged by the shortest."""
    if way is None:
        return {"preflights": []}
    doors = {
        machine.pk: doors_at(machine, kind=way.kind, port=way.ports[machine.pk])
        for machine in machines
    }
    return _judged(machines, doors, way.kind, minutes or policy.SHORTEST_MINUTES)


def for_request(access_request: AccessRequest) -> dict[str, Any]:
    """Of one that waits for a decision. Needs ``with_doors``."""
    machines = {door.machine_id: door.machine for door in access_request.doors.all()}
    doors: dict[int, list[tuple[str, int]]] = {pk: [] for pk in machines}
    for door in access_request.doors.all():
        doors[door.machine_id].append((door.kind, door.port))
    minutes = access_request.duration_minutes
    found = _judged(list(machines.values()), doors, access_request.kind, minutes)
    return {"preflights": found["preflights"]}  # when the estate was read, its own pages say


def _judged(
    machines: Sequence[Machine],
    doors: Mapping[int, list[tuple[str, int]]],
    asked: str,
    minutes: int,
) -> dict[str, Any]:
    found = [
        MachinePreflight(
            machine,
            preflight_of(
                judging.preflight(machine, doors[machine.pk], asked=asked, minutes=minutes)
            ),
        )
        for machine in machines
    ]
    return {"preflights": worst_machines_first(found), "reading": last_reading}
