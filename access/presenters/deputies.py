"""Deputies as their page and the pages of who stands in for somebody show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from access import policy
from access.models import AccessRequest, Deputy, Person
from access.services.deputies import standing, waiting_from

LONGEST_LIST = 100


@dataclass(frozen=True)
class DeputyRow:
    """``own_requests``: of the deputy, which therefore somebody else must decide.
    ``is_away``: the deputy has named one, too; nothing passes on."""

    row: Deputy
    state: str  # now, coming, ended or over
    may_take_back: bool = False
    own_requests: Sequence[AccessRequest] = ()
    is_away: bool = False

    @property
    def until(self) -> datetime:
        return self.row.ended_at or self.row.ends_at


@dataclass(frozen=True)
class Deputies:
    mine: list[DeputyRow]
    past: list[DeputyRow]
    others: list[DeputyRow]  # of everybody, for administrators and auditors


def standing_in(person: Person, now: datetime) -> list[Deputy]:
    """For whom the person decides at this moment. One query, for approvers only."""
    if not policy.has(person, policy.Act.DECIDE):
        return []
    rows = standing(now).filter(deputy=person, starts_at__lte=now)
    return list(rows.select_related("approver")[:LONGEST_LIST])


def deputies_for(viewer: Person, now: datetime) -> Deputies:
    everything = policy.visible_deputies(viewer).select_related("approver", "deputy")
    named = everything.filter(approver=viewer)
    to_come = standing(now).values("pk")
    current = list(named.filter(pk__in=to_come).order_by("starts_at", "pk")[:LONGEST_LIST])
    past = named.exclude(pk__in=to_come).order_by("-starts_at", "-pk")[:LONGEST_LIST]
    others = []
    if policy.may_see_all_deputies(viewer):
        rest = everything.filter(pk__in=to_come).exclude(approver=viewer)
        others = list(rest.order_by("starts_at", "pk")[:LONGEST_LIST])
    return Deputies(
        mine=[row_for(row, viewer, now) for row in current],
        past=[DeputyRow(row, _state(row, now)) for row in past],
        others=[row_for(row, viewer, now) for row in others],
    )


def row_for(row: Deputy, viewer: Person, now: datetime) -> DeputyRow:
    """Two queries each: somebody has one deputy at a time, and seldom names another ahead."""
    state = _state(row, now)
    own = row.approver_id == viewer.pk
    asked = waiting_from(row.deputy, row.approver)[:LONGEST_LIST] if own else ()
    away = standing(now).filter(
        approver=row.deputy, starts_at__lt=row.ends_at, ends_at__gt=row.starts_at
    )
    return DeputyRow(
        row=row,
        state=state,
        may_take_back=policy.may_take_back_deputy(row, viewer),
        own_requests=list(asked),
        is_away=own and away.exists(),
    )


def _state(row: Deputy, now: datetime) -> str:
    if row.ended_at is not None:
        return "ended"
    if row.ends_at <= now:
        return "over"
    return "now" if row.starts_at <= now else "coming"
