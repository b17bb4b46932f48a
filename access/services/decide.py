"""Approving and denying: exactly once, by who may, of exactly what they were shown."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from access import approvers, tasks
from access.approvers import Candidate
from access.clock import db_now
from access.errors import ConfirmFirst, Invalid, Overreach, WrongState
from access.models import (
    AccessRequest,
    Decision,
    DecisionVerdict,
    EndedHow,
    EndOrder,
    Grant,
    Person,
)
from access.policy import SHORTEST_MINUTES
from access.services.completing import complete, record, tell_requester
from access.services.refusals import one_transaction
from access.services.submission import REASON_LIMIT, clean_text
from access.services.writing import announce
from access.states import WANTING, RequestState
from access.waiting import end_unopened

CONFIRMED_FOR = timedelta(minutes=5)  # how long a fresh sign-in counts for a decision
CONFIRM = "The policy wants you to confirm that it is you before you approve this."
CHANGED = "This request is not the one you were shown. Look at it again."


@dataclass(frozen=True)
class Shown:
    """What the person had before them when they decided. ``minutes``: the length that they agree
    to, ``None`` for all of it; ``confirmed_at``: when they last signed in anew for a decision."""

    terms_digest: str
    comment: str = ""
    minutes: int | None = None
    confirmed_at: datetime | None = None


def approve(
    access_request: AccessRequest,
    *,
    by: Person,
    terms_digest: str,
    comment: str = "",
    minutes: int | None = None,
    confirmed_at: datetime | None = None,
) -> AccessRequest:
    """Say yes to exactly the terms that ``terms_digest`` stands for, or to less of their time.

    It counts for the stage that waits. When the last stage has enough, what follows is readable
    in ``complete``: the grants are written and, when the transaction has committed, the workers
    are woken. Raises ``NotAllowed``, ``WrongState`` or ``Invalid``.
    """
    shown = Shown(terms_digest, _checked_comment(comment), minutes, confirmed_at)
    with one_transaction("request.approve", by=by, reference=access_request.reference):
        locked = lock(access_request)
        now = db_now()
        _check_undecided(locked, now)
        pool = approvers.Pool(now)
        candidate = approvers.candidate_for(locked, by, pool)
        _check_seen(locked, shown)
        _check_length(locked, shown)
        _check_confirmed(locked, shown, now)
        _count(locked, candidate, shown, pool)
    return locked


def deny(
    access_request: AccessRequest, *, by: Person, terms_digest: str, comment: str
) -> AccessRequest:
    """Say no, with the reason that the requester will read. One no is enough."""
    shown = Shown(terms_digest, _checked_comment(comment))
    if not shown.comment:
        raise Invalid({"comment": "Say why. The person who asked will read it."})
    with one_transaction("request.deny", by=by, reference=access_request.reference):
        locked = lock(access_request)
        now = db_now()
        _check_undecided(locked, now)
        candidate = approvers.candidate_for(locked, by, approvers.Pool(now))
        _check_seen(locked, shown)
        _say(locked, candidate, DecisionVerdict.DENY, shown, now)
        if locked.hold:
            _deny_held(locked, by, shown.comment, now)
        else:
            end_unopened(locked, RequestState.DENIED, now, by=by, comment=shown.comment)
        record(locked, "request.denied", by=by, comment=shown.comment)
        tell_requester(locked, "request.denied", by=by, comment=shown.comment)
    return locked


def lock(access_request: AccessRequest) -> AccessRequest:
    """Without joins: PostgreSQL re-reads a row that it had to wait for, but not what was joined
    to it, and "already approved" would then not know by whom."""
    return AccessRequest.objects.select_for_update(no_key=True).get(pk=access_request.pk)


def decided_already(locked: AccessRequest) -> WrongState:
    who, label = locked.decided_by, RequestState(locked.state).label.lower()
    by_whom = f" by {who.display_name}" if who else ""
    return WrongState(f"{locked.reference} was already {label}{by_whom}.")


def expired(locked: AccessRequest) -> WrongState:
    return WrongState(f"{locked.reference} has expired unanswered. It can be sent again.")


def _count(locked: AccessRequest, candidate: Candidate, shown: Shown, pool: approvers.Pool) -> None:
    """The approval is written; then either more are needed, or all is complete."""
    now = pool.now
    _say(locked, candidate, DecisionVerdict.APPROVE, shown, now)
    stages = approvers.stages_now(locked, pool)
    if shown.minutes is not None:
        locked.approved_minutes = min(shown.minutes, locked.approved_minutes or shown.minutes)
    if not stages[locked.stage].done:
        locked.save(update_fields=["approved_minutes"])
        _ask_on(locked, candidate.person, shown, pool)
    elif locked.stage + 1 < len(stages):
        locked.stage, locked.stage_since, locked.escalated_at = locked.stage + 1, now, None
        locked.save(update_fields=["approved_minutes", "stage", "stage_since", "escalated_at"])
        _ask_on(locked, candidate.person, shown, pool)
    else:
        complete(locked, now, by=candidate.person, comment=shown.comment)


def _ask_on(locked: AccessRequest, by: Person, shown: Shown, pool: approvers.Pool) -> None:
    record(locked, "request.approval_given", by=by, comment=shown.comment, stage=locked.stage)
    announce(locked, pool)


def _deny_held(locked: AccessRequest, by: Person, comment: str, now: datetime) -> None:
    """It was approved once, and has opened nothing yet: its grants are ended."""
    waiting = Grant.objects.filter(access_request=locked, state__in=WANTING).order_by("pk")
    for grant in waiting:
        EndOrder.objects.get_or_create(
            grant=grant, defaults={"by": by, "at": now, "how": EndedHow.REVOKED, "reason": comment}
        )
    locked.hold, locked.held_at, locked.blocked = "", None, ""
    locked.save(update_fields=["hold", "held_at", "blocked"])
    locked.deciders.all().delete()
    gates = [grant.gate_id for grant in waiting]
    transaction.on_commit(lambda: tasks.wake(gates))


def _say(
    locked: AccessRequest,
    candidate: Candidate,
    verdict: DecisionVerdict,
    shown: Shown,
    now: datetime,
) -> None:
    Decision.objects.create(
        access_request=locked,
        revision=locked.revision,
        stage=locked.stage,
        by=candidate.person,
        on_behalf_of=candidate.on_behalf_of,
        verdict=verdict,
        terms_digest=shown.terms_digest,
        minutes=shown.minutes,
        comment=shown.comment,
        at=now,
        confirmed_at=shown.confirmed_at,
    )


def _checked_comment(comment: str) -> str:
    comment = clean_text(comment)
    if len(comment) > REASON_LIMIT:
        raise Invalid({"comment": f"Keep the comment under {REASON_LIMIT} characters."})
    return comment


def _check_undecided(locked: AccessRequest, now: datetime) -> None:
    if not locked.is_undecided:
        raise decided_already(locked)
    if locked.hold and not _may_still_open(locked, now):
        raise WrongState("Its time is over: nothing of it can be opened any more.")
    if locked.lapses_at <= now:
        raise expired(locked)


def _may_still_open(locked: AccessRequest, now: datetime) -> bool:
    wanted = locked.grants.filter(state__in=WANTING, ends_at__gt=now, end_order__isnull=True)
    return wanted.exists()


def _check_seen(locked: AccessRequest, shown: Shown) -> None:
    if shown.terms_digest != locked.terms_digest:
        raise WrongState(CHANGED)


def _check_length(locked: AccessRequest, shown: Shown) -> None:
    """An approver may shorten, never lengthen."""
    most = locked.approved_minutes or locked.duration_minutes
    if shown.minutes is None:
        return
    if shown.minutes > most:
        raise Overreach({"minutes": f"You may only shorten it: at most {most} minutes."})
    if shown.minutes < min(SHORTEST_MINUTES, most):
        raise Invalid({"minutes": f"Give at least {SHORTEST_MINUTES} minutes, or deny it."})
    if locked.hold and shown.minutes < most:
        raise Invalid({"minutes": "Approve again what was approved once, as it is, or deny it."})


def _check_confirmed(locked: AccessRequest, shown: Shown, now: datetime) -> None:
    if not locked.judgement.step_up:
        return
    fresh = shown.confirmed_at is not None and shown.confirmed_at > now - CONFIRMED_FOR
    if not fresh:
        raise ConfirmFirst(CONFIRM)
