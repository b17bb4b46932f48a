"""The last check before a door is opened, in the transaction that records the intent.

An approval is a fact of the past. Here it is asked again whether it still holds, and whether
what would be opened is what was approved.
"""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, F, Q, QuerySet
from django.db.models.expressions import Combinable

from access import approvers
from access.models import (
    AccessRequest,
    ApprovedHow,
    Decision,
    Grant,
    Heartbeat,
    RequestedDoor,
    Review,
)
from access.policy.table import Act, has
from access.rules.judgement import Judgement
from access.rules.patterns import ticket_matches
from access.rules.stricter import tightened
from access.ruling import Ruling, judge_again, policy_in_force
from access.states import HOLDING, WANTING_NOW, GrantState, RequestState
from access.terms import digest_of

CLOSER, LOOKER = "closer", "looker"  # who sweeps, and whose looks come to their end
UNAIDED = "unaided"  # workers that go by the database alone while nobody sweeps
SWEEPERS = (CLOSER, UNAIDED)
RECREATED = "The machine was re-created since it was approved."
NO_ENGINEER = "The person who asked no longer has the Engineer role."
TRIES_ALONE = 3  # in vain; then somebody is shown it
BROKE_DOWN = "The portal itself broke down here; its log says where."
KEEPS_FOR = timedelta(minutes=15)  # an approval that was not carried out is no longer fresh


@dataclass(frozen=True)
class Refusal:
    """Why a door may not be opened now, for people. ``ruling``: set when somebody may approve it
    anew, and by what; ``None`` when it is over."""

    reason: str
    ruling: Ruling | None = None


def refusal_of(grant: Grant, now: datetime) -> Refusal | None:
    """``None`` when the door may be opened."""

    def lost(ruling: Ruling) -> str:
        return _lost(grant, ruling, now) or _stale(grant, ruling, now)

    return _refusal(grant, lost)


def refusal_while_opening(grant: Grant, now: datetime) -> Refusal | None:
    """The same once more for what Azure has been asked to open and does not for a while. How long
    it takes is no reason: that is what is being tried."""
    return _refusal(grant, lambda ruling: _lost(grant, ruling, now))


def _refusal(grant: Grant, lost: Callable[[Ruling], str]) -> Refusal | None:
    access_request = grant.access_request
    if access_request.state != RequestState.APPROVED:
        return Refusal("It was never approved.")
    if over := reason_to_end(grant) or _changed(grant):
        return Refusal(over)
    rulings = _rulings(access_request, grant.starts_at)
    allowing = [ruling for ruling in rulings if ruling.judgement.allowed]
    if not allowing:
        return Refusal(_not_allowed(rulings[0].judgement))
    found = [Refusal(why, ruling) for ruling in allowing if (why := lost(ruling))]
    return found[0] if len(found) == len(allowing) else None


def refusal_of_more(access_request: AccessRequest, now: datetime) -> str:
    """Why more time may not be given, though the last approval of it was given; empty when it may.

    Asked before the grants are lengthened: what is open is not checked a second time later.
    """
    if not has(access_request.requester, Act.ASK):
        return NO_ENGINEER
    doors = list(access_request.doors.select_related("machine"))
    if digest_of(access_request, doors) != access_request.terms_digest:
        return "The request differs from what was approved."
    rulings = _rulings(access_request, access_request.asked_start or now)
    allowing = [ruling for ruling in rulings if ruling.judgement.allowed]
    if not allowing:
        return _not_allowed(rulings[0].judgement)
    lost = [_ground_lost(access_request, doors, ruling, now) for ruling in allowing]
    return lost[0] if all(lost) else ""


def reason_to_end(grant: Grant) -> str:
    """Empty while what is open may stay open, else what it has lost, for people.

    Also for who is no engineer any more: the role is what access stands on, and whoever takes it
    away means now, not when the window is over.
    """
    requester = grant.access_request.requester
    if not requester.is_active:
        return "The person who asked is no longer active."
    if not has(requester, Act.ASK):
        return NO_ENGINEER
    doors = [d for d in grant.access_request.doors.all() if d.machine_id == grant.machine_id]
    return RECREATED if any(door.vm_id != grant.machine.vm_id for door in doors) else ""


