"""Closing everything: a page that says what it would do, the order, and how far it has come."""

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access import policy
from access.forms.lockdowns import EVERYTHING, LiftForm, OrderForm, PartForm
from access.lockdowns import is_scope, named, words_of
from access.models import Lockdown, Person
from access.presenters.lockdowns import page_for, parts, reach_of
from access.services import lockdowns
from access.views.freshness import mark, marked, unchanged
from access.views.problems import accepted, mapped
from access.views.who import opens, signed_in

RECENT = 10
ORDERED = (
    "From now on nothing is opened there. What is open stays open until another administrator "
    "confirms."
)


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@signed_in
def lockdown(request: HttpRequest, person: Person) -> HttpResponse:
    """What would be closed, then the order. Auditors read; administrators order."""
    _check_may_see(person)
    if request.method != "POST":
        return _order_page(request, person, None)
    form = OrderForm(request.POST)
    made = accepted(
        form, lambda: lockdowns.order(*form.part, form.cleaned_data["reason"], by=person)
    )
    if made is None:
        return _order_page(request, person, form)
    messages.success(request, ORDERED)
    return redirect("lockdown-one", made.pk)


@require_safe
@mapped
@signed_in
def one(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    """The same address answers the poll."""
    _check_may_see(person)
    return _one_page(request, person, pk, LiftForm())


@require_POST
@mapped
@signed_in
def confirm(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    _check_may_see(person)
    lockdowns.confirm(_known(pk), by=person)
    messages.success(request, "Confirmed. Each one counts as closed when Azure shows it.")
    return redirect("lockdown-one", pk)


@require_POST
@mapped
@opens
@signed_in
def lift(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    _check_may_see(person)
    form, found = LiftForm(request.POST), _known(pk)
    done = accepted(form, lambda: lockdowns.lift(found, by=person, **form.cleaned_data))
    if done is None:
        return _one_page(request, person, pk, form)
    messages.success(request, "It is over. What is approved can be opened again.")
    return redirect("lockdown-one", pk)


def _check_may_see(person: Person) -> None:
    if not policy.may_see_lockdowns(person):
        raise Http404


def _known(pk: int) -> Lockdown:
    return get_object_or_404(_rows(), pk=pk)


def _rows() -> QuerySet[Lockdown]:
    rows = named(Lockdown.objects.all())
    return rows.select_related("ordered_by", "confirmed_by", "lifted_by")


def _order_page(request: HttpRequest, person: Person, sent: OrderForm | None) -> HttpResponse:
    chosen = PartForm(request.GET.dict() or {"target": EVERYTHING}, parts=parts())
    meant = sent is not None and "target" not in sent.errors and is_scope(sent.part[0])
    part = sent.part if sent is not None and meant else chosen.part
    target = "|".join(part)
    recent = list(_rows().order_by("-pk")[:RECENT])
    context = {
        "chosen": chosen,
        "form": sent or OrderForm(initial={"target": target}),
        "reach": reach_of(*part),
        "target": target,
        "recent": [(row, words_of(row)) for row in recent],
        "may_order": policy.may_lock_down(person),
        "now": timezone.now(),
    }
    status = 400 if sent is not None or chosen.errors else 200
    return render(request, "access/lockdown.html", context, status=status)


def _one_page(request: HttpRequest, person: Person, pk: int, form: LiftForm) -> HttpResponse:
    page = page_for(_known(pk), person, timezone.now())
    etag = mark(person, page.mark)
    if not form.is_bound and (same := unchanged(request, etag)):
        return same
    partial = request.headers.get("HX-Target") == "lockdown-live"
    name = "access/parts/lockdown_live.html" if partial else "access/lockdown_one.html"
    context = {"page": page, "form": form, "etag": etag, "now": page.now}
    response = render(request, name, context, status=400 if form.errors else 200)
    return marked(response, etag) if partial else response
