"""Before looking, and again before acting: move the grants whose time has come or gone.

scheduled → opening when its time has come and the last check passes;
scheduled, opening or open → closing when its time is over, somebody ended it, or it has lost
its ground. Decides by the database's clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, prefetch_related_objects

from access.clock import db_now
from access.engine.chunk import Extent, concerned, over, until_whole
from access.engine.claim import Lease
from access.engine.claim import hold as hold_gate
from access.engine.dividing import to_try
from access.engine.ending import begin_closing, door_is_taken, end_if_due
from access.engine.lines import Lines
from access.engine.rest import is_set_aside
from access.gatekeeping import closer_seen, refusal_of, refusal_while_opening
from access.holding import hold
from access.judging import reason_not_to_open
from access.kinds import Place
from access.lockdowns import InForce, in_force
from access.models import Grant
from access.ruling import Ruling
from access.states import HOLDING, GrantState, move_grant

BESIDE = ("machine__bastion", "access_request__requester", "access_request__decided_by")
# What access stands on: asked where it may have been lost, not of what is over.
GROUND = ("access_request__requester__roles", "access_request__doors", "access_request__grants")
# Read when something is opened, and then for that request alone.
UNREAD = ("access_request__policy", "access_request__details")
HELD_SECONDS = 1.0
CHECK_AGAIN_AFTER = timedelta(minutes=1)  # from the start, while Azure has not opened it
WAIT_SECONDS = 5.0  # until a held request is looked at again: nothing is lost by a few seconds


@dataclass(frozen=True)
class Staged:
    """What Azure must be asked about."""

    grants: list[Grant]
    extent: Extent


def stage(lease: Lease, *, more: bool = True) -> Staged:
    """Make the due moves. In an incident, what is simply open may have to go as well. ``more``:
    see ``Extent``."""
    with transaction.atomic():
        gate = hold_gate(lease)
        now, lines, shut = db_now(), Lines(), in_force(opening=True)
        whole = bool(shut.lockdowns) or not until_whole(gate, now)
        tries = to_try(gate, now) if gate.erred else None
        extent = Extent(whole=whole, more=more, tries=tries)
        grants = fresh_grants(lease.gate_id, now, lines, shut, extent)
        for grant in grants:
            _give_up_if_lost(grant, now, lines)
            _begin_if_due(grant, now, lines, shut)
        lines.write()
    began = gate.looked_at
    mine = [each for each in grants if each.state in HOLDING and not is_set_aside(each, began)]
    return Staged(mine, extent)


def end_more(lease: Lease) -> bool:
    """Begin closing what is over, though Azure takes no more for now: nothing that lets anybody in
    is kept of it from here on. As many as Azure takes at once; whether there may be more."""
    with transaction.atomic():
        hold_gate(lease)
        now, lines, shut = db_now(), Lines(), in_force(opening=True)
        ended = Grant.objects.filter(over(now), gate_id=lease.gate_id, state=GrantState.OPEN)
        mine = ended.order_by(F("end_order").asc(nulls_last=True), "ends_at", "pk")
        grants = _loaded(list(mine.values_list("pk", flat=True)[: settings.ACCESS_CHUNK]), now)
        for grant in grants:
            end_if_due(grant, now, lines, shut)
        lines.write()
    return len(grants) >= int(settings.ACCESS_CHUNK)


def fresh_grants(
    gate_id: int, now: datetime, lines: Lines, shut: InForce, extent: Extent
) -> list[Grant]:
    """The gate's live grants as they are now, those whose time is over already closing; without
    those that must wait for their turn, and what else is beyond the ``extent``.

    Called after the gate's lock was taken: whoever lengthens a grant takes the same lock, so what
    is read here is either lengthened or will be refused.
    """
    live = Grant.objects.filter(gate_id=gate_id).exclude(state=GrantState.CLOSED)
    grants = _loaded(concerned(live, now, extent), now)
    for grant in grants:
        end_if_due(grant, now, lines, shut)
    return grants


def _loaded(numbers: Sequence[int], now: datetime) -> list[Grant]:
    mine = Grant.objects.filter(pk__in=numbers)
    # By request: who holds several of them locks them in the order in which others do.
    grants = mine.select_related("machine", "access_request", "end_order__by").defer(*UNREAD)
    # What several have in common is one object for all.
    found = list(grants.order_by("access_request_id", "pk").prefetch_related(*BESIDE))
    prefetch_related_objects([each for each in found if _stands(each, now)], *GROUND)
    return found


def _stands(grant: Grant, now: datetime) -> bool:
    if grant.state == GrantState.CLOSING:
        return grant.grace_minutes > 0
    return grant.ends_at > now and getattr(grant, "end_order", None) is None


def _begin_if_due(grant: Grant, now: datetime, lines: Lines, shut: InForce) -> None:
    if grant.state != GrantState.SCHEDULED or grant.starts_at > now:
        return
    if why := shut.reason_shut(grant.machine):
        _hold_back(grant, why, now, lines)
        return
    if not closer_seen(now) or door_is_taken(grant, lines):
        grant.not_before = now + timedelta(seconds=HELD_SECONDS)
        grant.save(update_fields=["not_before"])
        return
    if grant.access_request.hold:
        _wait_for_approval(grant, now)
        return
    refusal = refusal_of(grant, now)
    if refusal is not None and refusal.ruling is not None:
        _hold(grant, refusal.reason, refusal.ruling, now, lines)
        return
    reason = refusal.reason if refusal else reason_not_to_open(grant)
    if reason:
        lines.about(grant, "grant.refused", outcome="denied", reason=reason)
        begin_closing(grant, reason=reason, due_at=now, lines=lines)
        return
    grant.state = move_grant(grant.state, GrantState.OPENING)
    grant.not_before, grant.outstanding = None, ""
    grant.place = Place.of(grant.machine).as_json()
    grant.save(update_fields=["state", "not_before", "outstanding", "place"])
    lines.about(grant, "grant.opening", until=grant.ends_at)


def _give_up_if_lost(grant: Grant, now: datetime, lines: Lines) -> None:
    """Azure may be away for hours between the last check and the opening."""
    if grant.state != GrantState.OPENING or grant.starts_at > now - CHECK_AGAIN_AFTER:
        return
    if refusal := refusal_while_opening(grant, now):
        reason = grant.access_request.hold or refusal.reason  # held for another machine of it
        lines.about(grant, "grant.refused", outcome="denied", reason=reason)
        begin_closing(grant, reason=reason, due_at=now, lines=lines)


def _hold_back(grant: Grant, why: str, now: datetime, lines: Lines) -> None:
    """It waits where it is until the incident is over, and says so, once."""
    if grant.outstanding != why:
        lines.about(grant, "grant.held_back", outcome="denied", reason=why)
    grant.outstanding, grant.not_before = why, now + timedelta(seconds=WAIT_SECONDS)
    grant.save(update_fields=["outstanding", "not_before"])


def _hold(grant: Grant, why: str, ruling: Ruling, now: datetime, lines: Lines) -> None:
    """The approval stands no longer: people are asked anew, and nothing is open meanwhile."""
    if hold(grant.access_request, why, ruling, now):
        lines.about(grant, "grant.held", outcome="denied", reason=why)
    _wait_for_approval(grant, now)


def _wait_for_approval(grant: Grant, now: datetime) -> None:
    grant.not_before = now + timedelta(seconds=WAIT_SECONDS)
    grant.save(update_fields=["not_before"])
