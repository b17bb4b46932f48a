"""A vendor's wish for more time: the sponsor asks for it, as for any access, or says no."""

import uuid
from datetime import datetime

from access import ledger, policy, services
from access.clock import db_now
from access.errors import Invalid, WrongState
from access.models import AccessRequest, Person
from access.services.refusals import one_transaction
from access.services.submission import clean_text
from access.states import RequestState
from links import following
from links.models import Invitation, MoreTimeAsk
from links.sponsoring.inviting import is_wanted

LONGEST_ANSWER = 500
KEYS = uuid.UUID("5f0f2d5e-4f0f-4a57-9d2c-6f2b1c4c7a10")  # a wish makes the same request each time


def ask_for(
    wish: MoreTimeAsk, *, minutes: int, reason: str, by: Person, ticket: str = ""
) -> AccessRequest:
    """The linked request for more time. Safe to repeat: one wish, one request. Raises
    ``NotAllowed``, ``Invalid``, or ``WrongState`` when it was answered or all is over."""
    root = wish.invitation.access_request
    made = _made_before(wish, by)
    if made is None:
        with one_transaction("vendor.ask_for_more_time", by=by, reference=root.reference):
            policy.check_may_answer_wish(root, by)
            _check_waits(wish)
        key = _key(wish)
        made = services.extend(root, minutes=minutes, reason=reason, key=key, by=by, ticket=ticket)
    if not _answered(wish, by, db_now(), access_request=made):
        _check_is_that(wish, made, by)
    return made


def decline(wish: MoreTimeAsk, *, answer: str, by: Person) -> MoreTimeAsk:
    """``answer`` is for the vendor to read. The same again changes nothing."""
    invitation, answer = wish.invitation, clean_text(answer)
    asked = invitation.access_request
    with one_transaction("vendor.decline_more_time", by=by, reference=asked.reference):
        policy.check_may_decline_wish(asked, by)
        wish.refresh_from_db()
        if wish.answered_at and not wish.access_request_id and wish.answer == answer:
            return wish
        _check_waits(wish)
        _check_over(invitation, db_now())
        _check_answer(answer, invitation)
        if _made_before(wish, asked.requester) is not None:
            raise WrongState("More time was asked for already. An approver decides about it.")
        if not _answered(wish, by, db_now(), answer=answer):
            raise WrongState("Somebody has answered this meanwhile.")
        data = {"minutes": wish.minutes, "reason": answer}
        ledger.record("vendor.more_time_declined", by=by, reference=asked.reference, data=data)
        key = f"{asked.reference}.wish.{wish.pk}.declined"
        following.tell_vendor("visit.wish_declined", invitation, key=key, answer=answer)
    wish.refresh_from_db()
    return wish


def _key(wish: MoreTimeAsk) -> uuid.UUID:
    return uuid.uuid5(KEYS, str(wish.pk))


def _made_before(wish: MoreTimeAsk, by: Person) -> AccessRequest | None:
    """Of this visit: whoever made another request with this key has answered nothing."""
    mine = AccessRequest.objects.filter(requester=by, submission_key=_key(wish))
    return mine.filter(extends=wish.invitation.access_request).first()


def _check_waits(wish: MoreTimeAsk) -> None:
    wish.refresh_from_db(fields=["answered_at", "answered_by", "access_request", "answer"])
    if wish.answered_at is not None and wish.answered_by is not None:
        raise WrongState(f"{wish.answered_by.display_name} has answered this already.")


def _check_over(invitation: Invitation, now: datetime) -> None:
    if not is_wanted(invitation, now):
        raise WrongState("This visit is over, and the vendor knows. Nothing is left to answer.")


def _check_answer(answer: str, invitation: Invitation) -> None:
    if not answer:
        raise Invalid({"answer": f"Say why not. {invitation.name} reads it."})
    if len(answer) > LONGEST_ANSWER:
        raise Invalid({"answer": f"Keep it under {LONGEST_ANSWER} characters."})


def _answered(wish: MoreTimeAsk, by: Person, now: datetime, **words: object) -> bool:
    """``False`` when somebody else was quicker."""
    waits = MoreTimeAsk.objects.filter(pk=wish.pk, answered_at__isnull=True)
    return bool(waits.update(answered_at=now, answered_by=by, **words))


def _check_is_that(wish: MoreTimeAsk, made: AccessRequest, by: Person) -> None:
    """Somebody said no in the same instant: then the vendor was told so, and it stays so."""
    wish.refresh_from_db()
    if wish.access_request_id == made.pk:
        return
    if made.state == RequestState.PENDING:
        services.withdraw(made, by=by)
    raise WrongState("Somebody has answered this meanwhile.")
