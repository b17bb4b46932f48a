"""Before looking, and again before acting: move the grants whose time has come or gone.

scheduled → opening when its time has come and the last check passes;
scheduled, opening or open → closing when its time is over, somebody ended it, or it has lost
its ground. Decides by the database's clock.
"""

from datetime import datetime, timedelta

from django.db import transaction

from access.clock import db_now
from access.engine.claim import Lease, hold
from access.engine.lines import Lines
from access.gatekeeping import closer_seen, reason_to_end, reason_to_refuse
from access.judging import reason_not_to_open
from access.kinds import Place
from access.models import EndOrder, Grant
from access.states import HOLDING, WANTING, GrantState, move_grant

HELD_SECONDS = 1.0
OVER = "Its time is over."
COMPANION_GONE = "The access that it belongs to is over."
MISSED = "Its time was over before it could be opened."


def stage(lease: Lease) -> list[Grant]:
    """Make the due moves and return the gate's grants that Azure must be asked about."""
    with transaction.atomic():
        hold(lease)
        now, lines = db_now(), Lines()
        grants = fresh_grants(lease.gate_id, now, lines)
        for grant in grants:
            _begin_if_due(grant, now, lines)
        lines.write()
    return [grant for grant in grants if grant.state in HOLDING]


def fresh_grants(gate_id: int, now: datetime, lines: Lines) -> list[Grant]:
    """The gate's live grants as they are now, those whose time is over already closing."""
    grants = list(_grants_of(gate_id))
    for grant in grants:
        _end_if_due(grant, now, lines)
    return grants


def begin_closing(grant: Grant, *, reason: str, due_at: datetime, lines: Lines) -> None:
    """From here on closing is owed, and will be tried until Azure shows it done."""
    grant.state = move_grant(grant.state, GrantState.CLOSING)
    grant.close_reason = reason
    grant.due_at = due_at
    grant.sent_at = grant.sent_until = grant.not_before = None
    grant.tries, grant.outstanding, grant.problem = 0, "", ""
    grant.save(
        update_fields=[
            "state", "close_reason", "due_at", "sent_at", "sent_until", "not_before", "tries",
            "outstanding", "problem",
        ]
    )  # fmt: skip
    lines.about(grant, "grant.closing", reason=reason, due_at=due_at)


def _grants_of(gate_id: int) -> "list[Grant]":
    live = Grant.objects.filter(gate_id=gate_id).exclude(state=GrantState.CLOSED)
    related = ("machine__bastion", "access_request__requester", "access_request__decided_by")
    rows = live.select_related("end_order__by", *related).order_by("pk")
    return list(rows.prefetch_related("access_request__doors", "access_request__grants"))


def _end_if_due(grant: Grant, now: datetime, lines: Lines) -> None:
    if grant.state not in WANTING:
        return
    order: EndOrder | None = getattr(grant, "end_order", None)
    if order is not None:
        reason = f"Ended early by {order.by.display_name}."
        begin_closing(grant, reason=reason, due_at=min(order.at, grant.ends_at), lines=lines)
    elif grant.ends_at <= now:
        reason = OVER if grant.opened_at else MISSED
        begin_closing(grant, reason=reason, due_at=grant.ends_at, lines=lines)
    elif grant.state != GrantState.SCHEDULED and (lost := reason_to_end(grant)):
        begin_closing(grant, reason=lost, due_at=now, lines=lines)
    elif _left_behind(grant):
        begin_closing(grant, reason=COMPANION_GONE, due_at=now, lines=lines)


def _left_behind(grant: Grant) -> bool:
    """A link without its window leads to a shut port, and a window without its link to nobody."""
    companions = [g for g in grant.access_request.grants.all() if g.pk != grant.pk]
    return any(g.machine_id == grant.machine_id and g.state not in WANTING for g in companions)


def _begin_if_due(grant: Grant, now: datetime, lines: Lines) -> None:
    if grant.state != GrantState.SCHEDULED or grant.starts_at > now:
        return
    if not closer_seen(now) or _door_is_taken(grant):
        grant.not_before = now + timedelta(seconds=HELD_SECONDS)
        grant.save(update_fields=["not_before"])
        return
    refusal = reason_to_refuse(grant) or reason_not_to_open(grant)
    if refusal:
        lines.about(grant, "grant.refused", outcome="denied", reason=refusal)
        begin_closing(grant, reason=refusal, due_at=now, lines=lines)
        return
    grant.state = move_grant(grant.state, GrantState.OPENING)
    grant.not_before = None
    grant.place = Place.of(grant.machine).as_json()
    grant.save(update_fields=["state", "not_before", "place"])
    lines.about(grant, "grant.opening", until=grant.ends_at)


def _door_is_taken(grant: Grant) -> bool:
    """An exclusive door is handed on only when the one before was seen to be shut."""
    if not grant.exclusive:
        return False
    return (
        Grant.objects.filter(
            machine_id=grant.machine_id, kind=grant.kind, port=grant.port, state__in=HOLDING
        )
        .exclude(pk=grant.pk)
        .exists()
    )
