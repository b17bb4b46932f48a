"""The core's words as pages, mapped in one place: 403, 409, and a form that says what is wrong."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import TypeVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from access.errors import Invalid, NotAllowed, WrongState
from access.forms.plain import PlainForm
from access.models import Person
from access.services.refusals import one_transaction

T = TypeVar("T")
Shown = Callable[..., HttpResponse]


def mapped(view: Shown) -> Shown:
    """``NotAllowed`` is the 403 page and ``WrongState`` the 409 page, in the service's words."""

    @wraps(view)
    def answering(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NotAllowed as refusal:
            return problem_page(request, 403, str(refusal))
        except WrongState as moved:
            return problem_page(request, 409, str(moved))

    return answering


def mapped_onto(fresh: Shown) -> Callable[[Shown], Shown]:
    """Like ``mapped``, but what has moved on is shown afresh, with the reason above it (409)."""

    def around(view: Shown) -> Shown:
        @wraps(view)
        def answering(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            try:
                return view(request, *args, **kwargs)
            except WrongState as moved:
                return fresh(request, *args, **kwargs, banner=str(moved), status=409)

        return mapped(answering)

    return around


def accepted(form: PlainForm, act: Callable[[], T]) -> T | None:
    """What the service made, or ``None`` when the form was wrong and now says where."""
    if not form.is_valid():
        return None
    try:
        return act()
    except Invalid as problem:
        form.take(problem.fields)
        return None


def told_if_sent(
    request: HttpRequest, event: str, *, by: Person, reference: str = ""
) -> AbstractContextManager[None]:
    """Around a check that is made before any service is called. What somebody sends and may not is
    for the ledger; what they only look at is not."""
    if request.method != "POST":
        return nullcontext()
    return one_transaction(event, by=by, reference=reference)


def problem_page(request: HttpRequest, status: int, message: str = "") -> HttpResponse:
    """The page for a refusal, in the shell of all pages."""
    return render(request, f"problems/{status}.html", {"message": message}, status=status)
