"""Asking for access."""

import re
import unicodedata
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.timezone import localtime

from access import judging, ledger, policy
from access.clock import db_now
from access.errors import Invalid
from access.kinds import Offer, kind_named
from access.models import AccessRequest, Machine, Person, RequestedDoor
from access.offers import caveats_of, doors_needed, find_offer, overlap
from access.services.refusals import one_transaction
from access.states import RequestState
from access.terms import digest_of

REASON_LIMIT = 1000
EARLIEST_SLACK = timedelta(minutes=5)  # a page left open for a moment is no mistake
FARTHEST = timedelta(days=30)
TICKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9#/_.-]{0,63}")


@dataclass(frozen=True)
class Submission:
    """What a form or an API call asks for. ``start`` is aware, or ``None`` for "now"."""

    submission_key: uuid.UUID
    machine_id: int
    kind: str
    port: int
    minutes: int
    reason: str
    start: datetime | None = None
    ticket: str = ""
    vendor_name: str = ""
    vendor_company: str = ""
    vendor_mail: str = ""


def submit(submission: Submission, *, by: Person) -> AccessRequest:
    """Create the request, or return the one that this key created before.

    Raises ``NotAllowed``, or ``Invalid`` with a message for each wrong field.
    """
    with one_transaction("request.submit", by=by):
        machine = Machine.objects.select_for_update().filter(pk=submission.machine_id).first()
        again = AccessRequest.objects.filter(
            requester=by, submission_key=submission.submission_key
        ).first()
        if again is not None:
            return again
        policy.check_may_request(by)
        if machine is None:
            raise Invalid({"machine": "Choose a machine from the list."})
        offer = _check(submission, machine, by, db_now())
        return _create(submission, machine, offer, by)


