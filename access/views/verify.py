"""Verify: whether each Bastion, network and machine is as it must be. For administrators and
auditors; for others it does not exist."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from access import policy, verdicts
from access.inventory import last_reading, newest_run
from access.models import Person, Verdict
from access.preflight import Level
from access.presenters.verdicts import Reading, chips, line_of, totals
from access.views.numbers import number_in
from access.views.pages import page_of
from access.views.who import signed_in

BIGGEST_ID = 2**63 - 1
MOST_HOSTS = 200


@require_safe
@signed_in
def verify(request: HttpRequest, person: Person) -> HttpResponse:
    """The same address answers the poll, with how the reading stands alone."""
    if not policy.may_verify(person):
        raise Http404
    newest = newest_run()
    last = newest if newest and newest.complete else last_reading()
    context: dict[str, Any] = {"reading": Reading(newest, last)}
    if request.headers.get("HX-Target") == "reading":
        shown = request.GET.get("shown", "")
        context |= {"shown": shown, "stale": last is not None and str(last.pk) != shown}
        return render(request, "access/parts/reading.html", context)
    context |= _found(request) | {"shown": last.pk if last else ""}
    return render(request, "access/verify.html", context)


def _found(request: HttpRequest) -> dict[str, Any]:
    level, host = _level(request.GET.get("level", "")), _number(request.GET.get("host", ""))
    counts = verdicts.counts()
    page = page_of(request, _others(level, host), ordering=("rank",))
    first = "cursor" not in request.GET
    return {
        "chips": chips(counts),
        "totals": totals(counts),
        "level": level,
        "host": host,
        "hosts": [line_of(verdict) for verdict in _hosts(level, host)] if first else [],
        "page": page,
        "lines": [line_of(verdict) for verdict in page.rows],
    }


def _hosts(level: str, host: int) -> QuerySet[Verdict]:
    """All of them, as long as nobody filters."""
    rows = Verdict.objects.filter(kind="host").order_by("rank")
    rows = rows.filter(level=level) if level else rows
    return (rows.filter(host_id=host) if host else rows)[:MOST_HOSTS]


def _others(level: str, host: int) -> QuerySet[Verdict]:
    rows = Verdict.objects.exclude(kind="host").select_related("host")
    rows = rows.prefetch_related("machine__jit_ports")
    if host:
        rows = rows.filter(host_id=host)
    return rows.filter(level=level) if level else rows.exclude(level=Level.PASS)


def _level(sent: str) -> str:
    """Empty for what is none."""
    return sent if sent in set(Level) else ""


def _number(sent: str) -> int:
    return min(number_in(sent) or 0, BIGGEST_ID)
