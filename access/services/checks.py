"""What must hold of what is asked for. Each raises ``Invalid`` with a message for each field."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count
from django.utils.timezone import localtime

from access import judging, policy
from access.approvers import Pool
from access.errors import Invalid, Overreach
from access.kinds import Offer, Particulars, kind_named
from access.lockdowns import reason_shut
from access.models import AccessRequest, Machine, Person, RequestedDoor
from access.offers import doors_needed, find_offer, overlap
from access.rules.judgement import Judgement
from access.rules.patterns import example_of, ticket_matches
from access.ruling import Ruling, Terms, judge
from access.services.submission import (
    EARLIEST_SLACK,
    FARTHEST,
    MOST_MACHINES,
    REASON_LIMIT,
    TICKET,
    Submission,
    clean_text,
)
from access.states import RequestState


@dataclass(frozen=True)
class Wanted:
    """One machine and the way into it that is asked for."""

    machine: Machine
    offer: Offer


@dataclass(frozen=True)
class Words:
    """The parts of a request that may be changed while nobody has decided it."""

    minutes: int
    start: datetime | None
    reason: str
    ticket: str


@dataclass(frozen=True)
class Checked:
    """The ways in, in the order that they were asked for, what the policy says of them, and what
    the kind keeps of the rest."""

    wanted: list[Wanted]
    ruling: Ruling
    details: dict[str, Any]


def check_submission(
    submission: Submission, machines: Sequence[Machine], by: Person, now: datetime
) -> Checked:
    if len(machines) > MOST_MACHINES:
        raise Invalid({"machine": f"Choose at most {MOST_MACHINES} machines for one request."})
    _check_measure(machines, by)
    wanted = [way_in(submission, machine, named=len(machines) > 1) for machine in machines]
    words = Words(submission.minutes, submission.start, submission.reason, submission.ticket)
    ruling = check_words(words, wanted, by=by, now=now, vendor_mail=submission.vendor_mail)
    if problems := _check_vendor(submission, by, now):
        raise Invalid(problems)
    details = _particulars(submission, machines, by, now)
    for each in wanted:
        _check_works(words, each, now, named=len(wanted) > 1)
        _check_others(submission, each, by, now)
    return Checked(wanted, ruling, details)


def _particulars(
    submission: Submission, machines: Sequence[Machine], by: Person, now: datetime
) -> dict[str, Any]:
    sent = Particulars(
        by=by,
        machines=machines,
        now=now,
        vendor_name=clean_text(submission.vendor_name),
        vendor_company=clean_text(submission.vendor_company),
        vendor_mail=clean_text(submission.vendor_mail),
        told=submission.details,
    )
    return kind_named(submission.kind).particulars(sent)


def _check_measure(machines: Sequence[Machine], by: Person) -> None:
    """Approvers are not to be buried: what waits is limited, of a person and of a machine."""
    waiting = AccessRequest.objects.filter(state=RequestState.PENDING)
    most = settings.ACCESS_MOST_WAITING_OF_PERSON
    if waiting.filter(requester=by).count() >= most:
        raise Overreach(
            {"machine": f"{most} of your requests wait, which is the most. Withdraw one first."}
        )
    most = settings.ACCESS_MOST_WAITING_FOR_MACHINE
    doors = RequestedDoor.objects.filter(machine__in=machines, access_request__in=waiting)
    counted = doors.values("machine__name").annotate(n=Count("access_request", distinct=True))
    full = counted.filter(n__gte=most).order_by("machine__name").first()
    if full is not None:
        name = full["machine__name"]
        raise Overreach(
            {"machine": f"{most} requests for {name} wait, which is the most. Try again later."}
        )


def check_words(
    words: Words, wanted: Sequence[Wanted], *, by: Person, now: datetime, vendor_mail: str
) -> Ruling:
    """Length, start, reason and ticket against the bounds and against the policy."""
    kind = wanted[0].offer.kind
    terms = Terms(kind, max(words.minutes, 1), words.start or now, by, vendor_mail)
    ruling = judge([(each.machine, each.offer.port) for each in wanted], terms)
    allowed = ruling.judgement
    if not allowed.allowed:
        raise Invalid({"kind": allowed.why_not or "The policy does not allow this."})
    longest = min([allowed.max_minutes, *(each.offer.max_minutes for each in wanted)])
    problems = {
        **check_length(words.minutes, longest),
        **check_start(words.start, allowed, now),
        **check_reason(words.reason),
        **check_ticket(words.ticket, allowed),
    }
    if problems:
        raise Invalid(problems)
    return ruling


def check_start(start: datetime | None, allowed: Judgement, now: datetime) -> dict[str, str]:
    notice = timedelta(minutes=allowed.notice_minutes)
    early = f"The policy wants {allowed.notice_minutes} minutes of notice. Choose a later start."
    if start is None:
        return {"start": early} if notice else {}
    if start < now - EARLIEST_SLACK:
        return {"start": "The start must not be in the past."}
    if start > now + FARTHEST:
        return {"start": f"The start must be within {FARTHEST.days} days."}
    if start > now and not allowed.scheduled:
        return {"start": "The policy allows no start in the future here. Choose “Now”."}
    return {"start": early} if start < now + notice - EARLIEST_SLACK else {}


def check_reason(reason: str) -> dict[str, str]:
    plain = clean_text(reason)
    if not plain:
        return {"reason": "Say what you need the access for. The approver decides by it."}
    if len(plain) > REASON_LIMIT:
        return {"reason": f"Keep the reason under {REASON_LIMIT} characters."}
    return {}


def check_ticket(ticket: str, allowed: Judgement) -> dict[str, str]:
    ticket = ticket.strip()
    if not ticket:
        need = "The policy wants a ticket for this."
        return {"ticket": f"{need} {_like(allowed)}".strip()} if allowed.ticket_required else {}
    if not TICKET.fullmatch(ticket):
        return {"ticket": "A ticket looks like INC-12345: letters, digits and # / _ . - only."}
    if not all(ticket_matches(pattern, ticket) for pattern in allowed.ticket_patterns):
        return {"ticket": f"The policy does not know such tickets. {_like(allowed)}".strip()}
    return {}


def _like(allowed: Judgement) -> str:
    example = example_of(allowed.ticket_patterns)
    patterns = " and ".join(allowed.ticket_patterns)
    if not patterns:
        return ""
    return f"They look like {example}." if example else f"They match {patterns}."


def way_in(submission: Submission, machine: Machine, *, named: bool) -> Wanted:
    """``named``: of several, which one it is that does not go."""
    port = submission.ports[machine.pk]
    offer = find_offer(machine, kind=submission.kind, port=port)
    if offer is None:
        raise Invalid({"kind": f"{machine.name} cannot be reached this way."})
    if offer.refusal:
        raise Invalid({"kind": f"{machine.name}: {offer.refusal}" if named else offer.refusal})
    if shut := reason_shut(machine):
        raise Invalid({"machine": f"{machine.name}: {shut}" if named else shut})
    return Wanted(machine, offer)


def check_length(minutes: int, longest: int) -> dict[str, str]:
    if policy.SHORTEST_MINUTES <= minutes <= longest:
        return {}
    return {"minutes": f"Choose between {policy.SHORTEST_MINUTES} and {longest} minutes."}


def _check_vendor(submission: Submission, by: Person, now: datetime) -> dict[str, str]:
    if not kind_named(submission.kind).exclusive:
        return {}
    if not clean_text(submission.vendor_name):
        return {"vendor_name": "Name the person who will use the link."}
    if not clean_text(submission.vendor_company):
        return {"vendor_company": "Name the company of the person who will use the link."}
    if Pool(now).is_vendor(by, submission.vendor_mail):
        own = "This is your own address. A link is for somebody else."
        raise Overreach({"vendor_mail": own})
    return {}


def _check_works(words: Words, wanted: Wanted, now: datetime, *, named: bool) -> None:
    """An approver must never be asked for what cannot work. ``named``: of several, which."""
    machine, offer = wanted.machine, wanted.offer
    doors = [(each.kind, each.port) for each in doors_needed(machine, offer)]
    checks = judging.preflight(machine, doors, asked=offer.kind, minutes=words.minutes)
    is_for_now = words.start is None or words.start <= now
    if reason := judging.reason_to_refuse(checks, is_for_now=is_for_now):
        raise Invalid({"kind": f"{machine.name}: {reason}" if named else reason})


def _check_others(submission: Submission, wanted: Wanted, by: Person, now: datetime) -> None:
    twin = pending_twin(by, [(wanted.machine.pk, wanted.offer.kind, wanted.offer.port)])
    if twin is not None:
        what = "this" if not submission.others else wanted.machine.name
        raise Invalid({"machine": f"You already asked for {what}: {twin.reference} is waiting."})
    if kind_named(submission.kind).exclusive:
        _check_free(submission, wanted, by, now)


def pending_twin(by: Person, doors: Iterable[tuple[int, str, int]]) -> AccessRequest | None:
    """A waiting request of the same person for one of the doors. The constraint stands behind."""
    for machine_id, kind, port in doors:
        twin = AccessRequest.objects.filter(
            requester=by, state=RequestState.PENDING, doors__pending=True,
            doors__machine_id=machine_id, doors__kind=kind, doors__port=port,
        ).first()  # fmt: skip
        if twin is not None:
            return twin
    return None


def _check_free(submission: Submission, wanted: Wanted, by: Person, now: datetime) -> None:
    machine, port = wanted.machine, wanted.offer.port
    start = submission.start or now
    end = start + timedelta(minutes=submission.minutes)
    taken = overlap(machine, kind=submission.kind, port=port, start=start, end=end, now=now)
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
