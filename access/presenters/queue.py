"""What waits for somebody's decision: one line each, with what makes it a risk."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from access.approvers import StageNow, label_of
from access.models import AccessRequest, Decision, DecisionVerdict, Person
from access.presenters.requests import RequestRow, row_for
from access.presenters.statuses import ASKED_BACK, HELD, Status
from access.presenters.ways import is_for_vendor

PRODUCTION = Status("prod", "shield-alert", "Production")
VENDOR = Status("amber", "user", "Vendor")
ESCALATED = Status("amber", "users", "Waited too long")
MORE_TIME = Status("blue", "hourglass", "More time")
OUTSIDE_HOURS = Status("amber", "moon", "Outside office hours")
FIRST_HOUR, LAST_HOUR, SATURDAY = 7, 19, 5  # on the clock of who asked


@dataclass(frozen=True)
class QueueRow:
    row: RequestRow
    marks: list[Status]
    stage: str  # empty where there is but one
    deputy_of: str  # the name; empty for whom the policy names

    @property
    def waits_for_answer(self) -> bool:
        return self.row.access_request.asked_back_at is not None


def for_queue(rows: QuerySet[AccessRequest]) -> QuerySet[AccessRequest]:
    """``rows``: of ``policy.waiting_for`` one person. With all that a line shows but the doors."""
    standing = Decision.objects.filter(
        access_request=OuterRef("pk"), revision=OuterRef("revision"), stage=OuterRef("stage"),
        verdict=DecisionVerdict.APPROVE, dismissed_at__isnull=True,
    )  # fmt: skip
    count = standing.order_by().values("access_request").annotate(n=Count("pk")).values("n")
    return rows.select_related("requester").annotate(
        deputy_of=F("deciders__on_behalf_of__display_name"),
        given=Coalesce(Subquery(count), 0),
    )


def queue_row(access_request: AccessRequest, now: datetime) -> QueueRow:
    """Needs ``for_queue`` and ``with_doors``."""
    row = row_for(access_request, now)
    return QueueRow(
        row=row,
        marks=list(_marks(row, now)),
        stage=_stage(access_request),
        deputy_of=getattr(access_request, "deputy_of", None) or "",
    )


def last_decision(person: Person) -> Decision | None:
    mine = Decision.objects.filter(by=person).select_related("access_request")
    return mine.order_by("-pk").first()


def _marks(row: RequestRow, now: datetime) -> Iterable[Status]:
    asked = row.access_request
    if row.production:
        yield PRODUCTION
    if is_for_vendor(asked.kind):
        yield VENDOR
    if asked.hold:
        yield HELD
    if asked.escalated_at is not None:
        yield ESCALATED
    if asked.extends_id is not None:
        yield MORE_TIME
    if row.others:
        yield Status("grey", "server", f"{row.others + 1} machines")
    if _outside_hours(asked, now):
        yield OUTSIDE_HOURS
    if asked.asked_back_at is not None:
        yield ASKED_BACK


def _outside_hours(asked: AccessRequest, now: datetime) -> bool:
    start = (asked.asked_start or now).astimezone(asked.requester.tz)
    return start.weekday() >= SATURDAY or not FIRST_HOUR <= start.hour < LAST_HOUR


def _stage(asked: AccessRequest) -> str:
    stages = asked.judgement.stages
    if asked.stage >= len(stages):
        return ""
    stage = stages[asked.stage]
    given = getattr(asked, "given", 0)
    label = label_of(StageNow(asked.stage, stage, (), ()))
    progress = f", {given} of {stage.needed} approvals" if stage.needed > 1 else ""
    if len(stages) == 1:
        return f"{label}{progress}" if progress else ""
    return f"Stage {asked.stage + 1} of {len(stages)}: {label}{progress}"
