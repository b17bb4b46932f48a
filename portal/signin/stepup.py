"""Showing anew that it is really you, for a decision that the policy wants it for.

The one thing that pages know of it is ``confirmed_at`` in the session: the moment, as ISO text, at
which the person of this session last signed in anew. What signs people in writes it here: Entra,
or the demo, which lets the same person be chosen once more.

Entra's word counts when three things hold together: the token is of the same person, it names the
authentication context that the settings name, and the person showed Entra who they are within the
last minutes. The context alone may come without any rule of the organisation behind it, and the
moment alone says nothing of how.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from access import ledger
from access.clock import db_now
from access.models import Person
from access.views.paths import safe_next
from access.views.who import signed_in, to_sign_in
from portal.models import DirectoryReading, Ended
from portal.signin.entra.arriving import arrival_of, welcome
from portal.signin.entra.config import Entra
from portal.signin.entra.flow import Begun, Given
from portal.signin.entra.keeping import is_entras, keep

CONFIRMED = "confirmed_at"
CLOCKS = 120  # seconds that Entra's clock may be ahead of ours
NO_CONTEXT = (
    "No setting says which authentication context of Conditional Access stands for a fresh sign-in "
    "(ENTRA_STEP_UP_CONTEXT)."
)
NO_RULE = (
    "No policy of Conditional Access in force asks for anything in the authentication context for "
    "a fresh sign-in, so it would prove nothing."
)
NOT_CONFIRMED = (
    "Microsoft did not confirm it in the way that your organisation asks for. Sign in anew, with "
    "all that it asks; if it happens again, tell an administrator."
)
TOO_OLD = "Microsoft let you through without asking who you are. Sign in anew, and do not skip it."


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def again(request: HttpRequest, person: Person) -> HttpResponse:
    """Leads to Entra. The demo's: one click on one's own name; anybody else's is refused."""
    sent = request.POST if request.method == "POST" else request.GET
    after = safe_next(request, sent.get("next", ""))
    if request.method != "POST":
        return _page(request, after)
    if not settings.ACCESS_DEMO_SIGN_IN or is_entras(request.session):
        raise Http404
    if sent.get("person", "") != person.object_id:
        _record(request, person, _nobody_else(person))
        answer = _page(request, after)
        answer.status_code = 403
        return answer
    confirm(request, person, how="demo", at=db_now())
    return redirect(after)


def confirmed_by(
    request: HttpRequest, begun: Begun, given: Given, ours: Entra, *, asked_at: datetime
) -> HttpResponse:
    """What Entra gave for a step-up, validated as a token, is judged as a confirmation. Raises
    ``Refused`` for who has no role any more."""
    person, arrival = request.user, arrival_of(given, ours)
    if not isinstance(person, Person) or person.pk != begun.person:
        return to_sign_in(request)
    if arrival.identity != person.identity:
        return _not_confirmed(request, person, begun.after, _nobody_else(person))
    held = person.held_roles
    welcome(arrival, how="step-up", asked_at=asked_at)
    if not held <= arrival.roles:
        logout(request)  # all sessions ended with the role
        request.session_ended = Ended.SYSTEM.value  # type: ignore[attr-defined]
        return to_sign_in(request)
    reason = why_impossible() or _why_weak(given, ours)
    if reason:
        return _not_confirmed(request, person, begun.after, reason)
    keep(request.session, given)
    confirm(request, person, how="entra", at=_shown_at(given))
    return redirect(begun.after)


def why_impossible() -> str:
    """Empty where step-up can be asked of Entra. Read by administrators: it is theirs to mend."""
    if not settings.ENTRA_STEP_UP_CONTEXT:
        return NO_CONTEXT
    unguarded = DirectoryReading.objects.filter(step_up_guarded=False).exists()
    return NO_RULE if unguarded else ""


def confirm(request: HttpRequest, person: Person, *, how: str, at: datetime) -> None:
    """Called by what has just seen the person sign in anew, and knows when they did (``at``). The
    session gets a new key: who had taken the old one has not signed in anew."""
    with transaction.atomic():
        request.session.cycle_key()
        request.session[CONFIRMED] = at.isoformat()
        ledger.record("person.confirmed", by=person, data={"how": how})


def _why_weak(given: Given, ours: Entra) -> str:
    """Empty for a confirmation that counts: the context, and a moment that is not long ago."""
    if ours.context not in _contexts(given.claims.get("acrs")):
        return NOT_CONFIRMED
    shown, now = given.claims.get("auth_time"), db_now().timestamp()
    if not isinstance(shown, int) or isinstance(shown, bool):
        return TOO_OLD
    return "" if now - settings.ENTRA_STEP_UP_SECONDS <= shown <= now + CLOCKS else TOO_OLD


def _shown_at(given: Given) -> datetime:
    """When the person showed Entra who they are, and not when that was told here: else the minutes
    that a confirmation lasts would count twice. A clock of Entra's that is ahead adds nothing."""
    return min(datetime.fromtimestamp(given.claims["auth_time"], UTC), db_now())


def _contexts(claim: Any) -> Iterable[str]:
    """Entra writes a list; one alone may be text."""
    if isinstance(claim, str):
        return (claim,)
    return claim if isinstance(claim, list) else ()


def _page(request: HttpRequest, after: str) -> HttpResponse:
    by_entra = is_entras(request.session)
    context = {
        "next": after,
        "entra": by_entra,
        "demo": settings.ACCESS_DEMO_SIGN_IN and not by_entra,
        "impossible": why_impossible() if by_entra else "",
    }
    return render(request, "signin/again.html", context)


def _nobody_else(person: Person) -> str:
    return f"You are signed in as {person.display_name}. Nobody else can confirm for you."


def _not_confirmed(request: HttpRequest, person: Person, after: str, reason: str) -> HttpResponse:
    """To a page of its own: the callback's address holds a code."""
    _record(request, person, reason)
    return redirect(f"{reverse('step-up')}?{urlencode({'next': after})}")


def _record(request: HttpRequest, person: Person, reason: str) -> None:
    """An earlier confirmation counts no more either."""
    with transaction.atomic():
        request.session.pop(CONFIRMED, None)
        ledger.record(
            "person.confirm.refused", by=person, outcome="denied", data={"reason": reason}
        )
    messages.error(request, reason)
