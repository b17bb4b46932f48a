"""The people of vendors: who sees them, keeps them and shuts them out."""

from access.errors import NotAllowed
from access.models import Person
from access.policy.table import Act, has


def may_see_vendors(person: Person) -> bool:
    return has(person, Act.SEE_VENDORS)


def check_may_keep_vendors(by: Person) -> None:
    if not has(by, Act.KEEP_VENDORS):
        raise NotAllowed("Changing and checking contacts needs the Engineer or Administrator role.")


def may_keep_vendors(person: Person) -> bool:
    return has(person, Act.KEEP_VENDORS)


def check_may_block_vendor(by: Person) -> None:
    if not has(by, Act.BLOCK_VENDOR):
        raise NotAllowed("Blocking a contact, and unblocking it, needs the Administrator role.")


def may_block_vendor(person: Person) -> bool:
    return has(person, Act.BLOCK_VENDOR)