def _lost(grant: Grant, ruling: Ruling, now: datetime) -> str:
    """What the approval stood on and stands on no longer; empty when all of it still holds."""
    access_request = grant.access_request
    if access_request.approved_how == ApprovedHow.BREAK_GLASS:
        # It was opened without an approval, and is reviewed for it: if not, it is none.
        owed = Review.objects.filter(access_request=access_request).exists()
        return "" if owed else "It was opened without an approval, and nobody is to review it."
    mine = [d for d in access_request.doors.all() if d.machine_id == grant.machine_id]
    return _ground_lost(access_request, mine, ruling, now)


def _ground_lost(
    access_request: AccessRequest, doors: Iterable[RequestedDoor], ruling: Ruling, now: datetime
) -> str:
    if moved := _moved_to_production(access_request, doors):
        return moved
    if stricter := stricter_for(access_request, ruling.judgement):
        return f"The policy is stricter than when it was approved: {'; '.join(stricter)}."
    if ruling.judgement.auto_approve:
        return ""  # it asks nobody, so nobody who approved it can be missing
    if access_request.approved_how == ApprovedHow.RULE:
        return "The policy wants people to approve this."
    return _approvals_lost(access_request, now)


def _rulings(access_request: AccessRequest, start: datetime) -> list[Ruling]:
    """What the policy says of it now. Of a shortened one also what it says of the length that was
    asked for: whom that names has approved it, and for less."""
    using = policy_in_force()
    lengths = [access_request.approved_minutes, access_request.duration_minutes]
    return [
        judge_again(access_request, start, by=using, minutes=minutes)
        for minutes in dict.fromkeys(length for length in lengths if length)
    ]


def _not_allowed(judgement: Judgement) -> str:
    why = judgement.why_not or "It does not say more."
    return f"The policy does not allow this any more. {why}"


def stricter_for(access_request: AccessRequest, now: Judgement) -> list[str]:
    """What is asked of this very request now that was not when it was approved, in words."""
    minutes = access_request.approved_minutes or access_request.duration_minutes
    now_asked = _bearing_on(access_request, now)
    return tightened(access_request.judgement, now_asked, minutes=minutes)


def _bearing_on(access_request: AccessRequest, now: Judgement) -> Judgement:
    """What the policy says now, without what no longer bears on a request that was approved: its
    ticket is such a one, and it was sent with the notice that was wanted then."""
    then = access_request.judgement
    ticket = access_request.ticket
    known = bool(ticket) and all(ticket_matches(each, ticket) for each in now.ticket_patterns)
    return replace(
        now,
        notice_minutes=then.notice_minutes,
        end=then.end,
        grace_minutes=then.grace_minutes,
        scheduled=then.scheduled,
        ticket_required=then.ticket_required if ticket else now.ticket_required,
        ticket_patterns=then.ticket_patterns if known else now.ticket_patterns,
    )


def _approvals_lost(access_request: AccessRequest, now: datetime) -> str:
    """Whether each approval could be given again now by who gave it, and by people enough."""
    pool, standing = approvers.Pool(now), approvers.standing_approvals(access_request)
    approvals = approvers.counted(standing)
    for index, stage in enumerate(access_request.judgement.stages):
        sources = stage.sources + stage.escalate_to
        named = pool.for_sources(sources, access_request.requester)
        able = {candidate.person.pk for candidate in named if candidate.on_behalf_of is None}
        approvers_now = {person.pk for person in pool.people}
        mine = [d for d in approvals if d.stage == index]
        lost = [d for d in mine if not _still_counts(d, able, approvers_now)]
        if lost:
            who = lost[0].on_behalf_of or lost[0].by
            return f"{who.display_name}, who approved it, could not approve it any more."
        if len(mine) < stage.needed:
            return "It does not have all the approvals that it needs."
    return "" if access_request.judgement.stages else "Nobody approved it."


