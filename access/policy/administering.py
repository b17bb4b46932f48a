"""What administrators may order, and what takes two of them."""

from access.errors import NotAllowed
from access.models import (
    Lockdown,
    Person,
    PolicyVersion,
)
from access.policy.passing import passes
from access.policy.table import Act, has


def check_may_remove(by: Person) -> None:
    if not has(by, Act.REMOVE_DRIFT):
        raise NotAllowed("Only an administrator can have removed what nobody approved.")


def may_remove(person: Person) -> bool:
    return has(person, Act.REMOVE_DRIFT)


def check_may_change_guard(by: Person) -> None:
    if not has(by, Act.CHANGE_GUARD):
        raise NotAllowed("Only an administrator can change which ports are guarded.")


def check_may_lock_down(by: Person) -> None:
    if not has(by, Act.CLOSE_EVERYTHING):
        raise NotAllowed("Closing everything needs the Administrator role.")


def check_may_confirm_lockdown(lockdown: Lockdown, by: Person) -> None:
    """Two people: whoever ordered it does not confirm it, by no account of theirs."""
    check_may_lock_down(by)
    if lockdown.ordered_by_id == by.pk:
        raise NotAllowed("You ordered this. Another administrator must confirm it.")
    if by.is_same_human(lockdown.ordered_by):
        raise NotAllowed("You ordered this with another account. Somebody else must confirm it.")


def check_may_reconcile(by: Person) -> None:
    if not has(by, Act.RECONCILE):
        raise NotAllowed("Only an administrator can reconcile a database that went back in time.")


def may_reconcile(person: Person) -> bool:
    return has(person, Act.RECONCILE)


def may_lock_down(person: Person) -> bool:
    return has(person, Act.CLOSE_EVERYTHING)


def may_confirm_lockdown(lockdown: Lockdown, person: Person) -> bool:
    return passes(check_may_confirm_lockdown, lockdown, person)


def check_may_manage_outside(by: Person) -> None:
    if not has(by, Act.MANAGE_OUTSIDE):
        raise NotAllowed("Registering machines outside Azure needs the Administrator role.")


def check_may_manage_notices(by: Person) -> None:
    if not has(by, Act.MANAGE_NOTICES):
        raise NotAllowed("Saying who is told of what needs the Administrator role.")


def may_manage_notices(person: Person) -> bool:
    return has(person, Act.MANAGE_NOTICES)


def may_manage_outside(person: Person) -> bool:
    return has(person, Act.MANAGE_OUTSIDE)


def check_may_propose_policy(by: Person) -> None:
    if not has(by, Act.CHANGE_POLICY):
        raise NotAllowed(_why_no_policy(by, "Proposing"))


def check_may_put_in_force(version: PolicyVersion, by: Person) -> None:
    """Whoever proposed it does not decide on it, by no account of theirs."""
    if not has(by, Act.CHANGE_POLICY):
        raise NotAllowed(_why_no_policy(by, "Deciding on"))
    proposer = version.proposed_by
    if proposer is not None and proposer.pk == by.pk:
        raise NotAllowed("You proposed this. Another administrator must decide on it.")
    if proposer is not None and by.is_same_human(proposer):
        raise NotAllowed("You proposed this with another account. Somebody else must decide.")


def _why_no_policy(by: Person, what: str) -> str:
    if by.is_guest:  # who decides nothing does not decide who decides
        return "Guests of another organisation do not change the policy here."
    return f"{what} a policy needs the Administrator role."


def check_may_withdraw_policy(version: PolicyVersion, by: Person) -> None:
    if version.proposed_by_id != by.pk or not has(by, Act.CHANGE_POLICY):
        raise NotAllowed("Only the administrator who proposed a policy can withdraw it.")


def may_propose_policy(person: Person) -> bool:
    return has(person, Act.CHANGE_POLICY)


def may_put_in_force(version: PolicyVersion, person: Person) -> bool:
    return passes(check_may_put_in_force, version, person)


def check_may_end_sessions(person: Person, by: Person) -> None:
    """Of browsers: one's own, always; somebody else's, to keep out who may have taken them."""
    if person.pk != by.pk and not has(by, Act.END_SESSIONS):
        raise NotAllowed("Signing somebody else out needs the Administrator role.")


def may_end_sessions(person: Person) -> bool:
    """Those of others."""
    return has(person, Act.END_SESSIONS)


def check_may_read_estate(person: Person) -> None:
    if not has(person, Act.READ_ESTATE):
        raise NotAllowed("Having the estate read needs the Administrator role.")
