"""Rows of the lists that can be taken away, the names of the columns first."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from access.models import AccessRequest, Grant, LedgerEntry

Rows = Iterator[Sequence[object]]
LEDGER = (
    "seq", "at", "event", "outcome", "actor_kind", "actor_id", "actor_name", "reference",
    "subject", "data", "prev_hash", "hash",
)  # fmt: skip
REQUESTS = (
    "reference", "state", "kind", "requester", "requester_id", "machines", "asked_start",
    "duration_minutes", "reason", "ticket", "vendor_name", "vendor_company", "vendor_mail",
    "extends", "rules", "approved_how", "approved_minutes", "created_at", "decided_by",
    "decided_by_id", "decided_at", "comment",
)  # fmt: skip
GRANTS = (
    "id", "reference", "requester", "requester_id", "approved_by", "machine", "resource_id",
    "kind", "port", "state", "starts_at", "ends_at", "opened_at", "shut_at", "closed_at",
    "close_reason", "problem",
)  # fmt: skip


def ledger_rows(entries: Iterable[LedgerEntry]) -> Rows:
    yield LEDGER
    for entry in entries:
        data = json.dumps(entry.data, sort_keys=True, ensure_ascii=False)
        yield (
            entry.seq, _at(entry.at), entry.event, entry.outcome, entry.actor_kind,
            entry.actor_id, entry.actor_name, entry.reference, entry.subject, data,
            entry.prev_hash, entry.hash,
        )  # fmt: skip


def request_rows(rows: Iterable[AccessRequest]) -> Rows:
    """Needs requester, decided_by, extends, and doors with their machines loaded."""
    yield REQUESTS
    for asked in rows:
        doors = [f"{d.machine.name}:{d.port}" for d in asked.doors.all() if d.kind == asked.kind]
        decider = asked.decided_by
        yield (
            asked.reference, asked.state, asked.kind, asked.requester.display_name,
            asked.requester.identity, "; ".join(doors), _at(asked.asked_start),
            asked.duration_minutes, asked.reason, asked.ticket, asked.vendor_name,
            asked.vendor_company, asked.vendor_mail,
            asked.extends.reference if asked.extends else "",
            "; ".join(asked.judgement.rules), asked.approved_how, asked.approved_minutes,
            _at(asked.created_at), decider.display_name if decider else "",
            decider.identity if decider else "", _at(asked.decided_at), asked.comment,
        )  # fmt: skip


def grant_rows(rows: Iterable[Grant]) -> Rows:
    """Needs machine, and the request with both its people, loaded."""
    yield GRANTS
    for grant in rows:
        asked = grant.access_request
        yield (
            grant.pk, asked.reference, asked.requester.display_name, asked.requester.identity,
            asked.decided_by.display_name if asked.decided_by else "", grant.machine.name,
            grant.machine.resource_id, grant.kind, grant.port, grant.state,
            _at(grant.starts_at), _at(grant.ends_at), _at(grant.opened_at), _at(grant.shut_at),
            _at(grant.closed_at), grant.close_reason, grant.problem,
        )  # fmt: skip


def _at(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
