"""From words to the two forms of a letter. The preview of an invitation comes this same way."""

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone, translation

from access.delivery.facts import name_of
from access.delivery.mail import COLOURS
from links.letters.occasion import Draft, Occasion, drafted
from links.letters.words import WORDS, brand
from links.moments import zone_named
from links.visiting.brand import colour
from links.visiting.keys import address_of, origin

NOT_YET_MADE = "made-when-the-letter-is-sent"  # in place of what is secret in an address
BUTTON = "#1c5fc4"
NOT_YET_KNOWN = "BA-······"


@dataclass(frozen=True)
class Letter:
    subject: str
    text: str
    html: str


def preview(draft: Draft) -> Letter:
    """The invitation as it would be sent, but for what is made only then: its address and its
    reference."""
    address = address_of(NOT_YET_MADE)
    return render("visit.invited", drafted(draft, address=address, reference=NOT_YET_KNOWN))


def render(event: str, told: Occasion) -> Letter:
    with translation.override(_language(told.language)), timezone.override(zone_named(told.zone)):
        content = WORDS[event](told)
        if content.code:
            content = replace(content, last=f"@{host()} #{content.code}")
        context = {
            "letter": content,
            "told": told,
            "brand": brand(),
            "help": name_of(settings.VENDOR_HELP),
            "colour": _colour(content.tone),
            "button": colour() or BUTTON,
            "zone": str(zone_named(told.zone)),
            "language": _language(told.language),
        }
        return Letter(
            subject=content.subject,
            # Plain, so that a page that shows it cannot take it for safe.
            text="".join(render_to_string("visit/letters/letter.txt", context)),
            html=render_to_string("visit/letters/letter.html", context),
        )


def host() -> str:
    """Of the vendors' pages, and of the identities of letters: not the portal's, where people
    outside need not know it."""
    return urlsplit(origin()).hostname or "localhost"


def _language(code: str) -> str:
    return code if code in dict(settings.LANGUAGES) else "en"


def _colour(tone: str) -> str:
    """Theirs where nothing has a colour of its own to say it."""
    return colour() if tone == "blue" and colour() else COLOURS[tone]
