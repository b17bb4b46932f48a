"""What the database knows of the past and of the days to come: nothing is sampled for it.

A grant counts from when it was seen open to when it was seen closed; a session from when it was
first seen to when a complete answer lacked it. A link and the window that serves it are one
person's and count once. A machine counts where it is served now: what it had behind another host
before it moved counts at its present one.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import Case, DateTimeField, F, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Greatest
from django.utils.dateparse import parse_datetime

from access.models import Grant, LiveSession
from access.states import WANTING
from portal.capacity.steps import RDP_WEIGHT, Span, Step

RDP_PORT, SSH_PORT = 3389, 22
# Of another port the machine's system tells what it is likely to be.
GRANT_IS_RDP = Q(port=RDP_PORT) | (~Q(port=SSH_PORT) & Q(machine__os="windows"))
SESSION_IS_RDP = Q(protocol__iexact="rdp")
FIRSTS = """
SELECT what, at_host, at, rdp, ssh, by_number, by_weight FROM (
  SELECT what, at_host, at, rdp, ssh,
    ROW_NUMBER() OVER (PARTITION BY what, at_host ORDER BY rdp + ssh DESC, at) AS by_number,
    ROW_NUMBER() OVER (PARTITION BY what, at_host ORDER BY rdp * {weight} + ssh DESC, at)
      AS by_weight
  FROM (
    SELECT what, at_host, at, SUM(more_rdp) OVER so_far AS rdp, SUM(more_ssh) OVER so_far AS ssh
    FROM ({events}) AS events
    WINDOW so_far AS (PARTITION BY what, at_host ORDER BY at, more_rdp + more_ssh)
  ) AS running
) AS ranked WHERE by_number = 1 OR by_weight = 1
"""
SESSIONS, GRANTS = "sessions", "grants"


@dataclass(frozen=True)
class Past:
    """The moment with the most people, and the scale units of the one that took the most room."""

    most: Step
    units: int


@dataclass(frozen=True)
class Source:
    """Rows that say from when to when somebody was there, with the names of those columns."""

    what: str
    rows: QuerySet[Any]
    start: str
    end: str

    def since(self, moment: datetime) -> QuerySet[Any]:
        """Those that reach into the time after that moment."""
        lasting = Q(**{f"{self.end}__isnull": True}) | Q(**{f"{self.end}__gt": moment})
        return self.rows.filter(lasting)


def grants(host_id: int | None = None) -> Source:
    rows = Grant.objects.filter(kind=F("access_request__kind"), opened_at__isnull=False)
    rows = rows.filter(machine__bastion=host_id) if host_id else rows
    made = rows.annotate(at_host=F("machine__bastion"), **_protocol(GRANT_IS_RDP))
    return Source(GRANTS, made.filter(at_host__isnull=False), "opened_at", "closed_at")


def sessions(host_id: int | None = None) -> Source:
    rows: QuerySet[Any] = LiveSession.objects.all()
    rows = rows.filter(host=host_id) if host_id else rows
    made = rows.annotate(at_host=F("host"), **_protocol(SESSION_IS_RDP))
    return Source(SESSIONS, made, "first_seen_at", "ended_at")


def peaks(since: datetime) -> dict[str, dict[int, Past]]:
    """Of sessions and of grants, by host: exact, and in one query, since the running sum is the
    database's work."""
    events, *more = [each for source in (sessions(), grants()) for each in _events(source, since)]
    both = events.union(*more, all=True).query
    text, parameters = both.get_compiler(connection=connection).as_sql()
    firsts: dict[tuple[str, int], dict[str, Step]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(FIRSTS.format(events=text, weight=RDP_WEIGHT), parameters)
        for what, host, at, rdp, ssh, by_number, by_weight in cursor.fetchall():
            step = Step(_moment(at), int(rdp), int(ssh))
            places = {"number": by_number, "weight": by_weight}
            firsts[what, host] |= {name: step for name, place in places.items() if place == 1}
    found: dict[str, dict[int, Past]] = {SESSIONS: {}, GRANTS: {}}
    for (what, host), of in firsts.items():
        found[what][host] = Past(of["number"], of["weight"].units)
    return found


def spans(host_id: int, since: datetime) -> dict[str, list[Span]]:
    """What one host's chart is drawn from, in one query."""
    lasted = [
        source.since(since)
        .annotate(what=Value(source.what), start=F(source.start), end=F(source.end))
        .values_list("what", "start", "end", "rdp")
        for source in (sessions(host_id), grants(host_id))
    ]
    found: dict[str, list[Span]] = {SESSIONS: [], GRANTS: []}
    for what, start, end, rdp in lasted[0].union(lasted[1], all=True):
        found[what].append(Span(start, end, bool(rdp)))
    return found


def expected(now: datetime, until: datetime) -> dict[int, list[Span]]:
    """By host: what is granted from now on. Nobody can tell who will really connect."""
    rows = Grant.objects.filter(
        kind=F("access_request__kind"),
        state__in=WANTING,
        starts_at__lt=until,
        ends_at__gt=now,
        machine__bastion__isnull=False,
    )
    found: dict[int, list[Span]] = defaultdict(list)
    with_protocol: QuerySet[Any] = rows.annotate(**_protocol(GRANT_IS_RDP))
    columns = with_protocol.values_list("machine__bastion", "starts_at", "ends_at", "rdp")
    for host, start, end, rdp in columns:
        found[host].append(Span(start, end, bool(rdp)))
    return found


def _protocol(is_rdp: Q) -> dict[str, Case]:
    return {
        "rdp": Case(When(is_rdp, then=Value(1)), default=Value(0)),
        "ssh": Case(When(is_rdp, then=Value(0)), default=Value(1)),
    }


def _events(source: Source, since: datetime) -> list[QuerySet[Any]]:
    """Those who come and those who leave. Where several change at one moment, the order of the
    sums lets those who leave go first."""
    rows = source.since(since).order_by().annotate(what=Value(source.what))
    began = Greatest(F(source.start), Value(since), output_field=DateTimeField())
    left = rows.filter(**{f"{source.end}__isnull": False})
    return [_changes(rows, began, 1), _changes(left, F(source.end), -1)]


def _changes(rows: QuerySet[Any], at: Combinable, sign: int) -> QuerySet[Any]:
    changed = rows.annotate(at=at, more_rdp=F("rdp") * sign, more_ssh=F("ssh") * sign)
    columns = ("what", "at_host", "at", "more_rdp", "more_ssh")
    told: QuerySet[Any] = changed.values_list(*columns)
    return told


def _moment(told: datetime | str) -> datetime:
    """SQLite tells moments as text, in UTC."""
    found = parse_datetime(told) if isinstance(told, str) else told
    if found is None:
        raise ValueError(f"not a moment: {told}")
    return found if found.tzinfo else found.replace(tzinfo=UTC)
