"""Capacity and cost, for administrators, auditors and approvers; for others it does not exist."""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from access import ledger, policy
from access.models import Person
from access.views.pages import page_of
from access.views.who import signed_in
from portal.capacity import hosts, retiring, tables, tiers, usage
from portal.capacity.chart import PERIODS, Period, draw
from portal.capacity.hosts import HostLine

USUAL = "7d"
MOST_EXPORTED = 1000  # machines


@require_safe
@signed_in
def capacity(request: HttpRequest, person: Person) -> HttpResponse:
    _check(person)
    now, period = timezone.now(), _period(request.GET)
    lines = hosts.lines(now, now - period.length, settings.BASTION_PRICES)
    context: dict[str, Any] = {
        "lines": lines,
        "period": period,
        "periods": list(PERIODS.values()),
        "prices": settings.BASTION_PRICES,
        "total": hosts.total(lines),
    }
    chosen = _chosen(lines, request.GET.get("host", ""))
    if chosen is not None:
        spans = usage.spans(chosen.host.pk, now - period.length)
        drawn = draw(chosen, period, now, spans)
        context |= {"chosen": chosen, "chart": drawn, "matrix": tiers.matrix(chosen.facts)}
    return render(request, "capacity/capacity.html", context)


@require_safe
@signed_in
def past_the_bastion(request: HttpRequest, person: Person) -> HttpResponse:
    _check(person)
    now = timezone.now()
    page = page_of(request, retiring.candidates(now), ordering=("name", "id"))
    context = {"page": page, "lines": retiring.retiring(page.rows, now)}
    return render(request, "capacity/retiring.html", context)


@require_POST
@signed_in
def hosts_csv(request: HttpRequest, person: Person) -> HttpResponse:
    """POST, because it leaves a line in the ledger."""
    _check(person)
    now, period = timezone.now(), _period(request.POST)
    lines = hosts.lines(now, now - period.length, settings.BASTION_PRICES)
    rows = list(tables.hosts(lines, settings.BASTION_PRICES))
    return _exported(person, "hosts", rows, period=period.name)


@require_POST
@signed_in
def retiring_csv(request: HttpRequest, person: Person) -> HttpResponse:  # noqa: ARG001
    _check(person)
    now = timezone.now()
    machines = list(retiring.candidates(now).order_by("name", "id")[:MOST_EXPORTED])
    return _exported(person, "retiring", list(tables.steps(retiring.retiring(machines, now))))


def _exported(person: Person, table: str, rows: list[Any], **more: str) -> HttpResponse:
    """The line first: nothing leaves without it."""
    with transaction.atomic(durable=True):
        told = {"table": table, "rows": len(rows) - 1, **more}
        ledger.record("capacity.exported", by=person, data=told)
    return tables.answer(rows, f"bastion-{table}.csv")


def _check(person: Person) -> None:
    if not policy.may_see_capacity(person):
        raise Http404


def _period(sent: QueryDict) -> Period:
    return PERIODS.get(sent.get("period", ""), PERIODS[USUAL])


def _chosen(lines: list[HostLine], sent: str) -> HostLine | None:
    """The one that was asked for; else the one with the most to show."""
    asked = [line for line in lines if str(line.host.pk) == sent]
    if sent and not asked:
        raise Http404
    ranked = sorted(
        asked or lines,
        key=lambda line: (
            line.too_small,
            line.worst.weight,
            line.sessions.most.count,
            line.grants.most.count,
        ),
    )
    return ranked[-1] if ranked else None
