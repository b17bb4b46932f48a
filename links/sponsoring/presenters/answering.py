"""A vendor's wish as the page shows it on which it is answered."""

from dataclasses import dataclass
from datetime import datetime

from access import policy
from access.models import AccessRequest, Person
from access.presenters.more_time import MoreTime, more_time_for
from links.models import Invitation, MoreTimeAsk
from links.sponsoring.inviting import is_wanted


@dataclass(frozen=True)
class Answering:
    wish: MoreTimeAsk
    more: MoreTime
    over: bool  # nothing is left to be lengthened
    may_ask: bool
    now: datetime

    @property
    def invitation(self) -> Invitation:
        return self.wish.invitation

    @property
    def asked(self) -> AccessRequest:
        return self.invitation.access_request

    @property
    def waits(self) -> bool:
        return self.wish.answered_at is None and not self.over

    @property
    def suggested(self) -> int:
        """As wished, or as much as the policy would give."""
        return min(self.wish.minutes, self.more.longest or self.wish.minutes)


def answering_for(wish: MoreTimeAsk, viewer: Person, now: datetime) -> Answering:
    asked = wish.invitation.access_request
    more = more_time_for(
        asked, asked.requester, now, minutes=wish.minutes, vendor_mail=asked.vendor_mail
    )
    over = not is_wanted(wish.invitation, now)
    return Answering(wish, more, over, policy.may_answer_wish(asked, viewer), now)
