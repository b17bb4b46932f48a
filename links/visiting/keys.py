"""The address that a vendor's person is mailed. Its secret part leaves here once, for the letter;
what is kept is its SHA-256, which is enough for 256 random bits."""

import re
import secrets
import string
from datetime import datetime

from django.conf import settings
from django.db import transaction

from access.clock import db_now
from access.delivery.links import base
from access.models import Notice, NoticeState
from access.services.tokens import digest_of
from links.models import Invitation, InvitationKey
from links.visiting import evidence

MARK = "bav"  # what secret scanners look for
PUBLIC = 8  # characters by which people may name a key
FORM = re.compile(rf"{MARK}_[a-z0-9]{{{PUBLIC}}}_[A-Za-z0-9_-]{{43}}")
LETTERS = string.ascii_lowercase + string.digits


def mint(invitation: Invitation, *, notice_id: int) -> str:
    """A new token, for the letter that is being written. An attempt to send the same letter again
    makes another, and voids the one before. If the sponsor had another letter sent while this one
    was on its way out, it leads nowhere."""
    public = "".join(secrets.choice(LETTERS) for _ in range(PUBLIC))
    token = f"{MARK}_{public}_{secrets.token_urlsafe(32)}"
    with transaction.atomic():
        locked = evidence.lock(invitation)
        now = db_now()
        locked.keys.filter(notice_id=notice_id, void_at__isnull=True).update(void_at=now)
        replaced = Notice.objects.filter(pk=notice_id, state=NoticeState.NOT_SENT).exists()
        InvitationKey.objects.create(
            invitation=locked,
            digest=digest_of(token),
            prefix=public,
            notice_id=notice_id,
            made_at=now,
            void_at=now if replaced else None,
        )
    return token


def void_all(invitation: Invitation, now: datetime) -> None:
    """No address that was mailed so far leads anywhere. In the caller's transaction."""
    invitation.keys.filter(void_at__isnull=True).update(void_at=now)


def invitation_for(token: str) -> Invitation | None:
    """Whose address this is; ``None`` for everything else, whatever is wrong with it."""
    if not FORM.fullmatch(token):
        return None
    keys = InvitationKey.objects.select_related("invitation__access_request__requester")
    found = keys.filter(digest=digest_of(token), void_at__isnull=True).first()
    return found.invitation if found else None


def address_of(token: str) -> str:
    """The whole address, for the letter and nothing else."""
    return f"{origin()}/visit/{token}/"


def origin() -> str:
    """Of the vendors' pages, without a slash at its end."""
    return settings.VENDOR_URL or base()
