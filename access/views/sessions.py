"""Who is connected now, and having somebody disconnected."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import messages
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from access import policy, services
from access.forms.saying import DisconnectForm
from access.models import Grant, Heartbeat, LiveSession, Person, SessionReading
from access.presenters.sessions import (
    Freshness,
    SessionLine,
    freshness_of,
    line_for,
    lines_for,
    names_of,
)
from access.sessions.covering import covering
from access.sessions.turns import ONLOOKER, somebody_looks
from access.states import GrantState
from access.views.problems import accepted, mapped
from access.views.who import signed_in

MOST_SHOWN = 200
TOLD_LATELY = timedelta(seconds=10)


@dataclass(frozen=True)
class ConnectedNow:
    lines: list[SessionLine]
    more: bool  # than can be shown
    fresh: Freshness

    @property
    def mark(self) -> tuple[object, ...]:
        return [line.mark for line in self.lines], self.more, self.fresh.mark

    @property
    def unexplained(self) -> int:
        return sum(line.unexplained for line in self.lines)

    @property
    def moving(self) -> bool:
        return any(hasattr(line.session, "disconnect_order") for line in self.lines)


def connected_now(person: Person, now: datetime) -> ConnectedNow:
    """Three queries, and one while nobody is there. Says to the workers that an overseer looks."""
    readings = list(_readings(person))
    if policy.oversees(person) and not all(_has(each, "looked") for each in readings):
        somebody_looks()
    sessions: list[LiveSession] = []
    if any(_has(each, "carries") for each in readings):
        found = _related(policy.visible_sessions(person)).filter(ended_at__isnull=True)
        sessions = list(found.order_by("first_seen_at", "pk")[: MOST_SHOWN + 1])
    shown = sessions[:MOST_SHOWN]
    return ConnectedNow(
        lines=lines_for(shown, covering(shown), person, now),
        more=len(sessions) > MOST_SHOWN,
        fresh=freshness_of(readings, now),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@signed_in
def disconnect(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    """A page that says what it does, then the order."""
    session = get_object_or_404(_related(policy.visible_sessions(person)), pk=pk)
    form = DisconnectForm(request.POST if request.method == "POST" else None)
    grants = covering([session])[session.pk]
    if request.method == "POST":
        done = accepted(form, lambda: services.disconnect(session, by=person, **form.cleaned_data))
        if done is not None:
            messages.success(
                request, "It was ordered. The session leaves the list when it is gone."
            )
            return redirect("open-now")
    else:
        policy.check_may_disconnect(grants, person)
    context = {
        "line": line_for(session, grants, person, timezone.now()),
        "shared": len(names_of(grants)) > 1,
        "goes_on": any(grant.state == GrantState.OPEN for grant in grants),
        "form": form,
    }
    status = 400 if form.is_bound and form.errors else 200
    return render(request, "access/disconnect.html", context, status=status)


def _related(rows: QuerySet[LiveSession]) -> QuerySet[LiveSession]:
    return rows.select_related("host", "machine", "disconnect_order__by")


def _readings(person: Person) -> QuerySet[SessionReading]:
    """Of the hosts on which this person could see somebody; ``carries``: and there is somebody."""
    lately = Heartbeat.objects.filter(name=ONLOOKER, at__gte=Now() - TOLD_LATELY)
    seen = policy.visible_sessions(person).filter(host=OuterRef("host"), ended_at__isnull=True)
    rows = SessionReading.objects.select_related("host").order_by("host__name", "pk")
    rows = rows.annotate(looked=Exists(lately), carries=Exists(seen))
    if policy.oversees(person):
        return rows.filter(Q(host__gone_at__isnull=True) | Q(carries=True))
    mine = Grant.objects.filter(access_request__requester=person, state=GrantState.OPEN)
    through = Exists(mine.filter(machine__bastion=OuterRef("host")))
    return rows.filter(Q(through) | Q(carries=True))


def _has(reading: SessionReading, fact: str) -> bool:
    return bool(getattr(reading, fact))
