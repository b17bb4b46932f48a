"""One attempt to write one letter. What lets somebody in is made here and nowhere before, goes
into this message, and stays behind as a digest alone."""

import uuid
from collections.abc import Callable

from django.core.mail import EmailMultiAlternatives
from django.db import transaction

from access.clock import db_now
from access.delivery.outcome import Needless, Never
from access.models import Notice, NoticeState
from links.letters.occasion import Occasion, occasion_of
from links.letters.rendering import host, render
from links.letters.words import WORDS
from links.models import Invitation
from links.visiting import codes, evidence, keys
from links.visiting.standing import OVER, standing_of

UNKNOWN = "There is no such letter."
NOT_THEIRS = "The invitation is not of this request."
BLOCKED = "The contact was blocked before it was sent."
WAS_OVER = "The visit was over before it was sent."
REPLACED = "Another letter was sent instead."
TOO_LATE = "The code was of no use any more when it could have been sent."
SECOND = 60


def letter_for(notice: Notice) -> EmailMultiAlternatives | Never:
    """Written anew at each attempt, with another key or code: the earlier letter may have arrived,
    or not."""
    invitation = _invitation_of(notice)
    if notice.event not in WORDS or invitation is None:
        return Never(UNKNOWN)
    if invitation.access_request.reference != notice.reference:
        return Never(NOT_THEIRS)
    if notice.event in MAKES and invitation.contact.blocked_at is not None:
        return Needless(BLOCKED)
    if notice.event in MAKES and standing_of(invitation, db_now()).stage in OVER:
        return Needless(WAS_OVER)
    told = _told(notice, invitation)
    return told if isinstance(told, Never) else _mail(notice, told, to=invitation.mail)


def _invitation_of(notice: Notice) -> Invitation | None:
    rows = Invitation.objects.select_related("contact", "access_request__requester")
    return rows.filter(pk=notice.data.get("invitation", 0)).first()


def _told(notice: Notice, invitation: Invitation) -> Occasion | Never:
    told = occasion_of(invitation, notice.data)
    make = MAKES.get(notice.event)
    return make(notice, invitation, told) if make else told


def _with_address(notice: Notice, invitation: Invitation, told: Occasion) -> Occasion | Never:
    """By the lock, a letter that the sponsor has replaced meanwhile makes no key after all."""
    with transaction.atomic():
        evidence.lock(invitation)
        if not Notice.objects.filter(pk=notice.pk, state=NoticeState.QUEUED).exists():
            return Needless(REPLACED)
        token = keys.mint(invitation, notice_id=notice.pk)
    return told.having(address=keys.address_of(token))


def _with_code(notice: Notice, _invitation: Invitation, told: Occasion) -> Occasion | Never:
    made = codes.make(int(notice.data.get("code", 0)))
    if made is None:
        return Needless(TOO_LATE)
    digits, row = made
    if row.expires_at is None or row.sent_at is None:
        return Needless(TOO_LATE)
    minutes = round((row.expires_at - row.sent_at).total_seconds() / SECOND)
    return told.having(code=digits, code_until=row.expires_at, code_minutes=max(minutes, 1))


def _as_it_is(_notice: Notice, _invitation: Invitation, told: Occasion) -> Occasion:
    return told


_Maker = Callable[[Notice, Invitation, Occasion], Occasion | Never]
# What a letter makes for its reader; all are pointless once the visit is over.
MAKES: dict[str, _Maker] = {
    "visit.invited": _with_address,
    "visit.opened": _with_address,
    "visit.code": _with_code,
    "visit.lengthened": _as_it_is,
}


def _mail(notice: Notice, told: Occasion, *, to: str) -> EmailMultiAlternatives:
    letter = render(notice.event, told)
    mail = EmailMultiAlternatives(
        subject=letter.subject, body=letter.text, to=[to], headers=_headers(notice, told)
    )
    mail.attach_alternative(letter.html, "text/html")
    return mail


def _headers(notice: Notice, told: Occasion) -> dict[str, str]:
    """A letter with a key or a code differs at each attempt, so it must not pass for a copy of the
    one before. Its thread tells the reference, which it also says."""
    own = uuid.uuid4().hex if told.address or told.code else f"{notice.pk}"
    thread = f"<{told.reference.lower()}@{host()}>"
    return {
        "Message-ID": f"<letter-{own}@{host()}>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "References": thread,
        "In-Reply-To": thread,
    }
