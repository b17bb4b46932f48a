"""Machines outside Azure: listed, registered, changed and retired by administrators."""

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from access import policy
from access.models import BastionHost, Person
from access.views.pages import page_of
from access.views.problems import accepted, mapped
from access.views.who import opens, signed_in
from jit.outside import services
from jit.outside.forms import OutsideForm, RetireForm, initial_of
from jit.outside.models import OutsideTarget
from jit.outside.presenters import lines_for


@require_safe
@signed_in
def targets(request: HttpRequest, person: Person) -> HttpResponse:
    _check_may_see(person)
    page = page_of(request, _live(), ordering=("id",))
    able = services.able_hosts()
    others = BastionHost.objects.filter(gone_at__isnull=True).exclude(
        pk__in=[host.pk for host in able]
    )
    context = {
        "page": page,
        "lines": lines_for(page.rows),
        "able": able,
        "others": others.order_by("name"),
    }
    return render(request, "jit/outside/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@opens
@signed_in
def add(request: HttpRequest, person: Person) -> HttpResponse:
    _check_may_see(person)
    hosts = services.able_hosts()
    form = OutsideForm(request.POST if request.method == "POST" else None, hosts=hosts)
    if request.method == "POST":
        made = accepted(form, lambda: services.register(form.details(), by=person))
        if made is not None:
            messages.success(request, f"{made.machine.name} was registered.")
            return redirect("outside")
    return _form(request, form, None)


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@opens
@signed_in
def edit(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    target = _target(person, pk)
    sent = request.POST.copy() if request.method == "POST" else None
    if sent is not None:
        sent["name"] = target.machine.name  # part of its id, and of the names of its rules
    form = OutsideForm(sent, hosts=services.able_hosts(), initial=initial_of(target))
    if sent is not None:
        done = accepted(form, lambda: services.change(target, form.details(), by=person))
        if done is not None:
            messages.success(request, f"{target.machine.name} was changed.")
            return redirect("outside")
    return _form(request, form, target)


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@signed_in
def retire(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    """A page that says what it does, then the act."""
    target = _target(person, pk)
    form = RetireForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        done = accepted(form, lambda: services.retire(target, by=person, **form.cleaned_data))
        if done is not None:
            messages.success(request, f"{target.machine.name} was retired.")
            return redirect("outside")
    context = {"target": target, "form": form}
    return render(request, "jit/outside/retire.html", context, status=_status(form))


def _form(request: HttpRequest, form: OutsideForm, target: OutsideTarget | None) -> HttpResponse:
    context = {"form": form, "target": target}
    return render(request, "jit/outside/form.html", context, status=_status(form))


def _status(form: OutsideForm | RetireForm) -> int:
    return 400 if form.is_bound and form.errors else 200


def _check_may_see(person: Person) -> None:
    if not policy.may_manage_outside(person):
        raise Http404


def _target(person: Person, pk: int) -> OutsideTarget:
    _check_may_see(person)
    return get_object_or_404(_live(), pk=pk)


def _live() -> QuerySet[OutsideTarget]:
    there = OutsideTarget.objects.filter(machine__gone_at__isnull=True)
    return there.select_related("machine__bastion", "gate")
