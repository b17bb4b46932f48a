"""What a sponsor, or an administrator in their place, may do about a vendor's visit."""

from access.errors import NotAllowed
from access.models import AccessRequest, Person
from access.policy.passing import passes
from access.policy.table import Act, has


def check_may_invite_again(asked: AccessRequest, by: Person) -> None:
    own = asked.requester_id == by.pk and has(by, Act.ASK)
    if not own and not has(by, Act.TEND_VISITS):
        raise NotAllowed("Only the sponsor, or an administrator, can have an invitation sent.")


def check_may_answer_wish(asked: AccessRequest, by: Person) -> None:
    """With a request for more time, which is the sponsor's own."""
    if asked.requester_id != by.pk or not has(by, Act.ASK):
        raise NotAllowed("Only the sponsor can ask for more time for their vendor.")


def check_may_decline_wish(asked: AccessRequest, by: Person) -> None:
    own = asked.requester_id == by.pk and by.is_active
    if not own and not has(by, Act.TEND_VISITS):
        raise NotAllowed("Only the sponsor, or an administrator, can decline more time.")


def check_may_tick_off(asked: AccessRequest, by: Person, *, owns: bool) -> None:
    """That the login on a machine was changed. ``owns``: the machine is theirs by the policy."""
    own = asked.requester_id == by.pk or owns
    if not (own and by.is_active) and not has(by, Act.TEND_VISITS):
        raise NotAllowed(
            "Only the sponsor, who owns the machine, or an administrator can say that it was done."
        )


def may_invite_again(asked: AccessRequest, person: Person) -> bool:
    return passes(check_may_invite_again, asked, person)


def may_answer_wish(asked: AccessRequest, person: Person) -> bool:
    return passes(check_may_answer_wish, asked, person)


def may_decline_wish(asked: AccessRequest, person: Person) -> bool:
    return passes(check_may_decline_wish, asked, person)
