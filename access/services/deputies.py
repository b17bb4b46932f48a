"""Who decides in an approver's place while they are away.

A deputy may decide what the approver could, and nothing passes on: a deputy's deputy decides
nothing for the first. Nobody is deputy for what they asked themselves; ``access.approvers`` sees
to that, for who asks may change after somebody was named.
"""

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from access import ledger, policy
from access.approvers import Pool, reckon
from access.clock import db_now
from access.errors import Invalid, WrongState
from access.models import AccessRequest, Deputy, Person
from access.notices import tell
from access.services.refusals import one_transaction
from access.services.submission import REASON_LIMIT, clean_text
from access.waiting import undecided

LONGEST = timedelta(days=60)
FARTHEST = timedelta(days=365)
SLACK = timedelta(minutes=5)  # a page left open for a moment is no mistake
MOST_LINKS = 20  # of a circle of deputies that is looked for


def name_deputy(
    deputy: Person, starts_at: datetime, ends_at: datetime, *, by: Person, reason: str = ""
) -> Deputy:
    """``deputy`` decides for ``by`` from ``starts_at`` until ``ends_at``, both aware.

    The same again is the same deputy. Raises ``NotAllowed``, or ``Invalid`` with ``deputy``,
    ``starts_at``, ``ends_at`` or ``reason``.
    """
    with one_transaction("deputy.name", by=by):
        policy.check_may_name_deputy(by)
        deputy = _locked(by, deputy)
        now = db_now()
        again = _same(by, deputy, starts_at, ends_at, now)
        if again is not None:
            return again
        _check_deputy(deputy, by)
        _check_period(starts_at, ends_at, now)
        reason = _checked_reason(reason)
        starts_at = max(starts_at, now)
        _check_free(by, starts_at, ends_at, now)
        _check_no_circle(deputy, by, (starts_at, ends_at), now)
        row = Deputy.objects.create(
            approver=by, deputy=deputy, starts_at=starts_at, ends_at=ends_at, reason=reason,
            created_at=now,
        )  # fmt: skip
        _reckon(row, now)
        _record("deputy.named", row, by)
        tell("deputy.named", key=f"deputy-{row.pk}", to=[deputy], data=_facts(row), by=by)
    return row


def take_back(deputy_row: Deputy, *, by: Person) -> Deputy:
    """From now on the deputy decides nothing for the approver. Safe to repeat.

    Raises ``NotAllowed``, or ``WrongState`` when the period was over by itself.
    """
    with one_transaction("deputy.take_back", by=by):
        row = Deputy.objects.select_for_update(no_key=True).get(pk=deputy_row.pk)
        policy.check_may_take_back_deputy(row, by)
        if row.ended_at is not None:
            return row
        now = db_now()
        if row.ends_at <= now:
            raise WrongState("This period is over already.")
        row.ended_at = now
        row.save(update_fields=["ended_at"])
        _reckon(row, now)
        _record("deputy.taken_back", row, by)
        told, key = [row.deputy, row.approver], f"deputy-{row.pk}-ended"
        tell("deputy.ended", key=key, to=told, data=_facts(row), by=by)
    return row


def standing(now: datetime) -> QuerySet[Deputy]:
    """In force at ``now`` or to come."""
    over = Q(ended_at__isnull=False) | Q(ends_at__lte=now)
    return Deputy.objects.exclude(over).order_by("starts_at", "pk")


def waiting_from(deputy: Person, approver: Person) -> QuerySet[AccessRequest]:
    """Undecided requests of the deputy that the approver could decide: those the deputy cannot."""
    own = Q(requester=deputy)
    if deputy.person_key:
        own |= Q(requester__person_key=deputy.person_key)
    return policy.waiting_for(approver).filter(own)


def _locked(by: Person, deputy: Person) -> Person:
    """Both rows, in one order: two who name each other at the same moment meet here."""
    ids = [by.pk, deputy.pk]
    rows = Person.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    return next(row for row in rows if row.pk == deputy.pk)


