"""Letting a program without a browser act in one's name: the page under which its code is typed.

Whoever is led here may be led by somebody else. So nothing happens by opening the address, and the
page says who asks before it lets anything be answered.
"""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from access import policy
from access.forms.tokens import DeviceForm
from access.models import DeviceSignIn, Person, Scope
from access.origin import address_of
from access.services import devices as service
from access.views.problems import mapped
from access.views.who import opens, signed_in

UNKNOWN = (
    "No program waits under this code. A code lasts ten minutes and works once. Start again in the "
    "program for a new one."
)
ALLOWED = (
    "Allowed. Go back to the program: it goes on by itself. It is one of your personal tokens now, "
    "and can be revoked there."
)


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@opens
@signed_in
def device(request: HttpRequest, person: Person) -> HttpResponse:
    """``code`` is looked up on GET; POST answers with ``answer`` ``allow`` or ``refuse``."""
    policy.check_may_make_token(person)
    sent = request.POST if request.method == "POST" else request.GET
    if "code" not in sent:
        return _page(request, DeviceForm())
    form = DeviceForm(sent)
    found = _found(request, person, form)
    if found is None:
        return _page(request, form)
    if request.method == "POST" and sent.get("answer") in ("allow", "refuse"):
        return _answer(request, person, found, str(sent["answer"]))
    return _page(request, form, found)


def _found(request: HttpRequest, person: Person, form: DeviceForm) -> DeviceSignIn | None:
    if not form.is_valid():
        return None
    try:
        code = form.cleaned_data["code"]
        found = service.find(code, by=person, address=address_of(request))
    except service.TooManyTries as refusal:
        form.add_error("code", str(refusal))
        return None
    if found is None:
        form.add_error("code", UNKNOWN)
    return found


def _answer(request: HttpRequest, person: Person, found: DeviceSignIn, answer: str) -> HttpResponse:
    if answer == "allow":
        service.allow(found, by=person)
        messages.success(request, ALLOWED)
    else:
        service.refuse(found, by=person)
        messages.success(request, "Refused. The program gets nothing.")
    return redirect("settings")


def _page(
    request: HttpRequest, form: DeviceForm, found: DeviceSignIn | None = None
) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "found": found}
    if found is not None:
        context |= {
            "code": service.plain_code(form.cleaned_data["code"]),
            "scopes": [Scope(scope).label for scope in found.scopes],
            "hours": int(service.TOKEN_LASTS.total_seconds() // 3600),
            "from_here": found.asked_from == address_of(request),
            "now": timezone.now(),
        }
    status = 400 if form.errors else 200
    return render(request, "access/device.html", context, status=status)
