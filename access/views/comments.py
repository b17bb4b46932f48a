"""Saying something about a request: a comment, a question back, an answer."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from access.forms.saying import SayForm
from access.models import AccessRequest, Comment, Person
from access.services import comments as service
from access.views.problems import accepted, mapped_onto
from access.views.requests import request_page, visible
from access.views.who import signed_in

Say = Callable[[AccessRequest, Person, dict[str, Any]], Comment]


@signed_in
def _shown(request: HttpRequest, person: Person, pk: int, banner: str, status: int) -> HttpResponse:
    form = SayForm(request.POST)
    return request_page(request, person, pk, typed=form, banner=banner, status=status)


def fresh(request: HttpRequest, *, pk: int, banner: str, status: int) -> HttpResponse:
    """The request as it is now, with what was typed still in its place."""
    return _shown(request, pk, banner=banner, status=status)


@require_POST
@mapped_onto(fresh)
@signed_in
def comment(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    return _say(request, person, pk, _comment)


@require_POST
@mapped_onto(fresh)
@signed_in
def ask_back(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    return _say(request, person, pk, _ask_back)


@require_POST
@mapped_onto(fresh)
@signed_in
def answer(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    return _say(request, person, pk, _answer)


def _say(request: HttpRequest, person: Person, pk: int, say: Say) -> HttpResponse:
    access_request, form = visible(person, pk), SayForm(request.POST)
    said = accepted(form, lambda: say(access_request, person, form.cleaned_data))
    if said is None:
        return request_page(request, person, pk, typed=form, status=400)
    return redirect(f"{reverse('request', args=[access_request.reference])}#said-{said.pk}")


def _comment(access_request: AccessRequest, by: Person, sent: dict[str, Any]) -> Comment:
    return service.comment(access_request, sent["text"], by=by, key=sent["key"])


def _ask_back(access_request: AccessRequest, by: Person, sent: dict[str, Any]) -> Comment:
    key, revision = sent["key"], sent["revision"]
    return service.ask_back(access_request, sent["text"], by=by, key=key, revision=revision)


def _answer(access_request: AccessRequest, by: Person, sent: dict[str, Any]) -> Comment:
    return service.answer(access_request, sent["text"], by=by, key=sent["key"])
