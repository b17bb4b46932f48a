"""The demo's people, each named by what they may do."""

from access.models import Person, PersonRole, Role

DEMO_TENANT = "demo"
ENGINEER, APPROVER = Role.ENGINEER, Role.APPROVER
CAST: dict[str, tuple[str, tuple[Role, ...]]] = {
    "engineer": ("Demo engineer", (ENGINEER,)),
    "engineer-2": ("Second engineer", (ENGINEER,)),
    "approver": ("Demo approver", (ENGINEER, APPROVER)),
    "admin": ("Demo administrator", (Role.ADMIN,)),
    "auditor": ("Demo auditor", (Role.AUDITOR,)),
    "approver-2": ("Second approver", (ENGINEER, APPROVER)),
    "payments-lead": ("Payments lead", (ENGINEER, APPROVER)),
    "security": ("Security approver", (APPROVER,)),
    "manager": ("Engineering manager", (APPROVER,)),
    "on-call": ("On-call engineer", (ENGINEER,)),
    "contractor": ("Contractor", (ENGINEER,)),
    "admin-2": ("Second administrator", (Role.ADMIN,)),
    "engineer-other": ("Engineer, second account", (ENGINEER, APPROVER)),
}
SAME_HUMAN = ("engineer", "engineer-other")  # so neither approves what the other asks for
MANAGED = ("engineer", "engineer-2", "on-call", "contractor")


def seed_people() -> list[Person]:
    """Safe to repeat: what somebody changed about them stays."""
    people = {key: _seed(key, name, roles) for key, (name, roles) in CAST.items()}
    demo = Person.objects.filter(tenant_id=DEMO_TENANT)
    demo.filter(object_id__in=SAME_HUMAN, person_key="").update(person_key="demo-engineer")
    demo.filter(object_id__in=MANAGED, manager=None).update(manager=people["manager"])
    return list(people.values())


def _seed(key: str, name: str, roles: tuple[Role, ...]) -> Person:
    person, new = Person.objects.get_or_create(
        tenant_id=DEMO_TENANT,
        object_id=key,
        defaults={"display_name": name, "mail": f"{key}@demo.invalid"},
    )
    if new:
        PersonRole.objects.bulk_create(PersonRole(person=person, role=role) for role in roles)
    return person
