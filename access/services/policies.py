"""Changing the policy: one administrator proposes, another puts it in force.

Whatever is put in force is asked by later requests alone (X-06): a request keeps the judgement
that it was sent under, and what is open stays open.
"""

from typing import Any

from access import ledger, notices, policy, ruling
from access.clock import db_now
from access.errors import Invalid, WrongState
from access.models import LedgerHead, Person, PolicyState, PolicyVersion
from access.rules.document import BadPolicy, Policy, parse
from access.services.refusals import one_transaction
from access.services.submission import REASON_LIMIT, clean_text

SOURCE_LIMIT = 200_000  # characters: ten times a policy of 400 rules
COMMAND_LINE = "command line"


def propose(source: str, *, note: str, by: Person, based_on: int) -> PolicyVersion:
    """Write the next version, which waits for a second administrator.

    ``based_on``: the number that was in force when they began to write, 0 for the built-in policy.
    Safe to repeat while it waits. Raises ``NotAllowed``, ``Invalid`` or ``WrongState``.
    """
    with one_transaction("access_policy.propose", by=by):
        policy.check_may_propose_policy(by)
        source, wanted, note = _checked(source, note)
        active = _alone()
        waiting = PolicyVersion.objects.filter(state=PolicyState.PROPOSED).first()
        if waiting is not None:
            return _same_or_refused(waiting, source, by)
        _check_base(based_on, active)
        _check_changes(wanted, active)
        made = _write(
            source, wanted, note=note, based_on=based_on, proposed_by=by, proposed_at=db_now()
        )
        _record("access_policy.proposed", made, by=by, words=made.note)
        _tell("policy.proposed", made, by=by)
    return made


def put_in_force(
    version: PolicyVersion, *, by: Person, digest: str, comment: str = ""
) -> PolicyVersion:
    """The second administrator's yes to exactly what ``digest`` stands for.

    Safe to repeat by the same person. Raises ``NotAllowed``, ``Invalid`` or ``WrongState``.
    """
    comment = _checked_comment(comment)
    with one_transaction("access_policy.put_in_force", by=by, reference=version.reference):
        active, locked = _alone(), _lock(version)
        policy.check_may_put_in_force(locked, by)
        if locked.state == PolicyState.ACTIVE and locked.decided_by_id == by.pk:
            return locked
        _check_proposed(locked)
        _check_seen(locked, digest)
        _check_base(locked.based_on, active)
        _check_holds(locked)
        _retire(active)
        _decide(locked, PolicyState.ACTIVE, by=by, comment=comment)
        _record("access_policy.in_force", locked, by=by, words=comment, before=active)
        _tell("policy.in_force", locked, by=by)
    return locked


def reject(version: PolicyVersion, *, by: Person, comment: str) -> PolicyVersion:
    """Another administrator's no, with the reason that the proposer will read."""
    comment = _checked_comment(comment)
    if not comment:
        raise Invalid({"comment": "Say why. The person who proposed it will read it."})
    with one_transaction("access_policy.reject", by=by, reference=version.reference):
        _alone()
        locked = _lock(version)
        policy.check_may_put_in_force(locked, by)
        if locked.state == PolicyState.REJECTED and locked.decided_by_id == by.pk:
            return locked
        _check_proposed(locked)
        _decide(locked, PolicyState.REJECTED, by=by, comment=comment)
        _record("access_policy.rejected", locked, by=by, words=comment)
        _tell("policy.rejected", locked, by=by)
    return locked


def withdraw(version: PolicyVersion, *, by: Person) -> PolicyVersion:
    """Take back one's own proposal. Safe to repeat."""
    with one_transaction("access_policy.withdraw", by=by, reference=version.reference):
        _alone()
        locked = _lock(version)
        policy.check_may_withdraw_policy(locked, by)
        if locked.state == PolicyState.WITHDRAWN:
            return locked
        _check_proposed(locked)
        _decide(locked, PolicyState.WITHDRAWN, by=by, comment="")
        _record("access_policy.withdrawn", locked, by=by)
    return locked


def install_first(source: str, *, note: str) -> PolicyVersion:
    """Put in force without a second administrator, from the command line, where no policy has ever
    been: before the first one there may be no two administrators. Safe to repeat.
    """
    with one_transaction("access_policy.install", by=COMMAND_LINE):
        source, wanted, note = _checked(source, note)
        active = _alone()
        if active is not None and active.digest == wanted.digest and not active.proposed_by_id:
            return active
        if _ever_in_force():
            raise WrongState("A policy is in force already. Propose the next one on its page.")
        now = db_now()
        made = _write(
            source, wanted, note=note, based_on=0,
            proposed_at=now, decided_at=now, state=PolicyState.ACTIVE,
        )  # fmt: skip
        _record("access_policy.in_force", made, by=COMMAND_LINE, words=made.note)
        _tell("policy.in_force", made, by=COMMAND_LINE)
    return made


