"""Before looking, and again before acting: move the grants whose time has come or gone.

scheduled → opening when its time has come and the last check passes;
scheduled, opening or open → closing when its time is over, somebody ended it, or it has lost
its ground. Decides by the database's clock.
"""

from datetime import datetime, timedelta

from django.db import transaction

from access.clock import db_now
from access.engine.claim import Lease
from access.engine.claim import hold as hold_gate
from access.engine.ending import begin_closing, door_is_taken, end_if_due
from access.engine.lines import Lines
from access.gatekeeping import closer_seen, refusal_of, refusal_while_opening
from access.holding import hold
from access.judging import reason_not_to_open
from access.kinds import Place
from access.lockdowns import InForce, in_force
from access.models import Grant
from access.ruling import Ruling
from access.states import HOLDING, GrantState, move_grant

HELD_SECONDS = 1.0
CHECK_AGAIN_AFTER = timedelta(minutes=1)  # from the start, while Azure has not opened it
WAIT_SECONDS = 5.0  # until a held request is looked at again: nothing is lost by a few seconds


def stage(lease: Lease) -> list[Grant]:
    """Make the due moves and return the gate's grants that Azure must be asked about."""
    with transaction.atomic():
        hold_gate(lease)
        now, lines, shut = db_now(), Lines(), in_force()
        grants = fresh_grants(lease.gate_id, now, lines, shut)
        for grant in grants:
            _give_up_if_lost(grant, now, lines)
            _begin_if_due(grant, now, lines, shut)
        lines.write()
    return [grant for grant in grants if grant.state in HOLDING]


def fresh_grants(gate_id: int, now: datetime, lines: Lines, shut: InForce) -> list[Grant]:
    """The gate's live grants as they are now, those whose time is over already closing.

    Called after the gate's lock was taken: whoever lengthens a grant takes the same lock, so what
    is read here is either lengthened or will be refused.
    """
    grants = list(_grants_of(gate_id))
    for grant in grants:
        end_if_due(grant, now, lines, shut)
    return grants


def _grants_of(gate_id: int) -> "list[Grant]":
    live = Grant.objects.filter(gate_id=gate_id).exclude(state=GrantState.CLOSED)
    related = ("machine__bastion", "access_request__requester", "access_request__decided_by")
    # By request: who holds several of them locks them in the order in which others do.
    rows = live.select_related("end_order__by", *related).order_by("access_request_id", "pk")
    beside = ("doors", "grants", "requester__roles")
    return list(rows.prefetch_related(*(f"access_request__{name}" for name in beside)))


def _begin_if_due(grant: Grant, now: datetime, lines: Lines, shut: InForce) -> None:
    if grant.state != GrantState.SCHEDULED or grant.starts_at > now:
        return
    if why := shut.reason_shut(grant.machine):
        _hold_back(grant, why, now, lines)
        return
    if not closer_seen(now) or door_is_taken(grant):
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
