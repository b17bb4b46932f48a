"""What the person who asked can still do: take it back, change it, ask for more time."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from access import policy, services
from access.errors import WrongState
from access.forms.asking import CUSTOM, LONGEST_TYPED, PRESETS
from access.forms.deciding import ChangeForm, ExtendForm
from access.forms.plain import LATER, NOW
from access.models import AccessRequest, Person
from access.presenters.asks import ticket_words
from access.presenters.moments import duration
from access.presenters.more_time import MoreTime, more_time_for
from access.presenters.requests import row_for
from access.presenters.ways import is_for_vendor
from access.states import RequestState
from access.views.numbers import number_in
from access.views.problems import accepted, mapped, mapped_onto, told_if_sent
from access.views.requests import request_page, visible
from access.views.who import opens, signed_in


@signed_in
def _shown(request: HttpRequest, person: Person, pk: int, banner: str, status: int) -> HttpResponse:
    return request_page(request, person, pk, banner=banner, status=status)


def fresh(request: HttpRequest, *, pk: int, banner: str, status: int) -> HttpResponse:
    """The request as it is now, above it what could not be done."""
    return _shown(request, pk, banner=banner, status=status)


@require_POST
@mapped_onto(fresh)
@signed_in
def withdraw(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    done = services.withdraw(visible(person, pk), by=person)
    messages.success(request, f"{done.reference} was withdrawn.")
    return redirect("request", done.reference)


@require_http_methods(["GET", "HEAD", "POST"])
@mapped_onto(fresh)
@opens
@signed_in
def change(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    asked = visible(person, pk)
    with told_if_sent(request, "request.change", by=person, reference=asked.reference):
        policy.check_may_change(asked, person)
    if request.method != "POST":
        if asked.state != RequestState.PENDING:
            raise WrongState(f"{asked.reference} can no longer be changed.")
        return _change_page(request, asked, _change_form(asked, person))
    form = _change_form(asked, person, request.POST)
    done = accepted(form, lambda: _change(asked, person, form))
    if done is None:
        return _change_page(request, asked, form)
    messages.success(request, f"{done.reference} was changed.")
    return redirect("request", done.reference)


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@opens
@signed_in
def extend(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    """Of more time on top of more time, the first request is the one that is lengthened."""
    parent = visible(person, pk)
    with told_if_sent(request, "request.extend", by=person, reference=parent.reference):
        policy.check_may_extend(parent, person)
    root = visible(person, parent.extends_id) if parent.extends_id else parent
    if request.method == "POST" and "update" not in request.POST:
        return _extend(request, person, root)
    more = more_time_for(root, person, timezone.now(), minutes=_typed_minutes(request))
    form = _extend_form(more, person, initial=_first(request, more))
    return _extend_page(request, more, form)


def _change(asked: AccessRequest, person: Person, form: ChangeForm) -> AccessRequest:
    revision = form.cleaned_data["revision"]
    return services.change(asked, form.words(), by=person, revision=revision)


def _change_form(asked: AccessRequest, person: Person, data: Any = None) -> ChangeForm:
    longest = asked.judgement.max_minutes
    bears = [minutes for minutes in PRESETS if minutes <= longest]
    usual = asked.duration_minutes in bears
    start = asked.asked_start
    return ChangeForm(
        data,
        lengths=[(str(minutes), duration(minutes)) for minutes in bears],
        zone=person.tz,
        initial={
            "revision": asked.revision,
            "minutes": str(asked.duration_minutes) if usual else CUSTOM,
            "custom_minutes": None if usual else asked.duration_minutes,
            "when": LATER if start else NOW,
            "start": start.astimezone(person.tz).strftime("%Y-%m-%dT%H:%M") if start else "",
            "reason": asked.reason,
            "ticket": asked.ticket,
        },
    )


def _change_page(request: HttpRequest, asked: AccessRequest, form: ChangeForm) -> HttpResponse:
    now = timezone.now()
    context = {
        "asked": asked,
        "row": row_for(asked, now),
        "form": form,
        "for_vendor": is_for_vendor(asked.kind),
        "given": sum(1 for each in asked.decisions.all() if each.dismissed_at is None),
        "outlook": {"judgement": asked.judgement},
        "ticket_hint": ticket_words(asked.judgement),
        "longest": asked.judgement.max_minutes,
        "now": now,
    }
    return render(request, "access/change.html", context, status=400 if form.errors else 200)


def _extend(request: HttpRequest, person: Person, root: AccessRequest) -> HttpResponse:
    more = more_time_for(root, person, timezone.now(), minutes=_typed_minutes(request))
    form = _extend_form(more, person, data=request.POST)
    made = accepted(form, lambda: _ask(root, person, form))
    if made is None:
        return _extend_page(request, more, form)
    what = "asks for more time"
    if made.state == RequestState.APPROVED:
        what = "gives more time: the policy approved it at once"
    messages.success(request, f"{made.reference} {what}. What is open stays open.")
    return redirect("request", made.reference)


def _ask(root: AccessRequest, person: Person, form: ExtendForm) -> AccessRequest:
    sent = form.cleaned_data
    return services.extend(
        root,
        minutes=sent["length"],
        reason=sent["reason"],
        key=sent["key"],
        by=person,
        ticket=sent["ticket"],
    )


def _extend_form(
    more: MoreTime, person: Person, *, data: Any = None, initial: Any = None
) -> ExtendForm:
    lengths = [(str(minutes), duration(minutes)) for minutes in more.lengths(PRESETS)]
    return ExtendForm(data, lengths=lengths, zone=person.tz, initial=initial)


def _first(request: HttpRequest, more: MoreTime) -> dict[str, Any]:
    """What the first request said, or what was typed before the preview was made anew."""
    lengths = more.lengths(PRESETS)
    first = {
        "key": str(uuid.uuid4()),
        "minutes": str(lengths[0]) if lengths else CUSTOM,
        "custom_minutes": None if lengths else more.longest,
        "reason": more.root.reason,
        "ticket": more.root.ticket,
    }
    return {name: request.POST.get(name, value) for name, value in first.items()}


def _typed_minutes(request: HttpRequest) -> int:
    chosen = request.POST.get("minutes", "")
    typed = request.POST.get("custom_minutes", "") if chosen == CUSTOM else chosen
    return min(number_in(typed) or PRESETS[0], LONGEST_TYPED)


def _extend_page(request: HttpRequest, more: MoreTime, form: ExtendForm) -> HttpResponse:
    outlook = more.outlook
    context = {
        "more": more,
        "row": row_for(more.root, timezone.now()),
        "form": form,
        "longest": more.longest,
        "outlook": outlook,
        "ticket_hint": ticket_words(outlook.judgement) if outlook else "",
    }
    return render(request, "access/extend.html", context, status=400 if form.errors else 200)
