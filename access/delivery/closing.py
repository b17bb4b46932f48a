"""That closing is not looked after, and that it is again: told once each, by whoever still works.

The notifier asks every few seconds, on a queue of its own, so that neither a dead sweeper nor a
stuck worker keeps it quiet; the second closer asks too, for when nothing wakes the notifier.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, Subquery
from django.db.models.functions import Now

from access import ledger, notices
from access.gatekeeping import CLOSER, closer_is_seen
from access.heartbeats import beat
from access.models import Heartbeat, LedgerEntry, LedgerHead

NOTIFIER = "notifier"  # its sign of life
SILENT, BACK = "closing.silent", "closing.back"


@dataclass(frozen=True)
class Watch:
    """``silent``, ``back``: the ledger's last lines that tell of either. The ledger remembers, as
    it does all that was ever so."""

    now: datetime
    closer_seen: bool
    closer_at: datetime | None
    observer_at: datetime | None
    silent: int | None
    back: int | None

    @property
    def watched(self) -> bool:
        """Who was away itself saw no silence."""
        patience = timedelta(seconds=settings.ACCESS_CLOSER_SILENCE_SECONDS)
        return self.observer_at is not None and self.observer_at >= self.now - patience

    @property
    def news(self) -> str:
        """What is so and was not told yet. A closer that never was is not said to have gone."""
        told_silent = (self.silent or 0) > (self.back or 0)
        if self.closer_seen:
            return BACK if told_silent else ""
        return SILENT if self.closer_at is not None and not told_silent else ""


def look_after(observer: str) -> None:
    """Tell of a silence that began, or of one that is over. ``observer``: who asks, as its sign of
    life is named."""
    seen = _watch(observer)
    beat(observer)
    if seen.watched and seen.news:
        _tell(observer)


def _tell(observer: str) -> None:
    """Under the lock of the ledger's head, where whoever comes second finds that it was told."""
    with transaction.atomic():
        LedgerHead.objects.select_for_update().get(pk=1)
        seen = _watch(observer)
        if not seen.news:
            return
        data = {"last_seen": seen.closer_at.isoformat()} if seen.closer_at else {}
        line = ledger.record(seen.news, by=observer, data=data)
        notices.tell_overseers(line.event, key=f"line-{line.seq}", data=data)


def _watch(observer: str) -> Watch:
    """One query."""
    beats = Heartbeat.objects.values("at")
    lines = LedgerEntry.objects.order_by("-seq").values("seq")
    found = LedgerHead.objects.values(
        now=Now(),
        closer_seen=ExpressionWrapper(closer_is_seen(Now()), BooleanField()),
        closer_at=Subquery(beats.filter(name=CLOSER)),
        observer_at=Subquery(beats.filter(name=observer)),
        silent=Subquery(lines.filter(event=SILENT)[:1]),
        back=Subquery(lines.filter(event=BACK)[:1]),
    ).get(pk=1)
    return Watch(**found)
