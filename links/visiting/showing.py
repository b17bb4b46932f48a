"""What the pages show of an invitation, beside how it stands."""

from dataclasses import dataclass
from datetime import datetime

from access.models import AccessRequest
from access.presenters.moments import duration
from access.states import GrantState, RequestState
from links import moments
from links.models import Invitation, VendorBrowser
from links.visiting.standing import OVER, Standing

HIDDEN = "•••"


@dataclass(frozen=True)
class Wish:
    """For more time: the last one, and where it stands. Nothing holds where none was made."""

    length: str = ""
    waits: bool = False  # for the sponsor
    asked: bool = False  # the sponsor asked for it
    granted: bool = False
    declined: bool = False
    answer: str = ""


def masked(mail: str) -> str:
    """Enough to recognise one's own address by, too little to learn one: ``t•••@vendor.test``."""
    name, _, domain = mail.rpartition("@")
    return f"{name[:1]}{HIDDEN}@{domain}"


def code_until(browser: VendorBrowser, now: datetime) -> str:
    """How long the newest code that was sent to this browser is good; empty where none is."""
    live = browser.codes.filter(expires_at__gt=now, used_at__isnull=True)
    newest = live.order_by("-expires_at").first()
    return moments.clock(newest.expires_at) if newest and newest.expires_at else ""


def is_closing(standing: Standing) -> bool:
    """It is over, and Azure was not yet seen to be rid of it."""
    return standing.stage in OVER and not _is_shut(standing)


def is_closed(standing: Standing) -> bool:
    opened = any(door.grant.opened_at is not None for door in standing.doors)
    return standing.stage in OVER and opened and _is_shut(standing)


def wish_of(invitation: Invitation) -> Wish:
    last = invitation.wishes.select_related("access_request").order_by("-at", "-pk").first()
    if last is None:
        return Wish()
    length = duration(last.minutes)
    if last.answered_at is None:
        return Wish(length, waits=True)
    if last.access_request is None:
        return Wish(length, declined=True, answer=last.answer)
    return _asked(last.access_request, length)


def _asked(asked: AccessRequest, length: str) -> Wish:
    """As the request that was made of it: an approver may have given less."""
    if asked.state == RequestState.PENDING:
        return Wish(length, asked=True)
    if asked.state == RequestState.APPROVED:
        return Wish(length, granted=True)
    return Wish(length, declined=True)


def _is_shut(standing: Standing) -> bool:
    return all(door.grant.state == GrantState.CLOSED for door in standing.doors)
