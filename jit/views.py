"""Enrolling a machine into JIT and changing its ports: a form, a page that shows the exact change,
an order. The web process asks Azure nothing."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from access import policy
from access.models import Machine, Person
from access.views.problems import accepted, mapped, told_if_sent
from access.views.who import opens, signed_in
from jit import orders
from jit.forms import PolicyForm
from jit.models import PolicyOrder
from jit.orders import Plan
from jit.presenters import changes_of, command_for, line_for

HISTORY = 5


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@opens
@signed_in
def machine_policy(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    """POST shows what would change; with ``confirmed`` it is ordered."""
    if not policy.may_see_drift(person):
        raise Http404
    with told_if_sent(request, "policy.change", by=person):
        policy.check_may_change_guard(person)
    machine = get_object_or_404(Machine.objects.select_related("bastion"), pk=pk)
    if not machine.in_azure:
        raise Http404
    plan = orders.plan_for(machine)
    if request.method != "POST":
        return _page(request, plan, PolicyForm.first(plan.before, machine.login_port))
    form = PolicyForm.sent(request.POST)
    if "confirmed" not in request.POST:
        return _confirm(request, plan, form)
    made = accepted(
        form,
        lambda: orders.order(machine, form.wanted(), shown=form.cleaned_data["shown"], by=person),
    )
    if made is None:
        return _page(request, plan, form)
    messages.success(request, "The change was ordered. It counts when Azure shows it in force.")
    return redirect("jit-policy", machine.pk)


def _confirm(request: HttpRequest, plan: Plan, form: PolicyForm) -> HttpResponse:
    ports = accepted(form, lambda: orders.check(plan, form.wanted(), form.cleaned_data["shown"]))
    if ports is None or "back" in request.POST:
        return _page(request, plan, form)
    context = {**_context(plan, form), "changes": changes_of(plan.before, ports), "after": ports}
    if not context["may_change"]:
        context["command"] = command_for(plan, ports)
    return render(request, "jit/policy_confirm.html", context)


def _page(request: HttpRequest, plan: Plan, form: PolicyForm) -> HttpResponse:
    mine = PolicyOrder.objects.filter(machine=plan.machine).select_related("by", "gate")
    context = _context(plan, form)
    context["history"] = [line_for(order) for order in mine[:HISTORY]]
    context["now_guarded"] = changes_of(plan.before, plan.before)
    status = 400 if form.is_bound and form.errors else 200
    return render(request, "jit/policy.html", context, status=status)


def _context(plan: Plan, form: PolicyForm) -> dict[str, Any]:
    return {
        "plan": plan,
        "machine": plan.machine,
        "form": form,
        "pending": orders.pending(plan.gate),
        "may_change": orders.keeper_seen(),
        "is_new": not plan.before,
    }
