"""Signing in and out. The demo's sign-in does not exist unless the settings say so."""

from django.conf import settings
from django.contrib.auth import login, logout
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from access import ledger
from access.models import Person, Role

DEMO_TENANT = "demo"
BACKEND = "portal.signin.backend.VouchedFor"
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
    context = {"people": people, "next": after, "demo": settings.ACCESS_DEMO_SIGN_IN}
    return render(request, "signin/sign_in.html", context)


@require_POST
def demo_sign_in(request: HttpRequest) -> HttpResponse:
    """One click, no credential: for trying the product with simulated Azure only."""
    if not settings.ACCESS_DEMO_SIGN_IN:
        raise Http404
    chosen = request.POST.get("person", "").replace("\0", "")
    person = get_object_or_404(Person, tenant_id=DEMO_TENANT, object_id=chosen, is_active=True)
    with transaction.atomic():
        login(request, person, backend=BACKEND)
        ledger.record("person.signed_in", by=person, data={"how": "demo"})
    return redirect(safe_next(request, request.POST.get("next", "")))


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    person = request.user
    with transaction.atomic():
        if isinstance(person, Person):
            ledger.record("person.signed_out", by=person)
        logout(request)
    return redirect("sign-in")


def _demo_people() -> list[Person]:
    if not settings.ACCESS_DEMO_SIGN_IN:
        return []
    people = Person.objects.filter(tenant_id=DEMO_TENANT, is_active=True)
    return list(people.prefetch_related("roles").order_by("pk"))


def _may(person: Person) -> list[tuple[str, str]]:
    """(role, what it can do), from the rows that were read with the person."""
    held = {row.role for row in person.roles.all()}
    return [(role.label, MAY[role]) for role in Role if role.value in held]


def safe_next(request: HttpRequest, wanted: str) -> str:
    """A path of this site, else home: a link from elsewhere must not choose where people land."""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    return wanted if safe and wanted.startswith("/") else reverse("home")
