"""Writing down what was seen and sent: short transactions, each under the lease's token."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F

from access.clock import db_now
from access.engine import hooks
from access.engine.claim import Lease, hold
from access.engine.compare import Act, DoorCase, Rules, Verdict, judge, wanted_until
from access.engine.doors import by_door, door_for
from access.engine.grace import finishing_on, keep_finish
from access.engine.lines import Lines
from access.engine.rest import GATE_STATE, rest_of
from access.engine.setbacks import give_up_opening
from access.engine.stage import fresh_grants
from access.errors import Receipt
from access.gatekeeping import LOOKER
from access.heartbeats import beat
from access.kinds import DoorKey, Kind, Seen
from access.lockdowns import InForce, in_force
from access.models import Grant
from access.states import HOLDING, GrantState, move_grant

FINISHING_SECONDS = 15.0  # between two looks at who is still connected in a grace


@dataclass
class Judged:
    case: DoorCase
    verdict: Verdict


def settle(lease: Lease, kind: Kind, seen: Mapping[DoorKey, Seen]) -> list[Judged]:
    """Move grants by what was observed, and write the intent of what will be sent next.

    The grants are read anew: while Azure was asked, somebody may have ended one, or its time may
    have run out, and then nothing may be opened for it any more.
    """
    with transaction.atomic():
        hold(lease)
        now, lines, shut = db_now(), Lines(), in_force()
        live = [g for g in fresh_grants(lease.gate_id, now, lines, shut) if g.state in HOLDING]
        groups = {key: group for key, group in by_door(live).items() if key in seen}
        rules = Rules(now, kind.exclusive, timedelta(seconds=kind.settle_seconds))
        cases = [_case(group, seen[key], now, shut) for key, group in groups.items()]
        judged = [Judged(case, _held_back(case, judge(case, rules), shut)) for case in cases]
        for item in judged:
            _record_verdict(item, rules, lines)
        _keep(kind, cases, lines)
        lines.write()
    return judged


def _keep(kind: Kind, cases: Sequence[DoorCase], lines: Lines) -> None:
    """What lets somebody in through an open door, for the grants that it is open for. Told of once
    when the kind fails at it, and tried at every look."""
    secret = [case for case in cases if case.seen.open and case.seen.secret]
    seen = [(g, case.seen) for case in secret for g in case.grants if g.state == GrantState.OPEN]
    fault = hooks.keep(kind, seen)
    for grant, _ in seen:
        if (fault is not None) == (grant.problem == hooks.NOT_KEPT):
            continue
        grant.problem = hooks.NOT_KEPT if fault else ""
        grant.save(update_fields=["problem"])
        if fault:
            data = {"reason": hooks.NOT_KEPT, "fault": type(fault).__name__}
            lines.about(grant, "portal.broke_down", outcome="failed", **data)


def record_acts(
    lease: Lease, act: Act, cases: Sequence[DoorCase], receipts: Sequence[Receipt]
) -> None:
    """Azure accepted the call. That is not "open" and not "closed": the next look decides."""
    with transaction.atomic():
        hold(lease)
        lines = Lines()
        for case in cases:
            if act is Act.OPEN:
                ids = [grant.pk for grant in case.wanting]
                Grant.objects.filter(pk__in=ids).update(accepted=F("accepted") + 1)
            for grant in case.grants:
                lines.about(grant, f"azure.{act.value}_sent", calls=list(receipts))
        lines.write()


def calm(lease: Lease, moving: Sequence[int], finishing: Sequence[int] = ()) -> None:
    """Give the gate back. Look again soon while something moves (``moving``: ids of its grants),
    now and then while somebody may finish, else at the next audit pass; but at once if somebody
    asked for it during this look."""
    beat(LOOKER)
    with transaction.atomic():
        gate, now, lines = hold(lease), db_now(), Lines()
        if gate.problem:
            lines.about_gate(gate, "azure.answers_again", after=gate.problem)
        wait = min(_until_next_look(moving, now), _until_finished(finishing, now))
        again = now + timedelta(seconds=wait)
        gate.look_again_at = min(gate.look_again_at or again, again)
        gate.problem, gate.failures, gate.pause_until = "", 0, None
        gate.lease_token = gate.lease_until = None
        gate.save(update_fields=GATE_STATE)
        lines.write()


def _until_next_look(moving: Sequence[int], now: datetime) -> float:
    """The longer Azure has been at it, the longer; after an attempt in vain not before the next."""
    grants = Grant.objects.filter(pk__in=moving).exclude(state=GrantState.CLOSED)
    return min((_wait_of(g, now) for g in grants), default=float(settings.ACCESS_AUDIT_SECONDS))


def _until_finished(finishing: Sequence[int], now: datetime) -> float:
    """Whoever leaves earlier ends it earlier; exactly at the end of the grace it is over."""
    ends = Grant.objects.filter(pk__in=finishing, finish_by__gt=now) if finishing else []
    left = [(grant.finish_by - now).total_seconds() for grant in ends if grant.finish_by]
    return min([FINISHING_SECONDS, *left]) if left else float(settings.ACCESS_AUDIT_SECONDS)


def _wait_of(grant: Grant, now: datetime) -> float:
    wait = settings.ACCESS_LOOK_SECONDS + _age(grant.sent_at or grant.asked_at, now)
    if grant.problem and grant.not_before:
        return max(wait, (grant.not_before - now).total_seconds())
    return float(wait)


def _age(sent_at: datetime | None, now: datetime) -> float:
    age = (now - sent_at).total_seconds() if sent_at else 0.0
    return min(4.0, float(age * settings.ACCESS_LOOK_GROWTH))


def _held_back(case: DoorCase, verdict: Verdict, shut: InForce) -> Verdict:
    """In an incident nothing is opened any more, and nothing opened again, wherever it stood."""
    why = shut.reason_shut(case.door.machine)
    if why and verdict.act is Act.OPEN:
        verdict.act, verdict.outstanding = Act.NOTHING, why
    return verdict


def _case(group: list[Grant], seen: Seen, now: datetime, shut: InForce) -> DoorCase:
    """Who else may be on the machine matters only where somebody's time is over."""
    if not any(grant.state == GrantState.CLOSING for grant in group):
        return DoorCase(door_for(group), group, seen)
    first = group[0]
    others = Grant.objects.filter(
        machine_id=first.machine_id,
        state__in=[GrantState.OPENING, GrantState.OPEN],
        ends_at__gt=now,
        end_order__isnull=True,
    )
    same = others.filter(kind=first.kind, port=first.port).exclude(gate_id=first.gate_id)
    must_go = shut.reason_to_end(first.machine)
    finishing = {} if must_go else finishing_on(first.machine_id, now)
    case = DoorCase(
        door_for(group),
        group,
        seen,
        entitled=frozenset(others.values_list("port", flat=True)),
        held_elsewhere=same.exists(),
        finishing=frozenset(finishing),
    )
    if not case.wanting:
        keep_finish(case, finishing, now)
        _keep_shut(case, now)
    return case


