"""Access that cannot wait for an approval: who may open it, who hears of it, and the review that
somebody else owes it. A review that is due is chased until it is done; no access depends on that.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from access import ledger, notices
from access.approvers import Pool
from access.clock import db_now
from access.models import AccessRequest, ApprovedHow, Grant, Person, Review
from access.policy.table import Act, people_with, roles_of
from access.rules.document import Policy
from access.rules.judgement import BreakGlass, Judgement, Source
from access.states import LIVE, WANTING
from access.workdays import next_working_day

SCHEDULE = "schedule"
MOST_AT_ONCE = 3  # that somebody may have running or unreviewed
AGAIN_AFTER = timedelta(days=1)


def may_break_glass(person: Person, glass: BreakGlass, policy: Policy) -> bool:
    """Whether the policy names them. A role that many hold does not name other organisations'
    guests; a group or a person does."""
    return person.is_active and any(_is_named(person, each, policy) for each in glass.sources)


def review_due(opened_at: datetime, requester: Person) -> datetime:
    """Within one business day, by the calendar of who opened it."""
    return next_working_day(opened_at, requester.tz, settings.ACCESS_HOLIDAYS)


def accounts_of(person: Person) -> QuerySet[Person]:
    """The account and, where that is known, the others of the same human being."""
    same = Q(pk=person.pk)
    if person.person_key:
        same |= Q(person_key=person.person_key)
    return Person.objects.filter(same)


def unsettled(person: Person) -> QuerySet[Review]:
    """What they opened without an approval that still runs or that nobody has reviewed."""
    live = Grant.objects.filter(access_request=OuterRef("access_request"), state__in=LIVE)
    mine = Review.objects.filter(access_request__requester__in=accounts_of(person))
    rows = mine.filter(Q(reviewed_at__isnull=True) | Exists(live))
    return rows.select_related("access_request").order_by("due_at", "pk")


def running(person: Person, machine_id: int, port: int, now: datetime) -> Grant | None:
    """What they have opened without an approval at the same door, and may use now."""
    mine = Grant.objects.filter(
        access_request__requester__in=accounts_of(person),
        access_request__approved_how=ApprovedHow.BREAK_GLASS,
    )
    held = mine.filter(machine_id=machine_id, port=port, state__in=WANTING, ends_at__gt=now)
    return held.filter(end_order__isnull=True).select_related("access_request").first()


def concerned(
    judgement: Judgement, owners: Iterable[str], requester: Person, now: datetime
) -> list[Person]:
    """Whom the opening is told, each once: all who could have approved it at any stage, the groups
    that own the machine, and auditors. Administrators are told wherever overseers are."""
    pool = Pool(now)
    asked = [s for stage in judgement.stages for s in (*stage.sources, *stage.escalate_to)]
    found = {c.person.pk: c.person for c in pool.for_sources(asked, requester)}
    members = [name for owner in owners for name in pool.groups.get(owner, ())]
    people = [*people_named(members), *people_with(Act.HEAR_OF_EMERGENCIES)]
    found |= {person.pk: person for person in people}
    return list(found.values())


def owners_of(access_request: AccessRequest) -> list[str]:
    doors = access_request.doors.select_related("machine")
    return sorted({door.machine.owner for door in doors if door.machine.owner})


def chase_due(limit: int = 100) -> int:
    """Remind of the reviews that are due today, and daily of those that are overdue. Returns how
    many were reminded of. May be repeated, by any number of workers."""
    rows = Review.objects.filter(reviewed_at__isnull=True, due_at__lte=Now() + AGAIN_AFTER)
    asked = rows.select_related("access_request__requester").order_by("due_at", "pk")
    due = list(asked[:limit])
    if not due:
        return 0
    now = db_now()
    return sum(_chase(row.pk, now) for row in due if _is_for_now(row, now))


def _chase(review_id: int, now: datetime) -> bool:
    """Decided anew under the lock: another worker may have been quicker."""
    with transaction.atomic():
        row = Review.objects.select_for_update().get(pk=review_id)
        if row.reviewed_at is not None or not _is_for_now(row, now):
            return False
        overdue, known = row.due_at <= now, _was_overdue(row)
        row.chased_at = now
        row.save(update_fields=["chased_at"])
        if overdue and not known:
            ledger.record(
                "review.overdue", by=SCHEDULE, reference=row.access_request.reference,
                outcome="failed", data={"due_at": row.due_at},
            )  # fmt: skip
        _remind(row, "review.overdue" if overdue else "review.due", now)
    return True


def _is_for_now(row: Review, now: datetime) -> bool:
    """Once on the day that it is due, once when that is past, and from then on daily."""
    if row.due_at > now:
        zone = row.access_request.requester.tz
        is_the_day = timezone.localdate(row.due_at, zone) == timezone.localdate(now, zone)
        return row.chased_at is None and is_the_day
    return not _was_overdue(row) or row.chased_at is None or row.chased_at + AGAIN_AFTER <= now


def _was_overdue(row: Review) -> bool:
    return row.chased_at is not None and row.chased_at >= row.due_at


def _remind(row: Review, event: str, now: datetime) -> None:
    asked = row.access_request
    notices.tell_overseers(
        event,
        key=f"{asked.reference}.{event}.{now:%Y-%m-%d.%H}",
        to=concerned(asked.judgement, owners_of(asked), asked.requester, now),
        about=asked,
        data={"due_at": row.due_at},
        by=asked.requester,  # who cannot review it
    )


def _is_named(person: Person, source: Source, policy: Policy) -> bool:
    if source.kind == "role":
        return source.name in roles_of(person) and not person.is_guest
    if source.kind == "group":
        return source.name in policy.groups_of(person.identity)
    known = {person.identity.casefold(), person.object_id.casefold()}
    return source.kind == "person" and source.name.casefold() in known


def people_named(identities: Iterable[str]) -> list[Person]:
    """Active people whom a group of the policy lists, by ``tenant/object`` or the object alone."""
    wanted = {each.casefold() for each in identities}
    if not wanted:
        return []
    match = Q()
    for each in sorted({name.rpartition("/")[2] for name in wanted}):
        match |= Q(object_id__iexact=each)
    found = Person.objects.filter(match, is_active=True)
    return [p for p in found if wanted & {p.identity.casefold(), p.object_id.casefold()}]
