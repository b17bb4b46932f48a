"""A database that went back in time: what is known, and the word of who reconciles it."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from access import policy
from access.forms.saying import ReconcileForm
from access.models import Person, Restoration
from access.presenters.restorations import page_for
from access.services.restorations import reconcile
from access.views.problems import accepted, mapped
from access.views.who import opens, signed_in


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@opens
@signed_in
def restoration(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    """A page that says what is lost and what was compared, then the order. Safe to repeat."""
    if not policy.may_see_drift(person):
        raise Http404
    row = get_object_or_404(Restoration.objects.select_related("reconciled_by"), pk=pk)
    form = ReconcileForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        done = accepted(form, lambda: reconcile(row, form.cleaned_data["note"], by=person))
        if done is not None:
            messages.success(request, "Reconciled. What is approved is opened again.")
            return redirect("restoration", pk)
    context = {"page": page_for(row, person), "form": form}
    status = 400 if form.is_bound and form.errors else 200
    return render(request, "access/restoration.html", context, status=status)
