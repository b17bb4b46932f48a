"""People: who may do what, and what policies call them. For administrators and auditors; for
others it does not exist. Nothing is changed here: roles come from the directory."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from access import policy, ruling
from access.models import Person, Role
from access.presenters.people import LONGEST_SEARCH, lines_of, people_like
from access.presenters.policies import words_of
from access.views.pages import page_of
from access.views.who import signed_in


@require_safe
@signed_in
def people(request: HttpRequest, person: Person) -> HttpResponse:
    if not policy.may_see_people(person):
        raise Http404
    typed = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST_SEARCH]
    role = request.GET.get("role", "")
    role = role if role in Role.values else ""
    rows = Person.objects.select_related("manager").prefetch_related("roles")
    rows = rows.filter(roles__role=role) if role else rows
    page = page_of(request, people_like(rows, typed), ordering=("display_name", "id"))
    in_force = ruling.policy_in_force()
    context = {
        "typed": typed,
        "role": role,
        "roles": Role.choices,
        "page": page,
        "lines": lines_of(page.rows, in_force.policy, timezone.now()),
        "in_force": in_force.number,
        "in_force_words": words_of(in_force.number),
    }
    return render(request, "access/people.html", context)