def _keep_shut(case: DoorCase, now: datetime) -> None:
    """When Azure first showed the door shut; seen open again, it is not."""
    if case.seen.unknown:
        return
    is_shut = not case.seen.open and not case.seen.settling
    for grant in case.closing:
        if is_shut != (grant.shut_at is not None):
            grant.shut_at = now if is_shut else None
            grant.save(update_fields=["shut_at"])


def _record_verdict(item: Judged, rules: Rules, lines: Lines) -> None:
    case, verdict = item.case, item.verdict
    for grant in verdict.opened:
        _opened(grant, case, rules.now, lines)
    for grant in verdict.closed:
        _closed(grant, case, rules.now, lines)
    if verdict.shown:
        _shown(case, rules.now)
    _note([g for g in case.grants if g.state != GrantState.CLOSED], verdict.outstanding)
    if verdict.failed:
        give_up_opening(case, verdict.failed, rules.now, lines)
    if verdict.stale and verdict.act is Act.CLOSE:
        for grant in case.wanting:
            lines.about(grant, "door.found_open", outcome="failed", removing=True)
    if verdict.act is Act.OPEN and not case.seen.open:
        for grant in case.wanting:
            if grant.state == GrantState.OPEN:
                lines.about(grant, "grant.found_shut", outcome="failed", until=grant.ends_at)
    _intend(case, verdict, rules)


