"""Begins at Entra, and what comes back from there. A GET, for that is how Entra sends people back;
it does nothing that was not begun in the same browser a short while ago."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth import logout
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_safe

from access import ledger
from access.clock import db_now
from access.models import Person
from access.views.paths import safe_next
from access.views.who import signed_in
from portal.signin.beginning import begin as begin_session
from portal.signin.entra import flow
from portal.signin.entra.arriving import arrival_of, welcome
from portal.signin.entra.config import configured, entra
from portal.signin.entra.keeping import hint_of, is_entras, keep
from portal.signin.entra.problems import Refused, Unreachable, retold
from portal.signin.entra.seldom import Seldom
from portal.signin.middleware import away
from portal.signin.stepup import confirmed_by, why_impossible

SIGN_IN, STEP_UP = "sign-in", "step-up"
PART = "entra"
CHOOSING = {"prompt": "select_account"}  # else Entra takes the account that was refused
STRANGERS = Seldom(60)  # anybody may come so far: the ledger is told once a minute of each
BEFORE_ANY_TOKEN = frozenset({"not-begun", "not-completed", "unreadable"})
ENDING = frozenset({"no-role", "switched-off"})


@require_GET
def start(request: HttpRequest) -> HttpResponse:
    if not configured():
        raise Http404
    after = safe_next(request, request.GET.get("next", ""))
    more = CHOOSING if request.GET.get("account") == "another" else {}
    return _begun(request, purpose=SIGN_IN, after=after, more=more)


@require_GET
@signed_in
def start_again(request: HttpRequest, person: Person) -> HttpResponse:
    """Of somebody who is signed in, for a decision."""
    if not configured() or not is_entras(request.session):
        raise Http404
    after = safe_next(request, request.GET.get("next", ""))
    if why_impossible():
        return redirect("step-up")  # which says so
    hint = hint_of(request.session)
    more = {"login_hint": hint} if hint else {}
    return _begun(request, purpose=STEP_UP, after=after, person=person.pk, more=more)


@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Shows nothing itself: its address holds a code, and a page would hold its address."""
    if not configured():
        raise Http404
    begun = flow.taken(request.session, request.GET.get("state", ""))
    if begun is None:
        return _refused(request, Refused("not-begun"), "/")
    ours, asked_at = entra(), db_now()
    try:
        given = flow.finish(begun, request.GET.dict(), ours)
        if begun.purpose == STEP_UP:
            return confirmed_by(request, begun, given, ours, asked_at=asked_at)
        person = welcome(arrival_of(given, ours), how=SIGN_IN, asked_at=asked_at)
    except Refused as refusal:
        return _refused(request, refusal, begun.after)
    except Unreachable:
        return _to_refused("away", after=begun.after)
    _sign_in(request, person, given)
    return redirect(begun.after)


@require_safe
def refused(request: HttpRequest) -> HttpResponse:
    """Says why and what to do. Anybody may have written its address, so it shows nothing of it."""
    if not configured():
        raise Http404
    why, after = request.GET.get("why", ""), safe_next(request, request.GET.get("next", ""))
    context = {"code": why, "told": retold(request.GET.get("told", "")), "next": after}
    status = 503 if why == "away" else 403
    return render(request, "signin/refused.html", context, status=status)


def _begun(request: HttpRequest, **said: Any) -> HttpResponse:
    try:
        return redirect(flow.begin(request.session, entra(), **said))
    except Unreachable as problem:
        return away(request, problem)


def _sign_in(request: HttpRequest, person: Person, given: flow.Given) -> None:
    """Other tabs that are on their way to sign in come back to a session that knows of them."""
    others = request.session.get(flow.FLOWS)
    with transaction.atomic():
        begin_session(request, person, how=PART)
        keep(request.session, given)
        if others:
            request.session[flow.FLOWS] = others
        ledger.record("person.signed_in", by=person, data={"how": PART})


def _refused(request: HttpRequest, refusal: Refused, after: str) -> HttpResponse:
    """Nobody is signed in by it, and whoever was signed in stays so, unless it is them whose
    sessions ended with it: then this one must not be saved any more."""
    if refusal.code in ENDING and refusal.who == getattr(request.user, "identity", ""):
        logout(request)
    if _is_told(request, refusal):
        data = {"reason": refusal.code, "entra": refusal.told}
        data = {name: value for name, value in data.items() if value}
        with transaction.atomic():
            ledger.record(
                "person.sign_in.refused", by=PART, subject=refusal.who, outcome="denied", data=data
            )
    return _to_refused(refusal.code, told=refusal.told, after=after)


def _to_refused(why: str, *, after: str, told: str = "") -> HttpResponse:
    said = {"why": why, "told": told, "next": "" if after == "/" else after}
    return redirect(f"{reverse('entra-refused')}?{urlencode({k: v for k, v in said.items() if v})}")


def _is_told(request: HttpRequest, refusal: Refused) -> bool:
    """Whoever has no account gets as far as Entra's answer: the ledger, which forgets nothing, must
    not be theirs to fill."""
    if refusal.code not in BEFORE_ANY_TOKEN:
        return True
    return bool(request.GET.get("state")) and STRANGERS.may(refusal.code)
