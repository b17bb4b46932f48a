"""Reviews: what was opened without an approval, and who approves whom. For approvers,
administrators and auditors; for others it does not exist."""

from datetime import datetime

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access import ledger, policy
from access.forms.reviews import ReviewForm
from access.models import LedgerEntry, Person, Review
from access.presenters.approval_pairs import DAYS, MOST, table, who_approves_whom
from access.presenters.reviews import line_for, lines_for, with_facts
from access.presenters.timeline import story
from access.services.reviews import review as decide
from access.views.exports import answer
from access.views.pages import page_of
from access.views.problems import accepted, mapped_onto
from access.views.who import signed_in

MOST_OPEN, LONGEST_STORY, CLOSEST = 100, 200, 5


@require_safe
@signed_in
def reviews(request: HttpRequest, person: Person) -> HttpResponse:
    """What is due first is on top, so what is overdue is."""
    _check_sees(person)
    now, rows = timezone.now(), with_facts(Review.objects.all())
    owed = rows.filter(reviewed_at__isnull=True).order_by("due_at", "pk")[:MOST_OPEN]
    page = page_of(
        request, rows.filter(reviewed_at__isnull=False), ordering=("-reviewed_at", "-id")
    )
    context = {
        "owed": lines_for(list(owed), person, now),
        "page": page,
        "done": [line_for(row, person, now) for row in page.rows],
        "pairs": [] if "cursor" in request.GET else who_approves_whom(now).pairs[:CLOSEST],
        "days": DAYS,
        "now": now,
    }
    return render(request, "access/reviews.html", context)


def fresh(request: HttpRequest, *, pk: int, banner: str, status: int) -> HttpResponse:
    return _shown(request, pk, banner=banner, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@mapped_onto(fresh)
@signed_in
def review(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    """``pk``: of the request."""
    _check_sees(person)
    if request.method != "POST":
        return _page(request, person, pk, ReviewForm())
    row, form = _row(pk), ReviewForm(request.POST)
    done = accepted(form, lambda: decide(row.access_request, by=person, **form.cleaned_data))
    if done is None:
        return _page(request, person, pk, form, status=400)
    messages.success(request, f"{row.access_request.reference} is reviewed.")
    return redirect("reviews")


@require_safe
@signed_in
def approval_pairs(request: HttpRequest, person: Person) -> HttpResponse:
    _check_sees(person)
    found = who_approves_whom(timezone.now())
    context = {
        "pairs": found.pairs[:MOST],
        "most": found.most[:MOST],
        "own_deputies": found.own_deputies[:MOST],
        "standing": found.standing[:MOST],
        "quick": found.quick[:MOST],
        "days": DAYS,
    }
    return render(request, "access/approval_pairs.html", context)


@require_POST
@signed_in
def approval_pairs_csv(request: HttpRequest, person: Person) -> HttpResponse:  # noqa: ARG001
    """POST, because it leaves a line in the ledger: nothing leaves without it."""
    _check_sees(person)
    rows = list(table(who_approves_whom(timezone.now())))
    with transaction.atomic(durable=True):
        told = {"table": "who approves whom", "rows": len(rows) - 1, "days": DAYS}
        ledger.record("reviews.exported", by=person, data=told)
    return answer(rows, "who-approves-whom.csv")


@signed_in
def _shown(request: HttpRequest, person: Person, pk: int, banner: str, status: int) -> HttpResponse:
    return _page(request, person, pk, ReviewForm(), banner=banner, status=status)


def _page(
    request: HttpRequest,
    person: Person,
    pk: int,
    form: ReviewForm,
    *,
    banner: str = "",
    status: int = 200,
) -> HttpResponse:
    now: datetime = timezone.now()
    (line,) = lines_for([_row(pk)], person, now)
    entries = LedgerEntry.objects.filter(reference=line.asked.reference).order_by("-seq")
    context = {
        "line": line,
        "form": form,
        "steps": story(reversed(entries[:LONGEST_STORY])),
        "banner": banner,
        "now": now,
    }
    return render(request, "access/review.html", context, status=status)


def _row(pk: int) -> Review:
    rows = with_facts(Review.objects.select_related("overtook"))
    return get_object_or_404(rows, access_request=pk)


def _check_sees(person: Person) -> None:
    if not policy.oversees(person):
        raise Http404
