"""Ending sessions that somebody ordered to end: what Azure answered, and when it is tried again.

Closing a window or deleting a link ends no session; the engine sees to those of a closing grant.
This is for a session that somebody wants ended while its grant goes on, or that has none.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from access.clock import db_now
from access.engine.rest import pause
from access.errors import Later, Never, Receipt
from access.models import LiveSession
from access.sessions.lines import Lines
from access.sessions.turns import Turn, hold
from access.sessions.words import Fate

SHOWS_WITHIN = timedelta(seconds=10)  # until then Azure may still list who was disconnected
STILL_THERE = "Azure said that it was disconnected, and still shows it."
NO_ANSWER = "Azure did not say what became of it."


def record_fates(
    turn: Turn,
    sessions: Sequence[LiveSession],
    fates: Mapping[str, Fate],
    receipts: Sequence[Receipt] = (),
) -> None:
    """Each row's own answer counts: of one call some may have ended and others not."""
    with transaction.atomic():
        hold(turn)
        now, lines = db_now(), Lines()
        for session in sessions:
            fate = fates.get(session.session_id, Fate(""))
            if fate.is_gone:
                _gone(session, fate, now, lines, receipts)
            else:
                problem = fate.message or fate.state or NO_ANSWER
                _in_vain(session, problem, now, lines, receipts)
        lines.write()


def record_setback(turn: Turn, sessions: Sequence[LiveSession], setback: Later | Never) -> None:
    """The call as a whole failed. It is tried again, whatever Azure said: somebody is inside."""
    asked = setback.retry_after if isinstance(setback, Later) else None
    with transaction.atomic():
        hold(turn)
        now, lines = db_now(), Lines()
        for session in sessions:
            _in_vain(session, str(setback), now, lines, setback.receipts, asked=asked)
        lines.write()


def check_still_there(
    seen: Sequence[LiveSession], as_of: datetime, now: datetime, lines: Lines
) -> None:
    """Azure's word is not enough: whom it still shows after a while is disconnected again."""
    for session in seen:
        said = session.disconnected_at
        if said is not None and as_of > said + SHOWS_WITHIN:
            session.disconnected_at = None
            _in_vain(session, STILL_THERE, now, lines)


def _gone(
    session: LiveSession, fate: Fate, now: datetime, lines: Lines, receipts: Sequence[Receipt]
) -> None:
    if session.problem != STILL_THERE:  # else it was told already
        lines.about(session, "session.disconnected", state=fate.state, calls=list(receipts))
        session.problem = ""
    session.disconnected_at, session.not_before = now, None
    session.save(update_fields=["disconnected_at", "not_before", "problem"])


def _in_vain(
    session: LiveSession,
    problem: str,
    now: datetime,
    lines: Lines,
    receipts: Sequence[Receipt] = (),
    *,
    asked: float | None = None,
) -> None:
    """One line when it begins, not one for each try."""
    if session.problem != problem:
        told = {"reason": problem, "calls": list(receipts)}
        lines.about(session, "session.disconnect_failed", outcome="failed", **told)
    session.problem = problem
    session.tries += 1
    session.not_before = now + timedelta(seconds=pause(session.tries, asked))
    session.save(update_fields=["problem", "tries", "not_before", "disconnected_at"])
