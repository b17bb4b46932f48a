"""Middleware: roles are those of the directory, as it says them now, before anything is opened.

Views that may open access are marked (``access.views.who.opens``, or ``opens_access`` on a view set
of the API). Before a marked write Entra is asked, whatever was read a minute ago; before all else
only when the last answer is old. Entra away: a marked write is refused, and nothing else is, for
ending access must always work. Break-glass alone goes by what Entra said within the last hour.
"""

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from access import ledger
from access.models import Person
from access.views.who import to_sign_in
from portal.models import Ended
from portal.signin.entra.keeping import is_entras
from portal.signin.entra.problems import SignInAgain, Unbelievable, Unreachable
from portal.signin.entra.reread import CHANGED, is_older, reread
from portal.signin.entra.seldom import Seldom
from portal.web.api_problems import is_for_api, problem_of

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
MARKED_SECONDS = 5.0  # of two writes at once, one asks
PAUSE_SECONDS = 30.0  # after Entra did not answer; unmarked views do not wait for it meanwhile
AWAY, EVERYBODY = Seldom(PAUSE_SECONDS), "everybody"
ASKED = Seldom(MARKED_SECONDS)
logger = logging.getLogger(__name__)


class RolesAreFresh:
    """After authentication; before any view."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        view: Callable[..., Any],
        args: tuple[Any, ...],  # noqa: ARG002
        kwargs: dict[str, Any],  # noqa: ARG002
    ) -> HttpResponse | None:
        person = request.user
        if not isinstance(person, Person) or not is_entras(request.session):
            return None
        marked = opens(view, request.method or "")
        if not _is_due(person, marked=marked):
            return None
        try:
            reread(request.session, person)
        except SignInAgain as said:
            return signed_out(request, str(said))
        except Unreachable as problem:
            goes_on = marked and _counts_in_emergency(view, person)
            return _unconfirmed(request) if goes_on else _away(request, problem, marked=marked)
        fresh = Person.objects.signed_in(person.pk)  # with what was gained
        if fresh is None:  # switched off while Entra answered
            return signed_out(request, CHANGED)
        ASKED.may(str(person.pk))
        request.user = fresh
        return None


def opens(view: Callable[..., Any], method: str) -> bool:
    """Whether this call may open access: an unsafe method of a marked view, or of a marked action
    of a view set. The API's views are known by the class that they were made of."""
    if method in SAFE:
        return False
    made_of = getattr(view, "cls", None)
    if made_of is None:
        return bool(getattr(view, "opens_access", False))
    marked: frozenset[str] = getattr(made_of, "opens_access", frozenset())
    action = (getattr(view, "actions", None) or {}).get(method.lower(), method.lower())
    return action in marked


def signed_out(request: HttpRequest, why: str) -> HttpResponse:
    """Led to sign-in, as whoever's session is over; what calls the API is told in its own way."""
    logout(request)
    if is_for_api(request):
        return problem_of(401, "sign-in-again", why)
    request.session_ended = Ended.SYSTEM.value  # type: ignore[attr-defined]
    return to_sign_in(request)


def _is_due(person: Person, *, marked: bool) -> bool:
    if marked:  # a reading of Graph lags behind Entra, however new it is, and does not count here
        return not ASKED.was_lately(str(person.pk))
    pauses = any(AWAY.was_lately(whose) for whose in (EVERYBODY, str(person.pk)))
    return is_older(person, settings.ENTRA_REREAD_SECONDS) and not pauses


def _counts_in_emergency(view: Callable[..., Any], person: Person) -> bool:
    late = is_older(person, settings.ENTRA_EMERGENCY_SECONDS)
    return getattr(view, "opens_in_emergency", False) and not late


def _unconfirmed(request: HttpRequest) -> HttpResponse | None:
    """The view goes on, and whoever reviews what it did can see by which roles."""
    person = request.user
    if isinstance(person, Person):
        with transaction.atomic():
            data = {"path": request.path, "roles_read_at": person.roles_read_at}
            ledger.record("person.roles_not_confirmed", by=person, data=data)
    return None


def _away(request: HttpRequest, problem: Unreachable, *, marked: bool) -> HttpResponse | None:
    logger.warning("entra: roles could not be read again: %s", problem)
    # An odd answer about one person must not keep anybody else from being asked about.
    AWAY.may(str(request.user.pk) if isinstance(problem, Unbelievable) else EVERYBODY)
    if not marked:
        return None
    if is_for_api(request):
        return problem_of(503, "directory-away", str(problem))
    return away(request, problem)


def away(request: HttpRequest, problem: Unreachable) -> HttpResponse:
    """The page for when Entra is needed and does not answer."""
    said = {"problem": str(problem), "typed": _typed(request), "path": request.get_full_path()}
    return render(request, "signin/away.html", said, status=503)


def _typed(request: HttpRequest) -> list[tuple[str, str]]:
    """What a form sent, so that the page can send it once more: pages are not to be stored, and
    going back to one over https finds it empty."""
    if request.method != "POST":
        return []
    names = [name for name in request.POST if name != "csrfmiddlewaretoken"]
    return [(name, value) for name in names for value in request.POST.getlist(name)]
