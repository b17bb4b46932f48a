"""What is open in Azure without a grant: seen by overseers, removed by administrators."""

from django.contrib import messages
from django.db.models import Case, Value, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from access import policy, services
from access.forms.saying import RemoveForm
from access.models import Finding, Gate, Person
from access.presenters.findings import line_for
from access.views.freshness import mark, marked, unchanged
from access.views.pages import page_of
from access.views.problems import accepted, mapped
from access.views.who import signed_in


@require_safe
@signed_in
def drift(request: HttpRequest, person: Person) -> HttpResponse:
    """What is still open is on top. The same address answers the poll."""
    if not policy.may_see_drift(person):
        raise Http404
    over = Case(When(gone_at__isnull=True, then=Value(0)), default=Value(1))
    rows = Finding.objects.select_related("gate", "machine", "removal__by").annotate(over=over)
    page = page_of(request, rows, ordering=("over", "-id"))
    now = timezone.now()
    lines = [line_for(finding, person) for finding in page.rows]
    etag = mark(person, [(line.finding.pk, line.status, line.waits_for) for line in lines])
    if same := unchanged(request, etag):
        return same
    context = {"page": page, "lines": lines, "etag": etag, "now": now, "asked": _asked()}
    partial = request.headers.get("HX-Target") == "drift-list"
    name = "access/parts/drift.html" if partial else "access/drift.html"
    response = render(request, name, context)
    return marked(response, etag) if partial else response


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@signed_in
def remove(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    """A page that says what it does, then the order."""
    if not policy.may_see_drift(person):
        raise Http404
    rows = Finding.objects.select_related("gate", "machine", "removal__by")
    finding = get_object_or_404(rows, pk=pk)
    form = RemoveForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        done = accepted(form, lambda: services.remove(finding, by=person, **form.cleaned_data))
        if done is not None:
            messages.success(
                request, "The removal was ordered. It counts when Azure shows it gone."
            )
            return redirect("drift")
    else:
        policy.check_may_remove(person)
    context = {"line": line_for(finding, person), "form": form}
    status = 400 if form.is_bound and form.errors else 200
    return render(request, "access/drift_remove.html", context, status=status)


def _asked() -> Gate | None:
    """The gate that was asked longest ago: as old is the whole answer."""
    return Gate.objects.filter(audited_at__isnull=False).order_by("audited_at").first()
