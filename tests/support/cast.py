"""The people of the stories, and the moves they make."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from access import services
from access.clock import db_now
from access.models import AccessRequest, Grant, Heartbeat, Machine, Person, PersonRole, Role


@dataclass
class Cast:
    alice: Person  # an engineer
    alan: Person  # another engineer
    bob: Person  # an approver
    charlie: Person  # an engineer who must not see
    dana: Person  # an administrator
    erin: Person  # an auditor

    @classmethod
    def create(cls) -> Cast:
        return cls(
            alice=person("Alice", Role.ENGINEER),
            alan=person("Alan", Role.ENGINEER),
            bob=person("Bob", Role.ENGINEER, Role.APPROVER),
            charlie=person("Charlie", Role.ENGINEER),
            dana=person("Dana", Role.ADMIN),
            erin=person("Erin", Role.AUDITOR),
        )


def person(name: str, *roles: Role) -> Person:
    made = Person.objects.create(
        tenant_id="test",
        object_id=name.lower(),
        display_name=name,
        mail=f"{name.lower()}@example.test",
    )
    PersonRole.objects.bulk_create(PersonRole(person=made, role=role) for role in roles)
    return made


def submission(machine: Machine, **changes: Any) -> services.Submission:
    values: dict[str, Any] = {
        "submission_key": uuid.uuid4(),
        "machine_id": machine.pk,
        "kind": "window",
        "port": machine.login_port,
        "minutes": 30,
        "reason": "Disk is full",
    }
    if changes.get("kind") == "link":
        values |= {
            "vendor_name": "V. Technician",
            "vendor_company": "Vendor Ltd",
            "vendor_mail": "technician@vendor.test",
            "details": vendor_details(),
        }
    return services.Submission(**(values | changes))


def vendor_details(**changes: Any) -> dict[str, Any]:
    """What a sponsor says of a vendor's person beside name, company and mail."""
    told = {"phone": "+49 30 1234567", "credentials": "Alice reads it out on the phone"}
    return told | {"checked": True, "alias": "Billing server", "zone": "Europe/Berlin"} | changes


def ask(machine: Machine, *, by: Person, **changes: Any) -> AccessRequest:
    return services.submit(submission(machine, **changes), by=by)


def approve(asked: AccessRequest, *, by: Person, **more: Any) -> AccessRequest:
    return services.approve(asked, by=by, terms_digest=asked.terms_digest, **more)


def approved(machine: Machine, *, by: Person, approver: Person, **changes: Any) -> Grant:
    """The main grant of a request that was asked and approved."""
    asked = approve(ask(machine, by=by, **changes), by=approver)
    return asked.grants.get(kind=asked.kind)


def be_seen() -> None:
    """The closer was seen just now."""
    Heartbeat.objects.update_or_create(name="closer", defaults={"at": db_now()})


def run_engine(*, rounds: int = 12) -> int:
    """Look at whatever is due until nothing is, as the workers do. Returns the looks made."""
    from access import engine

    be_seen()
    made = 0
    for _ in range(rounds):
        due = engine.due_gates()
        if not due:
            break
        for gate_id in due:
            made += engine.look_at(gate_id)
    return made


def let_pass(grant: Grant, minutes: float) -> None:
    """Time goes by: the grants of this request move into the past (Azure's clock: advance)."""
    shift = timedelta(minutes=minutes)
    for each in Grant.objects.filter(access_request=grant.access_request):
        each.starts_at -= shift
        each.ends_at -= shift
        each.save(update_fields=["starts_at", "ends_at"])
    grant.refresh_from_db()