def _opened(grant: Grant, case: DoorCase, now: datetime, lines: Lines) -> None:
    grant.state = move_grant(grant.state, GrantState.OPEN)
    grant.opened_at, grant.outstanding, grant.problem, grant.tries = now, "", "", 0
    grant.save(update_fields=["state", "opened_at", "outstanding", "problem", "tries"])
    lines.about(grant, "grant.opened", until=grant.ends_at, seen=dict(case.seen.detail))


def _closed(grant: Grant, case: DoorCase, now: datetime, lines: Lines) -> None:
    held = bool(case.wanting) or case.door.port in case.entitled
    grant.state = move_grant(grant.state, GrantState.CLOSED)
    grant.closed_at, grant.outstanding, grant.problem = now, "", ""
    grant.grace_minutes = grant.grace_minutes if held else 0  # nobody was left who could use it
    grant.save(update_fields=["state", "closed_at", "outstanding", "problem", "grace_minutes"])
    lines.ended(grant)
    lines.about(
        grant,
        "grant.closed",
        reason=grant.close_reason,
        others_still_hold_it=held,
        **_lateness(grant, now),
    )


def _lateness(grant: Grant, now: datetime) -> dict[str, Any]:
    """``lateness_ms``: from when all had to be over, which for a soft end is the end of its grace,
    until that was seen. ``door_lateness_ms``: from the end until the door was seen shut."""
    due = grant.due_at or now
    late: dict[str, Any] = {"lateness_ms": _milliseconds(now - max(due, grant.finish_by or due))}
    if grant.shut_at:
        late["door_lateness_ms"] = _milliseconds(grant.shut_at - due)
    return late


def _milliseconds(length: timedelta) -> int:
    return max(0, round(length.total_seconds() * 1000))


def _shown(case: DoorCase, now: datetime) -> None:
    """Nothing that was asked for is on its way any more."""
    due = [g for g in case.grants if g.asked_at and (g.shown_at is None or g.shown_at < g.asked_at)]
    for grant in due:
        grant.shown_at, grant.accepted = now, 0
        grant.save(update_fields=["shown_at", "accepted"])


def _intend(case: DoorCase, verdict: Verdict, rules: Rules) -> None:
    """Written before the call, so that whoever looks next knows that a call may be under way."""
    if verdict.stale and verdict.act is Act.CLOSE:
        for grant in case.wanting:
            grant.sent_at, grant.sent_until = rules.now, None
            grant.save(update_fields=["sent_at", "sent_until"])
    elif verdict.act is Act.OPEN:
        for grant in case.wanting:
            grant.sent_at = grant.asked_at = rules.now
            grant.sent_until = wanted_until(case.wanting)
            grant.save(update_fields=["sent_at", "asked_at", "sent_until"])
    elif verdict.act is Act.CLOSE:
        for grant in case.closing:
            grant.sent_at = rules.now
            grant.save(update_fields=["sent_at"])
    elif verdict.act is Act.DISCONNECT:
        for grant in case.closing:
            rest_of(grant, rules.now)


def _note(grants: Sequence[Grant], text: str) -> None:
    for grant in grants:
        if grant.outstanding != text:
            grant.outstanding = text
            grant.save(update_fields=["outstanding"])
