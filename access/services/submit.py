"""Asking for access: for one machine, or for several with one decision."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError

from access import ledger, policy
from access.approvers import Pool
from access.clock import db_now
from access.errors import Invalid, KeyReused
from access.kinds import all_kinds, kind_named
from access.models import AccessRequest, Machine, Person, RequestedDoor
from access.offers import caveats_of, doors_needed
from access.services.checks import Checked, check_submission
from access.services.completing import complete_by_rule
from access.services.refusals import one_transaction
from access.services.submission import REASON_LIMIT, Submission, clean_text
from access.services.writing import announce, told_kindly, write

__all__ = ["REASON_LIMIT", "Submission", "clean_text", "submit"]


def submit(submission: Submission, *, by: Person) -> AccessRequest:
    """Create the request, or return the one that this key created before.

    Where a rule of the policy approves without people, it is approved at once. Raises
    ``NotAllowed``, or ``Invalid`` with a message for each wrong field.
    """
    submission = for_whom(submission)
    try:
        with one_transaction("request.submit", by=by):
            machines = lock_machines(submission)
            again = sent_before(submission, by)
            if again is not None:
                return check_same(again, submission)
            policy.check_may_request(by)
            now = db_now()
            checked = check_submission(submission, machines, by, now)
            made = _create(submission, checked, by, now)
            if made.judgement.auto_approve:
                complete_by_rule(made, now)
            else:
                announce(made, Pool(now))
            return made
    except IntegrityError as error:
        again = sent_before(submission, by)  # the same key at the same instant, elsewhere
        if again is not None:
            return check_same(again, submission)
        raise told_kindly(error) from error


def for_whom(submission: Submission) -> Submission:
    """Only a link is for a vendor. On anything else the vendor's address would be a word of the
    person's own choice that rules of the policy listen to."""
    if submission.kind not in all_kinds() or kind_named(submission.kind).exclusive:
        return submission
    return replace(submission, vendor_name="", vendor_company="", vendor_mail="", details={})


def sent_before(submission: Submission, by: Person) -> AccessRequest | None:
    """The request that the same key made."""
    mine = AccessRequest.objects.filter(requester=by)
    return mine.filter(submission_key=submission.submission_key).first()


def check_same(again: AccessRequest, submission: Submission) -> AccessRequest:
    """What the key made before, if it was asked for the same. Once it was changed nobody can tell.

    Raises ``KeyReused``: whoever sent something else must not think that it was taken.
    """
    words = {**_words_of(submission), "extends_id": None}
    doors = again.doors.filter(kind=again.kind).values_list("machine_id", "port")
    same = all(getattr(again, name) == value for name, value in words.items())
    same = same and again.details.get("sent", "") == digest_of_details(submission)
    if again.revision == 1 and not (same and dict(doors) == submission.ports):
        raise KeyReused(reused(again))
    return again


def _words_of(submission: Submission) -> dict[str, Any]:
    """The columns of a request that say what was asked for, as they are kept."""
    return {
        "kind": submission.kind,
        "asked_start": submission.start,
        "duration_minutes": submission.minutes,
        "reason": clean_text(submission.reason),
        "ticket": submission.ticket.strip(),
        "vendor_name": clean_text(submission.vendor_name),
        "vendor_company": clean_text(submission.vendor_company),
        "vendor_mail": clean_text(submission.vendor_mail),
    }


def digest_of_details(submission: Submission) -> str:
    """By which the same details are recognised; the kind keeps them in an order of its own."""
    if not submission.details:
        return ""
    text = json.dumps(submission.details, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def reused(again: AccessRequest) -> str:
    return (
        f"This was sent before as {again.reference}, with other words. Change that one, or start "
        "anew for another."
    )


def lock_machines(submission: Submission) -> list[Machine]:
    """In the order of their numbers, so that two submissions cannot wait for each other; returned
    as they were asked for. ``no_key``: a worker that writes a grant twice in one transaction makes
    PostgreSQL look at its machine again when it commits, while it holds the ledger's head, which
    we want next. So wherever machines or requests are locked."""
    ids = list(submission.ports)
    rows = Machine.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    found = {machine.pk: machine for machine in rows}
    if len(found) != len(ids):
        raise Invalid({"machine": "Choose a machine from the list."})
    return [found[pk] for pk in ids]


def _create(submission: Submission, checked: Checked, by: Person, now: datetime) -> AccessRequest:
    sent = digest_of_details(submission)
    access_request = AccessRequest(
        requester=by,
        submission_key=submission.submission_key,
        **_words_of(submission),
        details={**checked.details, **({"sent": sent} if sent else {})},
        policy=checked.ruling.as_json(),
        created_at=now,
    )
    doors = [
        RequestedDoor(machine=each.machine, vm_id=each.machine.vm_id, kind=o.kind, port=o.port)
        for each in checked.wanted
        for o in doors_needed(each.machine, each.offer)
    ]
    write(access_request, doors, now)
    kind_named(access_request.kind).submitted(access_request)
    _record(access_request, [each.machine for each in checked.wanted], doors, by)
    return access_request


def _record(
    access_request: AccessRequest,
    machines: Sequence[Machine],
    doors: list[RequestedDoor],
    by: Person,
) -> None:
    named = {door.machine.resource_key: door.machine_id for door in doors}
    ledger.record(
        "request.submitted",
        by=by,
        reference=access_request.reference,
        subject=machines[0].resource_key,
        data={
            "kind": access_request.kind,
            "doors": [
                {"kind": door.kind, "port": door.port}
                | ({"machine": door.machine.resource_key} if len(named) > 1 else {})
                for door in doors
            ],
            "minutes": access_request.duration_minutes,
            "start": access_request.asked_start,
            "reason": access_request.reason,
            "ticket": access_request.ticket,
            "vendor": access_request.vendor_company,
            "terms_digest": access_request.terms_digest,
            "policy": access_request.policy["number"],
            "rules": list(access_request.judgement.rules),
            **({"caveats": caveats} if (caveats := caveats_of(doors)) else {}),
        },
    )
