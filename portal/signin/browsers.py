"""Where one is signed in, and ending it; for administrators, where somebody else is."""

from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from access import policy
from access.forms.plain import PlainForm
from access.models import Person
from access.services.submit import REASON_LIMIT
from access.services.tokens import live
from access.views.problems import accepted, mapped
from access.views.who import signed_in
from portal.signin import ending, limits
from portal.signin.browsing import browser_named, browsers_of

MINE = "ended from another browser"


class SignOutForm(PlainForm):
    reason = forms.CharField(
        max_length=REASON_LIMIT,
        error_messages={"required": "Say why. Whoever is signed out will want to know."},
    )


@require_safe
@signed_in
def mine(request: HttpRequest, person: Person) -> HttpResponse:
    lines = browsers_of(person, timezone.now(), here=_here(request))
    context = {"lines": lines, "idle": limits.idle().total_seconds() // 60}
    return render(request, "signin/browsers.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def end(request: HttpRequest, person: Person, handle: str) -> HttpResponse:
    line = browser_named(handle, person, timezone.now(), here=_here(request))
    if line is None:
        raise Http404
    if request.method != "POST":
        return render(request, "signin/browser_end.html", {"line": line})
    ending.end_one(line.row, by=person, why=MINE)
    if line.here:
        logout(request)
        return redirect("sign-in")
    messages.success(request, f"{line.device} is signed out.")
    return redirect("browsers")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def end_others(request: HttpRequest, person: Person) -> HttpResponse:
    lines = browsers_of(person, timezone.now(), here=_here(request))
    others = [line for line in lines if not line.here]
    if request.method != "POST":
        return render(request, "signin/browsers_end.html", {"lines": others})
    ended = ending.end_all(person, by=person, why=MINE, but=_here(request))
    messages.success(request, f"Signed out elsewhere: {ended}." if ended else "It was only here.")
    return redirect("browsers")


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@signed_in
def of_person(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    """For whom the page of people does not exist, neither does this."""
    if not policy.may_see_people(person):
        raise Http404
    whose = get_object_or_404(Person, pk=pk)
    form = SignOutForm(request.POST if request.method == "POST" else None)
    if request.method != "POST":
        policy.check_may_end_sessions(whose, person)
        return _page_of(request, whose, form)
    done = accepted(
        form,
        lambda: ending.sign_out_everywhere(whose, by=person, reason=form.cleaned_data["reason"]),
    )
    if done is None:
        return _page_of(request, whose, form)
    if whose.pk == person.pk:
        logout(request)
        return redirect("sign-in")
    messages.success(request, f"{whose.display_name} is signed out everywhere ({done}).")
    return redirect("people")


def _page_of(request: HttpRequest, whose: Person, form: SignOutForm) -> HttpResponse:
    now = timezone.now()
    lines = browsers_of(whose, now, here=_here(request))
    context = {"whose": whose, "lines": lines, "tokens": live(whose, now), "form": form}
    status = 400 if form.is_bound and form.errors else 200
    return render(request, "signin/browsers_of_person.html", context, status=status)


def _here(request: HttpRequest) -> str:
    row = request.session.row  # type: ignore[attr-defined] # of portal.signin.sessions
    return row.pk if row else ""
