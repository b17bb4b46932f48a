"""A vendor's visit as the request's page shows it: whom the letter reached, what they did and from
where, and what waits. Never an address that opens anything, nor a code."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Q

from access import policy
from access.models import AccessRequest, Grant, LedgerEntry, Notice, NoticeState, Person
from access.presenters.lines import Lines
from access.presenters.statuses import Status
from access.presenters.timeline import what_happened, who_did
from access.presenters.timeline_vendors import reason_in_words
from access.states import WANTING, RequestState
from links.models import Invitation, MoreTimeAsk, Rotation
from links.sponsoring import rotations
from links.visiting.standing import LINK

MOST_TRACES, MOST_LETTERS = 300, 40
# What somebody who merely has the address can have written again and again: it is the first to be
# left out, so that it takes nothing else off the page.
CHEAP = Q(event__endswith=".refused") | Q(
    event__in=("vendor.landed", "vendor.code_asked", "vendor.code_wrong", "vendor.locked")
)
FAILED = (NoticeState.GIVEN_UP, NoticeState.NOT_SENT)
LETTERS = {
    NoticeState.QUEUED: Status("blue", "clock", "Being sent"),
    NoticeState.SENT: Status("green", "circle-check", "Sent"),
    NoticeState.GIVEN_UP: Status("red", "triangle-alert", "Not delivered"),
    NoticeState.NOT_SENT: Status("red", "triangle-alert", "Not sent"),
}
TRYING = Status("amber", "rotate-ccw", "Trying again")
LATE = Status("red", "triangle-alert", "Overdue")
OWED = Status("amber", "clock", "To be changed")
CHANGED = Status("grey", "circle-check", "Changed")


@dataclass(frozen=True)
class Letter:
    notice: Notice

    @property
    def status(self) -> Status:
        if self.notice.state == NoticeState.QUEUED and self.notice.problem:
            return TRYING
        return LETTERS[NoticeState(self.notice.state)]

    @property
    def failed(self) -> bool:
        return self.notice.state in FAILED

    @property
    def problem(self) -> str:
        return self.notice.problem if self.notice.state != NoticeState.SENT else ""


@dataclass(frozen=True)
class Trace:
    """One line of the evidence, as the ledger holds it."""

    entry: LedgerEntry

    @property
    def who(self) -> str:
        return who_did(self.entry)

    @property
    def what(self) -> str:
        return what_happened(self.entry.event)

    @property
    def address(self) -> str:
        return str(self.entry.data.get("address", ""))

    @property
    def agent(self) -> str:
        return str(self.entry.data.get("agent", ""))

    @property
    def more(self) -> str:
        """Which version, how many minutes, and what was said."""
        data = self.entry.data
        version = f"Version {data['version']}. " if data.get("version") else ""
        minutes = f"{data['minutes']} min. " if data.get("minutes") else ""
        said = reason_in_words(str(data.get("reason") or data.get("why") or ""))
        return f"{version}{minutes}{said}".strip()


@dataclass(frozen=True)
class Happening:
    """The same thing, however often: ``last`` is empty where it never happened."""

    traces: Sequence[Trace]

    @property
    def times(self) -> int:
        return len(self.traces)

    @property
    def first(self) -> Trace | None:
        return self.traces[0] if self.traces else None

    @property
    def last(self) -> Trace | None:
        return self.traces[-1] if self.traces else None


@dataclass(frozen=True)
class LoginLine:
    rotation: Rotation
    status: Status
    may_tick_off: bool


@dataclass(frozen=True)
class VisitPanel:
    asked: AccessRequest
    empty: str  # why there is nothing to show; else empty itself
    invitation: Invitation | None = None
    now: datetime | None = None
    wanted: bool = False  # something of it is open, or still to be opened
    may_invite_again: bool = False
    may_answer: bool = False
    letter: Letter | None = None
    code_letter: Letter | None = None  # the latest
    traces: list[Trace] = field(default_factory=list)
    wishes: list[MoreTimeAsk] = field(default_factory=list)
    logins: list[LoginLine] = field(default_factory=list)

    def happened(self, event: str) -> Happening:
        return Happening([trace for trace in self.traces if trace.entry.event == event])

    @property
    def landings(self) -> Happening:
        return self.happened("vendor.landed")

    @property
    def codes(self) -> Happening:
        return self.happened("vendor.code_given")

    @property
    def accepted(self) -> Happening:
        return self.happened("vendor.terms_accepted")

    @property
    def hand_offs(self) -> Happening:
        return self.happened("vendor.handed_over")

    @property
    def other_addresses(self) -> Happening:
        return self.happened("vendor.other_address")

    @property
    def addresses(self) -> list[str]:
        """Of all that they did, in the order in which they came."""
        return list(dict.fromkeys(trace.address for trace in self.traces if trace.address))

    @property
    def locked_until(self) -> datetime | None:
        until = self.invitation.locked_until if self.invitation else None
        return until if until and self.now and until > self.now and self.wanted else None

    @property
    def waiting(self) -> MoreTimeAsk | None:
        """The wish that is not answered, while there is something to lengthen."""
        open_ones = [wish for wish in self.wishes if wish.answered_at is None]
        return open_ones[0] if open_ones and self.wanted else None


def panel_for(
    asked: AccessRequest, grants: Sequence[Grant], viewer: Person, now: datetime, lines: Lines
) -> VisitPanel | None:
    """``None`` for what is no link. Asks for as little as there is to show."""
    if asked.kind != LINK or asked.extends_id is not None:
        return None
    if asked.state != RequestState.APPROVED:
        return VisitPanel(asked, _nothing_yet(asked))
    rows = Invitation.objects.filter(access_request=asked).select_related("contact")
    invitation = rows.first()
    if invitation is None:
        return VisitPanel(asked, "It was approved before there were invitations. None was mailed.")
    invitation.access_request = asked
    links = [grant for grant in grants if grant.kind == LINK]
    return VisitPanel(
        asked=asked,
        empty="",
        invitation=invitation,
        now=now,
        wanted=any(_is_wanted(grant, now) for grant in links),
        may_invite_again=policy.may_invite_again(asked, viewer),
        may_answer=policy.may_decline_wish(asked, viewer),
        **_letters(asked),
        **_what_happened(invitation, lines),
        logins=_logins(asked, links, viewer, now),
    )


def _nothing_yet(asked: AccessRequest) -> str:
    if asked.state == RequestState.PENDING:
        return "The invitation is sent when it is approved. Until then the vendor hears nothing."
    return "No invitation was sent."


def _is_wanted(grant: Grant, now: datetime) -> bool:
    return grant.state in WANTING and grant.ends_at > now and not hasattr(grant, "end_order")


def _letters(asked: AccessRequest) -> dict[str, Any]:
    events = ["visit.invited", "visit.code"]
    rows = Notice.objects.filter(reference=asked.reference, event__in=events)
    rows = rows.order_by("-event", "-pk")  # invitations first: of codes anybody has more sent
    found: dict[str, Letter] = {}
    for notice in rows[:MOST_LETTERS]:
        found.setdefault(notice.event, Letter(notice))
    return {"letter": found.get("visit.invited"), "code_letter": found.get("visit.code")}


def _what_happened(invitation: Invitation, lines: Lines) -> dict[str, Any]:
    """Oldest first. Wishes are asked for only where the ledger tells of one."""
    traces = [Trace(entry) for entry in _vendors(invitation, lines)]
    wishes: list[MoreTimeAsk] = []
    if any(trace.entry.event == "vendor.more_time_asked" for trace in traces):
        rows = MoreTimeAsk.objects.filter(invitation=invitation).order_by("-pk")
        wishes = list(rows.select_related("answered_by", "access_request"))
    return {"traces": traces, "wishes": wishes}


def _vendors(invitation: Invitation, lines: Lines) -> list[LedgerEntry]:
    """Of all lines the vendor's, which the page has read already unless there are too many."""
    if lines.whole:
        return [line for line in lines.latest if line.event.startswith("vendor.")]
    reference = invitation.access_request.reference
    rows = LedgerEntry.objects.filter(reference=reference, event__startswith="vendor.")
    ranked = rows.annotate(cheap=ExpressionWrapper(CHEAP, BooleanField()))
    return sorted(ranked.order_by("cheap", "-seq")[:MOST_TRACES], key=lambda line: line.seq)


def _logins(
    asked: AccessRequest, links: Sequence[Grant], viewer: Person, now: datetime
) -> list[LoginLine]:
    if not any(grant.closed_at and grant.opened_at for grant in links):
        return []
    rows = Rotation.objects.filter(access_request=asked).select_related("machine", "done_by")
    found = list(rows.order_by("pk"))
    for row in found:
        row.access_request = asked
    owed = [row for row in found if row.done_at is None]
    anyway = all(rotations.may_tick_off(row, viewer, groups=()) for row in owed)
    groups = frozenset() if anyway else rotations.groups_of(viewer)
    return [login_line(row, viewer, groups, now) for row in found]


def login_line(row: Rotation, viewer: Person, groups: frozenset[str], now: datetime) -> LoginLine:
    status = CHANGED if row.done_at else LATE if rotations.is_overdue(row, now) else OWED
    may = row.done_at is None and rotations.may_tick_off(row, viewer, groups)
    return LoginLine(row, status, may)
