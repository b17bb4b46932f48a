"""Writing down what was seen and sent: short transactions, each under the lease's token."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from access import measures
from access.clock import db_now
from access.engine import hooks
from access.engine.chunk import Extent, keep_to_chunk
from access.engine.claim import Lease, hold
from access.engine.compare import (
    Act,
    DoorCase,
    Judged,
    Rules,
    Verdict,
    judge,
    wanted_until,
)
from access.engine.doors import by_door
from access.engine.grace import finishing_on, keep_finish
from access.engine.lines import Lines
from access.engine.rest import rest_of
from access.engine.setbacks import give_up_opening
from access.engine.stage import fresh_grants
from access.engine.unreadable import door_of, well
from access.errors import Receipt
from access.kinds import Door, DoorKey, Kind, Seen
from access.lockdowns import InForce, in_force
from access.models import Grant
from access.states import HOLDING, WANTING_NOW, GrantState, move_grant

DOUBT_SECONDS = 30.0  # until an open door that is missing is asked for again


def settle(lease: Lease, kind: Kind, seen: Mapping[DoorKey, Seen], extent: Extent) -> list[Judged]:
    """Move grants by what was observed, and write the intent of what will be sent next.

    The grants are read anew: while Azure was asked, somebody may have ended one, or its time may
    have run out, and then nothing may be opened for it any more.
    """
    with transaction.atomic():
        gate = hold(lease)
        now, lines, shut = db_now(), Lines(), in_force(opening=True)
        fresh = fresh_grants(lease.gate_id, now, lines, shut, extent)
        live = [grant for grant in fresh if grant.state in HOLDING]
        lines.flush()  # what has just ended entitles nobody any more
        began = gate.looked_at
        asked = {key: well(group, began) for key, group in by_door(live).items() if key in seen}
        groups = {key: group for key, group in asked.items() if group}
        rules = Rules(now, kind.exclusive, timedelta(seconds=kind.settle_seconds), began)
        cases = _cases(groups, seen, rules, lines, shut)
        judged = [Judged(case, _held_back(case, judge(case, rules), shut)) for case in cases]
        keep_to_chunk(judged, rules)
        for item in judged:
            _record_verdict(item, rules, lines)
        _keep(kind, cases, lines)
        lines.write()
        measures.closed(_latenesses(judged, now))
    return judged


def _latenesses(judged: Sequence[Judged], now: datetime) -> list[tuple[str, int]]:
    closed = [grant for item in judged for grant in item.verdict.closed]
    return [(grant.kind, _lateness(grant, now)["lateness_ms"]) for grant in closed]


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
        lines.save(grant, "problem")
        if fault:
            data = {"reason": hooks.NOT_KEPT, "fault": type(fault).__name__}
            lines.about(grant, "portal.broke_down", outcome="failed", **data)


def record_acts(
    lease: Lease, act: Act, cases: Sequence[DoorCase], receipts: Sequence[Receipt]
) -> None:
    """Azure accepted the call. That is not "open" and not "closed": the next look decides."""
    with transaction.atomic():
        gate, lines = hold(lease), Lines()
        if act is Act.CLOSE and gate.erred:
            gate.erred = gate.failures = 0
            gate.save(update_fields=["erred", "failures"])
        if act is Act.OPEN:
            ids = [grant.pk for case in cases for grant in case.wanting]
            Grant.objects.filter(pk__in=ids).update(accepted=F("accepted") + 1)
        for case in cases:
            for grant in case.grants:
                lines.about(grant, f"azure.{act.value}_sent", calls=list(receipts))
        lines.write()


def _held_back(case: DoorCase, verdict: Verdict, shut: InForce) -> Verdict:
    """In an incident nothing is opened any more, and nothing opened again, wherever it stood."""
    why = shut.reason_shut(case.door.machine)
    if why and verdict.act is Act.OPEN:
        verdict.act, verdict.outstanding = Act.NOTHING, why
    return verdict


def _cases(
    groups: Mapping[DoorKey, list[Grant]], seen: Mapping[DoorKey, Seen], rules: Rules, lines: Lines,
    shut: InForce,
) -> list[DoorCase]:  # fmt: skip
    """Who else may be on a machine matters only where somebody's time is over: it is asked once,
    for all such machines."""
    ending = {key for key, group in groups.items() if any(_is_closing(g) for g in group)}
    machines = {machine for machine, _ in ending}
    others, graces = _others_on(machines, rules.now), finishing_on(machines, rules.now)
    cases = []
    for key, group in groups.items():
        door = door_of(group, rules.began)
        if key not in ending:
            cases.append(DoorCase(door, group, seen[key]))
            continue
        must_go = shut.reason_to_end(group[0].machine)
        finishing = {} if must_go else graces.get(key[0], {})
        case = _ending_case(door, group, seen[key], others.get(key[0], []), finishing)
        if not case.wanting:
            keep_finish(case, finishing, rules.now, lines)
            _keep_shut(case, rules.now, lines)
        cases.append(case)
    return cases


def _is_closing(grant: Grant) -> bool:
    return grant.state == GrantState.CLOSING


def _others_on(machines: AbstractSet[int], now: datetime) -> dict[int, list[tuple[int, str, int]]]:
    """(port, kind, gate) of every grant that holds a door of the machine open at this moment."""
    if not machines:
        return {}
    rows = Grant.objects.filter(
        machine_id__in=machines,
        state__in=WANTING_NOW,
        ends_at__gt=now,
        end_order__isnull=True,
    )
    found: dict[int, list[tuple[int, str, int]]] = {}
    for machine, port, kind, gate in rows.values_list("machine_id", "port", "kind", "gate_id"):
        found.setdefault(machine, []).append((port, kind, gate))
    return found


def _ending_case(
    door: Door,
    group: list[Grant],
    seen: Seen,
    others: Sequence[tuple[int, str, int]],
    finishing: Mapping[int, datetime],
) -> DoorCase:
    first = group[0]
    same = [gate for port, kind, gate in others if (port, kind) == (first.port, first.kind)]
    return DoorCase(
        door,
        group,
        seen,
        entitled=frozenset(port for port, _, _ in others),
        held_elsewhere=any(gate != first.gate_id for gate in same),
        finishing=frozenset(finishing),
    )


def _keep_shut(case: DoorCase, now: datetime, lines: Lines) -> None:
    """When Azure first showed the door shut; seen open again, it is not."""
    if case.seen.unknown:
        return
    is_shut = not (case.seen.open or case.seen.settling or case.seen.doubtful)
    for grant in case.closing:
        if is_shut != (grant.shut_at is not None):
            grant.shut_at = now if is_shut else None
            lines.save(grant, "shut_at")


def _record_verdict(item: Judged, rules: Rules, lines: Lines) -> None:
    case, verdict = item.case, item.verdict
    for grant in verdict.opened:
        _opened(grant, case, rules.now, lines)
    for grant in verdict.closed:
        _closed(grant, case, rules.now, lines)
    if verdict.shown:
        _shown(case, rules.now, lines)
    _note([g for g in case.grants if g.state != GrantState.CLOSED], verdict.outstanding, lines)
    _doubt(case, verdict, rules.now, lines)
    if verdict.failed:
        give_up_opening(case, verdict.failed, rules.now, lines)
    if verdict.stale and verdict.act is Act.CLOSE:
        for grant in case.wanting:
            lines.about(grant, "door.found_open", outcome="failed", removing=True)
    if verdict.act is Act.OPEN and not case.seen.open:
        for grant in case.wanting:
            if grant.state == GrantState.OPEN:
                lines.about(grant, "grant.found_shut", outcome="failed", until=grant.ends_at)
    _intend(case, verdict, rules, lines)


def _doubt(case: DoorCase, verdict: Verdict, now: datetime, lines: Lines) -> None:
    """Counted while an open door is missing; forgotten when it is seen again."""
    for grant in case.wanting:
        if grant.state != GrantState.OPEN:
            continue
        if verdict.doubted:
            rest_of(grant, now, lines, asked=DOUBT_SECONDS)
        elif verdict.shown and grant.tries:  # not while more time is asked for in vain
            grant.tries, grant.not_before = 0, None
            lines.save(grant, "tries", "not_before")


def _opened(grant: Grant, case: DoorCase, now: datetime, lines: Lines) -> None:
    grant.state = move_grant(grant.state, GrantState.OPEN)
    grant.opened_at, grant.outstanding, grant.problem = now, "", ""
    grant.tries = grant.erred = 0
    lines.save(grant, "state", "opened_at", "outstanding", "problem", "tries", "erred")
    lines.about(grant, "grant.opened", until=grant.ends_at, seen=dict(case.seen.detail))


def _closed(grant: Grant, case: DoorCase, now: datetime, lines: Lines) -> None:
    held = bool(case.wanting) or case.door.port in case.entitled
    grant.state = move_grant(grant.state, GrantState.CLOSED)
    grant.closed_at, grant.outstanding, grant.problem = now, "", ""
    grant.grace_minutes = grant.grace_minutes if held else 0  # nobody was left who could use it
    lines.save(grant, "state", "closed_at", "outstanding", "problem", "grace_minutes")
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


def _shown(case: DoorCase, now: datetime, lines: Lines) -> None:
    """Nothing that was asked for is on its way any more."""
    due = [g for g in case.grants if g.asked_at and (g.shown_at is None or g.shown_at < g.asked_at)]
    for grant in due:
        grant.shown_at, grant.accepted = now, 0
        lines.save(grant, "shown_at", "accepted")


def _intend(case: DoorCase, verdict: Verdict, rules: Rules, lines: Lines) -> None:
    """Written before the call, so that whoever looks next knows that a call may be under way."""
    if verdict.stale and verdict.act is Act.CLOSE:
        for grant in case.wanting:
            grant.sent_at, grant.sent_until = rules.now, None
            lines.save(grant, "sent_at", "sent_until")
    elif verdict.act is Act.OPEN:
        for grant in case.wanting:
            grant.sent_at = grant.asked_at = rules.now
            grant.sent_until = wanted_until(case.wanting)
            lines.save(grant, "sent_at", "asked_at", "sent_until")
    elif verdict.act is Act.CLOSE:
        for grant in case.closing:
            grant.sent_at = rules.now
            lines.save(grant, "sent_at")
    elif verdict.act is Act.DISCONNECT:
        for grant in case.closing:
            rest_of(grant, rules.now, lines)


def _note(grants: Sequence[Grant], text: str, lines: Lines) -> None:
    for grant in grants:
        if grant.outstanding != text:
            grant.outstanding = text
            lines.save(grant, "outstanding")
