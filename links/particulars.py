"""What has to be known of a vendor's person before anybody is asked to let them in.

Judged when a request is sent, and kept with it as part of its terms: whoever approves sees all of
it, and what they approved is what counts.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from ipaddress import IPv6Address, ip_network
from typing import Any

from django.conf import settings

from access.errors import Invalid, Overreach
from access.kinds import Particulars
from access.models import AccessRequest, Machine
from access.services.submission import clean_text
from links.mailboxes import contact_at, reach_problem, shape_problem
from links.models import VendorContact
from links.outsiders import (
    check_is_fresh,
    company_problem,
    digits_of,
    language_problem,
    name_problem,
    phone_problem,
    zone_problem,
)

LONGEST_ALIAS, LONGEST_CREDENTIALS, MOST_SOURCES = 80, 500, 20
SHORTEST_NAME = 3  # of a machine, to be looked for in an alias
WIDEST_V4, WIDEST_V6 = 16, 32  # an allow-list that lets half the world in is none
YES = frozenset({"on", "true", "yes", "1"})
ALIASES = {"linux": "Linux machine", "windows": "Windows machine"}


def settled(sent: Particulars) -> dict[str, Any]:
    """Raises ``Invalid`` with a message for each wrong field; ``Overreach``, which auditors hear
    of, where the link would go to somebody who may not be let in by one. Writes nothing."""
    told, problems = sent.told, {}
    mail = shape_problem(sent.vendor_mail)
    known = None if mail else contact_at(sent.vendor_mail)
    if not mail and (barred := reach_problem(sent.vendor_mail)):
        raise Overreach({"vendor_mail": barred})
    details: dict[str, Any] = {}
    for name, read in _READ.items():
        try:
            details[name] = read(told.get(name), sent, known)
        except ValueError as wrong:
            problems[f"vendor_{name}"] = str(wrong)
    problems |= {"vendor_mail": mail} if mail else {}
    problems |= _person_problems(sent, known)
    if problems:
        raise Invalid(problems)
    return details | _check(told, sent, known)


def described(asked: AccessRequest) -> list[tuple[str, str]]:
    """(label, text) of each, for who decides."""
    details = asked.details
    if not details:
        return []
    checked_at = datetime.fromisoformat(details["checked_at"])
    zone, language = details["zone"], dict(settings.LANGUAGES).get(details["language"], "")
    return [
        ("Phone of the vendor", details["phone"]),
        ("Who they are was checked", f"by {details['checked_by']}, {checked_at:%d %b %Y}"),
        ("Machine is called", details["alias"]),
        ("Gives the login", details["credentials"]),
        ("Comes from", ", ".join(details["sources"]) or "any address"),
        ("Pages and mails", f"{language}, times in {zone}"),
    ]


def stranger_problem(name: str, company: str, known: VendorContact) -> str:
    """Why a known address cannot be this person's."""
    if (name.casefold(), company.casefold()) == (known.name.casefold(), known.company.casefold()):
        return ""
    return f"This address is kept for {known}. Change the contact if it moved."


def _person_problems(sent: Particulars, known: VendorContact | None) -> dict[str, str]:
    found = {
        "vendor_name": name_problem(sent.vendor_name),
        "vendor_company": company_problem(sent.vendor_company),
    }
    if known and not any(found.values()):
        found["vendor_name"] = stranger_problem(sent.vendor_name, sent.vendor_company, known)
    return {field: text for field, text in found.items() if text}


def _check(told: Any, sent: Particulars, known: VendorContact | None) -> dict[str, str]:
    """Who made sure that mail and phone are theirs: now, or not too long ago."""
    if _says_yes(told.get("checked")):
        if sent.by.is_application:
            raise Overreach({"vendor_checked": "No program calls anybody. A person must check them "
                                               "on the contact's page first."})  # fmt: skip
        return {"checked_by": sent.by.display_name, "checked_at": sent.now.isoformat()}
    if known and known.checked_at and known.checked_by:
        if check_is_fresh(known, sent.now):
            by, at = known.checked_by.display_name, known.checked_at.isoformat()
            return {"checked_by": by, "checked_at": at}
        raise Invalid({"vendor_checked": f"They were last checked on {known.checked_at:%d %b %Y}. "
                                         "Call them and check again."})  # fmt: skip
    raise Invalid({"vendor_checked": "Call them on that number first, and say that you did."})


