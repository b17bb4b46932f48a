"""Asking for more time: whether it can be asked for, how much, and who would decide it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from access.lockdowns import reason_shut
from access.models import AccessRequest, Grant, Machine, Person
from access.policy import SHORTEST_MINUTES
from access.presenters.outlook import Outlook, outlook_for
from access.ruling import Terms
from access.states import WANTING, RequestState


@dataclass(frozen=True)
class MoreTime:
    """``root``: the request whose access it is. ``problem``: why no more can be asked for, empty
    when it can. ``waiting``: what was asked already and waits. ``ends_at``: without more time."""

    root: AccessRequest
    machines: list[Machine]
    ends_at: datetime | None
    longest: int
    left: int
    problem: str
    waiting: AccessRequest | None
    outlook: Outlook | None

    @property
    def may_ask(self) -> bool:
        return not self.problem and self.waiting is None

    def lengths(self, presets: Sequence[int]) -> list[int]:
        return [minutes for minutes in presets if minutes <= self.longest]


def more_time_for(
    root: AccessRequest, person: Person, now: datetime, *, minutes: int, vendor_mail: str = ""
) -> MoreTime:
    """As if ``minutes`` more were asked for now; the service reckons the same again."""
    wanted = Grant.objects.filter(
        access_request=root, state__in=WANTING, ends_at__gt=now, end_order__isnull=True
    )
    grants = list(wanted.select_related("machine__bastion").order_by("machine_id", "pk"))
    mine = [grant for grant in grants if grant.kind == root.kind]
    outlook = None
    if mine:
        start = max(grant.ends_at for grant in mine)  # not now: the time that it is about
        terms = Terms(root.kind, max(minutes, SHORTEST_MINUTES), start, person, vendor_mail)
        outlook = outlook_for([(grant.machine, grant.port) for grant in mine], terms, now)
    extensions = list(root.extensions.order_by("pk"))
    given = sum(each.state == RequestState.APPROVED for each in extensions)
    allowed = outlook.judgement if outlook else None
    left = max(0, allowed.extension.most - given) if allowed else 0
    waiting = [each for each in extensions if each.state == RequestState.PENDING]
    return MoreTime(
        root=root,
        machines=[grant.machine for grant in mine],
        ends_at=max((grant.ends_at for grant in mine), default=None),
        longest=min(allowed.extension.max_minutes, allowed.max_minutes) if allowed else 0,
        left=left,
        problem=_problem(root, grants, outlook, given, now),
        waiting=waiting[-1] if waiting else None,
        outlook=outlook,
    )


def _problem(
    root: AccessRequest,
    grants: Sequence[Grant],
    outlook: Outlook | None,
    given: int,
    now: datetime,
) -> str:
    if root.state != RequestState.APPROVED or outlook is None:
        return f"{root.reference} is over. Ask for access anew."
    if root.hold:
        return f"{root.reference} waits for an approval itself."
    if any(grant.starts_at > now for grant in grants):
        return f"{root.reference} has not begun. End it and ask for what you need."
    if not outlook.allowed:
        return outlook.judgement.why_not or "The policy does not allow this any more."
    most = outlook.judgement.extension.most
    if given >= most:
        used = "no more time here" if not most else f"more time {most} times, and that is used up"
        return f"The policy allows {used.replace('1 times', 'once')}. Ask for access anew."
    return next((why for grant in grants if (why := reason_shut(grant.machine))), "")
