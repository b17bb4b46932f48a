"""Pages for what went wrong before or beside a view, in the design of the pages around them."""

import logging
import sys

from django.db import OperationalError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from access import ledger
from access.models import Person
from links.visiting.views import pages
from portal.web.api_problems import is_for_api, problem
from portal.web.hosts import is_for_vendor

LONGEST_PATH = 200
logger = logging.getLogger(__name__)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return _answer(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return _answer(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Also for what exists but is not for this person; the page cannot tell and does not."""
    return _answer(request, 404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A line in the ledger when a person's own session was used; else anybody could fill it. The
    log has the route's name: an address of vendors is a secret."""
    route = request.resolver_match.view_name if request.resolver_match else "-"
    logger.warning("csrf check failed on %s: %s", route, reason)
    if is_for_vendor(request):
        return pages.forged(request)
    if isinstance(request.user, Person):
        with transaction.atomic():
            data = {"path": request.path[:LONGEST_PATH], "reason": reason}
            ledger.record("web.forgery_refused", by=request.user, outcome="denied", data=data)
    if is_for_api(request):
        return problem(403)
    return render(request, "problems/csrf.html", status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    """Asks the database nothing: it may be what is broken. Called while the error is handled."""
    status = 503 if isinstance(sys.exception(), OperationalError) else 500
    if is_for_vendor(request):
        return pages.problem(request, status)
    if is_for_api(request):
        return problem(status)
    return HttpResponse(render_to_string(f"problems/{status}.html"), status=status)


def _answer(request: HttpRequest, status: int) -> HttpResponse:
    if is_for_vendor(request):
        return pages.problem(request, status)
    if is_for_api(request):
        return problem(status)
    return render(request, f"problems/{status}.html", status=status)