def _checked(source: str, note: str) -> tuple[str, Policy, str]:
    """All that is wrong at once, so that it can be mended at once."""
    source = source.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"
    note, problems, wanted = clean_text(note), {}, None
    if not note:
        problems["note"] = "Say what changes and why. The second administrator decides by it."
    elif len(note) > REASON_LIMIT:
        problems["note"] = f"Keep the note under {REASON_LIMIT} characters."
    if len(source) > SOURCE_LIMIT:
        problems["source"] = f"Keep the policy under {SOURCE_LIMIT} characters."
    else:
        try:
            wanted = parse(source)
        except BadPolicy as bad:
            problems["source"] = "\n".join(bad.problems)
    if problems or wanted is None:
        raise Invalid(problems)
    return source, wanted, note


def _checked_comment(comment: str) -> str:
    comment = clean_text(comment)
    if len(comment) > REASON_LIMIT:
        raise Invalid({"comment": f"Keep the comment under {REASON_LIMIT} characters."})
    return comment


def _alone() -> PolicyVersion | None:
    """The version in force, with nobody else changing any from here on. There may be no version
    to lock yet; the ledger's head is always there, and every change ends with taking it."""
    LedgerHead.objects.select_for_update().get(pk=1)
    return PolicyVersion.objects.filter(state=PolicyState.ACTIVE).first()


def _lock(version: PolicyVersion) -> PolicyVersion:
    return PolicyVersion.objects.select_for_update().get(pk=version.pk)


def _ever_in_force() -> bool:
    were = [PolicyState.ACTIVE, PolicyState.RETIRED]
    return PolicyVersion.objects.filter(state__in=were).exists()


def _same_or_refused(waiting: PolicyVersion, source: str, by: Person) -> PolicyVersion:
    if waiting.proposed_by_id == by.pk and waiting.source == source:
        return waiting
    raise WrongState(
        f"Version {waiting.number} already waits for a second administrator. "
        "It is put in force, rejected or withdrawn first."
    )


def _check_base(based_on: int, active: PolicyVersion | None) -> None:
    """What was compared with another version must be compared anew."""
    number = active.number if active else 0
    if based_on != number:
        raise WrongState(f"Version {number} was put in force since; look at the difference again.")


def _digest_of(active: PolicyVersion | None) -> str:
    """Of the built-in policy as long as there is no version."""
    return active.digest if active else ruling.built_in().digest


def _check_changes(wanted: Policy, active: PolicyVersion | None) -> None:
    if wanted.digest == _digest_of(active):
        raise Invalid({"source": "This says the same as the policy in force. Nothing changes."})


def _check_proposed(version: PolicyVersion) -> None:
    if version.state != PolicyState.PROPOSED:
        who = version.decided_by
        by_whom = f" by {who.display_name}" if who else ""
        done = DONE[PolicyState(version.state)]
        raise WrongState(f"Version {version.number} was already {done}{by_whom}.")


def _check_seen(version: PolicyVersion, digest: str) -> None:
    if digest != version.digest:
        raise WrongState("This is not the policy that you were shown. Look at it again.")


def _check_holds(version: PolicyVersion) -> None:
    """Read once more: what people read and what will judge must be one, also after an update."""
    try:
        read = parse(version.source)
    except BadPolicy as bad:
        raise WrongState(
            f"Version {version.number} can no longer be read: {bad.problems[0]}"
        ) from bad
    if read.digest != version.digest:
        raise WrongState(
            f"Version {version.number} no longer says what it said when it was proposed. "
            "Reject it, and propose it anew."
        )


def _write(source: str, wanted: Policy, **more: Any) -> PolicyVersion:
    last = PolicyVersion.objects.order_by("-number").values_list("number", flat=True).first()
    return PolicyVersion.objects.create(
        number=(last or 0) + 1,
        source=source,
        document=wanted.document,
        digest=wanted.digest,
        **more,
    )


def _retire(active: PolicyVersion | None) -> None:
    if active is not None:
        active.state, active.retired_at = PolicyState.RETIRED, db_now()
        active.save(update_fields=["state", "retired_at"])


def _decide(version: PolicyVersion, state: PolicyState, *, by: Person, comment: str) -> None:
    version.state, version.decided_by, version.decided_at = state, by, db_now()
    version.comment = comment
    version.save(update_fields=["state", "decided_by", "decided_at", "comment"])


def _record(
    event: str,
    version: PolicyVersion,
    *,
    by: Person | str,
    words: str = "",
    before: PolicyVersion | None = None,
) -> None:
    """With both numbers and digests: what was, and what is."""
    known: dict[str, Any] = {
        "number": version.number,
        "digest": version.digest,
        "based_on": version.based_on,
        "reason": words,
    }
    if event == "access_policy.in_force":
        known["before"] = {
            "number": before.number if before else 0,
            "digest": _digest_of(before),
        }
    ledger.record(event, by=by, reference=version.reference, data=known)


def _tell(event: str, version: PolicyVersion, *, by: Person | str) -> None:
    """Every administrator, and the proposer, who may be none any more."""
    to = [version.proposed_by] if version.proposed_by is not None else []
    words = {"number": version.number, "note": version.note, "comment": version.comment}
    notices.tell_overseers(event, key=f"{event}:{version.number}", data=words, by=by, to=to)


DONE = {
    PolicyState.ACTIVE: "put in force",
    PolicyState.RETIRED: "put in force, and replaced since,",
    PolicyState.REJECTED: "rejected",
    PolicyState.WITHDRAWN: "withdrawn",
}
