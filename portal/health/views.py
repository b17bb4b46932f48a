"""Liveness and readiness. Neither names a host, a version or an error's text."""

from django.db import Error
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from access.clock import db_now
from access.gatekeeping import closer_seen, overdue_grants
from access.presenters.statuses import OVERDUE_AFTER


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """200 while this process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """200 when the database answers and closing is looked after, else 503 and which is not.

    ``overdue`` counts grants that are past their end by more than a minute and still not shut.
    """
    try:
        now = db_now()
        closer, overdue = closer_seen(now), overdue_grants(now - OVERDUE_AFTER).count()
    except Error:
        return JsonResponse({"database": False}, status=503)
    body = {"database": True, "closer": closer, "overdue": overdue}
    return JsonResponse(body, status=200 if closer else 503)
