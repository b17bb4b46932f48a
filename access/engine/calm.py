"""Giving the gate back, with the moment at which it is looked at again: as soon as there may be
something new, and no sooner."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from access.clock import db_now
from access.engine.chunk import until_more, until_whole
from access.engine.claim import Lease, hold, set_free
from access.engine.lines import Lines
from access.engine.rest import GATE_STATE
from access.gatekeeping import LOOKER
from access.heartbeats import beat
from access.kinds import SHUTTING
from access.models import Gate, Grant
from access.states import GrantState

FINISHING_SECONDS = 15.0  # between two looks at who is still connected in a grace


def calm(
    lease: Lease, moving: Sequence[int], finishing: Sequence[int] = (), *, whole: bool
) -> None:
    """Give the gate back. Look again soon while something moves (``moving``: ids of its grants),
    now and then while somebody may finish, else at the next audit pass; but at once if somebody
    asked for it during this look. ``whole``: it was about all that is open."""
    beat(LOOKER)
    with transaction.atomic():
        gate, now, lines = hold(lease), db_now(), Lines()
        if gate.problem:
            lines.about_gate(gate, "azure.answers_again", after=gate.problem)
        wait = min(
            _until_next_look(moving, now),
            _until_finished(finishing, now),
            _until_others(gate, moving, finishing, now),
            float(settings.ACCESS_AUDIT_SECONDS) if whole else until_whole(gate, now),
        )
        set_free(gate, again=now + timedelta(seconds=wait))
        gate.problem, gate.failures, gate.pause_until, gate.full_until = "", 0, None, None
        if gate.erred and not gate.grants.filter(state=GrantState.CLOSING).exists():
            gate.erred = 0  # nothing is left that could tell whether it is well
        if whole:
            gate.whole_at = gate.looked_at
        gate.save(update_fields=[*GATE_STATE, "whole_at"])
        lines.write()


def _until_next_look(moving: Sequence[int], now: datetime) -> float:
    """The longer Azure has been at it, the longer; after an attempt in vain not before the next."""
    columns = ("state", "sent_at", "asked_at", "shut_at", "problem", "not_before")
    rows = Grant.objects.filter(pk__in=moving).exclude(state=GrantState.CLOSED).only(*columns)
    return min((_wait_of(g, now) for g in rows), default=float(settings.ACCESS_AUDIT_SECONDS))


def _until_others(
    gate: Gate, moving: Sequence[int], finishing: Sequence[int], now: datetime
) -> float:
    """Closings that this look left for later go on as soon as what was sent is done. Nothing is
    under way for those that rest."""
    left = until_more(gate.pk, [*moving, *finishing], now)
    if left is None:
        return float(settings.ACCESS_AUDIT_SECONDS)
    resting = Grant.objects.filter(pk__in=moving, not_before__gt=now)
    at_work = set(moving) - set(resting.values_list("pk", flat=True))
    return max(left, _until_next_look([*at_work], now) if at_work else 0.0)


def _until_finished(finishing: Sequence[int], now: datetime) -> float:
    """Whoever leaves earlier ends it earlier; exactly at the end of the grace it is over."""
    ends = Grant.objects.filter(pk__in=finishing, finish_by__gt=now) if finishing else []
    left = [(grant.finish_by - now).total_seconds() for grant in ends if grant.finish_by]
    return min([FINISHING_SECONDS, *left]) if left else float(settings.ACCESS_AUDIT_SECONDS)


def _wait_of(grant: Grant, now: datetime) -> float:
    age = _age(grant.shut_at or grant.sent_at or grant.asked_at, now)
    wait = settings.ACCESS_LOOK_SECONDS + age * settings.ACCESS_LOOK_GROWTH
    if grant.state == GrantState.CLOSING and grant.sent_at and not grant.shut_at:
        wait = max(wait, settings.ACCESS_LOOK_SECONDS * SHUTTING - age)
    if grant.problem and grant.not_before:
        return max(wait, (grant.not_before - now).total_seconds())
    return float(wait)


def _age(sent_at: datetime | None, now: datetime) -> float:
    """Seconds; what has taken long already is not left alone for ever longer."""
    age = (now - sent_at).total_seconds() if sent_at else 0.0
    return min(20.0, float(age))
