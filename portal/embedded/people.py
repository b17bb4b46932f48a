"""The demo's people, each named by what they may do."""

from access.models import Person, PersonRole, Role

DEMO_TENANT = "demo"
CAST: dict[str, tuple[str, tuple[Role, ...]]] = {
    "engineer": ("Demo engineer", (Role.ENGINEER,)),
    "engineer-2": ("Second engineer", (Role.ENGINEER,)),
    "approver": ("Demo approver", (Role.ENGINEER, Role.APPROVER)),
    "admin": ("Demo administrator", (Role.ADMIN,)),
    "auditor": ("Demo auditor", (Role.AUDITOR,)),
}


def seed_people() -> list[Person]:
    """Safe to repeat: what somebody changed about them stays."""
    return [_seed(key, name, roles) for key, (name, roles) in CAST.items()]


def _seed(key: str, name: str, roles: tuple[Role, ...]) -> Person:
    person, new = Person.objects.get_or_create(
        tenant_id=DEMO_TENANT,
        object_id=key,
        defaults={"display_name": name, "mail": f"{key}@demo.invalid"},
    )
    if new:
        PersonRole.objects.bulk_create(PersonRole(person=person, role=role) for role in roles)
    return person