def _still_counts(
    decision: Decision, able: AbstractSet[int], approvers_now: AbstractSet[int]
) -> bool:
    """Who decided as somebody's deputy need not be it any more, but both must still be approvers
    and the one who was stood in for be named by the stage."""
    if decision.on_behalf_of_id is None:
        return decision.by_id in able
    return decision.on_behalf_of_id in able and decision.by_id in approvers_now


def _stale(grant: Grant, ruling: Ruling, now: datetime) -> str:
    how = grant.access_request.approved_how
    if ruling.judgement.auto_approve or how == ApprovedHow.BREAK_GLASS:
        return ""
    approvals = approvers.standing_approvals(grant.access_request)
    freshest = max([grant.starts_at, *(decision.at for decision in approvals)])
    if freshest > now - KEEPS_FOR:
        return ""
    minutes = int(KEEPS_FOR.total_seconds() // 60)
    return f"It could not be opened within {minutes} minutes of its start."


def _moved_to_production(access_request: AccessRequest, doors: Iterable[RequestedDoor]) -> str:
    if "judgement" not in access_request.policy:
        return ""  # from before this was written down: nobody knows what it was then
    for door in doors:
        if door.machine.is_production and not door.production:
            return f"{door.machine.name} became a production machine since it was approved."
    return ""


def _changed(grant: Grant) -> str:
    doors = list(grant.access_request.doors.select_related("machine"))
    if digest_of(grant.access_request, doors) != grant.access_request.terms_digest:
        return "The request differs from what was approved."
    mine = [door for door in doors if door.machine_id == grant.machine_id]
    if not any(door.kind == grant.kind and door.port == grant.port for door in mine):
        return "The request does not name this machine and port."
    return ""


def closer_seen(now: datetime | Combinable) -> bool:
    """Whether closing is looked after. If not, nothing may be opened.

    Two signs of life: somebody sweeps, and, as long as anything is overdue, some look at Azure
    came to its end. A sweep alone proves nothing while no call to Azure succeeds.
    """
    oldest = now - timedelta(seconds=settings.ACCESS_CLOSER_SILENCE_SECONDS)
    seen = set(Heartbeat.objects.filter(at__gte=oldest).values_list("name", flat=True))
    return not seen.isdisjoint(SWEEPERS) and (LOOKER in seen or not overdue_grants(oldest).exists())


def closer_is_seen(now: datetime | Combinable) -> Q:
    """The same as a condition, for who asks the database something else already."""
    oldest = now - timedelta(seconds=settings.ACCESS_CLOSER_SILENCE_SECONDS)
    signs = Heartbeat.objects.filter(at__gte=oldest)
    late = Q(Exists(overdue_grants(oldest)))
    swept = Q(Exists(signs.filter(name__in=SWEEPERS)))
    return swept & (Q(Exists(signs.filter(name=LOOKER))) | ~late)


def overdue_grants(since: datetime | Combinable) -> QuerySet[Grant]:
    """Grants that should have been seen closed before then, whoever may have noticed.

    One whose door was seen shut is not owed more while somebody may finish, unless an end was
    ordered meanwhile: that cuts the grace short. ``statuses.is_overdue`` says it of one grant.
    """
    ended = Q(ends_at__lt=since) | Q(end_order__at__lt=since)
    cut = Q(end_order__at__gt=F("due_at"), end_order__at__lt=since)
    no_grace = Q(shut_at__isnull=True) | Q(finish_by__isnull=True) | Q(finish_by__lt=since) | cut
    return Grant.objects.filter(
        (Q(state=GrantState.CLOSING, due_at__lt=since) & no_grace)
        | (Q(state__in=WANTING_NOW) & ended)
    )


def needs_human() -> QuerySet[Grant]:
    """Grants whose closing was tried several times in vain for a reason of their own, and those at
    which the portal breaks down. They are still tried, and stay in this list until it works. What
    only cannot be opened is nobody's duty: it is closed when its time is over."""
    alone = Q(tries__gte=TRIES_ALONE) & (
        Q(problem=BROKE_DOWN) | Q(state=GrantState.CLOSING) & ~Q(problem="")
    )
    at_gate = Q(gate__failures__gte=TRIES_ALONE, gate__problem=BROKE_DOWN)
    return Grant.objects.filter(alone | at_gate, state__in=HOLDING)