def clean_text(text: str) -> str:
    """Without control characters and surrounding space; line breaks become plain ones."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = (c for c in plain if c == "\n" or unicodedata.category(c) not in {"Cc", "Cf", "Cs"})
    return "".join(kept).strip()


def _check(submission: Submission, machine: Machine, by: Person, now: datetime) -> Offer:
    offer = find_offer(machine, kind=submission.kind, port=submission.port)
    if offer is None:
        raise Invalid({"kind": f"{machine.name} cannot be reached this way."})
    if offer.refusal:
        raise Invalid({"kind": offer.refusal})
    problems = {
        **_check_time(submission, offer, now),
        **_check_words(submission),
        **_check_vendor(submission),
    }
    if problems:
        raise Invalid(problems)
    _check_works(submission, machine, offer, now)
    _check_others(submission, machine, by, now)
    return offer


def _check_works(submission: Submission, machine: Machine, offer: Offer, now: datetime) -> None:
    """An approver must never be asked for what cannot work."""
    doors = [(each.kind, each.port) for each in doors_needed(machine, offer)]
    checks = judging.preflight(machine, doors, asked=offer.kind, minutes=submission.minutes)
    is_for_now = submission.start is None or submission.start <= now
    if reason := judging.reason_to_refuse(checks, is_for_now=is_for_now):
        raise Invalid({"kind": reason})


def _check_time(submission: Submission, offer: Offer, now: datetime) -> dict[str, str]:
    longest = min(offer.max_minutes, policy.snapshot()["max_minutes"])
    problems = {}
    if not policy.SHORTEST_MINUTES <= submission.minutes <= longest:
        shortest = policy.SHORTEST_MINUTES
        problems["minutes"] = f"Choose between {shortest} and {longest} minutes."
    if submission.start is None:
        return problems
    if submission.start < now - EARLIEST_SLACK:
        problems["start"] = "The start must not be in the past."
    elif submission.start > now + FARTHEST:
        problems["start"] = f"The start must be within {FARTHEST.days} days."
    return problems


def _check_words(submission: Submission) -> dict[str, str]:
    problems = {}
    reason = clean_text(submission.reason)
    if not reason:
        problems["reason"] = "Say what you need the access for. The approver decides by it."
    elif len(reason) > REASON_LIMIT:
        problems["reason"] = f"Keep the reason under {REASON_LIMIT} characters."
    if submission.ticket and not TICKET.fullmatch(submission.ticket.strip()):
        problems["ticket"] = "A ticket looks like INC-12345: letters, digits and # / _ . - only."
    return problems


def _check_vendor(submission: Submission) -> dict[str, str]:
    if not kind_named(submission.kind).exclusive:
        return {}
    if not clean_text(submission.vendor_name):
        return {"vendor_name": "Name the person who will use the link."}
    if not clean_text(submission.vendor_company):
        return {"vendor_company": "Name the company of the person who will use the link."}
    return {}


def _check_others(submission: Submission, machine: Machine, by: Person, now: datetime) -> None:
    if not policy.eligible_approvers(by.pk).exists():
        raise Invalid({"machine": "Nobody could approve this: there is no approver but you."})
    twin = AccessRequest.objects.filter(
        requester=by, state=RequestState.PENDING, lapses_at__gt=now,
        doors__machine=machine, doors__kind=submission.kind, doors__port=submission.port,
    ).first()  # fmt: skip
    if twin is not None:
        raise Invalid({"machine": f"You already asked for this: {twin.reference} is waiting."})
    if kind_named(submission.kind).exclusive:
        _check_free(submission, machine, by, now)


def _check_free(submission: Submission, machine: Machine, by: Person, now: datetime) -> None:
    start = submission.start or now
    end = start + timedelta(minutes=submission.minutes)
    taken = overlap(
        machine, kind=submission.kind, port=submission.port, start=start, end=end, now=now
    )
    if taken is None:
        return
    free = localtime(taken.until, by.tz).strftime("%d %b %Y %H:%M %Z")
    label = kind_named(submission.kind).label.lower()
    how = "is waiting for approval" if taken.pending else "is approved"
    raise Invalid(
        {
            "machine": f"{machine.name} serves one {label} at a time and {taken.reference} {how}. "
            f"It is free from {free}."
        }
    )


def _create(submission: Submission, machine: Machine, offer: Offer, by: Person) -> AccessRequest:
    now = db_now()
    access_request = AccessRequest(
        requester=by,
        submission_key=submission.submission_key,
        kind=submission.kind,
        asked_start=submission.start,
        duration_minutes=submission.minutes,
        reason=clean_text(submission.reason),
        ticket=submission.ticket.strip(),
        vendor_name=clean_text(submission.vendor_name),
        vendor_company=clean_text(submission.vendor_company),
        vendor_mail=clean_text(submission.vendor_mail),
        policy=policy.snapshot(),
        created_at=now,
    )
    access_request.lapses_at = _lapses_at(access_request, now)
    doors = [
        RequestedDoor(machine=machine, vm_id=machine.vm_id, kind=o.kind, port=o.port)
        for o in doors_needed(machine, offer)
    ]
    access_request.terms_digest = digest_of(access_request, doors)
    access_request.save(force_insert=True)
    for door in doors:
        door.access_request = access_request
    RequestedDoor.objects.bulk_create(doors)
    _record(access_request, machine, doors, by)
    return access_request


def _lapses_at(access_request: AccessRequest, now: datetime) -> datetime:
    """A waiting request lapses after a while; a scheduled one at the latest when it would end."""
    if access_request.asked_start is None:
        return now + policy.lapse_after()
    start, end = access_request.window_from(now)
    return min(max(start, now) + policy.lapse_after(), end)


def _record(
    access_request: AccessRequest, machine: Machine, doors: list[RequestedDoor], by: Person
) -> None:
    ledger.record(
        "request.submitted",
        by=by,
        reference=access_request.reference,
        subject=machine.resource_key,
        data={
            "kind": access_request.kind,
            "doors": [{"kind": door.kind, "port": door.port} for door in doors],
            "minutes": access_request.duration_minutes,
            "start": access_request.asked_start,
            "reason": access_request.reason,
            "ticket": access_request.ticket,
            "vendor": access_request.vendor_company,
            "terms_digest": access_request.terms_digest,
            **({"caveats": caveats} if (caveats := caveats_of(doors)) else {}),
        },
    )
