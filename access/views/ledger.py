"""The ledger for administrators and auditors. For others it does not exist."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from access import policy
from access.filters import LedgerFilter
from access.models import LedgerEntry, Person
from access.presenters.ledger import checked
from access.presenters.timeline import WHAT_HAPPENED
from access.views.pages import page_of
from access.views.who import signed_in

PAGE = 50


@require_safe
@signed_in
def ledger(request: HttpRequest, person: Person) -> HttpResponse:
    if not policy.may_read_ledger(person):
        raise Http404
    chosen = LedgerFilter(request.GET, queryset=LedgerEntry.objects.all())
    page = page_of(request, chosen.qs, ordering=("-seq",), size=PAGE)
    lines = checked(page.rows)
    context = {
        "page": page,
        "lines": lines,
        "broken": [line for line in lines if line.problem],
        "filter": chosen,
        "filtered": any(request.GET.get(name) for name in chosen.filters),
        "events": sorted(WHAT_HAPPENED),
    }
    return render(request, "access/ledger.html", context)
