"""Deciding: exactly what was shown, by a click on a page and never by a link."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_POST, require_safe

from access import services
from access.approvers import Pool, may_decide, stages_now
from access.errors import ConfirmFirst, NotAllowed, WrongState
from access.forms.deciding import DecideForm
from access.models import AccessRequest, Person
from access.presenters.moments import duration
from access.presenters.requests import row_for
from access.services.decide import CONFIRMED_FOR
from access.views.problems import accepted, mapped, mapped_onto
from access.views.requests import request_page, visible
from access.views.who import opens, signed_in

CONFIRMED = "confirmed_at"  # in the session: when the person last signed in anew, as ISO text
DECIDING = "deciding"  # in the session: the approval that waits for it
KEPT = ("terms_digest", "revision", "comment", "minutes", "custom_minutes")


def fresh(request: HttpRequest, *, pk: int, banner: str, status: int) -> HttpResponse:
    """The request as it is now, above it what could not be done and what the person missed; what
    they typed is kept, and sent by nobody but them."""
    return _shown(request, pk, banner=banner, status=status)


@require_POST
@mapped_onto(fresh)
@opens
@signed_in
def approve(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    """Where the policy wants it, not before the person has signed in anew."""
    access_request = visible(person, pk)
    form = DecideForm(access_request, request.POST)
    confirmed = confirmed_at(request)
    try:
        done = accepted(form, lambda: _approve(access_request, person, form, confirmed))
    except ConfirmFirst:
        kept = {name: request.POST.get(name, "") for name in KEPT}
        request.session[DECIDING] = {"pk": pk, **kept, "agreed": form.cleaned_data["agreed"]}
        return redirect("request-confirm", access_request.reference)
    if done is None:
        return request_page(request, person, pk, typed=form, status=400)
    request.session.pop(DECIDING, None)
    messages.success(request, _said(done))
    return redirect("request", access_request.reference)


@require_POST
@mapped_onto(fresh)
@opens
@signed_in
def deny(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    access_request = visible(person, pk)
    form = DecideForm(access_request, request.POST)
    done = accepted(form, lambda: _deny(access_request, person, form))
    if done is None:
        return request_page(request, person, pk, typed=form, status=400)
    messages.success(request, f"{access_request.reference} was denied.")
    return redirect("request", access_request.reference)


@require_safe
@mapped
@signed_in
def confirm(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    """The terms once more, and the way to sign in anew; after it, the button that approves."""
    access_request, now = visible(person, pk), timezone.now()
    kept = _kept(request, access_request)
    stages = stages_now(access_request, Pool(now)) if access_request.is_undecided else []
    if kept is None or not may_decide(access_request, person, stages):
        return redirect("request", access_request.reference)
    confirmed = confirmed_at(request)
    context = {
        "asked": access_request,
        "row": row_for(access_request, now),
        "kept": kept,
        "minutes": kept["agreed"] or DecideForm(access_request).most,
        "fresh": confirmed is not None and confirmed > now - CONFIRMED_FOR,
        "while": duration(int(CONFIRMED_FOR.total_seconds() // 60)),
    }
    return render(request, "access/confirm.html", context)


def confirmed_at(request: HttpRequest) -> datetime | None:
    """When the person of this session last signed in anew. Whatever signs people in writes it."""
    said = request.session.get(CONFIRMED, "")
    moment = parse_datetime(said) if isinstance(said, str) and said else None
    return moment if moment is not None and moment.tzinfo is not None else None


@signed_in
def _shown(request: HttpRequest, person: Person, pk: int, banner: str, status: int) -> HttpResponse:
    access_request = visible(person, pk)
    typed = DecideForm(access_request, request.POST).as_shown(access_request)
    return request_page(request, person, pk, typed=typed, banner=banner, status=status)


def _approve(
    access_request: AccessRequest, person: Person, form: DecideForm, confirmed: datetime | None
) -> AccessRequest:
    sent = form.cleaned_data
    with _told_of_changes(access_request, form):
        return services.approve(
            access_request,
            by=person,
            terms_digest=sent["terms_digest"],
            comment=sent["comment"],
            minutes=sent["agreed"],
            confirmed_at=confirmed,
        )


def _deny(access_request: AccessRequest, person: Person, form: DecideForm) -> AccessRequest:
    terms, comment = form.cleaned_data["terms_digest"], form.cleaned_data["comment"]
    with _told_of_changes(access_request, form):
        return services.deny(access_request, by=person, terms_digest=terms, comment=comment)


@contextmanager
def _told_of_changes(access_request: AccessRequest, form: DecideForm) -> Iterator[None]:
    """Who may no longer decide it because it was changed is shown that, and not merely refused."""
    seen = form.cleaned_data["revision"]
    try:
        yield
    except ConfirmFirst:
        raise
    except NotAllowed as refusal:
        if seen is None or seen >= access_request.revision:
            raise
        raise WrongState(f"It was changed since you looked. {refusal}") from refusal


def _said(done: AccessRequest) -> str:
    if done.is_undecided:
        return f"You approved {done.reference}. It needs more approvals before it opens."
    return f"{done.reference} was approved."


def _kept(request: HttpRequest, access_request: AccessRequest) -> Mapping[str, Any] | None:
    """The approval that waits, as long as it is for what the request still is."""
    kept = request.session.get(DECIDING)
    if not isinstance(kept, dict) or kept.get("pk") != access_request.pk:
        return None
    return kept if kept.get("terms_digest") == access_request.terms_digest else None
