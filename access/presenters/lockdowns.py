"""Incidents as pages show them: what an order would close, what stands, how far closing is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet

from access import policy
from access.lockdowns import grants_in, machines_in, named, rows_in_force, words_of
from access.models import (
    BastionHost,
    EndedHow,
    EndOrder,
    Grant,
    LiveSession,
    Lockdown,
    LockdownScope,
    Machine,
    Person,
)
from access.presenters.grants import GrantLine, lines_for
from access.presenters.statuses import Status
from access.sessions.covering import covering
from access.states import HOLDING, GrantState

MOST_SHOWN = 50
QUICK, SLOW = 2, 30  # seconds between two looks of a page at the server
WAITS = Status("red", "triangle-alert", "Waits for a second administrator")
CLOSING = Status("amber", "loader", "Closing")
DONE = Status("red", "ban", "In force, nothing is open")
OVER = Status("grey", "circle-check", "Over")
Parts = list[tuple[str, list[tuple[str, str]]]]


@dataclass(frozen=True)
class Band:
    """What everybody reads on every page. ``may_confirm``: this administrator is the second."""

    lockdown: Lockdown
    words: str
    may_confirm: bool
    may_see: bool

    @property
    def confirmed(self) -> bool:
        return self.lockdown.confirmed_at is not None


@dataclass(frozen=True)
class PartCount:
    """Of one subscription."""

    name: str
    open: int
    scheduled: int


@dataclass(frozen=True)
class Inside:
    session: LiveSession
    who: str


@dataclass(frozen=True)
class Reach:
    """What would be closed, and who would be disconnected."""

    words: str
    counts: list[PartCount]
    inside: list[Inside]
    sessions: int

    @property
    def open(self) -> int:
        return sum(count.open for count in self.counts)

    @property
    def scheduled(self) -> int:
        return sum(count.scheduled for count in self.counts)


@dataclass(frozen=True)
class Progress:
    """From what Azure has shown, never from what was ordered."""

    closed: int
    outstanding: int
    lines: list[GrantLine]

    @property
    def total(self) -> int:
        return self.closed + self.outstanding

    @property
    def more(self) -> int:
        return self.outstanding - len(self.lines)


@dataclass(frozen=True)
class LockdownPage:
    lockdown: Lockdown
    words: str
    status: Status
    progress: Progress | None  # once it was confirmed
    reach: Reach | None  # until then
    may_confirm: bool
    may_lift: bool
    is_mine: bool
    now: datetime

    @property
    def waits(self) -> bool:
        return self.reach is not None

    @property
    def every(self) -> int:
        """Seconds between polls; 0 when all is over."""
        if self.waits or (self.progress and self.progress.outstanding):
            return QUICK
        return 0 if self.lockdown.lifted_at else SLOW

    @property
    def mark(self) -> tuple[object, ...]:
        """All that may change on it while somebody looks."""
        lines = self.progress.lines if self.progress else []
        shown = [(line.grant.pk, line.status, line.waits_for) for line in lines]
        counts = self.progress and (self.progress.closed, self.progress.outstanding)
        reach = self.reach and (self.reach.counts, self.reach.sessions)
        return self.status, self.may_confirm, self.may_lift, counts, reach, shown


def bands(person: Person) -> list[Band]:
    """In one query, for every page."""
    rows = named(rows_in_force()).select_related("ordered_by").order_by("ordered_at", "pk")
    may_see = policy.may_see_lockdowns(person)
    return [
        Band(
            lockdown=row,
            words=words_of(row),
            may_confirm=row.confirmed_at is None and policy.may_confirm_lockdown(row, person),
            may_see=may_see,
        )
        for row in rows
    ]


def parts() -> Parts:
    """What can be chosen, as groups of a list: everything, subscriptions, groups, hosts."""
    here = Machine.objects.filter(gone_at__isnull=True).exclude(subscription_id="").order_by()
    groups = here.values_list("subscription_id", "subscription_name", "resource_group").distinct()
    subscriptions: dict[str, str] = {}
    resource_groups: dict[str, str] = {}
    for subscription, name, group in sorted(groups, key=lambda row: (row[1], row[2])):
        subscriptions[f"{LockdownScope.SUBSCRIPTION}|{subscription.lower()}"] = name or subscription
        key = f"{LockdownScope.GROUP}|{subscription}/{group}".lower()
        resource_groups[key] = f"{group} ({name or subscription})"
    hosts = BastionHost.objects.filter(gone_at__isnull=True).order_by("name")
    return [
        ("Everything", [(f"{LockdownScope.ALL}|", "The whole estate")]),
        ("One subscription", list(subscriptions.items())),
        ("One resource group", list(resource_groups.items())),
        (
            "All that one Bastion host reaches",
            [(f"{LockdownScope.HOST}|{host.resource_key}", host.name) for host in hosts],
        ),
    ]


def reach_of(scope: str, value: str) -> Reach:
    grants = grants_in(scope, value).exclude(state=GrantState.CLOSED)
    by_name = grants.order_by().values("machine__subscription_name").annotate(
        held=Count("pk", filter=Q(state__in=HOLDING)),
        waiting=Count("pk", filter=Q(state=GrantState.SCHEDULED)),
    )  # fmt: skip
    sessions = _sessions_in(scope, value)
    return Reach(
        words=words_of(_as_row(scope, value)),
        counts=[_count(row) for row in by_name.order_by("machine__subscription_name")],
        inside=_inside(sessions.order_by("first_seen_at", "pk")[:MOST_SHOWN]),
        sessions=sessions.count(),
    )


def _count(row: Mapping[str, Any]) -> PartCount:
    name = row["machine__subscription_name"] or "Outside Azure"
    return PartCount(name, row["held"], row["waiting"])


def progress_of(lockdown: Lockdown, viewer: Person, now: datetime) -> Progress:
    """Of one that was confirmed: what was ended by it and, while it is in force, whatever else is
    not closed there yet."""
    mine, since = grants_in(lockdown.scope, lockdown.value), lockdown.confirmed_at or now
    ended = Q(end_order__how=EndedHow.LOCKDOWN, end_order__at=since)
    live = mine.exclude(state=GrantState.CLOSED)
    if lockdown.lifted_at is not None:
        live = live.filter(ended)
    related = ("machine__bastion", "gate", "end_order__by", "access_request__requester")
    rows = live.select_related(*related).order_by("due_at", "ends_at", "pk")[:MOST_SHOWN]
    orders = EndOrder.objects.filter(
        how=EndedHow.LOCKDOWN, at=since, grant__state=GrantState.CLOSED
    )
    in_scope = orders.filter(grant__in=mine) if lockdown.scope != LockdownScope.ALL else orders
    return Progress(in_scope.count(), live.count(), lines_for(rows, viewer, now))


def page_for(lockdown: Lockdown, viewer: Person, now: datetime) -> LockdownPage:
    """Needs the row ``named`` and its people loaded."""
    waits = lockdown.confirmed_at is None and lockdown.lifted_at is None
    progress = progress_of(lockdown, viewer, now) if lockdown.confirmed_at else None
    return LockdownPage(
        lockdown=lockdown,
        words=words_of(lockdown),
        status=_status_of(lockdown, progress),
        progress=progress,
        reach=reach_of(lockdown.scope, lockdown.value) if waits else None,
        may_confirm=waits and policy.may_confirm_lockdown(lockdown, viewer),
        may_lift=lockdown.lifted_at is None and policy.may_lock_down(viewer),
        is_mine=lockdown.ordered_by_id == viewer.pk,
        now=now,
    )


def _status_of(lockdown: Lockdown, progress: Progress | None) -> Status:
    if lockdown.lifted_at is not None:
        return OVER
    if progress is None:
        return WAITS
    return CLOSING if progress.outstanding else DONE


def _as_row(scope: str, value: str) -> Lockdown:
    """Not saved: to be called by its name."""
    row = Lockdown(scope=scope, value=value)
    if scope == LockdownScope.SUBSCRIPTION:
        names = Machine.objects.filter(subscription_id__iexact=value).exclude(subscription_name="")
        row.name = names.values_list("subscription_name", flat=True).first() or ""  # type: ignore[attr-defined]
    return row


def _sessions_in(scope: str, value: str) -> QuerySet[LiveSession]:
    """Also those that lead to no machine that is known, where their host is in scope."""
    live = LiveSession.objects.filter(ended_at__isnull=True)
    if scope == LockdownScope.ALL:
        return live
    if scope == LockdownScope.HOST:
        return live.filter(host__resource_key=value)
    return live.filter(machine__in=machines_in(scope, value))


def _inside(rows: QuerySet[LiveSession]) -> list[Inside]:
    sessions = list(rows.select_related("machine", "host"))
    grants = covering(sessions)
    return [Inside(session, _who(grants[session.pk])) for session in sessions]


def _who(grants: Sequence[Grant]) -> str:
    names = {grant.access_request.requester.display_name for grant in grants}
    return " or ".join(sorted(names)) or "Nobody that a grant explains"
