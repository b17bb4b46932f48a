"""Open links in numbers: one is asked for, approved and opened by the real services and the real
engine; the others are its copies, row for row, with their own machines, ends and addresses.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bench.house import House

SAMPLE = 5


@dataclass
class Template:
    """What the services and the engine wrote of one open link."""

    grant: Any
    engineers: Sequence[Any]


def template() -> Template:
    from access import engine
    from access.clock import db_now
    from access.models import Heartbeat, Machine, Role
    from tests.support.cast import approved, person

    engineers = [person(f"Engineer {number}", Role.ENGINEER) for number in range(20)]
    approver = person("Approver", Role.ENGINEER, Role.APPROVER)
    Heartbeat.objects.update_or_create(name="closer", defaults={"at": db_now()})
    machine = Machine.objects.order_by("pk").last()
    grant = approved(machine, by=engineers[0], approver=approver, kind="link", minutes=120)

    def is_open() -> bool:
        for gate in engine.due_gates():
            engine.look_at(gate)
        grant.refresh_from_db()
        return bool(grant.state == "open")

    from tests.support.product import eventually

    eventually(is_open, seconds=30)
    return Template(grant, engineers)


def open_links(
    house: House, like: Template, machines: Sequence[Any], ends: Sequence[datetime]
) -> list[Any]:
    """One open grant for each machine, ending at its moment; the links are there in Azure."""
    addresses = _links_in_azure(house, machines)
    made = _requests(like, machines)
    _decisions(like, made)
    grants = _grants(like, made, machines, ends)
    _sealed(grants, machines, addresses)
    _check(grants)
    return grants


def spread(first: datetime, seconds: float, count: int) -> list[datetime]:
    """Moments, evenly over so many seconds."""
    step = seconds / max(1, count)
    return [first + timedelta(seconds=step * number) for number in range(count)]


def _links_in_azure(house: House, machines: Sequence[Any]) -> dict[str, str]:
    """Address by the machine's key."""
    wanted = [{"bastion": m.bastion.resource_id, "vm": m.resource_id} for m in machines]
    for start in range(0, len(wanted), 1000):
        house.azure.control("POST", "hand", {"add_links": wanted[start : start + 1000]})
    links = house.azure.control("GET", "state?estate=no")["links"]
    return {link["vm"].lower(): link["bsl"] for link in links}


def _copy_of(row: Any, **changes: Any) -> Any:
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    made = type(row)(**values | {"id": None})
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def _requests(like: Template, machines: Sequence[Any]) -> list[Any]:
    from access.models import AccessRequest, RequestedDoor
    from access.terms import digest_of

    first = AccessRequest.objects.get(pk=like.grant.access_request_id)
    door = first.doors.get()
    made, doors = [], []
    for number, machine in enumerate(machines):
        by = like.engineers[number % len(like.engineers)]
        asked = _copy_of(first, requester_id=by.pk, submission_key=uuid.uuid4())
        wanted = _copy_of(door, machine=machine, vm_id=machine.vm_id, requester_id=by.pk)
        asked.terms_digest = digest_of(asked, [wanted])
        wanted.access_request = asked
        made.append(asked)
        doors.append(wanted)
    AccessRequest.objects.bulk_create(made, batch_size=1000)
    for wanted in doors:
        wanted.access_request_id = wanted.access_request.pk
    RequestedDoor.objects.bulk_create(doors, batch_size=1000)
    return made


def _decisions(like: Template, made: Sequence[Any]) -> None:
    from access.models import Decision
    from links.models import Invitation

    first = like.grant.access_request_id
    said = Decision.objects.get(access_request_id=first)
    invited = Invitation.objects.get(access_request_id=first)
    Decision.objects.bulk_create(
        [_copy_of(said, access_request_id=a.pk, terms_digest=a.terms_digest) for a in made],
        batch_size=1000,
    )
    Invitation.objects.bulk_create(
        [_copy_of(invited, access_request_id=a.pk) for a in made], batch_size=1000
    )


def _grants(
    like: Template, made: Sequence[Any], machines: Sequence[Any], ends: Sequence[datetime]
) -> list[Any]:
    from access.kinds import Place
    from access.models import Grant

    gates = {machine.bastion_id: machine.bastion.link_host.gate_id for machine in machines}
    first = Grant.objects.get(pk=like.grant.pk)
    grants = [
        _copy_of(
            first, access_request_id=asked.pk, machine_id=machine.pk,
            gate_id=gates[machine.bastion_id], ends_at=end, sent_until=end,
            place=Place.of(machine).as_json(),
        )
        for asked, machine, end in zip(made, machines, ends, strict=True)
    ]  # fmt: skip
    return list(Grant.objects.bulk_create(grants, batch_size=1000))


def _sealed(grants: Sequence[Any], machines: Sequence[Any], addresses: dict[str, str]) -> None:
    from links import keeping

    found = {
        grant.pk: addresses[machine.resource_key]
        for grant, machine in zip(grants, machines, strict=True)
    }
    keys = list(found)
    for start in range(0, len(keys), 1000):
        keeping.keep({key: found[key] for key in keys[start : start + 1000]})


def _check(grants: Sequence[Any]) -> None:
    """A sample, by the product's own judgement: it stands, and its address can be handed over."""
    from access.clock import db_now
    from access.gatekeeping import refusal_while_opening
    from access.models import Grant
    from links import keeping

    step = max(1, len(grants) // SAMPLE)
    for row in grants[::step]:
        grant = Grant.objects.select_related("machine", "access_request").get(pk=row.pk)
        refusal = refusal_while_opening(grant, db_now())
        assert refusal is None, refusal
        assert keeping.reveal(grant.sealed_link).startswith("https://")
