"""Vendors' people: found, looked at, changed, checked, blocked. For whom contacts do not exist
every page is a 404."""

from django.contrib import messages
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from access import policy
from access.forms.plain import PlainForm
from access.models import AccessRequest, Grant, Person
from access.presenters.requests import RequestRow, row_for, with_doors
from access.views.lists import ranked
from access.views.pages import Page, page_of
from access.views.problems import accepted, mapped, told_if_sent
from access.views.who import opens, signed_in
from links.models import VendorContact
from links.sponsoring import book, contacts
from links.sponsoring.forms.contacts import BlockForm, CheckForm, ContactForm
from links.sponsoring.presenters.contacts import ContactLine

CHIPS = {"": "All", book.DUE: "Check is due", book.BLOCKED: "Blocked"}
MOST_LEFT_OPEN = 20


@require_safe
@signed_in
def vendors(request: HttpRequest, person: Person) -> HttpResponse:
    if not policy.may_see_vendors(person):
        raise Http404
    typed = request.GET.get("q", "").replace("\x00", "").strip()[: book.LONGEST_SEARCH]
    state, now = request.GET.get("state", ""), timezone.now()
    state = state if state in CHIPS else ""
    rows = book.contacts_in(book.contacts_like(book.contacts_for(person), typed), state, now)
    rows = book.overdue_first(rows, person)
    page = page_of(request, rows, ordering=("rank", "name", "id"))
    context = {
        "typed": typed,
        "state": state,
        "chips": CHIPS,
        "page": page,
        "lines": [ContactLine(contact, now) for contact in page.rows],
        "oversees": policy.oversees(person),
    }
    return render(request, "links/vendors.html", context)


@require_safe
@signed_in
def vendor(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    line = _line(person, pk)
    page, rows = _history(request, person, line.contact)
    context = {
        "line": line,
        "page": page,
        "rows": rows,
        "oversees": policy.oversees(person),
        "left": _left_open(person, line.contact) if line.blocked else [],
    }
    return render(request, "links/vendor.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@signed_in
def edit(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    contact = _kept_by(request, person, pk, "vendor.contact_change")
    form = ContactForm(contact, _sent(request))
    if request.method == "POST":
        seen = request.POST.get("seen", "")
        done = accepted(form, lambda: contacts.change(contact, form.words(), by=person, seen=seen))
        if done is not None:
            void = contact.checked_at is not None and done.checked_at is None
            messages.success(request, _changed(done, void=void))
            return redirect("vendor", pk)
    return _shown(request, "links/vendor_edit.html", form, ContactLine(contact, timezone.now()))


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@opens
@signed_in
def check(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    contact = _kept_by(request, person, pk, "vendor.contact_check")
    form = CheckForm(_sent(request))
    if request.method == "POST":
        phone = request.POST.get("phone", "")
        done = accepted(form, lambda: contacts.check(contact, phone=phone, called=True, by=person))
        if done is not None:
            messages.success(request, f"{done.name} was checked.")
            return redirect("vendor", pk)
    return _shown(request, "links/vendor_check.html", form, ContactLine(contact, timezone.now()))


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@signed_in
def block(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    """A page that says what it does, and what it leaves open."""
    contact = _blocked_by(request, person, pk, "vendor.contact_block")
    form = BlockForm(_sent(request))
    if request.method == "POST":
        done = accepted(
            form, lambda: contacts.block(contact, why=form.cleaned_data["why"], by=person)
        )
        if done is not None:
            messages.success(request, f"{done.name} is blocked.")
            return redirect("vendor", pk)
    left = _left_open(person, contact)
    line = ContactLine(contact, timezone.now())
    return _shown(request, "links/vendor_block.html", form, line, left=left)


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@opens
@signed_in
def unblock(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    contact = _blocked_by(request, person, pk, "vendor.contact_unblock")
    if request.method == "POST":
        contacts.unblock(contact, by=person)
        messages.success(request, f"{contact.name} can be invited again, once they were called.")
        return redirect("vendor", pk)
    line = ContactLine(contact, timezone.now())
    return render(request, "links/vendor_unblock.html", {"line": line})


def _line(person: Person, pk: int) -> ContactLine:
    return ContactLine(_contact(person, pk), timezone.now())


def _contact(person: Person, pk: int) -> VendorContact:
    if not policy.may_see_vendors(person):
        raise Http404
    return get_object_or_404(book.contacts_for(person), pk=pk)


def _kept_by(request: HttpRequest, person: Person, pk: int, event: str) -> VendorContact:
    contact = _contact(person, pk)
    with told_if_sent(request, event, by=person):
        policy.check_may_keep_vendors(person)
    return contact


def _blocked_by(request: HttpRequest, person: Person, pk: int, event: str) -> VendorContact:
    contact = _contact(person, pk)
    with told_if_sent(request, event, by=person):
        policy.check_may_block_vendor(person)
    return contact


def _history(
    request: HttpRequest, person: Person, contact: VendorContact
) -> tuple[Page[AccessRequest], list[RequestRow]]:
    asked = ranked(book.requests_for(contact, person)).select_related("requester")
    ended = Grant.objects.select_related("end_order")
    rows = with_doors(asked).prefetch_related(Prefetch("grants", ended))
    page, now = page_of(request, rows, ordering=("-rank", "-id")), timezone.now()
    return page, [row_for(each, now) for each in page.rows]


def _left_open(person: Person, contact: VendorContact) -> list[RequestRow]:
    asked = book.left_open(contact, person).select_related("requester").order_by("-created_at")
    ended = Grant.objects.select_related("end_order")
    rows = with_doors(asked).prefetch_related(Prefetch("grants", ended))
    now = timezone.now()
    return [row_for(each, now) for each in rows[:MOST_LEFT_OPEN]]


def _changed(contact: VendorContact, *, void: bool) -> str:
    then = " They have to be called and checked again before the next invitation." if void else ""
    return f"{contact.name} was changed.{then}"


def _sent(request: HttpRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def _shown(
    request: HttpRequest, template: str, form: PlainForm, line: ContactLine, **more: object
) -> HttpResponse:
    status = 400 if form.is_bound and form.errors else 200
    return render(request, template, {"form": form, "line": line, **more}, status=status)
