"""Whose a mail address is, and whether somebody without an account can be invited there (X-49).

The invitation and every code go to it, so whoever reads that mailbox is who comes in. Mail programs
read an address in more than one way: what lies in one mailbox is one here, however it is spelled.
"""

import re
from collections.abc import Iterator

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q

from access.models import Person
from links.models import VendorContact

LONGEST_MAIL = 254
# Quoted names and routes by way of other servers are addresses too, and nobody's own. So is a
# server by its number. ASCII: without it, some letters of other alphabets pass for ours in small.
PLAIN = re.compile(
    r"[a-z0-9][a-z0-9._+'&-]*@([a-z0-9-]+\.)+[a-z][a-z0-9-]{1,62}", re.IGNORECASE | re.ASCII
)
UNREADABLE = "This is no mail address that could be written to."
NO_ADDRESS = "Give their mail address: the invitation and every code go there."
TAKEN = "Somebody with an account here has this address. A link is for people without one."


def shape_problem(mail: str) -> str:
    """Why nothing can be sent there; empty where something can."""
    if not mail:
        return NO_ADDRESS
    name, _, domain = mail.rpartition("@")
    if name.isascii() and not domain.isascii() and (plain := plain_domain(domain)).isascii():
        return f"Write its domain in plain letters, as mail does: {name}@{plain}"
    if len(mail) > LONGEST_MAIL or not PLAIN.fullmatch(mail):
        return UNREADABLE
    try:
        validate_email(mail)
    except ValidationError:
        return UNREADABLE
    return ""


def reach_problem(mail: str) -> str:
    """Why a link may not go there, of an address of good shape: it would let somebody in who can
    ask with an account of their own, or who was blocked."""
    if belongs_to_somebody_here(mail):
        return TAKEN
    domain = mail.rpartition("@")[2].casefold()
    if is_internal(domain):
        return f"{domain} is of your own organisation: its people ask with their own accounts."
    if blocked := blocked_at(mail):
        return f"This contact is blocked: {blocked.blocked_why}"
    return ""


def mail_problem(mail: str) -> str:
    return shape_problem(mail) or reach_problem(mail)


def contact_at(mail: str) -> VendorContact | None:
    return VendorContact.objects.filter(mail_key=mail.casefold()).first() if mail else None


def blocked_at(mail: str) -> VendorContact | None:
    """Who is blocked and reads this mailbox, under this address or another of it."""
    name, domain = mailbox_of(mail)
    here = Q(mail_key__startswith=name, mail_key__endswith=f"@{domain}")
    blocked = VendorContact.objects.filter(here, blocked_at__isnull=False).order_by("pk")
    return next((each for each in blocked if mailbox_of(each.mail) == (name, domain)), None)


def belongs_to_somebody_here(mail: str) -> bool:
    """Active or not: whoever was shut out does not come back as somebody's vendor."""
    name, domain = mailbox_of(mail)
    like = Person.objects.filter(mail__istartswith=name, mail__iendswith=f"@{domain}")
    mails = like.values_list("mail", flat=True)
    return any(mailbox_of(each) == (name, domain) for each in mails)


def mailbox_of(mail: str) -> tuple[str, str]:
    """(name, domain): without what many servers let people add to their own name after a plus."""
    name, _, domain = mail.strip().casefold().rpartition("@")
    return name.partition("+")[0] or name, domain


def is_internal(domain: str) -> bool:
    """By the setting, or without it by who has an account. Either covers what is below each; of
    people's domains also what is above, for the organisation has both."""
    domain = plain_domain(domain)
    ours = [plain_domain(each.strip().lstrip("@*.")) for each in settings.VENDOR_INTERNAL_DOMAINS]
    if ours := [each for each in ours if each]:
        return any(domain == each or domain.endswith(f".{each}") for each in ours)
    theirs = Q(mail__iendswith=f".{domain}")
    for each in _domain_and_above(domain):
        theirs |= Q(mail__iendswith=f"@{each}")
    here = Person.objects.filter(theirs, is_active=True, is_guest=False, is_application=False)
    return here.exists()


def plain_domain(domain: str) -> str:
    """As mail servers are asked for it: in small ASCII letters where it can be said so."""
    try:
        return domain.encode("idna").decode().casefold()
    except UnicodeError:
        return domain.casefold()


def _domain_and_above(domain: str) -> Iterator[str]:
    """Each with a dot in it: nobody has mail at ``com``."""
    while "." in domain:
        yield domain
        domain = domain.partition(".")[2]
