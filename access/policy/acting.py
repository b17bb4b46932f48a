"""What people may do with requests, access, sessions and their own place."""

from collections.abc import Iterable

from access.errors import NotAllowed
from access.models import (
    AccessRequest,
    Deputy,
    Grant,
    Person,
)
from access.policy.passing import passes
from access.policy.table import Act, has

SHORTEST_MINUTES = 5


def check_may_request(person: Person) -> None:
    if not has(person, Act.ASK):
        raise NotAllowed("Asking for access needs the Engineer role. An administrator gives it.")


def check_may_break_glass(person: Person) -> None:
    """Whom the policy names for it is asked of the policy besides."""
    check_may_request(person)
    if not has(person, Act.BREAK_GLASS):
        raise NotAllowed("No program opens anything without an approval. A person must, in person.")


def check_may_withdraw(access_request: AccessRequest, by: Person) -> None:
    if access_request.requester_id != by.pk or not by.is_active:
        raise NotAllowed("Only the person who asked can withdraw a request.")


def check_may_answer(access_request: AccessRequest, by: Person) -> None:
    if access_request.requester_id != by.pk or not by.is_active:
        raise NotAllowed("Only the person who asked for access answers questions about it.")


def check_may_name_deputy(by: Person) -> None:
    """Who decides nothing has nothing to hand over."""
    if not may_name_deputy(by):
        raise NotAllowed("Naming a deputy needs the Approver role.")


def may_name_deputy(person: Person) -> bool:
    return has(person, Act.NAME_DEPUTY)


def check_may_take_back_deputy(row: Deputy, by: Person) -> None:
    own = row.approver_id == by.pk and by.is_active
    if not own and not has(by, Act.TAKE_BACK_DEPUTY):
        raise NotAllowed("Only who named a deputy, or an administrator, can take it back.")


def may_take_back_deputy(row: Deputy, person: Person) -> bool:
    return passes(check_may_take_back_deputy, row, person)


def check_may_change(access_request: AccessRequest, by: Person) -> None:
    if access_request.requester_id != by.pk or not has(by, Act.ASK):
        raise NotAllowed("Only the person who asked can change a request.")


def check_may_extend(access_request: AccessRequest, by: Person) -> None:
    if access_request.requester_id != by.pk or not has(by, Act.ASK):
        raise NotAllowed("Only the person who has the access can ask for more time.")


def check_may_end(grant: Grant, by: Person) -> None:
    own = grant.access_request.requester_id == by.pk and by.is_active
    if not own and not has(by, Act.END_ANY):
        raise NotAllowed("Only the person it was given to, or an administrator, can end access.")


def check_may_disconnect(covering: Iterable[Grant], by: Person) -> None:
    """``covering``: the grants through which the session could have begun."""
    own = any(g.access_request.requester_id == by.pk and g.state == "open" for g in covering)
    if not (own and by.is_active) and not has(by, Act.END_ANY):
        raise NotAllowed("Only the person whose access it is, or an administrator, can do this.")


def check_may_review(access_request: AccessRequest, by: Person) -> None:
    """Of access that was opened without an approval."""
    if by.is_same_human(access_request.requester):
        raise NotAllowed("You opened this yourself. Somebody else must review it.")
    if not has(by, Act.REVIEW):
        raise NotAllowed("Reviewing needs the Approver, Administrator or Auditor role.")


def may_review(access_request: AccessRequest, person: Person) -> bool:
    return passes(check_may_review, access_request, person)


def may_end(grant: Grant, person: Person) -> bool:
    return passes(check_may_end, grant, person)


def may_disconnect(covering: Iterable[Grant], person: Person) -> bool:
    return passes(check_may_disconnect, covering, person)
