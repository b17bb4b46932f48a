"""Who approves whom: what one cannot see in any single request. Nothing here is forbidden; it is
shown to be asked about. Two accounts count as one person only where the directory says so.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Max, Q

from access.models import Decision, DecisionVerdict, Deputy, Person
from access.models.requests import REFERENCE_PREFIX

DAYS = 90
QUICK = timedelta(seconds=5)  # after it was sent: hardly read
MOST = 50
COLUMNS = (
    "approver", "requester", "requests_approved", "share_of_approver_percent", "approved_in_return",
    "within_5_seconds", "as_deputy", "one_stands_in_for_the_other", "last_request",
)  # fmt: skip
Human = str
Row = Mapping[str, Any]


@dataclass
class Direction:
    """What one person approved of another's. ``total``: of all that they approved."""

    approver: Person
    requester: Person
    requests: int = 0
    quick: int = 0
    as_deputy: int = 0
    last: int = 0
    total: int = 0

    @property
    def percent(self) -> int:
        return round(100 * self.requests / self.total) if self.total else 0

    @property
    def reference(self) -> str:
        return f"{REFERENCE_PREFIX}{self.last:06d}"


@dataclass(frozen=True)
class Pair:
    """Each approved something of the other's."""

    there: Direction
    back: Direction

    @property
    def both(self) -> int:
        return self.there.requests + self.back.requests


@dataclass
class Standing:
    """What somebody decided in the place of one approver, of ``total`` that they approved."""

    deputy: Person
    approver: Person
    requests: int = 0
    total: int = 0

    @property
    def percent(self) -> int:
        return round(100 * self.requests / self.total) if self.total else 0


@dataclass(frozen=True)
class WhoApproves:
    directions: Mapping[tuple[Human, Human], Direction]
    standing: Sequence[Standing]
    deputised: frozenset[tuple[Human, Human]] = field(default_factory=frozenset)

    @property
    def pairs(self) -> list[Pair]:
        """Those who approve each other, where both do it most on top."""
        found = [
            Pair(there, self.directions[(two, one)])
            for (one, two), there in self.directions.items()
            if (two, one) in self.directions and one < two
        ]
        return sorted(found, key=lambda p: (-min(p.there.requests, p.back.requests), -p.both))

    @property
    def most(self) -> list[Direction]:
        return sorted(self.directions.values(), key=lambda d: (-d.requests, -d.percent))

    @property
    def own_deputies(self) -> list[Direction]:
        """Approved by somebody who stood in for who asked, or whom who asked stood in for."""
        return [
            direction
            for key, direction in self.directions.items()
            if key in self.deputised or key[::-1] in self.deputised
        ]

    @property
    def quick(self) -> list[Direction]:
        hasty = [each for each in self.directions.values() if each.quick]
        return sorted(hasty, key=lambda d: -d.quick)


def who_approves_whom(now: datetime) -> WhoApproves:
    """Three queries, whatever their number: approvals added up, people, deputies."""
    since = now - timedelta(days=DAYS)
    rows = _added_up(since)
    people = _people(rows)
    directions: dict[tuple[Human, Human], Direction] = {}
    totals: dict[Human, int] = defaultdict(int)
    standing: dict[tuple[Human, int], Standing] = {}
    for row in rows:
        by, to = people[row["by_id"]], people[row["requester_id"]]
        _add(directions, by, to, row)
        totals[_human(by)] += row["n"]
        if stood_for := people.get(row["on_behalf_of_id"]):
            place = _human(by), stood_for.pk
            standing.setdefault(place, Standing(by, stood_for)).requests += row["n"]
    for key, direction in directions.items():
        direction.total = totals[key[0]]
    for (human, _), each in standing.items():
        each.total = totals[human]
    ranked = sorted(standing.values(), key=lambda each: -each.requests)
    return WhoApproves(directions, ranked, _deputised(since, now))


def table(found: WhoApproves) -> Iterator[Sequence[object]]:
    """Every pair, one direction a row, for those who reckon for themselves."""
    yield COLUMNS
    own = {id(each) for each in found.own_deputies}
    for (one, two), each in sorted(found.directions.items()):
        back = found.directions.get((two, one))
        yield (
            each.approver.display_name, each.requester.display_name, each.requests, each.percent,
            back.requests if back else 0, each.quick, each.as_deputy,
            "yes" if id(each) in own else "no", each.reference,
        )  # fmt: skip


def _added_up(since: datetime) -> list[Row]:
    """By who approved, for whom they stood in, and who asked. Several approvals of one request by
    one person, as after a change, are one."""
    given = Decision.objects.filter(at__gte=since, verdict=DecisionVerdict.APPROVE)
    hasty = Q(at__lte=F("access_request__created_at") + QUICK)
    grouped = given.values("by_id", "on_behalf_of_id", requester_id=F("access_request__requester"))
    added = grouped.annotate(
        n=Count("access_request", distinct=True),
        quick=Count("access_request", distinct=True, filter=hasty),
        last=Max("access_request"),
    ).order_by("by_id", "requester_id", "on_behalf_of_id")
    return [dict(row) for row in added]


def _people(rows: Sequence[Row]) -> dict[int, Person]:
    names = ("by_id", "requester_id", "on_behalf_of_id")
    ids = {row[name] for row in rows for name in names if row[name]}
    return Person.objects.only("pk", "display_name", "person_key").in_bulk(ids)


def _add(
    directions: dict[tuple[Human, Human], Direction],
    by: Person,
    to: Person,
    row: Row,
) -> None:
    each = directions.setdefault((_human(by), _human(to)), Direction(by, to))
    each.requests += row["n"]
    each.quick += row["quick"]
    each.as_deputy += row["n"] if row["on_behalf_of_id"] else 0
    each.last = max(each.last, row["last"])


def _deputised(since: datetime, now: datetime) -> frozenset[tuple[Human, Human]]:
    """(approver, deputy) of every time that somebody stood in for somebody."""
    rows = Deputy.objects.filter(starts_at__lt=now, ends_at__gt=since)
    named = rows.select_related("approver", "deputy")
    return frozenset((_human(row.approver), _human(row.deputy)) for row in named)


def _human(person: Person) -> Human:
    """Where it is not known who is behind an account, the account stands for itself."""
    return f"key {person.person_key}" if person.person_key else f"account {person.pk}"
