"""Writing down what was seen and sent: short transactions, each under the lease's token."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from access.clock import db_now
from access.engine.claim import Lease, hold
from access.engine.compare import Act, DoorCase, Verdict, judge, wanted_until
from access.engine.doors import by_door, door_for
from access.engine.lines import Lines
from access.engine.stage import begin_closing
from access.errors import Later, Never, Receipt
from access.kinds import DoorKey, Kind, Seen
from access.models import Gate, Grant
from access.states import GrantState, move_grant

LONGEST_PAUSE = 30.0
UNSEEN = Seen(open=False)
GATE_STATE = [
    "failures",
    "problem",
    "pause_until",
    "look_again_at",
    "lease_token",
    "lease_until",
]


@dataclass
class Judged:
    case: DoorCase
    verdict: Verdict


def settle(
    lease: Lease, kind: Kind, grants: Sequence[Grant], seen: Mapping[DoorKey, Seen]
) -> list[Judged]:
    """Move grants by what was observed, and write the intent of what will be sent next."""
    with transaction.atomic():
        hold(lease)
        now, lines = db_now(), Lines()
        judged = [Judged(case, _judge(case, kind, now)) for case in _cases(grants, seen, now)]
        for item in judged:
            _record_verdict(item, now, kind, lines)
        lines.write()
    return judged


def record_acts(
    lease: Lease, act: Act, cases: Sequence[DoorCase], receipts: Sequence[Receipt]
) -> None:
    """Azure accepted the call. That is not "open" and not "closed": the next look decides."""
    with transaction.atomic():
        hold(lease)
        lines = Lines()
        for case in cases:
            for grant in case.grants:
                lines.about(grant, f"azure.{act.value}_sent", calls=list(receipts))
        lines.write()


def record_setback(
    lease: Lease, grants: Sequence[Grant], setback: Later | Never, *, while_doing: str
) -> None:
    """Azure asked for patience or could not be read. The gate rests; nothing is given up."""
    with transaction.atomic():
        gate, now, lines = hold(lease), db_now(), Lines()
        failed: dict[str, Any] = {
            "outcome": "failed",
            "reason": str(setback),
            "calls": list(setback.receipts),
        }
        if while_doing != "look":
            for grant in grants:
                lines.about(grant, f"azure.{while_doing}_failed", **failed)
        elif not gate.problem:  # one line for a whole outage
            lines.about_gate(gate, "azure.look_failed", **failed)
        if while_doing == Act.CLOSE.value or not getattr(setback, "sent", True):
            Grant.objects.filter(pk__in=_ids(grants)).update(sent_at=None)
        _rest(gate, now, setback)
        lines.write()


def record_refusal(lease: Lease, act: Act, case: DoorCase, refusal: Never) -> None:
    """Azure said no. What cannot be opened is closed; what cannot be closed is tried again."""
    with transaction.atomic():
        hold(lease)
        now, lines = db_now(), Lines()
        refused: dict[str, Any] = {
            "outcome": "failed",
            "reason": str(refusal),
            "calls": list(refusal.receipts),
        }
        for grant in case.grants:
            lines.about(grant, f"azure.{act.value}_refused", **refused)
        if act is Act.OPEN:
            _give_up_opening(case, refusal, now, lines)
        else:
            Grant.objects.filter(pk__in=_ids(case.grants)).update(problem=str(refusal))
        lines.write()


def calm(lease: Lease, *, transient: bool, sent_at: datetime | None = None) -> None:
    """Give the gate back. Look again soon while something moves, else at the next audit pass.

    The longer Azure has been at it, the longer until the next look.
    """
    with transaction.atomic():
        gate, now, lines = hold(lease), db_now(), Lines()
        if gate.problem:
            lines.about_gate(gate, "azure.answers_again", after=gate.problem)
        pause = settings.ACCESS_AUDIT_SECONDS
        if transient:
            age = (now - sent_at).total_seconds() if sent_at else 0.0
            pause = settings.ACCESS_LOOK_SECONDS + min(4.0, age * settings.ACCESS_LOOK_GROWTH)
        gate.look_again_at = now + timedelta(seconds=pause)
        gate.problem, gate.failures, gate.pause_until = "", 0, None
        gate.lease_token = gate.lease_until = None
        gate.save(update_fields=GATE_STATE)
        lines.write()


def _cases(grants: Sequence[Grant], seen: Mapping[DoorKey, Seen], now: datetime) -> list[DoorCase]:
    return [
        DoorCase(
            door=door_for(group),
            grants=group,
            seen=seen.get(key, UNSEEN),
            covered=_covered_elsewhere(group, now),
        )
        for key, group in by_door(grants).items()
    ]


def _covered_elsewhere(group: Sequence[Grant], now: datetime) -> bool:
    """Another grant, of any kind, entitles somebody to be on this machine and port now."""
    if not any(grant.state == GrantState.CLOSING for grant in group):
        return False
    return Grant.objects.filter(
        machine_id=group[0].machine_id,
        port=group[0].port,
        state__in=[GrantState.OPENING, GrantState.OPEN],
        ends_at__gt=now,
        end_order__isnull=True,
    ).exists()


def _judge(case: DoorCase, kind: Kind, now: datetime) -> Verdict:
    settle_for = timedelta(seconds=kind.settle_seconds)
    return judge(case, now=now, exclusive=kind.exclusive, settle=settle_for)


def _record_verdict(item: Judged, now: datetime, kind: Kind, lines: Lines) -> None:
    case, verdict = item.case, item.verdict
    for grant in verdict.opened:
        _opened(grant, case, now, lines)
    for grant in verdict.closed:
        _closed(grant, case, now, lines)
    _note([g for g in case.grants if g.state != GrantState.CLOSED], verdict.outstanding)
    if verdict.failed:
        _give_up_opening(case, Never(verdict.failed), now, lines)
    if verdict.act in (Act.OPEN, Act.CLOSE):
        _intend(case, verdict, now, kind)
    if verdict.stale:
        _say_stale(case, verdict, lines)
    if verdict.act is Act.OPEN and not case.seen.open:
        for grant in case.wanting:
            if grant.state == GrantState.OPEN:
                lines.about(grant, "grant.found_shut", outcome="failed", until=grant.ends_at)


def _say_stale(case: DoorCase, verdict: Verdict, lines: Lines) -> None:
    if verdict.act is Act.CLOSE:
        for grant in case.wanting:
            lines.about(grant, "door.found_open", outcome="failed", removing=True)


def _opened(grant: Grant, case: DoorCase, now: datetime, lines: Lines) -> None:
    grant.state = move_grant(grant.state, GrantState.OPEN)
    grant.opened_at, grant.outstanding, grant.problem = now, "", ""
    grant.save(update_fields=["state", "opened_at", "outstanding", "problem"])
    lines.about(grant, "grant.opened", until=grant.ends_at, seen=dict(case.seen.detail))


def _closed(grant: Grant, case: DoorCase, now: datetime, lines: Lines) -> None:
    grant.state = move_grant(grant.state, GrantState.CLOSED)
    grant.closed_at, grant.outstanding, grant.problem = now, "", ""
    grant.save(update_fields=["state", "closed_at", "outstanding", "problem"])
    lateness = max(0, round((now - (grant.due_at or now)).total_seconds() * 1000))
    lines.about(
        grant,
        "grant.closed",
        reason=grant.close_reason,
        lateness_ms=lateness,
        others_still_hold_it=bool(case.wanting) or case.covered,
    )


def _intend(case: DoorCase, verdict: Verdict, now: datetime, kind: Kind) -> None:
    """Written before the call, so that whoever looks next knows that a call may be under way."""
    if verdict.stale:
        later = now + timedelta(seconds=kind.settle_seconds)
        for grant in case.wanting:
            grant.not_before = later
            grant.save(update_fields=["not_before"])
        return
    opening = verdict.act is Act.OPEN
    for grant in case.wanting if opening else case.closing:
        grant.sent_at = now
        grant.sent_until = wanted_until(case.wanting) if opening else None
        grant.save(update_fields=["sent_at", "sent_until"])


def _ids(grants: Sequence[Grant]) -> list[int]:
    return [grant.pk for grant in grants]


def _note(grants: Sequence[Grant], text: str) -> None:
    for grant in grants:
        if grant.outstanding != text:
            grant.outstanding = text
            grant.save(update_fields=["outstanding"])


def _give_up_opening(case: DoorCase, refusal: Never, now: datetime, lines: Lines) -> None:
    for grant in case.wanting:
        if grant.state == GrantState.OPENING or not case.seen.open:
            reason = f"Azure refused to open it: {refusal}"
            begin_closing(grant, reason=reason, due_at=now, lines=lines)


def _rest(gate: Gate, now: datetime, setback: Later | Never) -> None:
    gate.failures += 1
    gate.problem = str(setback)
    gate.pause_until = now + timedelta(seconds=_pause(gate.failures, setback))
    gate.look_again_at = gate.pause_until
    gate.lease_token = gate.lease_until = None
    gate.save(update_fields=GATE_STATE)


def _pause(failures: int, setback: Later | Never) -> float:
    """What Azure asked for, else full jitter from 1 s up to 30 s."""
    asked = getattr(setback, "retry_after", None)
    if asked:
        return float(asked)
    ceiling = min(LONGEST_PAUSE, 2.0 ** min(failures, 6))
    return max(0.5, random.uniform(0, ceiling))  # noqa: S311 - spreads load, guards nothing
