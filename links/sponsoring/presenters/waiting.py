"""What waits for a sponsor: a wish, a login to be changed, a letter that did not get there."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from access.models import Grant, Notice, NoticeState, Person
from access.states import WANTING
from links.models import Invitation, MoreTimeAsk, Rotation
from links.visiting.standing import LINK

SHOWN = 20
FAILED = (NoticeState.GIVEN_UP, NoticeState.NOT_SENT)


@dataclass(frozen=True)
class Waiting:
    """Of one visit. ``minutes``: of the wish, 0 without one. ``owed``: logins."""

    reference: str
    name: str
    minutes: int
    owed: int
    failed: bool


def waiting_for(person: Person, now: datetime) -> list[Waiting]:
    """One query, and one more while a visit of theirs runs."""
    rows = visits_of(person, now).annotate(live=Exists(_live(now)), minutes=_wish(), owed=_owed())
    # By the request: its index leads past everybody else's invitations, that of their numbers not.
    newest = rows.select_related("access_request").order_by("-access_request__created_at", "-pk")
    found = list(newest[:SHOWN])
    failed = _failed([row.access_request.reference for row in found if row.live])
    waiting = [_of(row, failed) for row in found]
    return [each for each in waiting if each.minutes or each.owed or each.failed]


def visits_of(person: Person, now: datetime | Combinable) -> QuerySet[Invitation]:
    """Those that they sponsor and that run, or after which a login is to be changed."""
    mine = Invitation.objects.filter(access_request__requester=person)
    return mine.filter(Exists(_live(now)) | Exists(_logins()))


def _of(row: Invitation, failed: set[str]) -> Waiting:
    reference = row.access_request.reference
    live, minutes, owed = (getattr(row, name) for name in ("live", "minutes", "owed"))
    return Waiting(reference, row.name, minutes if live else 0, owed, reference in failed)


def _live(now: datetime | Combinable) -> QuerySet[Grant]:
    of_this = Grant.objects.filter(access_request=OuterRef("access_request"), kind=LINK)
    return of_this.filter(state__in=WANTING, ends_at__gt=now, end_order__isnull=True)


def _wish() -> Coalesce:
    waits = MoreTimeAsk.objects.filter(invitation=OuterRef("pk"), answered_at__isnull=True)
    return Coalesce(Subquery(waits.values("minutes")[:1]), 0)


def _owed() -> Coalesce:
    counted = _logins().order_by().values("access_request").annotate(n=Count("pk"))
    return Coalesce(Subquery(counted.values("n")), 0)


def _logins() -> QuerySet[Rotation]:
    of_this = Rotation.objects.filter(access_request=OuterRef("access_request"))
    return of_this.filter(done_at__isnull=True)


def _failed(references: Iterable[str]) -> set[str]:
    """Those whose latest letter with the address did not get there."""
    wanted = list(references)
    if not wanted:
        return set()
    letters = Notice.objects.filter(event="visit.invited", reference__in=wanted).order_by("pk")
    last = dict(letters.values_list("reference", "state"))
    return {reference for reference, state in last.items() if state in FAILED}
