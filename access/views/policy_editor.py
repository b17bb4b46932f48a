"""Writing a policy and proposing it. Nothing that was typed is ever lost: whatever is wrong, the
text comes back with the reasons."""

from itertools import pairwise
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from access import policy
from access.errors import WrongState
from access.forms.policies import BIGGEST_NUMBER, ProposeForm
from access.models import Person, PolicyState, PolicyVersion
from access.presenters.policies import (
    Edition,
    SourceLine,
    edition_in_force,
    edition_of,
    numbered,
)
from access.presenters.policy_effect import DAYS, effect_of
from access.rules.document import Policy, parse
from access.rules.problems import BadPolicy
from access.services import policies as services
from access.views.numbers import number_in
from access.views.policies import compared
from access.views.problems import accepted, mapped
from access.views.who import opens, signed_in

AROUND = 2  # lines shown before and after one that is wrong
GAP = SourceLine(0, "")


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@opens
@signed_in
def propose(request: HttpRequest, person: Person) -> HttpResponse:
    if not policy.may_see_policies(person):
        raise Http404
    if request.method != "POST":
        policy.check_may_propose_policy(person)
        return _page(request, _first(request))
    form = ProposeForm(request.POST)
    if "check" in request.POST:
        policy.check_may_propose_policy(person)
        return _checked(request, form)
    try:
        made = accepted(form, lambda: services.propose(by=person, **form.cleaned_data))
    except WrongState as moved:
        return _page(request, form, banner=str(moved), status=409)
    if made is None:
        return _page(request, form, status=400)
    messages.success(request, f"Version {made.number} waits for a second administrator.")
    return redirect("policy-version", made.number)


def _first(request: HttpRequest) -> ProposeForm:
    """From the policy in force, or from the version that the address names."""
    in_force, wanted = edition_in_force(), request.GET.get("from", "")
    given = number_in(wanted)
    start = edition_of(in_force.number if given is None else min(given, BIGGEST_NUMBER))
    if start is None:
        raise Http404
    return ProposeForm(initial={"source": start.source, "based_on": in_force.number})


def _checked(request: HttpRequest, form: ProposeForm) -> HttpResponse:
    """Reads the text and tells what it would change; the note may still be missing."""
    form.is_valid()
    source = form.cleaned_data.get("source", "")
    if "source" in form.errors:
        return _page(request, form, status=400)
    try:
        read = parse(source)
    except BadPolicy as bad:
        form.take({"source": "\n".join(bad.problems)})
        return _page(request, form, status=400)
    in_force = edition_in_force()
    new = _draft(in_force, read, source)
    effect = effect_of(in_force.as_in_force, new.as_in_force, timezone.now())
    context = {"checked": True, "effect": effect, "days": DAYS, **compared(in_force, new)}
    return _page(request, form, **context)


def _page(
    request: HttpRequest, form: ProposeForm, *, banner: str = "", status: int = 200, **more: Any
) -> HttpResponse:
    """After a conflict the text is compared with what is in force now, and sending it once more is
    meant so."""
    in_force = edition_in_force()
    based_on = str(form["based_on"].value() or 0)
    stale = based_on != str(in_force.number)
    if banner and stale:
        more |= _against(in_force, str(form["source"].value() or ""))
        based_on = str(in_force.number)
    context = {
        "form": form,
        "banner": banner,
        "in_force": in_force,
        "based_on": based_on,
        "stale": stale and not banner,
        "waiting": PolicyVersion.objects.filter(state=PolicyState.PROPOSED).first(),
        "excerpt": _excerpt(form),
        **more,
    }
    return render(request, "access/policy_edit.html", context, status=status)


def _draft(in_force: Edition, read: Policy, source: str) -> Edition:
    """What is being written, as if it were a version."""
    return Edition(in_force.number, read, source, in_force.status, called="Your text")


def _against(in_force: Edition, source: str) -> dict[str, Any]:
    try:
        return {"checked": True, **compared(in_force, _draft(in_force, parse(source), source))}
    except (BadPolicy, WrongState):
        return {}


def _excerpt(form: ProposeForm) -> list[SourceLine]:
    """The lines that are wrong, and some around each."""
    wrong = form.places()
    if not wrong:
        return []
    near = {line + step for line, _ in wrong for step in range(-AROUND, AROUND + 1)}
    lines = numbered(str(form["source"].value() or ""), wrong)
    shown = [line for line in lines if line.number in near]
    found = shown[:1]
    for before, line in pairwise(shown):
        found += [line] if line.number == before.number + 1 else [GAP, line]
    return found
