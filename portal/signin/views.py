"""Signing in and out. The demo's sign-in does not exist unless the settings say so."""

from django.conf import settings
from django.contrib.auth import logout
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from access import ledger
from access.models import Person, Role
from access.views.paths import safe_next
from portal.signin.beginning import begin
from portal.signin.entra.config import configured
from portal.signin.entra.keeping import is_entras
from portal.signin.entra.leaving import farewell
from portal.signin.limits import words_of

DEMO_TENANT = "demo"
CLEAR = '"cache", "cookies", "storage"'  # what a browser is to forget of this site
MAY = {
    Role.ENGINEER: "asks for access",
    Role.APPROVER: "approves what others ask for",
    Role.ADMIN: "sees everything and can end any access",
    Role.AUDITOR: "reads everything, the ledger included",
}


@require_safe
def sign_in(request: HttpRequest) -> HttpResponse:
    after = safe_next(request, request.GET.get("next", ""))
    if request.user.is_authenticated:
        return redirect(after)
    people = [(person, _may(person)) for person in _demo_people()]
    context = {
        "people": people,
        "next": after,
        "demo": settings.ACCESS_DEMO_SIGN_IN,
        "entra": configured(),
        "ended": words_of(request.GET.get("ended", "")),
        "unsent": "unsent" in request.GET,
    }
    return render(request, "signin/sign_in.html", context)


@require_POST
def demo_sign_in(request: HttpRequest) -> HttpResponse:
    """One click, no credential: for trying the product with simulated Azure only."""
    if not settings.ACCESS_DEMO_SIGN_IN:
        raise Http404
    chosen = request.POST.get("person", "").replace("\0", "")
    person = get_object_or_404(Person, tenant_id=DEMO_TENANT, object_id=chosen, is_active=True)
    with transaction.atomic():
        begin(request, person, how="demo")
        ledger.record("person.signed_in", by=person, data={"how": "demo"})
    return redirect(safe_next(request, request.POST.get("next", "")))


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Here, then at Entra, if that is where the person signed in. By a page that leads there and
    no redirect: the pages' policy lets no form lead to another site, by redirects either."""
    person = request.user if isinstance(request.user, Person) else None
    at_entra = farewell() if is_entras(request.session) else ""
    with transaction.atomic():
        logout(request)  # the session's row before the ledger's head, as whoever ends sessions
        if person is not None:
            ledger.record("person.signed_out", by=person)
    answer: HttpResponse = redirect("sign-in")
    if at_entra:
        answer = render(request, "signin/signed_out.html", {"at_entra": at_entra})
        answer["Refresh"] = f"0; url={at_entra}"
    answer["Clear-Site-Data"] = CLEAR
    return answer


@require_safe
def signed_out(request: HttpRequest) -> HttpResponse:
    """Where Entra leads back to."""
    return render(request, "signin/signed_out.html", {})


def _demo_people() -> list[Person]:
    if not settings.ACCESS_DEMO_SIGN_IN:
        return []
    people = Person.objects.filter(tenant_id=DEMO_TENANT, is_active=True)
    return list(people.prefetch_related("roles").order_by("pk"))


def _may(person: Person) -> list[tuple[str, str]]:
    """(role, what it can do), from the rows that were read with the person."""
    held = {row.role for row in person.roles.all()}
    return [(role.label, MAY[role]) for role in Role if role.value in held]
