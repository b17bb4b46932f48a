"""What time alone gives cause to tell. Each occasion has a key, so that any number of schedulers
tell it once; an end that was moved is another occasion."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from django.db import transaction
from django.db.models import QuerySet

from access import notices
from access.clock import db_now
from access.gatekeeping import overdue_grants
from access.models import AccessRequest, Grant, Notice
from access.notices.grants import doors_of, only_serves
from access.presenters.statuses import OVERDUE_AFTER
from access.states import GrantState, RequestState

FIRST, LAST = timedelta(minutes=15), timedelta(minutes=5)
WORTH_IT = timedelta(minutes=20)  # what lasts for less is not told that it ends in a quarter hour
SHORTEST_WAIT = timedelta(minutes=30)  # whoever has less is not reminded halfway
AT_ONCE = 500
T = TypeVar("T")


def remind_all() -> int:
    """Returns how many occasions were told."""
    now = db_now()
    return _ends_soon(now) + _overdue(now) + _still_waiting(now)


def _ends_soon(now: datetime) -> int:
    """Grants of one request that end together are one occasion."""
    live = Grant.objects.filter(state=GrantState.OPEN, end_order__isnull=True)
    ending = _related(live.filter(ends_at__gt=now, ends_at__lte=now + FIRST))
    groups: dict[tuple[int, datetime], list[Grant]] = {}
    for grant in ending.order_by("pk")[:AT_ONCE]:
        if not only_serves(grant):
            groups.setdefault((grant.access_request_id, grant.ends_at), []).append(grant)
    due = [(_warning(group, now), group) for group in groups.values()]
    occasions = {(event, _end_key(group)): group for event, group in due if event}
    return _tell_each(occasions, _tell_of_end)


def _warning(group: Sequence[Grant], now: datetime) -> str:
    """Which of the two, or none: only the one that holds now."""
    first = group[0]
    if first.ends_at - now <= LAST:
        return "grant.ends_in_5"
    return "grant.ends_in_15" if first.ends_at - first.starts_at > WORTH_IT else ""


def _tell_of_end(event: str, key: str, group: Sequence[Grant]) -> None:
    first = group[0]
    data = {"doors": doors_of(group), "starts_at": first.starts_at, "until": first.ends_at}
    asked = first.access_request
    notices.tell(event, key=key, to=[asked.requester], about=asked, data=data)


def _overdue(now: datetime) -> int:
    late = _related(overdue_grants(now - OVERDUE_AFTER)).order_by("pk")[:AT_ONCE]
    return _tell_each({("grant.overdue", f"grant-{g.pk}"): [g] for g in late}, _tell_of_overdue)


def _tell_of_overdue(event: str, key: str, group: Sequence[Grant]) -> None:
    grant = group[0]
    why = grant.outstanding or grant.problem
    data = {
        "doors": doors_of(group),
        "starts_at": grant.starts_at,
        "until": grant.ends_at,
        "why": why,
    }
    notices.tell_overseers(event, key=key, about=grant.access_request, data=data)


def _still_waiting(now: datetime) -> int:
    """Halfway between the moment a stage began to wait and the one at which it lapses."""
    pending = AccessRequest.objects.filter(
        state=RequestState.PENDING, asked_back_at__isnull=True, blocked="", lapses_at__gt=now
    )
    rows = pending.select_related("requester").order_by("lapses_at")[:AT_ONCE]
    due = [asked for asked in rows if _is_halfway(asked, now)]
    return _tell_each({("request.reminder", _wait_key(a)): a for a in due}, _tell_of_waiting)


def _is_halfway(asked: AccessRequest, now: datetime) -> bool:
    since = asked.stage_since or asked.created_at
    return asked.lapses_at - since >= SHORTEST_WAIT and now >= since + (asked.lapses_at - since) / 2


def _tell_of_waiting(event: str, key: str, asked: AccessRequest) -> None:
    to = [row.person for row in asked.deciders.select_related("person")]
    notices.tell(event, key=key, to=to, about=asked)


def _tell_each(occasions: dict[tuple[str, str], T], tell: Callable[[str, str, T], None]) -> int:
    """Those that nobody has told yet, each in a transaction of its own."""
    told = _told(occasions)
    left = [each for each in occasions if each not in told]
    for event, key in left:
        with transaction.atomic():
            tell(event, key, occasions[event, key])
    return len(left)


def _told(occasions: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    wanted = list(occasions)
    if not wanted:
        return set()
    events, keys = {event for event, _ in wanted}, {key for _, key in wanted}
    rows = Notice.objects.filter(event__in=events, key__in=keys)
    return set(rows.values_list("event", "key"))


def _related(grants: QuerySet[Grant]) -> QuerySet[Grant]:
    rows = grants.select_related("machine", "access_request__requester", "access_request__extends")
    return rows.prefetch_related("access_request__grants")


def _end_key(group: Sequence[Grant]) -> str:
    first = group[0]
    end = first.ends_at.astimezone(UTC).isoformat(timespec="seconds")
    return f"{first.access_request.reference} {end}"


def _wait_key(asked: AccessRequest) -> str:
    return f"{asked.reference} {asked.revision}.{asked.stage}"
