"""What the page for inviting a vendor shows beside its fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from access import policy
from access.models import AccessRequest, Machine, Person
from access.presenters.moments import day
from access.services.submission import clean_text
from links.letters import Draft, Letter, preview
from links.mailboxes import contact_at
from links.models import VendorContact
from links.outsiders import check_is_fresh, digits_of
from links.particulars import ALIASES, LONGEST_CREDENTIALS

MOST_LISTED = 500
KEPT = ("name", "company", "mail", "phone", "zone", "language")
ASKED = ("phone", "alias", "credentials", "zone", "language")  # kept with a request
SAID = ("name", "company", "mail", "alias", "credentials", "zone", "language")  # in the mail
NOT_SAID = "…"
Typed = Mapping[str, Any]


@dataclass(frozen=True)
class ContactCheck:
    """Whether this is known to be who it is said to be. ``needed``: somebody must call them.
    ``stop``: nobody is let in like this."""

    words: str
    contact: VendorContact | None = None
    needed: bool = True
    stop: bool = False


def contact_choices(person: Person) -> list[VendorContact]:
    """By company, to choose from; the most recent ones of very many."""
    if not policy.may_see_vendors(person):
        return []
    usable = VendorContact.objects.filter(blocked_at=None).order_by("-pk")[:MOST_LISTED]
    return sorted(usable, key=lambda each: (each.company.casefold(), each.name.casefold()))


def as_contact(pk: int | None) -> dict[str, Any]:
    """The fields of a kept contact that was chosen; none where there is none."""
    known = VendorContact.objects.filter(pk=pk, blocked_at=None).first() if pk else None
    if known is None:
        return {}
    return {"contact": str(known.pk), **{f"vendor_{name}": getattr(known, name) for name in KEPT}}


def as_former(former: AccessRequest) -> dict[str, Any]:
    """The fields as they were sent before. Who it is, is as they are kept now."""
    told = {f"vendor_{name}": value for name, value in former.details.items() if name in ASKED}
    told["vendor_sources"] = "\n".join(former.details.get("sources", []))
    for name in ("vendor_name", "vendor_company", "vendor_mail"):
        told[name] = getattr(former, name)
    known = contact_at(former.vendor_mail)
    return told | (as_contact(known.pk) if known else {})


def alias_for(machines: Sequence[Machine]) -> str:
    return ALIASES.get(machines[0].os, "Machine")


def check_of(typed: Typed) -> ContactCheck:
    """By what is kept at the address that was typed."""
    mail = clean_text(str(typed.get("vendor_mail") or ""))
    known = contact_at(mail)
    if not mail:
        return ContactCheck("")
    if known is None:
        return ContactCheck("Nobody was invited at this address before.")
    if known.blocked_at is not None:
        return ContactCheck(f"This contact is blocked: {known.blocked_why}", known, stop=True)
    phone = digits_of(str(typed.get("vendor_phone") or ""))
    if phone and phone != digits_of(known.phone):
        kept = f"Their number is kept as {known.phone}. Change the contact if it moved."
        return ContactCheck(kept, known, stop=True)
    return _last_check(known)


def _last_check(known: VendorContact) -> ContactCheck:
    if known.checked_at is None or known.checked_by is None:
        return ContactCheck("Nobody has checked who they are.", known)
    last = f"{known.checked_by.display_name} did on {day(known.checked_at)}"
    if not check_is_fresh(known, timezone.now()):
        return ContactCheck(f"{last}, which is too long ago.", known)
    return ContactCheck(f"{last}.", known, needed=False)


def letter_for(
    sponsor: Person, machines: Sequence[Machine], start: datetime | None, minutes: int, typed: Typed
) -> Letter:
    """What would be mailed if it were approved as the form stands."""
    said = {name: str(typed.get(f"vendor_{name}") or "")[:LONGEST_CREDENTIALS] for name in SAID}
    return preview(
        Draft(
            name=said["name"] or NOT_SAID,
            company=said["company"] or NOT_SAID,
            mail=said["mail"] or NOT_SAID,
            alias=said["alias"] or alias_for(machines),
            sponsor=sponsor.display_name,
            starts_at=start,
            minutes=minutes,
            zone=said["zone"] or sponsor.zone,
            language=said["language"] or "en",
            credentials=said["credentials"] or NOT_SAID,
        )
    )
