"""Sending an invitation again: whatever was mailed before opens nothing any more."""

from datetime import datetime

from django.db.models import QuerySet

from access import ledger, policy
from access.clock import db_now
from access.errors import WrongState
from access.models import Grant, Notice, NoticeState, Person
from access.services.refusals import one_transaction
from access.states import WANTING
from links import following
from links.mailboxes import reach_problem
from links.models import Invitation
from links.visiting import evidence, keys

MOST = 10  # letters of one invitation: whoever needs more has the wrong address
INSTEAD = "The invitation was sent again instead."


def invite_again(invitation: Invitation, *, seen: int, by: Person) -> Invitation:
    """All earlier addresses and all browsers of the visit are void from here on. ``seen``: how
    often it had been sent when the page was shown; a second press then changes nothing. Raises
    ``NotAllowed``, or ``WrongState`` when nothing is left to be invited to."""
    reference = invitation.access_request.reference
    with one_transaction("vendor.invite_again", by=by, reference=reference):
        policy.check_may_invite_again(invitation.access_request, by)
        locked = evidence.lock(invitation)
        if locked.mailed != seen:
            return locked
        now = db_now()
        _check(locked, now)
        _void(locked, now)
        locked.mailed += 1
        locked.save(update_fields=["mailed", "wrong_codes", "wrong_since", "locked_until"])
        data = {"name": locked.name, "company": locked.company, "letter": locked.mailed}
        ledger.record("vendor.invited_again", by=by, reference=reference, data=data)
        following.invite(locked)
    return locked


def is_wanted(invitation: Invitation, now: datetime) -> bool:
    """Whether anything of it is open, or still to be opened."""
    return live_links(invitation, now).exists()


def live_links(invitation: Invitation, now: datetime) -> QuerySet[Grant]:
    asked = invitation.access_request
    live = Grant.objects.filter(access_request=asked, kind=asked.kind, state__in=WANTING)
    return live.filter(ends_at__gt=now, end_order__isnull=True)


def _check(invitation: Invitation, now: datetime) -> None:
    if not is_wanted(invitation, now):
        raise WrongState("This visit is over. There is nothing left to invite them to.")
    if problem := reach_problem(invitation.mail):
        raise WrongState(problem)
    if invitation.mailed >= MOST:
        raise WrongState(f"It was sent {MOST} times. Check the address with {invitation.name}.")


def _void(invitation: Invitation, now: datetime) -> None:
    """What was asked for and guessed with the earlier addresses does not count against whoever has
    the next one: a stranger who has one could keep them out otherwise."""
    keys.void_all(invitation, now)
    invitation.browsers.filter(ended_at__isnull=True).update(ended_at=now)
    invitation.codes.all().delete()
    invitation.wrong_codes, invitation.wrong_since, invitation.locked_until = 0, None, None
    waiting = Notice.objects.filter(event="visit.invited", state=NoticeState.QUEUED)
    mine = waiting.filter(reference=invitation.access_request.reference)
    mine.update(state=NoticeState.NOT_SENT, problem=INSTEAD)
