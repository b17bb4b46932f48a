"""The audit pass: what is open in Azure that no grant of ours accounts for?

Made by hand, left over from a worker that died, or put there by somebody else: it is shown to
people and never taken for allowed. Only a remnant of our own is removed without being asked.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from access.clock import db_now
from access.engine.claim import Lease, LeaseLost, claim_for_audit, give_back, hold
from access.engine.lines import Lines
from access.engine.rest import rest_gate
from access.engine.setbacks import record_breakdown
from access.errands import errand
from access.errors import Later, Never
from access.kinds import Stray, kind_named
from access.models import Finding, Gate, Grant, Machine
from access.states import HOLDING

logger = logging.getLogger(__name__)
REMNANT = timedelta(minutes=15)  # so long after its end what is found is taken for our own


def audit(gate_id: int) -> bool:
    """Ask one gate, if that is due. ``False`` when it was not or somebody else has it."""
    lease = claim_for_audit(gate_id)
    if lease is None:
        return False
    gate = Gate.objects.get(pk=gate_id)
    try:
        _audit(gate, lease)
    except LeaseLost:
        logger.warning("lease on gate %s was lost; the next audit finds out", gate_id)
    except Exception as fault:
        logger.exception("an audit of gate %s broke down", gate_id)
        record_breakdown(lease, fault)
    return True


def _audit(gate: Gate, lease: Lease) -> None:
    kind = kind_named(gate.kind)
    try:
        with errand(closing=False, keeps=False):
            found = kind.survey(gate)
    except (Later, Never) as setback:
        if isinstance(setback, Later) and setback.starved:
            give_back(lease)  # still due
            return
        _rest(lease, setback)
        return
    due = _compare(lease, found)
    if due:
        _remove(lease, gate, due)
    give_back(lease)


def _compare(lease: Lease, found: Sequence[Stray]) -> list[tuple[Finding, Stray]]:
    """Writes down what came and what went; returns what is to be removed now."""
    with transaction.atomic():
        gate, now, lines = hold(lease), db_now(), Lines()
        nobodys = {s.key: s for s in found if not _accounted_for(gate, s, now)}
        known = {(f.resource_key, f.port): f for f in _live(gate)}
        for key, finding in known.items():
            if key not in nobodys:
                _gone(finding, now, lines)
        kept = [
            (_seen(gate, stray, known.get(key), now, lines), stray)
            for key, stray in nobodys.items()
        ]
        due = [(finding, stray) for finding, stray in kept if _is_due(finding, now)]
        for finding, _ in due:
            finding.sent_at = now
            finding.save(update_fields=["sent_at"])
        # As of when it was claimed: what is younger than that may not be in the answer.
        Gate.objects.filter(pk=gate.pk).update(audited_at=gate.looked_at)
        lines.write()
    return due


def _remove(lease: Lease, gate: Gate, due: Sequence[tuple[Finding, Stray]]) -> None:
    """Azure is asked; gone it is when the next audit does not find it any more."""
    kind = kind_named(gate.kind)
    for finding, stray in due:
        lease.check()
        try:
            receipts = kind.remove(gate, [stray])
        except (Later, Never) as setback:
            problem, receipts = str(setback), setback.receipts
        else:
            problem = ""
        with transaction.atomic():
            hold(lease)
            lines = Lines()
            finding.problem = problem
            finding.save(update_fields=["problem"])
            outcome = {"outcome": "failed", "reason": problem} if problem else {}
            lines.about_finding(finding, "drift.removal_sent", calls=list(receipts), **outcome)
            lines.write()


def _accounted_for(gate: Gate, stray: Stray, now: datetime) -> bool:
    """A grant holds it, or will be seen holding it by the look that is under way."""
    mine = Grant.objects.filter(
        kind=gate.kind, machine__resource_key=stray.key[0], state__in=HOLDING
    )
    if stray.port:
        mine = mine.filter(port=stray.port)
    return mine.filter(Q(gate=gate) | Q(ends_at__gt=now)).exists()


def _live(gate: Gate) -> Sequence[Finding]:
    return list(Finding.objects.filter(gate=gate, gone_at__isnull=True).select_related("removal"))


def _seen(gate: Gate, stray: Stray, known: Finding | None, now: datetime, lines: Lines) -> Finding:
    if known is not None:
        known.last_seen_at, known.detail = now, dict(stray.detail)
        known.save(update_fields=["last_seen_at", "detail"])
        return known
    made = Finding.objects.create(
        gate=gate,
        resource_id=stray.resource_id,
        resource_key=stray.key[0],
        machine=Machine.objects.filter(resource_key=stray.key[0]).first(),
        port=stray.port,
        detail=dict(stray.detail),
        left_by=_remnant_of(gate, stray, now),
        first_seen_at=now,
        last_seen_at=now,
    )
    lines.about_finding(made, "drift.found", outcome="failed", left_by=made.left_by)
    return made


def _remnant_of(gate: Gate, stray: Stray, now: datetime) -> str:
    """The request of ours whose call took effect after all, once everybody thought it was over."""
    ours = Grant.objects.filter(
        kind=gate.kind,
        machine__resource_key=stray.key[0],
        asked_at__isnull=False,
        closed_at__gte=now - REMNANT,
    ).select_related("access_request")
    if stray.port:
        ours = ours.filter(port=stray.port)
    last = ours.order_by("-closed_at").first()
    return last.access_request.reference if last else ""


def _is_due(finding: Finding, now: datetime) -> bool:
    again = now - timedelta(seconds=settings.ACCESS_DRIFT_AGAIN_SECONDS)
    if finding.sent_at is not None and finding.sent_at > again:
        return False
    ordered = hasattr(finding, "removal") or bool(finding.left_by)
    return ordered or settings.ACCESS_REMOVE_STRAYS


def _gone(finding: Finding, now: datetime, lines: Lines) -> None:
    finding.gone_at, finding.problem = now, ""
    finding.save(update_fields=["gone_at", "problem"])
    lines.about_finding(finding, "drift.gone", was_ordered=hasattr(finding, "removal"))


def _rest(lease: Lease, setback: Later | Never) -> None:
    asked = setback.retry_after if isinstance(setback, Later) else None
    with transaction.atomic():
        gate, lines = hold(lease), Lines()
        if not gate.problem:
            lines.about_gate(gate, "azure.look_failed", outcome="failed", reason=str(setback))
        rest_gate(gate, db_now(), str(setback), asked=asked)
        Gate.objects.filter(pk=gate.pk).update(audited_at=None)
        lines.write()
