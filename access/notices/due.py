"""Which routes have something to deliver, and how a worker is asked to."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from access.models import Notice, NoticeState, Route
from access.waking import put


def due_notices() -> QuerySet[Notice]:
    return Notice.objects.filter(state=NoticeState.QUEUED, not_before__lte=Now())


def due_routes(limit: int = 50) -> list[str]:
    """Names of routes with something due, that nobody holds and that do not rest."""
    names = deliverable().order_by("route").values_list("route", flat=True)
    return list(names.distinct()[:limit])


def deliverable() -> QuerySet[Notice]:
    """What is due on routes that nobody holds and that do not rest."""
    busy = Route.objects.filter(Q(pause_until__gt=Now()) | Q(lease_until__gt=Now()))
    return due_notices().exclude(route__in=busy.values("name"))


def wake_routes(names: Iterable[str]) -> None:
    """Ask a worker to deliver."""
    put("access.deliver", names)
