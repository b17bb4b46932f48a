"""Who is connected, as lines of a page: who it may be, since when, and how fresh that is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from access import policy
from access.models import Grant, LiveSession, Person, SessionReading
from access.presenters.grants import next_try
from access.presenters.statuses import Status
from access.presenters.ways import is_for_vendor
from access.states import GrantState

OLD = timedelta(seconds=90)  # a host that somebody looks at is read every 15 s or so
UNEXPLAINED = Status("red", "triangle-alert", "Unexplained")
STUCK = Status("red", "triangle-alert", "Could not be disconnected")
GOING = Status("amber", "loader", "Being disconnected")
CONNECTED = Status("green", "users", "Connected")
PROTOCOLS = {"ssh": "SSH", "rdp": "RDP"}


@dataclass(frozen=True)
class SessionLine:
    session: LiveSession
    status: Status
    who: str
    unexplained: bool  # it began while nobody had a grant for its machine and protocol
    grants: list[Grant]  # those that this viewer may see
    is_over: bool  # it goes on, and nobody who may have begun it has a grant there any more
    may_disconnect: bool
    waits_for: str

    @property
    def protocol(self) -> str:
        return PROTOCOLS.get(self.session.protocol, self.session.protocol.upper() or "unknown")

    @property
    def target(self) -> str:
        session = self.session
        return session.machine.name if session.machine else session.target or session.address

    @property
    def alarming(self) -> bool:
        return self.unexplained or self.status is STUCK

    @property
    def rank(self) -> tuple[bool, bool]:
        """What nobody explains comes first, then what would not end."""
        return not self.unexplained, not self.alarming

    @property
    def mark(self) -> tuple[object, ...]:
        """All that a line shows and that may change."""
        return self.session.pk, self.status, self.who, self.is_over, self.waits_for


@dataclass(frozen=True)
class Freshness:
    """How old the oldest of the readings is, and which hosts are not known."""

    hosts: int
    oldest: datetime | None
    unknown: list[SessionReading]

    is_old: bool  # nobody looked for a while, and now it is being read

    @property
    def mark(self) -> tuple[object, ...]:
        return (
            self.hosts,
            self.oldest,
            self.is_old,
            [(r.pk, r.read_at, r.problem, r.not_before) for r in self.unknown],
        )


def line_for(
    session: LiveSession, covering: Sequence[Grant], viewer: Person, now: datetime
) -> SessionLine:
    """Needs host, machine and the order loaded, or asks for each."""
    own = [g for g in covering if g.access_request.requester_id == viewer.pk]
    ordered = hasattr(session, "disconnect_order")
    may = session.ended_at is None and not ordered and policy.may_disconnect(covering, viewer)
    return SessionLine(
        session=session,
        status=_status(session, covering, ordered=ordered),
        unexplained=not covering,
        who=_who(covering, own, viewer),
        grants=[g for g in covering if policy.may_see_grant(g, viewer)],
        is_over=bool(covering) and all(g.state == GrantState.CLOSED for g in covering),
        may_disconnect=may,
        waits_for=_waits_for(session, now, ordered=ordered),
    )


def lines_for(
    sessions: Iterable[LiveSession],
    covering: dict[int, list[Grant]],
    viewer: Person,
    now: datetime,
) -> list[SessionLine]:
    """What nobody explains is on top, then who has been there longest."""
    lines = [line_for(each, covering[each.pk], viewer, now) for each in sessions]
    return sorted(lines, key=lambda line: line.rank)


def freshness_of(readings: Sequence[SessionReading], now: datetime) -> Freshness:
    unknown = [each for each in readings if _is_unknown(each, now)]
    known = [each.read_at for each in readings if each.read_at and each not in unknown]
    oldest = min(known, default=None)
    is_old = oldest is not None and oldest < now - OLD
    return Freshness(len(readings), oldest, unknown, is_old)


def names_of(grants: Sequence[Grant]) -> list[str]:
    """People, each once; for a link, whom they let in."""
    return list(dict.fromkeys(_name(grant) for grant in grants))


def _name(grant: Grant) -> str:
    asked = grant.access_request
    if is_for_vendor(grant.kind):
        return f"{asked.vendor_name} of {asked.vendor_company}, for {asked.requester.display_name}"
    return asked.requester.display_name


def _who(covering: Sequence[Grant], own: Sequence[Grant], viewer: Person) -> str:
    """Whose grant it is. What others have is shown to overseers only."""
    if not covering:
        return "Nobody's grant"
    if not policy.oversees(viewer):
        if not own:
            return "Somebody else"
        return "You" if len(own) == len(covering) else "You or somebody else"
    names = names_of(covering)
    if len(names) == 1:
        return names[0]
    return f"One of {', '.join(names[:-1])} and {names[-1]}"


def _status(session: LiveSession, covering: Sequence[Grant], *, ordered: bool) -> Status:
    if ordered:
        return STUCK if session.problem else GOING
    return CONNECTED if covering else UNEXPLAINED


def _waits_for(session: LiveSession, now: datetime, *, ordered: bool) -> str:
    if not ordered:
        return ""
    if session.problem:
        return f"{session.problem.rstrip('.')}. {next_try(session.not_before, now)}"
    if session.disconnected_at:
        return "Azure says that it is disconnected. It leaves this list when Azure shows it gone."
    return "It was ordered, and begins within seconds."


def _is_unknown(reading: SessionReading, now: datetime) -> bool:
    if reading.problem:
        return True
    slow = timedelta(seconds=settings.ACCESS_SESSIONS_SLOW_SECONDS)
    return reading.read_at is None or reading.read_at < now - slow - OLD
