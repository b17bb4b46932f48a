"""Denying several requests with one reason. Nothing else is ever done to several at once."""

from collections.abc import Sequence

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from access import policy, services
from access.errors import AccessError
from access.forms.deciding import DenyForm
from access.models import AccessRequest, Person
from access.models.requests import REFERENCE_PREFIX
from access.presenters.requests import row_for, with_doors
from access.views.numbers import number_in
from access.views.pages import LIST_SIZE
from access.views.preflight import BIGGEST_ID
from access.views.who import opens, signed_in


@require_http_methods(["GET", "HEAD", "POST"])
@opens
@signed_in
def deny_several(request: HttpRequest, person: Person) -> HttpResponse:
    """First the page that lists them and asks why, then each denied as it was listed."""
    sent = request.POST if request.method == "POST" else request.GET
    asked = _asked(person, sent.getlist("request"))
    if not asked:
        messages.error(request, "Tick the requests that you want to deny first.")
        return redirect("approvals")
    form = DenyForm(request.POST) if request.method == "POST" else DenyForm()
    if request.method == "POST" and form.is_valid():
        _deny(request, person, asked, form.cleaned_data["comment"])
        return redirect("approvals")
    now = timezone.now()
    rows = [row_for(each, now) for each in asked]
    context = {"rows": rows, "form": form, "now": now}
    return render(request, "access/deny.html", context, status=400 if form.errors else 200)


def _asked(person: Person, references: Sequence[str]) -> list[AccessRequest]:
    """Those that this person could decide now; others were decided meanwhile, or never theirs."""
    numbers = [number_in(each.removeprefix(REFERENCE_PREFIX)) for each in references]
    if len(numbers) > LIST_SIZE or None in numbers:
        raise Http404
    wanted = [min(number or 0, BIGGEST_ID) for number in numbers]
    rows = policy.waiting_for(person).filter(pk__in=wanted).select_related("requester")
    return list(with_doors(rows))


def _deny(
    request: HttpRequest, person: Person, asked: Sequence[AccessRequest], comment: str
) -> None:
    """Each is a decision of its own: what went wrong with one stops no other."""
    done = []
    for each in asked:
        shown = request.POST.get(f"terms-{each.pk}", "")
        try:
            services.deny(each, by=person, terms_digest=shown, comment=comment)
        except AccessError as problem:
            messages.error(request, f"{each.reference}: {problem}")
        else:
            done.append(each.reference)
    if done:
        was = "was" if len(done) == 1 else "were"
        messages.success(request, f"{', '.join(done)} {was} denied.")
