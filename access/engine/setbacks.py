"""What went wrong, written down so that people can read it: once when it begins, not each time.

Opens may fail; closes may not: they rest and are tried again, for ever.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from access.clock import db_now
from access.engine.claim import Lease, LeaseLost, hold
from access.engine.compare import Act, DoorCase
from access.engine.ending import begin_closing
from access.engine.lines import Lines
from access.engine.rest import rest_gate, rest_of, rest_to_blame, set_aside
from access.errors import Erred, Later, Never
from access.gatekeeping import BROKE_DOWN
from access.models import Gate, Grant
from access.states import GrantState


def record_setback(
    lease: Lease,
    grants: Sequence[Grant],
    setback: Later | Never,
    *,
    act: Act | None = None,
    left: Sequence[tuple[Act, Sequence[DoorCase]]] = (),
) -> None:
    """Azure asked for patience or could not be read. The gate rests; nothing is given up.

    ``act``: what was being sent for ``grants``; ``None`` when Azure was only being looked at.
    ``left``: what was to be sent after it, and was not.
    """
    with transaction.atomic():
        gate, now, lines = hold(lease), db_now(), Lines()
        asked = setback.retry_after if isinstance(setback, Later) else None
        if act is None and not gate.problem:  # one line for a whole outage
            _tell_of_gate(gate, setback, lines)
        starved = isinstance(setback, Later) and setback.starved
        for grant in grants:
            if act is not None and not (starved and grant.problem):  # nothing new was heard
                _tell(grant, f"azure.{act.value}_failed", setback, lines)
        if act is Act.CLOSE or not getattr(setback, "sent", True):
            _forget_sending(grants, act, lines)
        for grant in [g for later, cases in left for case in cases for g in _sent_to(case, later)]:
            grant.sent_at = None
            lines.save(grant, "sent_at")
        if act is Act.CLOSE and isinstance(setback, Erred):
            gate.erred += 1
        problem = (starved and gate.problem) or str(setback)
        rest_gate(gate, now, problem, asked=asked, starved=starved)
        lines.write()


def record_in_vain(lease: Lease, act: Act, cases: Sequence[DoorCase], setback: Later) -> None:
    """Something stands in the way of these doors alone: they rest, the others go on."""
    with transaction.atomic():
        hold(lease)
        now, lines = db_now(), Lines()
        for grant in [grant for case in cases for grant in _concerned(case, act)]:
            _tell(grant, f"azure.{act.value}_failed", setback, lines)
            rest_of(grant, now, lines, asked=setback.retry_after)
            if act is Act.CLOSE or not setback.sent:
                _forget_sending([grant], act, lines)
        lines.write()


def record_unsent(lease: Lease, act: Act, cases: Sequence[DoorCase]) -> None:
    """Azure took none of them, and is asked before they are sent again."""
    with transaction.atomic():
        hold(lease)
        lines = Lines()
        for case in cases:
            _forget_sending(_concerned(case, act), act, lines)
        lines.write()


def record_to_blame(lease: Lease, case: DoorCase, setback: Later, *, errs: bool) -> None:
    """Azure broke down on shutting this door alone, which rests. ``errs``: it took no other either,
    as far as is known."""
    with transaction.atomic():
        gate, now, lines = hold(lease), db_now(), Lines()
        for grant in _concerned(case, Act.CLOSE):
            _tell(grant, f"azure.{Act.CLOSE.value}_failed", setback, lines)
            rest_to_blame(grant, now, lines, asked=setback.retry_after)
        _forget_sending(_concerned(case, Act.CLOSE), Act.CLOSE, lines)
        lines.write()
        if errs:
            gate.erred += 1
            gate.save(update_fields=["erred"])


def record_left(lease: Lease, cases: Sequence[DoorCase], *, like: DoorCase) -> None:
    """These were not sent to be shut, and rest for as long as that one, which was in vain."""
    rests = [grant.not_before for grant in _concerned(like, Act.CLOSE) if grant.not_before]
    if not cases or not rests:
        return
    with transaction.atomic():
        hold(lease)
        lines = Lines()
        for grant in [grant for case in cases for grant in _concerned(case, Act.CLOSE)]:
            grant.not_before, grant.sent_at = max(rests), None
            lines.save(grant, "not_before", "sent_at")
        lines.write()


def record_not_seen_out(lease: Lease, cases: Sequence[DoorCase], setback: Later | Never) -> None:
    """Who is inside could not be disconnected yet. Nothing rests for it, and where Azure was not
    even asked there is nothing to be told."""
    if not setback.receipts:
        return
    with transaction.atomic():
        hold(lease)
        lines, calls = Lines(), list(setback.receipts)
        for grant in [grant for case in cases for grant in case.closing]:
            event = f"azure.{Act.DISCONNECT.value}_failed"
            lines.about(grant, event, outcome="failed", reason=str(setback), calls=calls)
        lines.write()


def record_refusal(lease: Lease, act: Act, case: DoorCase, refusal: Never) -> None:
    """Azure said no. What cannot be opened is closed; what cannot be closed is tried again."""
    with transaction.atomic():
        hold(lease)
        now, lines = db_now(), Lines()
        for grant in _concerned(case, act):
            _tell(grant, f"azure.{act.value}_refused", refusal, lines)
        _forget_sending(_concerned(case, act), act, lines)
        if act is Act.OPEN and not _lengthened(case):
            give_up_opening(case, str(refusal), now, lines)
        for grant in _concerned(case, act):
            rest_of(grant, now, lines)
        lines.write()


def record_breakdown(lease: Lease, fault: Exception) -> None:
    """A fault of ours. The gate rests and says so, instead of hanging on its lease unseen."""
    try:
        with transaction.atomic():
            gate, lines = hold(lease), Lines()
            if gate.problem != BROKE_DOWN:
                data = {"fault": type(fault).__name__}
                lines.about_gate(gate, "portal.broke_down", outcome="failed", **data)
            rest_gate(gate, db_now(), BROKE_DOWN)
            lines.write()
    except LeaseLost:
        return  # whoever has it now will find out


def record_unreadable(lease: Lease, grants: Sequence[Grant], fault: Exception) -> None:
    """A fault of ours at these grants alone. The others of the gate go on without them."""
    with transaction.atomic():
        hold(lease)
        now, lines = db_now(), Lines()
        for grant in grants:
            if grant.problem != BROKE_DOWN:
                grant.problem = BROKE_DOWN
                lines.save(grant, "problem")
                data = {"reason": BROKE_DOWN, "fault": type(fault).__name__}
                lines.about(grant, "portal.broke_down", outcome="failed", **data)
            set_aside(grant, now, lines)
        lines.write()


def give_up_opening(case: DoorCase, reason: str, now: datetime, lines: Lines) -> None:
    """Those who wait for it are closed. Who is inside an open door is not thrown out."""
    for grant in case.wanting:
        if grant.state == GrantState.OPENING or not case.seen.open:
            why = f"Azure did not open it: {reason}"
            begin_closing(grant, reason=why, due_at=now, lines=lines)


def _lengthened(case: DoorCase) -> bool:
    """Meanwhile somebody got more time: what was refused is not what is wanted now."""
    ends = Grant.objects.filter(pk__in=[grant.pk for grant in case.wanting])
    now = dict(ends.values_list("pk", "ends_at"))
    return any(now.get(grant.pk) != grant.ends_at for grant in case.wanting)


def _concerned(case: DoorCase, act: Act) -> list[Grant]:
    """Those for whom it was done and who still wait; a stale door is shut for those who want it."""
    if act is Act.OPEN:
        return case.wanting
    return case.closing or case.wanting


def _sent_to(case: DoorCase, act: Act) -> list[Grant]:
    """Of whom it was written down that it is sent now. Not of a disconnect: who is inside is asked
    about anew before that."""
    return [] if act is Act.DISCONNECT else _concerned(case, act)


def _tell(grant: Grant, event: str, setback: Later | Never, lines: Lines) -> None:
    if grant.problem == str(setback):
        return  # it was told when it began
    grant.problem = str(setback)
    lines.save(grant, "problem")
    calls = list(setback.receipts)
    lines.about(grant, event, outcome="failed", reason=str(setback), calls=calls)


def _tell_of_gate(gate: Gate, setback: Later | Never, lines: Lines) -> None:
    calls = list(setback.receipts)
    lines.about_gate(gate, "azure.look_failed", outcome="failed", reason=str(setback), calls=calls)


def _forget_sending(grants: Sequence[Grant], act: Act | None, lines: Lines) -> None:
    """It certainly had no effect, or may be repeated at once. A grant for which Azure never took
    an order was never asked for, and nothing of it can still come."""
    for grant in grants:
        grant.sent_at = None
        if act is Act.OPEN and grant.opened_at is None and not grant.accepted:
            grant.asked_at = None
        lines.save(grant, "sent_at", "asked_at")
