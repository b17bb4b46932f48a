"""Showing anew that it is really you, for a decision that the policy wants it for.

The one thing that pages know of it is ``confirmed_at`` in the session: the moment, as ISO text, at
which the person of this session last signed in anew. What signs people in writes it here; the
demo lets the same person be chosen once more. Another sign-in service replaces ``again`` alone.
"""

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from access import ledger
from access.clock import db_now
from access.models import Person
from access.views.who import signed_in
from portal.signin.views import safe_next

CONFIRMED = "confirmed_at"


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def again(request: HttpRequest, person: Person) -> HttpResponse:
    """The demo's: one click on one's own name. Anybody else's is refused, and told the ledger."""
    sent = request.POST if request.method == "POST" else request.GET
    after = safe_next(request, sent.get("next", ""))
    if request.method != "POST":
        context = {"next": after, "demo": settings.ACCESS_DEMO_SIGN_IN}
        return render(request, "signin/again.html", context)
    if not settings.ACCESS_DEMO_SIGN_IN:
        raise Http404
    if sent.get("person", "") != person.object_id:
        return _refused(request, person, after)
    confirm(request, person, how="demo")
    return redirect(after)


def confirm(request: HttpRequest, person: Person, *, how: str) -> None:
    """Called by what has just seen the person sign in anew. The session gets a new key: who had
    taken the old one has not signed in anew."""
    with transaction.atomic():
        request.session.cycle_key()
        request.session[CONFIRMED] = db_now().isoformat()
        ledger.record("person.confirmed", by=person, data={"how": how})


def _refused(request: HttpRequest, person: Person, after: str) -> HttpResponse:
    reason = f"You are signed in as {person.display_name}. Nobody else can confirm for you."
    with transaction.atomic():
        request.session.pop(CONFIRMED, None)
        ledger.record(
            "person.confirm.refused", by=person, outcome="denied", data={"reason": reason}
        )
    messages.error(request, reason)
    return render(request, "signin/again.html", {"next": after, "demo": True}, status=403)