def _same(
    by: Person, deputy: Person, starts_at: datetime, ends_at: datetime, now: datetime
) -> Deputy | None:
    """What was named before under the same words: "now" had moved on a little by then."""
    named = standing(now).filter(approver=by, deputy=deputy, ends_at=ends_at)
    return named.filter(starts_at__range=(starts_at - SLACK, starts_at + SLACK)).first()


def _check_deputy(deputy: Person, by: Person) -> None:
    name, problem = deputy.display_name, ""
    able = policy.has(deputy, policy.Act.DECIDE)
    if deputy.is_same_human(by):
        problem = "That is you. Name somebody else, or nobody: others of your group still decide."
    elif not deputy.is_active:
        problem = f"{name} can no longer sign in. Name somebody who can."
    elif deputy.is_guest and not able:
        problem = f"{name} is a guest of another organisation. Name one of your own approvers."
    elif not able:
        problem = (
            f"{name} does not hold the Approver role. Name an approver, or ask an administrator "
            f"to give {name} the role first."
        )
    if problem:
        raise Invalid({"deputy": problem})


def _check_period(starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    if starts_at < now - SLACK:
        raise Invalid({"starts_at": "The start must not be in the past."})
    if starts_at > now + FARTHEST:
        raise Invalid({"starts_at": f"The start must be within {FARTHEST.days} days."})
    if ends_at <= max(starts_at, now):
        raise Invalid({"ends_at": "The end must be after the start."})
    if ends_at - starts_at > LONGEST:
        raise Invalid(
            {
                "ends_at": f"At most {LONGEST.days} days. Who is away for longer should hand the "
                "Approver role on: an administrator does that."
            }
        )


def _checked_reason(reason: str) -> str:
    reason = clean_text(reason)
    if len(reason) > REASON_LIMIT:
        raise Invalid({"reason": f"Keep the reason under {REASON_LIMIT} characters."})
    return reason


def _check_free(by: Person, starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    meets = standing(now).filter(approver=by, starts_at__lt=ends_at, ends_at__gt=starts_at)
    taken = meets.select_related("deputy").first()
    if taken is not None:
        name = taken.deputy.display_name
        raise Invalid(
            {"starts_at": f"{name} is your deputy in that time. Take that back first, or wait."}
        )


def _check_no_circle(
    deputy: Person, by: Person, period: tuple[datetime, datetime], now: datetime
) -> None:
    """Whoever names a deputy is away; a circle of them would leave nobody."""
    if _leads_back(deputy.pk, by.pk, period, now):
        raise Invalid(
            {
                "deputy": f"{deputy.display_name} is away in that time and relies on you, "
                "directly or through others. While all of you are away nobody would decide. "
                "Name somebody else, or another time."
            }
        )


def _leads_back(
    person_id: int, to: int, period: tuple[datetime, datetime], now: datetime, links: int = 1
) -> bool:
    """Whether deputies of deputies come back to a person at one moment of the period."""
    start, end = period
    meets = standing(now).filter(approver_id=person_id, starts_at__lt=end, ends_at__gt=start)
    for row in meets:
        common = max(start, row.starts_at), min(end, row.ends_at)
        if row.deputy_id == to:
            return True
        if links < MOST_LINKS and _leads_back(row.deputy_id, to, common, now, links + 1):
            return True
    return False


def _reckon(row: Deputy, now: datetime) -> None:
    """Lists and notices go by what is written down of who could decide. What begins or ends by
    time is reckoned by the schedule. Call before the ledger's head is locked: whoever decides
    locks the request first, and then the head."""
    if row.starts_at > now:
        return
    touched = undecided().filter(deciders__person=row.approver_id)
    locked = AccessRequest.objects.select_for_update(no_key=True).filter(pk__in=touched)
    pool = Pool(now)
    for access_request in locked.order_by("pk"):
        reckon(access_request, pool)


def _record(event: str, row: Deputy, by: Person) -> None:
    ledger.record(event, by=by, data={**_facts(row), "reason": row.reason})


def _facts(row: Deputy) -> dict[str, object]:
    return {
        "approver": row.approver.display_name,
        "approver_id": row.approver.identity,
        "deputy": row.deputy.display_name,
        "deputy_id": row.deputy.identity,
        "from": row.starts_at,
        "until": row.ended_at or row.ends_at,
    }
