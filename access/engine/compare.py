"""What is, against what should be: pure, no database, no Azure, no clock of its own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from access.engine.doors import was_asked_for
from access.kinds import PORT_OF, Door, Seen, Session
from access.models import Grant
from access.states import WANTING_NOW, GrantState

TOLERANCE = timedelta(seconds=1)  # Azure keeps milliseconds, the database microseconds
MOST_ACCEPTED = 3  # opening calls that Azure takes without anything ever coming of them
FOUND_SHUT = "Something else shut it in Azure before its end. It is being opened again."
NEVER_CAME = "Azure accepted the order several times and never carried it out."
MAY_STILL_COME = "an earlier call to open it may still take effect"
DOUBTS = 4  # looks that find an open door missing before it is believed and opened again
MISSING = "Azure does not show it, and nothing bears out that it is gone; it is asked again."
STALE = "removing one that was there before"


class Act(Enum):
    NOTHING = "nothing"
    OPEN = "open"
    CLOSE = "close"
    DISCONNECT = "disconnect"


@dataclass
class DoorCase:
    """One door with the grants on it and what Azure showed.

    ``entitled``: ports of the machine on which somebody, on whatever gate, may be now.
    ``held_elsewhere``: another gate's grant of the same kind holds this very door.
    ``finishing``: ports of the machine on which somebody whose time ended softly may finish.
    """

    door: Door
    grants: Sequence[Grant]
    seen: Seen
    entitled: frozenset[int] = frozenset()
    held_elsewhere: bool = False
    finishing: frozenset[int] = frozenset()

    @property
    def wanting(self) -> list[Grant]:
        return [g for g in self.grants if g.state in WANTING_NOW]

    @property
    def closing(self) -> list[Grant]:
        return [g for g in self.grants if g.state == GrantState.CLOSING]

    @property
    def sessions(self) -> tuple[Session, ...] | None:
        """Those that nobody is entitled to any more; ``None`` while they are not known."""
        if self.seen.sessions is None:
            return None
        return tuple(s for s in self.seen.sessions if not self._is_on(s, self.entitled))

    @property
    def overstaying(self) -> tuple[Session, ...]:
        """Those of them to be disconnected now: they are not allowed to finish either."""
        return tuple(s for s in self.sessions or () if not self._is_on(s, self.finishing))

    def _is_on(self, session: Session, ports: frozenset[int]) -> bool:
        return not ports.isdisjoint({self.door.port, PORT_OF.get(session.protocol)})


@dataclass
class Verdict:
    act: Act = Act.NOTHING
    opened: list[Grant] = field(default_factory=list)
    closed: list[Grant] = field(default_factory=list)
    shown: bool = False  # Azure shows all that was asked of it
    moving: bool = False  # look again soon
    finishing: bool = False  # shut, and nothing to do but wait for who may finish
    doubted: bool = False  # an open door is missing, and that is not believed yet
    stale: bool = False  # the open door is nobody's: shut it before opening
    failed: str = ""  # Azure will not open it: those who wait for it are closed
    outstanding: str = ""


@dataclass
class Judged:
    case: DoorCase
    verdict: Verdict


@dataclass(frozen=True)
class Rules:
    """What the kind says of itself, and the moment of the look."""

    now: datetime
    exclusive: bool
    settle: timedelta
    began: datetime | None = None


def judge(case: DoorCase, rules: Rules) -> Verdict:
    """What the look means for each grant, and the one thing to do next at this door."""
    if case.seen.unknown:
        return Verdict(moving=True, outstanding=f"Azure could not be asked: {case.seen.unknown}")
    return _judge_wanted(case, rules) if case.wanting else _judge_unwanted(case, rules)


def wanted_until(grants: Iterable[Grant]) -> datetime:
    """The door stays open for the longest of those who want it."""
    return max(grant.ends_at for grant in grants)


def _judge_wanted(case: DoorCase, rules: Rules) -> Verdict:
    verdict = Verdict(closed=list(case.closing))  # others hold the shared door: theirs is over
    if rules.exclusive and case.seen.open and not any(map(was_asked_for, case.wanting)):
        return _judge_stale(case, rules)
    waiting = [g for g in case.wanting if g.state == GrantState.OPENING]
    verdict.opened = [g for g in waiting if _lasts(case, g.ends_at, rules)]
    if _lasts(case, wanted_until(case.wanting), rules):
        verdict.shown = True
        return verdict
    verdict.moving = True
    if not case.seen.open and any(g.state == GrantState.OPEN for g in case.wanting):
        verdict.outstanding = FOUND_SHUT
        if case.seen.doubtful and any(g.tries < DOUBTS for g in _standing(case)):
            verdict.outstanding = MISSING
            verdict.doubted = not _rests(case.wanting, rules)
            return verdict
    may_send = not case.seen.settling and _may_send(case, rules)
    verdict.failed = case.seen.failed or (_never_came(case) if may_send else "")
    if may_send and not verdict.failed:
        verdict.act = Act.OPEN
    return verdict


def _judge_stale(case: DoorCase, rules: Rules) -> Verdict:
    """Somebody else opened it and may know the way in: it is shut first, then opened anew."""
    told = _sent_lately(case.wanting, rules) or _rests(case.wanting, rules)
    act = Act.NOTHING if told else Act.CLOSE
    return Verdict(act=act, stale=True, moving=True, outstanding=STALE)


def _judge_unwanted(case: DoorCase, rules: Rules) -> Verdict:
    if case.held_elsewhere or not any(map(was_asked_for, case.closing)):
        return Verdict(closed=list(case.closing))  # another's, or never ours: not ours to shut
    seen, sessions = case.seen, case.sessions
    may_come = not seen.open and _may_still_come(case, rules)
    if not (seen.open or seen.settling or seen.doubtful or may_come) and sessions == ():
        return Verdict(closed=list(case.closing))
    verdict = Verdict(moving=True, outstanding=_outstanding(case, may_come=may_come))
    verdict.shown = seen.open and all(g.shown_at is None for g in case.closing)  # so that was it
    if _rests(case.closing, rules):
        return verdict
    stands = seen.open or (seen.doubtful and not may_come)
    if stands and not _sent_lately(case.closing, rules):
        verdict.act = Act.CLOSE
    elif case.overstaying and not stands:
        verdict.act = Act.DISCONNECT
    elif sessions and not stands and not seen.settling and not may_come:
        verdict.finishing, verdict.moving = True, False
    return verdict


def _outstanding(case: DoorCase, *, may_come: bool) -> str:
    seen, sessions = case.seen, case.sessions
    parts = ["still open in Azure" if seen.open else "shut in Azure"]
    if seen.settling and not seen.open:
        parts = ["Azure is still at work on an earlier call"]
    elif may_come:
        parts.append(MAY_STILL_COME)
    elif seen.doubtful:
        parts = ["not shown by Azure, which is asked to shut it all the same"]
    if seen.sessions_problem:
        parts.append(f"who is connected is not known: {seen.sessions_problem}")
    elif sessions:
        many = "1 session" if len(sessions) == 1 else f"{len(sessions)} sessions"
        leave = "still connected" if case.overstaying or seen.open else "may finish"
        parts.append(f"{many} {leave}")
    return ", ".join(parts)


def _lasts(case: DoorCase, until: datetime, rules: Rules) -> bool:
    """Azure's history may promise more than the rule that stands: a window ended early stays in
    it. So what counts is also what was asked for since."""
    seen = case.seen
    if not seen.open:
        return False
    if seen.until is None:
        return True
    promised = [g.sent_until for g in case.wanting if g.sent_until]
    if not promised or max(promised) < until - TOLERANCE:
        return False
    if seen.until >= until - TOLERANCE:
        return True
    return seen.renews_at is not None and rules.now < seen.renews_at


def _may_send(case: DoorCase, rules: Rules) -> bool:
    """Not while an earlier call for the same end, or a later one, may still take effect."""
    if _rests(case.wanting, rules):
        return False
    until = wanted_until(case.wanting)
    return not any(
        g.sent_at and g.sent_at > rules.now - rules.settle and g.sent_until >= until
        for g in case.wanting
        if g.sent_until
    )


def _standing(case: DoorCase) -> list[Grant]:
    return [grant for grant in case.wanting if grant.state == GrantState.OPEN]


def _never_came(case: DoorCase) -> str:
    waiting = [g for g in case.wanting if g.state == GrantState.OPENING]
    return NEVER_CAME if any(g.accepted >= MOST_ACCEPTED for g in waiting) else ""


def _may_still_come(case: DoorCase, rules: Rules) -> bool:
    """Azure was asked to open it and has not shown it: the call may be on its way there."""
    return any(
        g.asked_at
        and (g.shown_at is None or g.shown_at < g.asked_at)
        and g.asked_at > rules.now - rules.settle
        for g in case.closing
    )


def _rests(grants: Sequence[Grant], rules: Rules) -> bool:
    """After an attempt in vain, until its next one."""
    return any(g.not_before and g.not_before > rules.now for g in grants)


def _sent_lately(grants: Sequence[Grant], rules: Rules) -> bool:
    return any(g.sent_at and g.sent_at > rules.now - rules.settle for g in grants)
