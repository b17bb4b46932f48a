"""What was told long ago is forgotten: notices name people, machines and reasons, and the ledger
already holds for good what was done."""

from datetime import timedelta

from django.conf import settings

from access.clock import db_now
from access.models import Notice, NoticeState

MOST_AT_ONCE = 1000


def forget_old() -> int:
    """Delete notices that nobody waits for any more and that are older than the settings keep
    them. Returns how many; in small parts, so that no worker is kept waiting."""
    oldest = db_now() - timedelta(days=settings.NOTICES_KEEP_DAYS)
    old = Notice.objects.filter(created_at__lt=oldest).exclude(state=NoticeState.QUEUED)
    ids = list(old.order_by("pk").values_list("pk", flat=True)[:MOST_AT_ONCE])
    return Notice.objects.filter(pk__in=ids).delete()[0]
