"""What a policy would mean: for what was asked for lately, and for what is still to open.

Bounded: beyond the newest requests nothing is judged, and the page says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import QuerySet

from access.gatekeeping import stricter_for
from access.models import AccessRequest, ApprovedHow, Grant
from access.rules.judgement import Judgement
from access.rules.stricter import tightened
from access.ruling import InForce, judge_again
from access.states import GrantState, RequestState

DAYS = 30
MOST_PAST = 500
MOST_WAITING = 200
MOST_SHOWN = 10


@dataclass(frozen=True)
class Otherwise:
    """One request that is judged otherwise: in what more strictly, in what more loosely."""

    access_request: AccessRequest
    stricter: list[str]
    looser: list[str]
    refused: bool = False  # not allowed at all any more

    @property
    def other(self) -> bool:
        """Neither: only who approves, or how it is ended."""
        return not self.stricter and not self.looser


@dataclass(frozen=True)
class Effect:
    """``judged`` of the last days, and ``waiting`` to be decided or opened: how many were looked
    at. ``cut`` and ``waiting_cut``: there are older ones that were not."""

    judged: int
    cut: bool
    otherwise: list[Otherwise]
    waiting: int
    waiting_cut: bool
    held: list[Otherwise]
    refused: list[Otherwise]

    @property
    def shown(self) -> list[Otherwise]:
        return self.otherwise[:MOST_SHOWN]

    @property
    def unshown(self) -> int:
        return max(0, len(self.otherwise) - MOST_SHOWN)

    @property
    def stricter(self) -> int:
        return sum(bool(each.stricter) for each in self.otherwise)

    @property
    def looser(self) -> int:
        return sum(bool(each.looser) and not each.stricter for each in self.otherwise)

    @property
    def others(self) -> int:
        return sum(each.other for each in self.otherwise)


def effect_of(now_in_force: InForce, wanted: InForce, now: datetime) -> Effect:
    """Both policies judge the machines as they are tagged now."""
    past = _newest(AccessRequest.objects.filter(created_at__gte=now - timedelta(days=DAYS)))
    judged = past[:MOST_PAST]
    waiting = _waiting(now)
    held = [_held(asked, wanted, now) for asked in waiting[:MOST_WAITING]]
    return Effect(
        judged=len(judged),
        cut=len(past) > MOST_PAST,
        otherwise=[o for asked in judged if (o := _otherwise(asked, now_in_force, wanted))],
        waiting=len(waiting[:MOST_WAITING]),
        waiting_cut=len(waiting) > MOST_WAITING,
        held=[each for each in held if each.stricter and not each.refused],
        refused=[each for each in held if each.refused],
    )


def _otherwise(asked: AccessRequest, old: InForce, new: InForce) -> Otherwise | None:
    start = asked.asked_start or asked.created_at
    then = judge_again(asked, start, by=old).judgement
    then_new = judge_again(asked, start, by=new).judgement
    if _unnamed(then) == _unnamed(then_new):
        return None
    return Otherwise(asked, tightened(then, then_new), tightened(then_new, then))


def _held(asked: AccessRequest, wanted: InForce, now: datetime) -> Otherwise:
    """Against the judgement that it was sent under, as the last check before opening does."""
    start = asked.asked_start or now
    new = judge_again(asked, start, by=wanted).judgement
    return Otherwise(asked, stricter_for(asked, new), [], refused=not new.allowed)


def _unnamed(judgement: Judgement) -> Judgement:
    """A rule that is only called otherwise changes nothing."""
    return replace(judgement, rules=())


def _waiting(now: datetime) -> list[AccessRequest]:
    """Pending, or approved and not yet begun to open; one more than is looked at."""
    pending = _newest(
        AccessRequest.objects.filter(state=RequestState.PENDING, lapses_at__gt=now), MOST_WAITING
    )
    scheduled = Grant.objects.filter(state=GrantState.SCHEDULED).order_by("-pk")
    ids = scheduled.values_list("access_request_id", flat=True)[: 2 * MOST_WAITING]
    rows = AccessRequest.objects.exclude(approved_how=ApprovedHow.BREAK_GLASS)  # never held
    approved = _newest(rows.filter(pk__in=set(ids)), MOST_WAITING)
    found: dict[int, AccessRequest] = {each.pk: each for each in (*pending, *approved)}
    return sorted(found.values(), key=lambda each: -each.pk)


def _newest(rows: QuerySet[AccessRequest], most: int = MOST_PAST) -> Sequence[AccessRequest]:
    related = rows.select_related("requester").prefetch_related(
        "doors__machine", "requester__roles"
    )
    return list(related.order_by("-pk")[: most + 1])
