"""Small questions of the judge, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from access.models import AccessRequest, Decision, Grant
from access.terms import digest_of
from tests.chaos.record import NEVER, Opening, Row

SLACK = timedelta(seconds=2)


def was_approved(asked: AccessRequest, *, before: datetime) -> bool:
    if asked.state != "approved":
        return False
    if asked.approved_how not in {"", None, "people"} and not Decision.objects.filter(
        access_request=asked
    ):
        return True  # by a rule, or in an emergency
    said = Decision.objects.filter(access_request=asked, verdict="approve", at__lte=before + SLACK)
    return any(said_of_this(decision, asked) for decision in said)


def said_of_this(decision: Decision, asked: AccessRequest) -> bool:
    """A request that was held is a new revision; what was opened stood on an earlier one."""
    now, asked.revision = asked.revision, decision.revision
    try:
        return decision.terms_digest == digest_of(asked, asked.doors.select_related("machine"))
    finally:
        asked.revision = now


def seconds(length: timedelta) -> float:
    return min(length.total_seconds(), 1e6)


def pairs(openings: list[Opening]) -> Iterator[tuple[Opening, Opening]]:
    """Each with the next of the same door."""
    last: dict[tuple[str, str, int], Opening] = {}
    for each in sorted(openings, key=lambda o: o.since):
        key = (each.kind, each.machine, each.port)
        if key in last:
            yield last[key], each
        last[key] = each


def shut_by_us(each: Opening) -> bool:
    return each.ended_by in {"link.deleted", "rule.deleted"}


def words(grant: Grant) -> str:
    asked = grant.access_request
    said = [(d.verdict, d.at.isoformat(), d.dismissed_at) for d in asked.decisions.all()]
    times = f"{grant.starts_at:%H:%M:%S} - {grant.ends_at:%H:%M:%S}"
    return f"{asked.reference} ({asked.state} {asked.approved_how}) {times}, {said}"


def end_in_azure(each: Opening) -> datetime:
    return each.lasts_until or NEVER


def is_write(call: dict[str, Any]) -> bool:
    method, _, path = str(call["call"]).partition(" ")
    reads = ("getShareableLinks", "getBastionShareableLink", "getActiveSessions")
    return method != "GET" and not path.lower().endswith(tuple(r.lower() for r in reads))


def names(rows: list[Row]) -> list[str]:
    return [f"{row['userName']} at {row['targetHostName']}" for row in rows]
