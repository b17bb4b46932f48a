"""Personal tokens: making one's own, seeing everybody's, and taking them back."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from access import policy
from access.forms.tokens import TokenForm
from access.models import ApiToken, Person
from access.presenters.tokens import line_of
from access.services import tokens as service
from access.views.pages import page_of
from access.views.problems import accepted, mapped
from access.views.who import opens, signed_in


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@opens
@signed_in
def make(request: HttpRequest, person: Person) -> HttpResponse:
    """The answer to a form that was right shows the secret, and no later page does."""
    policy.check_may_make_token(person)
    first = {"key": uuid.uuid4()}
    form = TokenForm(request.POST) if request.method == "POST" else TokenForm(initial=first)
    made = None
    if request.method == "POST":
        made = accepted(form, lambda: service.make(form.wish(), by=person))
    if made is not None:
        return render(request, "access/token_secret.html", {"made": made})
    status = 400 if form.errors else 200
    return render(request, "access/token_new.html", {"form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@signed_in
def revoke(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    rows = policy.visible_tokens(person).select_related("person", "revoked_by")
    token = get_object_or_404(rows, pk=pk)
    own = token.person_id == person.pk
    back = "settings" if own else "people-tokens"
    if request.method == "POST":
        service.revoke(token, by=person)
        messages.success(request, f"The token {token.name} no longer works.")
        return redirect(back)
    policy.check_may_revoke_token(token, person)
    context = {"line": line_of(token, person, timezone.now()), "own": own, "back": back}
    return render(request, "access/token_revoke.html", context)


@require_safe
@signed_in
def everybodys(request: HttpRequest, person: Person) -> HttpResponse:
    """For administrators and auditors; for others it does not exist."""
    if not policy.may_see_tokens(person):
        raise Http404
    now = timezone.now()
    live = request.GET.get("all", "") != "1"
    rows = ApiToken.objects.select_related("person", "revoked_by")
    rows = rows.filter(revoked_at__isnull=True, expires_at__gt=now) if live else rows
    page = page_of(request, rows, ordering=("-created_at", "-id"))
    lines = [line_of(token, person, now) for token in page.rows]
    context = {"page": page, "lines": lines, "live": live, "now": now}
    return render(request, "access/tokens.html", context)