def _says_yes(value: Any) -> bool:
    """A box that was ticked. ``"false"`` is a text, and no yes."""
    return value is True or (isinstance(value, str) and value.strip().casefold() in YES)


def _phone(value: Any, _sent: Particulars, known: VendorContact | None) -> str:
    """Of a known person the number that is kept: by it the check of one sponsor counts for the
    next, so whoever would have them called elsewhere changes the contact, and that is told."""
    text = clean_text(str(value or "")) or (known.phone if known else "")
    if wrong := phone_problem(text):
        raise ValueError(wrong)
    if known is None:
        return text
    if digits_of(text) != digits_of(known.phone):
        raise ValueError(f"Their number is kept as {known.phone}. Change the contact if it moved.")
    return known.phone


def _alias(value: Any, sent: Particulars, _known: VendorContact | None) -> str:
    first = sent.machines[0]
    text = " ".join(clean_text(str(value or "")).split()) or ALIASES.get(first.os, "Machine")
    if len(text) > LONGEST_ALIAS:
        raise ValueError(f"Keep it under {LONGEST_ALIAS} characters.")
    if said := _said_of_the_inside(text, sent.machines):
        raise ValueError(f"The vendor would read “{said}”. Call it something from outside.")
    return text


def _said_of_the_inside(text: str, machines: Sequence[Machine]) -> str:
    """What people outside need not know of a machine, where it is said as a word of its own."""
    names = [name for m in machines for name in (m.name, m.resource_group, m.private_ip or "")]
    for name in (name.casefold() for name in names if len(name) >= SHORTEST_NAME):
        if re.search(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", text.casefold()):
            return name
    return ""


def _credentials(value: Any, sent: Particulars, _known: VendorContact | None) -> str:
    text = clean_text(str(value or ""))
    if not text:
        raise ValueError("Say who gives them the login on the machine, and how.")
    if len(text) > LONGEST_CREDENTIALS:
        raise ValueError(f"Keep it under {LONGEST_CREDENTIALS} characters.")
    if said := _said_of_the_inside(text, sent.machines):
        raise ValueError(f"The vendor would read “{said}”. Say it without inner names.")
    return text


def _zone(value: Any, sent: Particulars, known: VendorContact | None) -> str:
    name = str(value or "") or (known.zone if known else sent.by.zone)
    if wrong := zone_problem(name):
        raise ValueError(wrong)
    return name


def _language(value: Any, _sent: Particulars, known: VendorContact | None) -> str:
    code = str(value or "") or (known.language if known else "en")
    if wrong := language_problem(code):
        raise ValueError(wrong)
    return code


def _sources(value: Any, _sent: Particulars, _known: VendorContact | None) -> list[str]:
    """As a list, or as text with commas, spaces or lines between."""
    parts = value if isinstance(value, list) else re.split(r"[\s,;]+", str(value or ""))
    wanted = [str(part).strip() for part in parts if str(part).strip()]
    if len(wanted) > MOST_SOURCES:
        raise ValueError(f"Name at most {MOST_SOURCES} networks.")
    return list(dict.fromkeys(_network(text) for text in wanted))


def _network(text: str) -> str:
    shown = clean_text(text)[:60]
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"“{shown}” is no address and no network in CIDR form.") from None
    first = network.network_address
    if isinstance(first, IPv6Address) and (first.scope_id or first.ipv4_mapped):
        raise ValueError(f"“{shown}”: give it as a plain IPv4 or IPv6 address.")
    widest = WIDEST_V4 if network.version == 4 else WIDEST_V6  # noqa: PLR2004
    if network.prefixlen < widest:
        raise ValueError(f"{network} is too wide to keep anybody out: /{widest} or narrower.")
    return str(network)


_Read = Callable[[Any, Particulars, VendorContact | None], Any]
_READ: dict[str, _Read] = {
    "phone": _phone,
    "alias": _alias,
    "credentials": _credentials,
    "zone": _zone,
    "language": _language,
    "sources": _sources,
}
