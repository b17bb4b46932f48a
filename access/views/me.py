"""What people set for themselves: their time zone, their mail, and light or dark."""

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from access.delivery.showing import line_for
from access.forms.me import MeForm
from access.forms.notices import NoticeForm
from access.models import Notice, Person
from access.presenters.tokens import lines_for
from access.views.paths import safe_next
from access.views.who import signed_in

THEMES = {"light": "Light", "dark": "Dark", "system": "As the device"}
LAST = 5  # notices that a person is shown again
A_YEAR = 365 * 24 * 3600


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def me(request: HttpRequest, person: Person) -> HttpResponse:
    form = MeForm(request.POST) if request.method == "POST" else MeForm.of(person)
    if request.method == "POST" and form.is_valid():
        _save(person, form.cleaned_data["zone"])
        messages.success(request, "Saved.")
        return redirect("settings")
    last = Notice.objects.filter(person=person).select_related("person", "endpoint")
    told = [line_for(notice, person, may_retry=False) for notice in last.order_by("-pk")[:LAST]]
    context = {
        "form": form,
        "themes": THEMES,
        "notice_form": NoticeForm.of(person),
        "told": told,
        "tokens": lines_for(person, timezone.now()),
    }
    return render(request, "access/me.html", context, status=400 if form.errors else 200)


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Kept in a cookie, because it belongs to the screen and not to the person."""
    chosen = request.POST.get("theme", "")
    response = redirect(safe_next(request, request.POST.get("next", "")))
    if chosen in THEMES:
        response.set_cookie(
            settings.THEME_COOKIE_NAME, chosen, max_age=A_YEAR, samesite="Lax",
            secure=request.is_secure(), httponly=True,
        )  # fmt: skip
    return response


def _save(person: Person, zone: str) -> None:
    with transaction.atomic():
        Person.objects.filter(pk=person.pk).update(zone=zone)
