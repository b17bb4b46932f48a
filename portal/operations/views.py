"""Is closing working? For who oversees others' access and who is told of trouble; for nobody else
is there such a page."""

from datetime import timedelta
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from access import policy
from access.gatekeeping import needs_human, overdue_grants
from access.models import Grant, Person
from access.presenters.grants import GrantLine, lines_for
from access.presenters.statuses import OVERDUE_AFTER
from access.views.who import signed_in
from portal import budget
from portal.operations import lateness, signs, state
from portal.operations.state import State

MOST_SHOWN = 50
OFTEN, SELDOM = 5, 15  # seconds until the page asks again: while something is wrong, and else


@require_safe
@signed_in
def system(request: HttpRequest, person: Person) -> HttpResponse:
    """The same address answers the poll, with the part that moves alone."""
    if not (policy.oversees(person) or policy.has(person, policy.Act.HEAR_OF_TROUBLE)):
        raise Http404
    context = _context(person)
    partial = request.headers.get("HX-Target") == "system"
    name = "operations/parts/system.html" if partial else "operations/system.html"
    return render(request, name, context)


def _context(person: Person) -> dict[str, Any]:
    now = state.facts()
    left = budget.left(now.now)
    forecast = budget.forecast(now.now, left)
    grants = list(_open_too_long(now)[: MOST_SHOWN + 1])
    lines = lines_for(grants[:MOST_SHOWN], person, now.now)
    overdue = [line for line in lines if line.overdue]
    verdict = signs.verdict(now, len(overdue), forecast)
    return {
        "now": now,
        "verdict": verdict,
        "parts": signs.parts(now),
        "beside": signs.beside(now, _offset(now)),
        "lateness": lateness.of_the_last(timedelta(hours=24), now.now),
        "forecast": forecast,
        "budgets": [signs.budget_line(row, now.now) for row in left],
        "hard": [line for line in lines if _is_hard(line)],
        "others": [line for line in overdue if not _is_hard(line)],
        "more": len(grants) > MOST_SHOWN,
        "every": SELDOM if verdict.status is signs.WORKS else OFTEN,
    }


def _open_too_long(now: State) -> QuerySet[Grant]:
    """What is overdue, and what closing was tried for in vain: the longest first."""
    late = overdue_grants(now.now - OVERDUE_AFTER)
    hard = Q(pk__in=needs_human().values("pk"))
    related = ("machine__bastion", "gate", "end_order", "access_request__requester")
    found = Grant.objects.filter(Q(pk__in=late.values("pk")) | hard)
    found = found.annotate(hard=ExpressionWrapper(hard, BooleanField()))
    return found.select_related(*related).order_by("ends_at", "pk")


def _is_hard(line: GrantLine) -> bool:
    """As the database said beside the grant."""
    return bool(vars(line.grant)["hard"])


def _offset(now: State) -> timedelta:
    """How far this web process's clock is ahead of the database's, which alone decides."""
    return timezone.now() - now.now
