"""Delivering one route: claim it, send what is due in order, write down what became of each.

At least once: that it was tried is written before, that it was sent after. A worker that dies in
between leaves one notice that is sent again when its lease has run out, and no other. A route that
does not answer rests, alone.
"""

import logging
import random
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from access import ledger
from access.clock import db_now
from access.delivery.letters import tell_of_failure
from access.delivery.outcome import Never, NotNow, NotThis, Outcome, Sent
from access.delivery.sending import Sender, sender_for
from access.models import Notice, NoticeState, Route
from access.notices.due import due_notices

logger = logging.getLogger(__name__)
LONGEST_PAUSE = timedelta(hours=1)
MOST_PATIENCE = timedelta(hours=12)  # whatever the other side asks for: someone must hear of it
RUN_SECONDS = 20.0  # then the route is given back; the sweep asks for the rest
BROKE_DOWN = "The portal itself broke down on this notice; its log says where."


@dataclass(frozen=True)
class Turn:
    """One worker's hold of a route. ``ends`` is by the worker's own clock, for what it sends."""

    name: str
    token: uuid.UUID
    ends: float


def deliver(name: str) -> int:
    """Send what is due on this route. Returns how many; 0 when it is held, rests or is empty."""
    turn = claim(name)
    if turn is None:
        return 0
    sent, sender = 0, sender_for(name)
    try:
        while time.monotonic() < turn.ends:
            batch = _next(turn)
            if not batch:
                break
            outcome = _attempt(sender, batch)
            sent += len(batch) if isinstance(outcome, Sent) else 0
            if not _record(turn, batch, outcome):
                break
    finally:
        sender.close()
        _give_back(turn)
    return sent


def claim(name: str) -> Turn | None:
    """``None`` when another worker has it, or it rests."""
    Route.objects.get_or_create(name=name)
    with transaction.atomic():
        now = db_now()
        free = Route.objects.filter(
            Q(pause_until__isnull=True) | Q(pause_until__lte=now),
            Q(lease_until__isnull=True) | Q(lease_until__lte=now),
            name=name,
        )
        if connection.features.has_select_for_update_skip_locked:
            free = free.select_for_update(skip_locked=True)
        route = free.first()
        if route is None:
            return None
        route.lease_token = uuid.uuid4()
        route.lease_until = now + _lease()
        route.tried_at = now
        route.save(update_fields=["lease_token", "lease_until", "tried_at"])
        return Turn(name, route.lease_token, time.monotonic() + RUN_SECONDS)


def _next(turn: Turn) -> list[Notice]:
    """The oldest that is due, and with a digest all of its person; marked as tried before it is.
    Empty too when the turn was lost."""
    with transaction.atomic():
        if not _renew(turn):
            return []
        due = due_notices().filter(route=turn.name).select_related("person", "endpoint")
        first = due.order_by("created_at", "pk").first()
        if first is None:
            return []
        batch = [first]
        if first.digest:
            batch = list(due.filter(digest=True, person=first.person).order_by("pk"))
        until = db_now() + _lease()
        for notice in batch:
            notice.attempts, notice.not_before = notice.attempts + 1, until
            notice.save(update_fields=["attempts", "not_before"])
        return batch


def _attempt(sender: Sender, batch: list[Notice]) -> Outcome:
    """A fault of ours must not hold up the others."""
    try:
        return sender.send(batch)
    except Exception:
        logger.exception("notice %s could not be sent", batch[0].pk)
        return NotThis(BROKE_DOWN, lasting=True)


def _record(turn: Turn, batch: list[Notice], outcome: Outcome) -> bool:
    """``False`` when the route is to be left alone now."""
    with transaction.atomic():
        now = db_now()
        mine = Route.objects.filter(name=turn.name, lease_token=turn.token)
        if isinstance(outcome, Sent):  # the route is locked first, here and wherever it is
            mine.update(failures=0, problem="", sent_at=now)
        elif isinstance(outcome, NotNow):
            _rest(turn, outcome, now)
        for notice in batch:
            _mark(notice, outcome, now)
        if isinstance(outcome, NotNow):
            for notice in _given_up(turn.name, now):  # those behind the one that was tried
                _mark(notice, NotThis(outcome.problem), now)
    return not isinstance(outcome, NotNow)


def _mark(notice: Notice, outcome: Outcome, now: datetime) -> None:
    """What somebody else has marked as sent meanwhile stays so."""
    match outcome:
        case Sent():
            changes = {"state": NoticeState.SENT, "sent_at": now, "problem": ""}
        case Never(problem):
            changes = {"state": NoticeState.NOT_SENT, "problem": problem}
        case NotThis(problem) | NotNow(problem):
            changes = {"problem": problem, "not_before": now + _wait(notice.attempts, outcome)}
            if now - notice.created_at > _patience():
                changes |= {"state": NoticeState.GIVEN_UP}
    waiting = Notice.objects.filter(pk=notice.pk, state=NoticeState.QUEUED)
    if not waiting.update(**changes):
        return
    given_up = changes.get("state") == NoticeState.GIVEN_UP
    if given_up:
        _tell_of_giving_up(notice, str(changes["problem"]))
    tell_of_failure(notice, outcome, given_up=given_up)


def _wait(attempts: int, outcome: Outcome) -> timedelta:
    """Of the notice itself; where the route rests, its pause is all the waiting there is."""
    return pause(attempts) if isinstance(outcome, NotThis) else timedelta(0)


def _rest(turn: Turn, outcome: NotNow, now: datetime) -> None:
    route = Route.objects.select_for_update().filter(name=turn.name, lease_token=turn.token).first()
    if route is None:
        return
    route.failures += 1
    route.problem = outcome.problem
    wait = pause(route.failures)
    if outcome.retry_after is not None:
        asked = min(outcome.retry_after, MOST_PATIENCE.total_seconds())
        wait = timedelta(seconds=max(asked, 1.0))
    route.pause_until = now + wait
    route.save(update_fields=["failures", "problem", "pause_until"])


def _given_up(name: str, now: datetime) -> QuerySet[Notice]:
    waiting = Notice.objects.filter(route=name, state=NoticeState.QUEUED)
    return waiting.filter(created_at__lt=now - _patience())


def pause(failures: int) -> timedelta:
    """Twice as long after each attempt in vain, up to an hour, spread so that not all wake at
    once."""
    seconds = settings.NOTICES_PAUSE_SECONDS * 2.0 ** min(failures - 1, 12)
    spread = random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, guards nothing
    return min(timedelta(seconds=seconds), LONGEST_PAUSE) * spread


def _renew(turn: Turn) -> bool:
    until = db_now() + _lease()
    mine = Route.objects.filter(name=turn.name, lease_token=turn.token)
    return bool(mine.update(lease_until=until))


def _give_back(turn: Turn) -> None:
    mine = Route.objects.filter(name=turn.name, lease_token=turn.token)
    mine.update(lease_token=None, lease_until=None)


def _tell_of_giving_up(notice: Notice, problem: str) -> None:
    ledger.record(
        "notice.given_up",
        by="worker",
        reference=notice.reference,
        outcome="failed",
        data={
            "notice": notice.pk,
            "event": notice.event,
            "to": notice.recipient,
            "reason": problem,
        },
    )


def _patience() -> timedelta:
    return timedelta(hours=settings.NOTICES_GIVE_UP_HOURS)


def _lease() -> timedelta:
    return timedelta(seconds=settings.NOTICES_LEASE_SECONDS)
