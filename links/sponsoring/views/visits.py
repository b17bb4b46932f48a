"""What a sponsor does about a visit that runs: send the invitation again, answer a wish."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from access import policy
from access.models import AccessRequest, Person
from access.presenters.asks import ticket_words
from access.states import RequestState
from access.views.problems import accepted, mapped, told_if_sent
from access.views.who import opens, signed_in
from links.models import Invitation, MoreTimeAsk
from links.sponsoring import inviting, wishes
from links.sponsoring.forms.visits import AgainForm, DeclineForm, WishForm
from links.sponsoring.presenters.answering import Answering, answering_for

DECLINE = "decline"


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@opens
@signed_in
def invite_again(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    invitation = _invitation(person, pk)
    asked = invitation.access_request
    with told_if_sent(request, "vendor.invite_again", by=person, reference=asked.reference):
        policy.check_may_invite_again(asked, person)
    if request.method != "POST":
        now = timezone.now()
        context = {
            "invitation": invitation,
            "asked": asked,
            "form": AgainForm(initial={"seen": invitation.mailed}),
            "wanted": inviting.is_wanted(invitation, now),
            "most": inviting.MOST,
        }
        return render(request, "links/invite_again.html", context)
    form = AgainForm(request.POST)
    seen = form.cleaned_data["seen"] if form.is_valid() else invitation.mailed
    inviting.invite_again(invitation, seen=seen, by=person)
    messages.success(request, f"The invitation is sent again to {invitation.name}.")
    return redirect("request", asked.reference)


@require_http_methods(["GET", "HEAD", "POST"])
@mapped
@opens
@signed_in
def wish(request: HttpRequest, person: Person, pk: int) -> HttpResponse:
    """The latest of the visit; the one that waits, if one does."""
    invitation = _invitation(person, pk)
    asked = invitation.access_request
    with told_if_sent(request, "vendor.decline_more_time", by=person, reference=asked.reference):
        policy.check_may_decline_wish(asked, person)
    found = _latest(invitation)
    if request.method != "POST":
        return _wish_page(request, answering_for(found, person, timezone.now()))
    if DECLINE in request.POST:
        return _decline(request, person, found)
    return _ask(request, person, found)


def _ask(request: HttpRequest, person: Person, found: MoreTimeAsk) -> HttpResponse:
    form = WishForm(request.POST)
    made = accepted(form, lambda: _made(found, person, form))
    if made is None:
        return _wish_page(request, answering_for(found, person, timezone.now()), form=form)
    what = "asks for more time"
    if made.state == RequestState.APPROVED:
        what = "gives more time: the policy approved it at once"
    messages.success(request, f"{made.reference} {what}. What is open stays open.")
    return redirect("request", made.reference)


def _made(found: MoreTimeAsk, person: Person, form: WishForm) -> AccessRequest:
    sent = form.cleaned_data
    return wishes.ask_for(
        found, minutes=sent["minutes"], reason=sent["reason"], ticket=sent["ticket"], by=person
    )


def _decline(request: HttpRequest, person: Person, found: MoreTimeAsk) -> HttpResponse:
    form = DeclineForm(request.POST)
    if accepted(form, lambda: wishes.decline(found, by=person, **form.cleaned_data)) is None:
        return _wish_page(request, answering_for(found, person, timezone.now()), no=form)
    messages.success(request, f"{found.invitation.name} is told that there is no more time.")
    return redirect("request", found.invitation.access_request.reference)


def _wish_page(
    request: HttpRequest,
    page: Answering,
    *,
    form: WishForm | None = None,
    no: DeclineForm | None = None,
) -> HttpResponse:
    first = {"minutes": page.suggested, "reason": page.wish.why, "ticket": page.asked.ticket}
    wrong = form or no
    context = {
        "page": page,
        "form": form or WishForm(initial=first),
        "no": no or DeclineForm(),
        "wrong": wrong,
        "ticket_hint": ticket_words(page.asked.judgement),
    }
    return render(request, "links/wish.html", context, status=400 if wrong else 200)


def _invitation(person: Person, pk: int) -> Invitation:
    """Of a request that this person may see; for others neither exists."""
    asked = get_object_or_404(policy.visible_requests(person), pk=pk)
    rows = Invitation.objects.select_related("access_request__requester", "contact")
    return get_object_or_404(rows, access_request=asked)


def _latest(invitation: Invitation) -> MoreTimeAsk:
    rows = invitation.wishes.select_related("answered_by", "access_request").order_by("-pk")
    found = rows.first()
    if found is None:
        raise Http404
    found.invitation = invitation
    return found
