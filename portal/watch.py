"""Watching who is connected: workers read each host that matters, and end what people ordered.

The messages are host ids; any may be lost or doubled. A task asks Azure and never waits for it:
while Azure is at work on a list, the host is left and come back to. One host that hangs or errs
takes nothing from the others.
"""

import logging
from contextlib import suppress
from datetime import timedelta

from celery import shared_task

from access.clock import db_now
from access.errands import errand
from access.errors import Later, Never
from access.sessions import ending, seen, turns
from access.sessions.turns import Turn, TurnLost
from access.waking import Woken, put, unless_away
from portal.azure import connected
from portal.azure.patience import StillAtWork

logger = logging.getLogger(__name__)
woken = Woken()
BROKE_DOWN = "The portal itself broke down here; its log says where."


@shared_task(name="portal.watch", ignore_result=True)
@unless_away
def watch() -> None:
    """Wake a reading of each host that is due. Asks the database alone."""
    put(read_sessions, woken.anew(turns.due_hosts()))


@shared_task(name="portal.read_sessions", ignore_result=True)
def read_sessions(host_id: int) -> None:
    read_host(host_id)


def read_host(host_id: int) -> bool:
    """One turn at a host that is due. ``False`` when it was not, or somebody else has it."""
    turn = turns.take(host_id)
    if turn is None:
        return False
    try:
        _end_ordered(turn)
        _read(turn)
    except TurnLost:
        logger.warning("host %s was taken over; the next turn finds out the rest", host_id)
    except Exception:
        logger.exception("the reading of host %s broke down", host_id)
        with suppress(TurnLost):  # whoever has it now will find out
            seen.failed(turn, BROKE_DOWN)  # else it would hang on its lease, silently
    return True


def _end_ordered(turn: Turn) -> None:
    """Before the list is read, so that the list shows what came of it."""
    sessions = turns.to_be_ended(turn)
    if not sessions:
        return
    try:
        fates, receipts = connected.end(turn.host.resource_id, [s.session_id for s in sessions])
    except (Later, Never) as setback:
        ending.record_setback(turn, sessions, setback)
    else:
        ending.record_fates(turn, sessions, fates, receipts)


def _read(turn: Turn) -> None:
    try:
        with errand(closing=False):
            listing = connected.glance_at(turn.host.resource_id)
    except StillAtWork as patience:
        seen.under_way(turn, seconds=patience.retry_after or 1.0)
    except Later as setback:
        seen.failed(turn, str(setback), asked=setback.retry_after)
    except Never as refusal:
        seen.failed(turn, str(refusal))
    else:
        asked_at = db_now() - timedelta(seconds=listing.age)
        seen.settle(turn, listing.connected, as_of=asked_at)
