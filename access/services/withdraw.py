"""Taking back, or changing, one's own request while nobody has decided it."""

from datetime import datetime
from typing import Any

from access import approvers, ledger, notices, policy
from access.clock import db_now
from access.errors import Invalid, WrongState
from access.models import AccessRequest, Decision, Machine, Person, RequestedDoor
from access.offers import find_offer
from access.services.checks import Wanted, Words, check_words
from access.services.completing import complete_by_rule, record
from access.services.decide import decided_already, expired, lock
from access.services.refusals import one_transaction
from access.services.submission import clean_text
from access.services.writing import announce, lapses_at
from access.states import RequestState
from access.terms import digest_of
from access.waiting import end_unopened

CHANGED = "The request was changed."


def withdraw(access_request: AccessRequest, *, by: Person) -> AccessRequest:
    """Take back one's own undecided request."""
    with one_transaction("request.withdraw", by=by, reference=access_request.reference):
        locked = lock(access_request)
        policy.check_may_withdraw(locked, by)
        now = db_now()
        _check_pending(locked, now)
        asked = [row.person for row in locked.deciders.select_related("person")]
        end_unopened(locked, RequestState.WITHDRAWN, now, by=by)
        record(locked, "request.withdrawn", by=by)
        key = f"{locked.reference}.withdrawn"
        notices.tell("request.withdrawn", key=key, to=asked, about=locked, by=by)
    return locked


def change(
    access_request: AccessRequest, words: Words, *, by: Person, revision: int
) -> AccessRequest:
    """Change length, start, reason or ticket of one's own undecided request. Machines stay.

    Approvals that were given are dismissed: whoever gave them did not see this. Safe to repeat:
    what is so already changes nothing. ``revision``: the one that was on the person's page.
    """
    with one_transaction("request.change", by=by, reference=access_request.reference):
        locked = lock(access_request)
        policy.check_may_change(locked, by)
        now = db_now()
        _check_pending(locked, now)
        before, after = _words_of(locked), _plain(words)
        if before != after:
            _check_changeable(locked, revision)
            _rewrite(locked, words, by=by, now=now)
            record(locked, "request.changed", by=by, before=before, after=after)
            if locked.judgement.auto_approve:
                complete_by_rule(locked, now)
            else:
                announce(locked, approvers.Pool(now))
    return locked


def _check_changeable(locked: AccessRequest, revision: int) -> None:
    if revision != locked.revision:
        raise WrongState("It was changed since you looked. Look at it again.")
    if locked.extends_id is not None:
        raise Invalid({"minutes": "Withdraw the request for more time and send another."})


def _rewrite(locked: AccessRequest, words: Words, *, by: Person, now: datetime) -> None:
    """The new words under the policy as it is now, as the next revision, decided by nobody yet.
    A rule may approve that: the machines are locked before the ledger, as whoever approves does."""
    doors = list(locked.doors.select_related("machine__bastion").order_by("pk"))
    ids = [door.machine_id for door in doors]
    list(Machine.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk"))
    wanted = _wanted(locked, doors)
    ruling = check_words(words, wanted, by=by, now=now, vendor_mail=locked.vendor_mail)
    _dismiss(locked, CHANGED, now)
    locked.duration_minutes, locked.asked_start = words.minutes, words.start
    locked.reason, locked.ticket = clean_text(words.reason), words.ticket.strip()
    locked.judge_by(ruling.as_json())
    locked.revision, locked.stage, locked.stage_since = locked.revision + 1, 0, now
    locked.escalated_at, locked.approved_minutes, locked.asked_back_at = None, None, None
    locked.lapses_at = lapses_at(locked, now)
    locked.terms_digest = digest_of(locked, doors)
    locked.save()


def _wanted(locked: AccessRequest, doors: list[RequestedDoor]) -> list[Wanted]:
    asked_for = [door for door in doors if door.kind == locked.kind]
    offers = [(d.machine, find_offer(d.machine, kind=d.kind, port=d.port)) for d in asked_for]
    found = [Wanted(machine, offer) for machine, offer in offers if offer is not None]
    if len(found) != len(asked_for):
        raise WrongState("A machine of this request can no longer be reached this way.")
    return found


def _dismiss(locked: AccessRequest, why: str, now: datetime) -> None:
    standing = approvers.standing_approvals(locked)
    ids = [decision.pk for decision in standing]
    Decision.objects.filter(pk__in=ids).update(dismissed_at=now, dismissed_why=why)
    for decision in standing:
        ledger.record(
            "request.approval_dismissed", by="policy", reference=locked.reference,
            data={"reason": why, "approver": decision.by.display_name},
        )  # fmt: skip


def _check_pending(locked: AccessRequest, now: datetime) -> None:
    if locked.state != RequestState.PENDING:
        raise decided_already(locked)
    if locked.lapses_at <= now:
        raise expired(locked)


def _words_of(locked: AccessRequest) -> dict[str, Any]:
    return _plain(Words(locked.duration_minutes, locked.asked_start, locked.reason, locked.ticket))


def _plain(words: Words) -> dict[str, Any]:
    return {
        "minutes": words.minutes,
        "start": words.start.isoformat() if words.start else None,
        "reason": clean_text(words.reason),
        "ticket": words.ticket.strip(),
    }
