"""How it stands with an invitation: derived from its grants at each question, never kept.

Grants alone say what is open and until when. Whatever is handed over is judged by this, with the
database's clock.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import TextChoices

from access.lockdowns import InForce, in_force
from access.models import EndedHow, EndOrder, Grant
from access.states import WANTING, GrantState
from links.mailboxes import blocked_at
from links.models import Invitation, SealedLink

LINK = "link"
TAKEN = (EndedHow.REVOKED, EndedHow.LOCKDOWN)


class Stage(TextChoices):
    """The values are also the codes of refusals."""

    NOT_YET = "not-yet"
    OPENING = "opening"
    OPEN = "open"
    ENDED = "ended"
    REVOKED = "revoked"
    FINISHED = "finished"  # the vendor was done
    FAILED = "failed"  # it never opened
    HELD = "held"  # its approval is being given anew


COMING = (Stage.NOT_YET, Stage.OPENING, Stage.OPEN)
OVER = (Stage.ENDED, Stage.REVOKED, Stage.FINISHED, Stage.FAILED)


@dataclass(frozen=True)
class Doorway:
    """One machine of the invitation. ``ready``: its session can be opened at this moment."""

    number: int  # from 1, the same as long as there is the invitation
    label: str  # never the machine's own name
    grant: Grant
    ready: bool


@dataclass(frozen=True)
class Standing:
    stage: Stage
    starts_at: datetime
    ends_at: datetime  # with all extensions
    doors: list[Doorway]
    may_ask_code: bool
    sponsor: str
    ended_at: datetime | None  # when it was over, once it is


def standing_of(invitation: Invitation, now: datetime) -> Standing:
    """``now``: the database's. An invitation without grants cannot be."""
    grants = _grants_of(invitation)
    links = [grant for grant in grants if grant.kind == LINK]
    left = [grant for grant in links if _is_left(grant, now)]
    stage, ended_at = _stage_of(invitation, links, left, now)
    starts_at = min(grant.starts_at for grant in links)
    early = starts_at - timedelta(seconds=settings.VENDOR_EARLY_SECONDS)
    return Standing(
        stage=stage,
        starts_at=starts_at,
        ends_at=max(grant.ends_at for grant in links),
        doors=_doors(invitation, grants, links, now),
        may_ask_code=stage in COMING and now >= early,
        sponsor=invitation.access_request.requester.display_name,
        ended_at=ended_at,
    )


def _grants_of(invitation: Invitation) -> list[Grant]:
    """With the windows that the links need."""
    mine = Grant.objects.filter(access_request_id=invitation.access_request_id)
    joined = mine.select_related("machine__bastion", "end_order", "sealed_link")
    return list(joined.order_by("pk"))


def _is_left(grant: Grant, now: datetime) -> bool:
    """It is open, or may still become so."""
    return grant.state in WANTING and order_of(grant) is None and grant.ends_at > now


def order_of(grant: Grant) -> EndOrder | None:
    found: EndOrder | None = getattr(grant, "end_order", None)
    return found


def _stage_of(
    invitation: Invitation, links: list[Grant], left: list[Grant], now: datetime
) -> tuple[Stage, datetime | None]:
    """(stage, when it was over)."""
    if invitation.finished_at is not None:
        return Stage.FINISHED, invitation.finished_at
    if not left:
        return _how_over(links)
    if blocked := blocked_at(invitation.mail):  # under this address or another of the mailbox
        return Stage.REVOKED, blocked.blocked_at
    states = {grant.state for grant in left}
    if invitation.access_request.hold and GrantState.OPEN not in states:
        return Stage.HELD, None
    if now < min(grant.starts_at for grant in left):
        return Stage.NOT_YET, None
    return (Stage.OPEN if GrantState.OPEN in states else Stage.OPENING), None


def _how_over(links: list[Grant]) -> tuple[Stage, datetime]:
    orders = [order for grant in links if (order := order_of(grant)) is not None]
    if taken := [order.at for order in orders if order.how in TAKEN]:
        return Stage.REVOKED, max(taken)
    if given := [order.at for order in orders if order.how == EndedHow.BY_VENDOR]:
        return Stage.FINISHED, max(given)
    ended_at = max(_end_of(grant) for grant in links)
    was_open = any(grant.opened_at is not None for grant in links)
    return (Stage.ENDED if was_open or orders else Stage.FAILED), ended_at


def _end_of(grant: Grant) -> datetime:
    order = order_of(grant)
    ends = (grant.ends_at, grant.due_at, order.at if order else None)
    return min(moment for moment in ends if moment is not None)


def _doors(
    invitation: Invitation, grants: list[Grant], links: list[Grant], now: datetime
) -> list[Doorway]:
    shut = in_force()
    several = len(links) > 1
    return [
        Doorway(
            number=number,
            label=f"{invitation.alias} {number}" if several else invitation.alias,
            grant=grant,
            ready=_is_ready(grant, grants, shut, now),
        )
        for number, grant in enumerate(links, start=1)
    ]


def _is_ready(grant: Grant, grants: list[Grant], shut: InForce, now: datetime) -> bool:
    """A link without its window leads to a shut port, so both must be open."""
    together = [each for each in grants if each.machine_id == grant.machine_id]
    sealed: SealedLink | None = getattr(grant, "sealed_link", None)
    return (
        all(_is_open(each, now) for each in together)
        and sealed is not None
        and sealed.purged_at is None
        and not shut.reason_shut(grant.machine)
    )


def _is_open(grant: Grant, now: datetime) -> bool:
    in_time = grant.starts_at <= now < grant.ends_at
    return grant.state == GrantState.OPEN and in_time and order_of(grant) is None
