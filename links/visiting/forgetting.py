"""What is left of a visit that is long over: the ledger's lines and the terms that were accepted.
Browsers and codes are forgotten."""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from access.clock import db_now
from access.models import Grant
from links.models import Invitation, VendorBrowser

KEPT_FOR = timedelta(days=30)
MOST_AT_ONCE = 500


def forget_old() -> int:
    """How many browsers went, and their codes with them. May be repeated, and run by two."""
    over = _over_before(db_now() - KEPT_FOR)
    old = VendorBrowser.objects.filter(invitation__in=over).order_by("pk")
    ids = list(old.values_list("pk", flat=True)[:MOST_AT_ONCE])
    VendorBrowser.objects.filter(pk__in=ids).delete()
    return len(ids)


def _over_before(moment: datetime) -> QuerySet[Invitation]:
    """Whose last grant was closed by then, and seen to be."""
    mine = Grant.objects.filter(access_request_id=OuterRef("access_request_id"))
    not_yet = mine.filter(Q(closed_at__isnull=True) | Q(closed_at__gte=moment))
    return Invitation.objects.filter(~Exists(not_yet))
