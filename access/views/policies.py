"""The policy's versions: seen by administrators and auditors, decided on by administrators. For
others they do not exist."""

from typing import Any

from django.contrib import messages
from django.db.models import Case, Value, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from access import policy
from access.forms.policies import BIGGEST_NUMBER, DecidePolicyForm
from access.models import Person, PolicyState, PolicyVersion
from access.presenters.differences import MOST_ROWS, Row, beside
from access.presenters.policies import (
    Edition,
    edition_in_force,
    edition_of,
    name_of,
    numbered,
    status_of,
    why_not_decide,
)
from access.presenters.policy_changes import changes_between
from access.presenters.policy_effect import DAYS, effect_of
from access.presenters.rules import summary_of
from access.services import policies as services
from access.views.numbers import number_in
from access.views.pages import page_of
from access.views.problems import accepted, mapped, mapped_onto
from access.views.who import opens, signed_in

MOST_COMPARED = 200  # versions that a page offers to compare with


@require_safe
@signed_in
def policies(request: HttpRequest, person: Person) -> HttpResponse:
    """What waits and what is in force are on top."""
    _check_sees(person)
    order = [When(state=PolicyState.PROPOSED, then=Value(0))]
    order += [When(state=PolicyState.ACTIVE, then=Value(1))]
    rows = PolicyVersion.objects.defer("source", "document")
    rows = rows.select_related("proposed_by", "decided_by")
    rows = rows.annotate(over=Case(*order, default=Value(2)))
    page = page_of(request, rows, ordering=("over", "-number"))
    context = {
        "page": page,
        "lines": [(version, status_of(version)) for version in page.rows],
        "active": any(version.state == PolicyState.ACTIVE for version in page.rows),
        "first": "cursor" not in request.GET,
        "may_propose": policy.may_propose_policy(person),
    }
    return render(request, "access/policies.html", context)


@require_safe
@mapped
@signed_in
def version(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    _check_sees(person)
    return _page(request, person, number)


@require_safe
@mapped
@signed_in
def difference(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    """Of a version to any other: ``?with=7``, where 0 is the built-in policy."""
    _check_sees(person)
    one, other = _found(number), _found(_number(request.GET.get("with", "")))
    context = {"edition": one, "others": _others(one), **compared(other, one)}
    return render(request, "access/policy_difference.html", context)


@require_safe
@signed_in
def export(_request: HttpRequest, person: Person, number: int) -> HttpResponse:
    """The text as it was written."""
    _check_sees(person)
    found = _found(number)
    response = HttpResponse(found.source, content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="access-policy-{found.number}.yaml"'
    return response


def fresh(request: HttpRequest, *, number: int, banner: str, status: int) -> HttpResponse:
    """The version as it is now, above it what could not be done."""
    return _shown(request, number, banner=banner, status=status)


@signed_in
def _shown(
    request: HttpRequest, person: Person, number: int, banner: str, status: int
) -> HttpResponse:
    _check_sees(person)
    return _page(request, person, number, banner=banner, status=status)


@require_POST
@mapped_onto(fresh)
@opens
@signed_in
def put_in_force(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    _check_sees(person)
    found, form = _found_version(number), DecidePolicyForm(request.POST)
    done = accepted(form, lambda: services.put_in_force(found, by=person, **form.cleaned_data))
    if done is None:
        return _page(request, person, number, form=form)
    messages.success(request, f"Version {done.number} is in force for what is asked from now on.")
    return redirect("policy-version", done.number)


@require_POST
@mapped_onto(fresh)
@signed_in
def reject(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    _check_sees(person)
    found, form = _found_version(number), DecidePolicyForm(request.POST)
    done = accepted(
        form, lambda: services.reject(found, by=person, comment=form.cleaned_data["comment"])
    )
    if done is None:
        return _page(request, person, number, form=form)
    messages.success(request, f"Version {done.number} was rejected. Nothing changes.")
    return redirect("policy-version", done.number)


@require_POST
@mapped_onto(fresh)
@signed_in
def withdraw(request: HttpRequest, person: Person, number: int) -> HttpResponse:
    _check_sees(person)
    done = services.withdraw(_found_version(number), by=person)
    messages.success(request, f"Version {done.number} was withdrawn. Nothing changes.")
    return redirect("policy-version", done.number)


def _page(
    request: HttpRequest,
    person: Person,
    number: int,
    *,
    form: DecidePolicyForm | None = None,
    banner: str = "",
    status: int = 200,
) -> HttpResponse:
    found, in_force = _found(number), edition_in_force()
    row = found.version
    form = form or DecidePolicyForm(initial={"digest": row.digest if row else ""})
    context: dict[str, Any] = {
        "edition": found,
        "in_force": in_force,
        "is_in_force": found.number == in_force.number,
        "form": form,
        "banner": banner,
        "summary": summary_of(found.policy) if found.policy else None,
        "lines": numbered(found.source),
        "others": _others(found),
        "may_propose": policy.may_propose_policy(person),
    }
    if row is not None and row.state == PolicyState.PROPOSED:
        context |= _for_decision(person, row, found, in_force)
    return render(
        request, "access/policy_version.html", context, status=400 if form.errors else status
    )


def _for_decision(
    person: Person, row: PolicyVersion, found: Edition, in_force: Edition
) -> dict[str, Any]:
    return {
        "deciding": True,
        "is_stale": row.based_on != in_force.number,
        "is_mine": row.proposed_by_id == person.pk,
        "why_not": why_not_decide(row, person),
        **(_weighed(in_force, found) if found.policy else {}),
    }


def _weighed(in_force: Edition, found: Edition) -> dict[str, Any]:
    """What changes, and what that would mean."""
    effect = effect_of(in_force.as_in_force, found.as_in_force, timezone.now())
    return {"effect": effect, "days": DAYS, **compared(in_force, found)}


def compared(old: Edition, new: Edition) -> dict[str, Any]:
    """What a page shows of the difference between two."""
    rows, too_long = _rows(old, new)
    changes = changes_between(old.readable, new.readable)
    return {
        "old": old,
        "new": new,
        "rows": rows[:MOST_ROWS],
        "rows_cut": max(0, len(rows) - MOST_ROWS),
        "too_long": too_long,
        "changes": changes,
    }


def _rows(old: Edition, new: Edition) -> tuple[list[Row], str]:
    try:
        return beside(old.source, new.source), ""
    except ValueError as too_long:
        return [], str(too_long)


def _others(found: Edition) -> list[tuple[int, str]]:
    """Versions that this one may be compared with, the newest first."""
    rows = PolicyVersion.objects.exclude(number=found.number).order_by("-number")
    numbers = [*rows.values_list("number", flat=True)[:MOST_COMPARED]]
    numbers += [0] if found.number else []
    return [(number, name_of(number)) for number in numbers]


def _check_sees(person: Person) -> None:
    if not policy.may_see_policies(person):
        raise Http404


def _found(number: int) -> Edition:
    found = edition_of(min(number, BIGGEST_NUMBER))
    if found is None:
        raise Http404
    return found


def _found_version(number: int) -> PolicyVersion:
    version = PolicyVersion.objects.filter(number=min(number, BIGGEST_NUMBER)).first()
    if version is None:
        raise Http404
    return version


def _number(sent: str) -> int:
    number = number_in(sent)
    if number is None:
        raise Http404
    return min(number, BIGGEST_NUMBER)
