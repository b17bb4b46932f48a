"""Break-glass: opening at once what cannot wait for an approval. Everybody concerned is told, and
somebody else reviews it within a business day.

What is skipped is the approval, and nothing else: the way in must be there, the policy must name
the person, and the engine's last check before the door is opened stays as it is.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from access import emergencies, judging, ledger, notices, policy, tasks
from access.clock import db_now
from access.errors import Invalid, NotAllowed, WrongState
from access.kinds import kind_named
from access.models import (
    AccessRequest,
    ApprovedHow,
    Grant,
    Machine,
    Person,
    RequestedDoor,
    Review,
)
from access.offers import caveats_of, doors_needed
from access.rules.judgement import Judgement
from access.ruling import Ruling, Terms, judge, policy_in_force
from access.services.checks import (
    Wanted,
    check_length,
    check_reason,
    check_ticket,
    pending_twin,
    way_in,
)
from access.services.granting import grants_for, told_of
from access.services.refusals import one_transaction
from access.services.submission import Submission, clean_text
from access.services.submit import lock_machines
from access.services.writing import write
from access.states import RequestState

LEAST_REASON = 10  # characters
NOT_NAMED = "The policy does not let you open this without an approval. Send a request instead."


def open_at_once(submission: Submission, *, by: Person) -> AccessRequest:
    """Open one's own way into one machine, now and without an approval.

    The same key twice is the same opening. A request that waits for an approval goes on waiting.
    Raises ``NotAllowed``, ``WrongState``, or ``Invalid`` with a message for each wrong field.
    """
    with one_transaction("break_glass.open", by=by):
        machines = lock_machines(submission)
        _one_at_a_time(by)
        again = _opened_before(submission, by)
        if again is not None:
            return again
        policy.check_may_break_glass(by)
        now = db_now()
        wanted, ruling = _check(submission, _way(submission, machines), by, now)
        made, doors = _create(submission, wanted, ruling, by, now)
        grants = grants_for(made, now)
        Grant.objects.bulk_create(grants)
        review = _owe_review(made, doors, by, now)
        _record(made, doors, grants, review)
        _tell(made, wanted, grants, review)
        gates = [grant.gate_id for grant in grants]
        transaction.on_commit(lambda: tasks.wake(gates))
    return made


def longest(judgement: Judgement, offered: int) -> int:
    """Minutes: never more than with an approval."""
    return min(judgement.break_glass.max_minutes, judgement.max_minutes, offered)


def _one_at_a_time(by: Person) -> None:
    """Two openings of one human being wait for each other, or each would count without the other.
    Locked in one order, after the machine."""
    list(emergencies.accounts_of(by).select_for_update(no_key=True).order_by("pk"))


def _opened_before(submission: Submission, by: Person) -> AccessRequest | None:
    mine = AccessRequest.objects.filter(requester=by)
    found = mine.filter(submission_key=submission.submission_key).first()
    if found is not None and found.approved_how != ApprovedHow.BREAK_GLASS:
        raise WrongState(f"This form was already sent as {found.reference}. Load the page again.")
    return found


def _way(submission: Submission, machines: Sequence[Machine]) -> Wanted:
    if len(machines) != 1:
        raise Invalid({"machine": "Break-glass opens one machine at a time."})
    if submission.start is not None:
        raise Invalid({"start": "Break-glass opens at once. For later, send a request."})
    wanted = way_in(submission, machines[0], named=False)
    if kind_named(submission.kind).exclusive:
        raise Invalid({"kind": "A link for a vendor always needs an approval."})
    return wanted


def _check(
    submission: Submission, wanted: Wanted, by: Person, now: datetime
) -> tuple[Wanted, Ruling]:
    in_force, offer = policy_in_force(), wanted.offer
    terms = Terms(offer.kind, max(submission.minutes, 1), now, by)
    ruling = judge([(wanted.machine, offer.port)], terms, by=in_force)
    allowed = ruling.judgement
    if not allowed.allowed:
        raise Invalid({"kind": allowed.why_not or "The policy does not allow this."})
    if not emergencies.may_break_glass(by, allowed.break_glass, in_force.policy):
        raise NotAllowed(NOT_NAMED)
    _check_restraint(wanted, by, now)
    problems = {
        **check_length(submission.minutes, longest(allowed, offer.max_minutes)),
        **_check_reason(submission.reason),
        **check_ticket(submission.ticket, replace(allowed, ticket_required=False)),
    }
    if problems:
        raise Invalid(problems)
    _check_works(wanted, submission.minutes)
    return wanted, ruling


def _check_restraint(wanted: Wanted, by: Person, now: datetime) -> None:
    """Not over and over: what was opened must end and be looked at by somebody."""
    held = emergencies.running(by, wanted.machine.pk, wanted.offer.port, now)
    if held is not None:
        raise WrongState(f"{held.access_request.reference} opens this for you already.")
    unsettled = list(emergencies.unsettled(by)[: emergencies.MOST_AT_ONCE])
    if len(unsettled) >= emergencies.MOST_AT_ONCE:
        named = ", ".join(row.access_request.reference for row in unsettled)
        raise WrongState(
            f"You have opened {len(unsettled)} by break-glass that still run or that nobody has "
            f"reviewed: {named}. Have one reviewed first, or send a request."
        )


def _check_reason(reason: str) -> dict[str, str]:
    if len(clean_text(reason)) < LEAST_REASON:
        return {"reason": f"Say what happens, in at least {LEAST_REASON} characters."}
    return check_reason(reason)


def _check_works(wanted: Wanted, minutes: int) -> None:
    """What may have changed since the estate was read is no reason here: opening a door to a
    machine that is stopped harms nobody, and somebody may have just started it."""
    doors = [(each.kind, each.port) for each in doors_needed(wanted.machine, wanted.offer)]
    kind = wanted.offer.kind
    checks = judging.preflight(wanted.machine, doors, asked=kind, minutes=minutes)
    if reason := judging.reason_to_refuse(checks, is_for_now=False):
        raise Invalid({"kind": reason})


def _create(
    submission: Submission, wanted: Wanted, ruling: Ruling, by: Person, now: datetime
) -> tuple[AccessRequest, list[RequestedDoor]]:
    """Approved from the first: it never waits, so it is no twin of one that does."""
    made = AccessRequest(
        requester=by,
        submission_key=submission.submission_key,
        kind=submission.kind,
        duration_minutes=submission.minutes,
        reason=clean_text(submission.reason),
        ticket=submission.ticket.strip(),
        policy=ruling.as_json(),
        created_at=now,
        state=RequestState.APPROVED,
        approved_how=ApprovedHow.BREAK_GLASS,
        decided_at=now,
    )
    machine = wanted.machine
    doors = [
        RequestedDoor(
            machine=machine, vm_id=machine.vm_id, kind=each.kind, port=each.port, pending=False
        )
        for each in doors_needed(machine, wanted.offer)
    ]
    write(made, doors, now)
    return made, doors


def _owe_review(
    made: AccessRequest, doors: Sequence[RequestedDoor], by: Person, now: datetime
) -> Review:
    twin = pending_twin(by, [(door.machine_id, door.kind, door.port) for door in doors])
    due_at = emergencies.review_due(now, by)
    return Review.objects.create(access_request=made, due_at=due_at, overtook=twin)


def _record(
    made: AccessRequest,
    doors: Sequence[RequestedDoor],
    grants: Sequence[Grant],
    review: Review,
) -> None:
    caveats = caveats_of(doors)
    ledger.record(
        "break_glass.opened",
        by=made.requester,
        reference=made.reference,
        subject=doors[0].machine.resource_key,
        data={
            "kind": made.kind,
            "reason": made.reason,
            "ticket": made.ticket,
            "minutes": made.duration_minutes,
            "grants": told_of(grants),
            "review_due_at": review.due_at,
            "terms_digest": made.terms_digest,
            "policy": made.policy["number"],
            "rules": list(made.judgement.rules),
            **({"overtook": review.overtook.reference} if review.overtook else {}),
            **({"caveats": caveats} if caveats else {}),
        },
    )


def _tell(made: AccessRequest, wanted: Wanted, grants: Sequence[Grant], review: Review) -> None:
    """Nobody's settings switch this off, and who did it cannot take the security contact off."""
    owners, by = [wanted.machine.owner], made.requester
    notices.tell_overseers(
        "break_glass.opened",
        key=f"{made.reference}.break-glass",
        to=emergencies.concerned(made.judgement, owners, by, made.created_at),
        about=made,
        data={"due_at": review.due_at, "ends_at": grants[0].ends_at},
        by=by,
    )
