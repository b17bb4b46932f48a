"""Logins to be changed after a vendor's access, and those that were."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from access import policy
from access.models import Person
from access.views.pages import page_of
from access.views.problems import accepted, mapped, told_if_sent
from access.views.who import signed_in
from links.models import Rotation
from links.sponsoring import rotations
from links.sponsoring.forms.visits import DoneForm
from links.sponsoring.presenters.visit_panel import login_line

MOST_OWED = 100
RELATED = ("machine", "access_request__requester", "access_request__invitation", "done_by")


@require_safe
@signed_in
def logins(request: HttpRequest, person: Person) -> HttpResponse:
    now, groups = timezone.now(), rotations.groups_of(person)
    rows = rotations.visible_rotations(person, groups).select_related(*RELATED)
    owed = rows.filter(done_at__isnull=True).order_by("due_at", "pk")[:MOST_OWED]
    page = page_of(request, rows.filter(done_at__isnull=False), ordering=("-done_at", "-id"))
    context = {
        "owed": [login_line(row, person, groups, now) for row in owed],
        "done": [login_line(row, person, groups, now) for row in page.rows],
        "page": page,
        "sees_all": policy.oversees(person),
        "now": now,
    }
    return render(request, "links/rotations.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@signed_in
def done(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    groups = rotations.groups_of(person)
    rows = rotations.visible_rotations(person, groups).select_related(*RELATED)
    row = get_object_or_404(rows, pk=pk)
    asked = row.access_request
    with told_if_sent(request, "rotation.done", by=person, reference=asked.reference):
        policy.check_may_tick_off(asked, person, owns=row.machine.owner in groups)
    if request.method != "POST":
        return _page(request, person, row, DoneForm())
    form = DoneForm(request.POST)
    ticked = accepted(form, lambda: rotations.done(row, by=person, **form.cleaned_data))
    if ticked is None:
        return _page(request, person, row, form, status=400)
    messages.success(request, f"The login on {row.machine.name} is ticked off.")
    return redirect("rotations")


def _page(
    request: HttpRequest, person: Person, row: Rotation, form: DoneForm, *, status: int = 200
) -> HttpResponse:
    """Who owns the machine need not be one for whom the request exists."""
    asked = row.access_request
    sees_it = policy.oversees(person) or asked.requester_id == person.pk
    context = {"row": row, "asked": asked, "sees_it": sees_it, "form": form}
    return render(request, "links/rotation_done.html", context, status=status)
