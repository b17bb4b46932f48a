"""Getting in: the panel of the request page, and the scripts that can be saved from it."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from access import policy
from access.forms.me import ConnectForm
from access.models import Person
from access.presenters.connect import commands_of, connections_for, query_of
from access.presenters.requests import RequestPage
from access.views.who import signed_in

# Windows PowerShell reads a file without a mark in the device's old code page.
ENCODINGS = {"bash": "utf-8", "powershell": "utf-8-sig"}


def panel(request: HttpRequest, person: Person, page: RequestPage) -> dict[str, Any]:
    """What parts/connect.html shows. The address carries what people changed in it."""
    form = ConnectForm(request.GET)
    wishes = form.wishes()
    connections = connections_for(page.open_lines, person, wishes) if page.is_mine else []
    return {"connections": connections, "connect_form": form, "wishes": query_of(wishes)}


@require_safe
@signed_in
def script(request: HttpRequest, person: Person, pk: int, language: str) -> HttpResponse:
    """As a file to save, for the owner while it is open; for everybody else it does not exist."""
    related = ("machine__bastion", "end_order", "access_request")
    grant = get_object_or_404(policy.visible_grants(person).select_related(*related), pk=pk)
    commands = commands_of(grant, person, ConnectForm(request.GET).wishes())
    found = next((each for each in commands if each.filename and each.language == language), None)
    if found is None:
        raise Http404
    body = found.text.encode(ENCODINGS.get(language, "utf-8"))
    response = HttpResponse(body, content_type="text/plain; charset=utf-8")
    disposition = content_disposition_header(as_attachment=True, filename=found.filename)
    response.headers["Content-Disposition"] = disposition or "attachment"
    response.headers["Cache-Control"] = "no-store, private"
    return response
