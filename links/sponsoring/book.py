"""The contacts as lists and the API read them: found, sorted out, and with what became of them.

Of requests and access only those that the reader may see at all: who invites whom is not for every
engineer.
"""

from datetime import datetime

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Concat, Lower, Now

from access import policy
from access.gatekeeping import overdue_grants
from access.models import AccessRequest, Grant, Person
from access.presenters.statuses import OVERDUE_AFTER
from access.states import HOLDING
from links.models import Invitation, VendorContact
from links.outsiders import fresh_since

LONGEST_SEARCH = 100
DUE, BLOCKED, READY = "due", "blocked", "ready"


def contacts_for(person: Person) -> QuerySet[VendorContact]:
    """With ``invited``, the number of the request of the last invitation, ``invited_at``, and
    ``open``, that of what is open for them now. None for whom contacts do not exist."""
    rows = VendorContact.objects.select_related("kept_by", "checked_by", "blocked_by")
    if not policy.may_see_vendors(person):
        return rows.none()
    seen = policy.visible_requests(person)
    invited = Invitation.objects.filter(contact=OuterRef("pk"), access_request__in=seen)
    invited = invited.order_by("-made_at", "-pk")
    open_now = Grant.objects.filter(
        access_request__invitation__contact=OuterRef("pk"),
        access_request__in=seen,
        state__in=HOLDING,
        kind=F("access_request__kind"),
    ).order_by("-ends_at", "-pk")
    return rows.annotate(
        invited=Subquery(invited.values("access_request")[:1]),
        invited_at=Subquery(invited.values("made_at")[:1]),
        open=Subquery(open_now.values("access_request")[:1]),
    )


def overdue_first(rows: QuerySet[VendorContact], person: Person) -> QuerySet[VendorContact]:
    """With ``overdue``, the number of a request whose access should be closed and is not, and
    ``rank``, by which they come before the others."""
    late = overdue_grants(Now() - OVERDUE_AFTER).filter(
        access_request__invitation__contact=OuterRef("pk"),
        access_request__in=policy.visible_requests(person),
    )
    first = Case(When(Exists(late), then=Value("0")), default=Value("1"))
    overdue = Subquery(late.order_by("pk").values("access_request")[:1])
    return rows.annotate(overdue=overdue, rank=Concat(first, "company"))


def contacts_like(rows: QuerySet[VendorContact], typed: str) -> QuerySet[VendorContact]:
    """Of whom each typed word is found in the name, the company or the mail address."""
    for word in typed[:LONGEST_SEARCH].split():
        within = Q(name__icontains=word) | Q(company__icontains=word) | Q(mail__icontains=word)
        rows = rows.filter(within)
    return rows


def contacts_in(
    rows: QuerySet[VendorContact], state: str, now: datetime
) -> QuerySet[VendorContact]:
    """``state``: due, blocked or ready; all for anything else."""
    if state == BLOCKED:
        return rows.filter(blocked_at__isnull=False)
    fresh = Q(checked_at__gt=fresh_since(now))
    if state == READY:
        return rows.filter(fresh, blocked_at__isnull=True)
    if state == DUE:
        unchecked = Q(checked_at__isnull=True) | Q(checked_at__lte=fresh_since(now))
        return rows.filter(unchecked, blocked_at__isnull=True)
    return rows


def requests_for(contact: VendorContact, person: Person) -> QuerySet[AccessRequest]:
    """All that was ever asked for them, by whomever, as far as this person may see it."""
    seen = policy.visible_requests(person).exclude(vendor_mail="")
    return seen.annotate(mail_key=Lower("vendor_mail")).filter(mail_key=contact.mail_key)


def left_open(contact: VendorContact, person: Person) -> QuerySet[AccessRequest]:
    """What was approved for them and is not over."""
    live = Grant.objects.filter(access_request=OuterRef("pk")).exclude(state="closed")
    return requests_for(contact, person).filter(Exists(live))
