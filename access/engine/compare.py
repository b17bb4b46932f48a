"""What is, against what should be: pure, no database, no Azure, no clock of its own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from access.kinds import Door, Seen
from access.models import Grant
from access.states import GrantState

FOUND_SHUT = "Something else shut it in Azure before its end. It is being opened again."
TOLERANCE = timedelta(seconds=1)  # Azure keeps milliseconds, the database microseconds


class Act(Enum):
    NOTHING = "nothing"
    OPEN = "open"
    CLOSE = "close"
    DISCONNECT = "disconnect"


@dataclass
class DoorCase:
    """One door with the grants on it, what Azure showed, and whether another grant, on another
    gate, still entitles somebody to sessions on that machine and port."""

    door: Door
    grants: Sequence[Grant]
    seen: Seen
    covered: bool = False

    @property
    def wanting(self) -> list[Grant]:
        return [g for g in self.grants if g.state in (GrantState.OPENING, GrantState.OPEN)]

    @property
    def closing(self) -> list[Grant]:
        return [g for g in self.grants if g.state == GrantState.CLOSING]


@dataclass
class Verdict:
    act: Act = Act.NOTHING
    opened: list[Grant] = field(default_factory=list)
    closed: list[Grant] = field(default_factory=list)
    moving: bool = False  # look again soon
    stale: bool = False  # the open door is nobody's: shut it before opening
    failed: str = ""  # Azure will not open it: those who wait for it are closed
    outstanding: str = ""


def judge(case: DoorCase, *, now: datetime, exclusive: bool, settle: timedelta) -> Verdict:
    """What the look means for each grant, and the one thing to do next at this door."""
    if case.wanting:
        return _judge_wanted(case, now=now, exclusive=exclusive, settle=settle)
    return _judge_unwanted(case, now=now, settle=settle)


def wanted_until(grants: Iterable[Grant]) -> datetime:
    """The door stays open for the longest of those who want it."""
    return max(grant.ends_at for grant in grants)


def _judge_wanted(case: DoorCase, *, now: datetime, exclusive: bool, settle: timedelta) -> Verdict:
    verdict = Verdict(closed=list(case.closing))  # others hold the shared door: theirs is over
    if exclusive and case.seen.open and not any(g.sent_at or g.opened_at for g in case.wanting):
        return _judge_stale(case, now)
    verdict.opened = [
        g
        for g in case.wanting
        if g.state == GrantState.OPENING and _lasts(case.seen, g.ends_at, now)
    ]
    if _lasts(case.seen, wanted_until(case.wanting), now):
        return verdict
    verdict.moving = True
    if not case.seen.open and any(g.state == GrantState.OPEN for g in case.wanting):
        verdict.outstanding = FOUND_SHUT
    if case.seen.failed:
        verdict.failed = case.seen.failed
    elif not case.seen.settling and _may_send(case, now, settle):
        verdict.act = Act.OPEN
    return verdict


def _judge_stale(case: DoorCase, now: datetime) -> Verdict:
    """Somebody else opened it and may know the way in: it is shut first, then opened anew."""
    told = any(g.not_before and g.not_before > now for g in case.wanting)
    text = "removing one that was there before"
    return Verdict(
        act=Act.NOTHING if told else Act.CLOSE, stale=True, moving=True, outstanding=text
    )


def _judge_unwanted(case: DoorCase, *, now: datetime, settle: timedelta) -> Verdict:
    seen = case.seen
    sessions = () if case.covered else seen.sessions
    if not seen.open and not seen.settling and not sessions:
        return Verdict(closed=list(case.closing))
    verdict = Verdict(moving=True, outstanding=_outstanding(seen, len(sessions)))
    if seen.open and not _sent_lately(case.closing, now, settle):
        verdict.act = Act.CLOSE
    elif sessions and not seen.open:
        verdict.act = Act.DISCONNECT
    return verdict


def _outstanding(seen: Seen, sessions: int) -> str:
    parts = ["still open in Azure" if seen.open else "shut in Azure"]
    if seen.settling and not seen.open:
        parts = ["Azure is still at work on an earlier call"]
    if sessions:
        parts.append(
            "1 session still connected" if sessions == 1 else f"{sessions} sessions still connected"
        )
    return ", ".join(parts)


def _lasts(seen: Seen, until: datetime, now: datetime) -> bool:
    if not seen.open:
        return False
    if seen.until is None or seen.until >= until - TOLERANCE:
        return True
    return seen.renews_at is not None and now < seen.renews_at


def _may_send(case: DoorCase, now: datetime, settle: timedelta) -> bool:
    """Not while an earlier call for the same end, or a later one, may still take effect."""
    until = wanted_until(case.wanting)
    return not any(
        g.sent_at and g.sent_at > now - settle and g.sent_until and g.sent_until >= until
        for g in case.wanting
    )


def _sent_lately(grants: Sequence[Grant], now: datetime, settle: timedelta) -> bool:
    return any(g.sent_at and g.sent_at > now - settle for g in grants)
