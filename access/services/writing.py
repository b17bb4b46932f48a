"""Writing down a new request, of whatever sort, and asking those who can decide it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError

from access import approvers, notices, waiting
from access.errors import Invalid
from access.models import AccessRequest, RequestedDoor
from access.terms import digest_of

PENDING_TWICE = "requested_door_pending_once"
TWIN = "You already asked for this a moment ago, and that request is waiting."


def write(access_request: AccessRequest, doors: Sequence[RequestedDoor], now: datetime) -> None:
    """Save a new request with its doors, and reckon who can decide it. Shared with extensions."""
    access_request.lapses_at = lapses_at(access_request, now)
    access_request.stage_since = now
    for door in doors:
        door.requester = access_request.requester
        door.environment = door.machine.environment
        door.production = door.machine.is_production
    access_request.terms_digest = digest_of(access_request, doors)
    access_request.save(force_insert=True)
    for door in doors:
        door.access_request = access_request
    RequestedDoor.objects.bulk_create(doors)


def announce(access_request: AccessRequest, pool: approvers.Pool) -> None:
    """Tell those who can decide it; when nobody can, tell the administrators instead of asking
    them. Call last: the ledger's head is locked by then, and this asks for no other lock."""
    approvers.reckon(access_request, pool)
    to = [row.person for row in access_request.deciders.select_related("person")]
    key = f"{access_request.reference}.{access_request.revision}.{access_request.stage}"
    notices.tell("request.submitted", key=key, to=to, about=access_request)
    if access_request.blocked:
        waiting.tell_blocked(access_request)


def lapses_at(access_request: AccessRequest, now: datetime) -> datetime:
    """A waiting request lapses after a while; a scheduled one at the latest when it would end."""
    wait = timedelta(minutes=access_request.judgement.lapse_minutes)
    if access_request.extends_id is not None and access_request.asked_start is not None:
        return min(now + wait, access_request.asked_start)  # more time for what is over is none
    if access_request.asked_start is None:
        return now + wait
    start, end = access_request.window_from(now)
    return min(max(start, now) + wait, end)


def told_kindly(error: IntegrityError) -> Exception:
    """Two submissions of one person at the same instant: the constraint let one of them through.
    SQLite names the columns instead of the constraint."""
    twice = PENDING_TWICE in str(error) or "access_requesteddoor.requester_id" in str(error)
    return Invalid({"machine": TWIN}) if twice else error
