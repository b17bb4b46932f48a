"""Asking that a vendor's person be let in: one page, from who it is to the mail they will get."""

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from access import policy
from access.models import Person
from access.presenters.ways import Way, possible
from access.views.asking import (
    Asking,
    AskingPage,
    Typed,
    first_terms,
    former_of,
    preview_of,
    window_of,
)
from access.views.numbers import number_in
from access.views.preflight import asked_machines
from access.views.problems import mapped
from access.views.who import opens, signed_in
from links.sponsoring.forms.invite import DUTIES, InviteForm
from links.sponsoring.presenters.invite import (
    alias_for,
    as_contact,
    as_former,
    check_of,
    contact_choices,
    letter_for,
)


class InvitePage(AskingPage[InviteForm]):
    name = "vendor-invite"
    template = "links/invite.html"
    form_class = InviteForm

    def way(self, asking: Asking, typed: Typed) -> Way | None:  # noqa: ARG002
        """There is one link to a machine, and one way to several."""
        return next(iter(possible(asking.ways)), None)

    def form(
        self, asking: Asking, data: QueryDict | None = None, initial: Any = None
    ) -> InviteForm:
        return InviteForm(data, initial=initial, **asking.terms)

    def first(self, request: HttpRequest, asking: Asking) -> dict[str, Any]:
        former = former_of(request, asking)
        return {
            "vendor_alias": alias_for(asking.machines),
            "vendor_language": "en",
            "vendor_zone": asking.person.zone,
            **first_terms(asking, former),
            **(as_former(former) if former else {}),
            **as_contact(number_in(request.GET.get("contact", ""))),
        }

    def kept(self, sent: QueryDict) -> dict[str, Any]:
        """Where a kept contact is chosen, they are who it is for."""
        chosen = sent.get("contact", "") if sent.get("update") == "contact" else ""
        return {**super().kept(sent), **as_contact(number_in(chosen))}

    def more(self, asking: Asking, form: InviteForm, way: Way | None) -> dict[str, Any]:
        beside = _beside(asking, way, form.data or form.initial)
        return {**beside, "contacts": contact_choices(asking.person), "duties": DUTIES}


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@opens
@signed_in
def invite(request: HttpRequest, person: Person) -> HttpResponse:
    return InvitePage().answer(request, person)


@require_POST
@mapped
@signed_in
def letter(request: HttpRequest, person: Person) -> HttpResponse:
    """What they would be mailed and what would happen to it, while the form is being filled. By
    POST, so that nobody's address stands in a log; nothing is kept."""
    policy.check_may_request(person)
    machines = asked_machines(request.POST)
    if not machines:
        return HttpResponse(status=204)
    page = InvitePage()
    asking = page.asking(person, machines, request.POST)
    way = page.way(asking, request.POST)
    context = {
        **preview_of(asking, way, request.POST),
        **_beside(asking, way, request.POST),
        "swapping": True,
    }
    return render(request, "links/parts/letter_live.html", context)


def _beside(asking: Asking, way: Way | None, typed: Typed) -> dict[str, Any]:
    """What follows from what was typed."""
    start, minutes = window_of(asking, typed)
    return {
        "way": way,
        "check": check_of(typed),
        "letter": letter_for(asking.person, asking.machines, start, minutes, typed),
        "letter_language": str(typed.get("vendor_language") or "en"),
    }
