"""Sessions that ended long ago are forgotten. Their rows name people's user names and addresses;
what was found and done about them stands in the ledger for good."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from access.clock import db_now
from access.models import DisconnectOrder, LiveSession, Review

MOST_AT_ONCE = 2000


def forget_sessions() -> int:
    """Delete a part of those that are older than the setting keeps them. Returns how many: a
    worker is never kept waiting, and the next turn takes the next part. May be run by two."""
    oldest = db_now() - timedelta(days=settings.ACCESS_SESSIONS_KEEP_DAYS)
    rows = LiveSession.objects.filter(ended_at__lt=oldest).exclude(_wanted_by_a_review())
    ids = list(rows.order_by("ended_at").values_list("pk", flat=True)[:MOST_AT_ONCE])
    DisconnectOrder.objects.filter(session__in=ids).delete()
    return LiveSession.objects.filter(pk__in=ids).delete()[0]


def _wanted_by_a_review() -> Exists:
    """Whoever still has to say whether break-glass was right is shown who was connected."""
    open_reviews: QuerySet[Review] = Review.objects.filter(
        reviewed_at__isnull=True, access_request__grants__machine=OuterRef("machine")
    )
    return Exists(open_reviews)
