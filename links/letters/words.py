"""What each letter says. The texts are ours and translated; what people typed is only filled in.

Each is called with the reader's language and zone active, and makes whole sentences.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings
from django.utils.translation import gettext as _

from access.delivery.facts import name_of
from access.models import EndedHow
from links import moments
from links.letters.occasion import Occasion


@dataclass(frozen=True)
class Content:
    """The same for both forms of a letter. ``rows`` and ``quotes`` are (label, text)."""

    subject: str
    heading: str
    paragraphs: list[str]
    tone: str = "blue"  # as in access.delivery.mail.COLOURS
    code: str = ""
    rows: list[tuple[str, str]] = field(default_factory=list)
    quotes: list[tuple[str, str]] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    button: str = ""  # leads to the address of the occasion
    notes: list[str] = field(default_factory=list)
    last: str = ""  # by which programs recognise a code and where it belongs


def brand() -> str:
    return name_of(settings.VENDOR_BRAND)


def invited(told: Occasion) -> Content:
    says = _names(told)
    return Content(
        subject=_("%(sponsor)s invites you to work on %(alias)s") % says,
        heading=_("You are invited to work on %(alias)s") % says,
        paragraphs=[
            _(
                "%(sponsor)s arranged for you (%(company)s) to reach this machine through your "
                "browser. You need no account, and there is nothing to install."
            )
            % says,
        ],
        rows=[*_window(told), *_reference(told)],
        quotes=_login(told),
        button=_("Open your invitation"),
        steps=[
            _("Open your invitation and have a code sent. It comes to this mailbox."),
            _("Type the code, and read the terms."),
            _("Open the session once your time has begun."),
        ],
        notes=[
            _(
                "The address is meant for you alone. It opens nothing without a code, and codes go "
                "to this mailbox and nowhere else."
            ),
            _(
                "At the end access closes by itself, and whoever is connected is disconnected. If "
                "you are finished earlier, please say so on the page."
            ),
            _("If you did not expect this letter, do nothing and tell %(sponsor)s.") % says,
        ],
    )


def opened(told: Occasion) -> Content:
    says = _names(told)
    return Content(
        subject=_("%(alias)s is open for you now") % says,
        heading=_("%(alias)s is open for you now") % says,
        paragraphs=[
            _("Your time has begun. Have a code sent from the page, and open the session there."),
        ],
        tone="green",
        rows=[*_until(told), *_reference(told)],
        quotes=_login(told),
        button=_("Open your invitation"),
        notes=[
            _(
                "The address is meant for you alone. It opens nothing without a code, and codes go "
                "to this mailbox and nowhere else."
            ),
            _(
                "At the end access closes by itself, and whoever is connected is disconnected. If "
                "you are finished earlier, please say so on the page."
            ),
        ],
    )


def lengthened(told: Occasion) -> Content:
    says = _names(told)
    return Content(
        subject=_("You have more time on %(alias)s") % says,
        heading=_("You have more time on %(alias)s") % says,
        paragraphs=[
            _("More time was approved for you. What is open stays open: you need do nothing.")
        ],
        tone="green",
        rows=[*_until(told), *_reference(told)],
    )


def code(told: Occasion) -> Content:
    until = moments.clock(told.code_until) if told.code_until else ""
    says = {**_names(told), "length": moments.length(told.code_minutes), "until": until}
    return Content(
        subject=_("Your code for %(brand)s") % says,
        heading=_("Your code"),
        paragraphs=[_("Type it on the page on which you asked for it.")],
        code=told.code,
        rows=_reference(told),
        notes=[
            _("It counts once, in that browser alone, for %(length)s: until %(until)s.") % says,
            _("Nobody will ask you for it, on the phone or by mail. Do not pass it on."),
            _("If you did not ask for a code, somebody else has your invitation: tell %(sponsor)s.")
            % says,
        ],
    )


def wish_declined(told: Occasion) -> Content:
    says = _names(told)
    return Content(
        subject=_("No more time on %(alias)s") % says,
        heading=_("No more time on %(alias)s") % says,
        paragraphs=[
            _("You asked for more time, and the answer is no."),
            _("Access ends when it would have. Please save your work before then."),
        ],
        tone="amber",
        rows=[*_until(told), *_reference(told)],
        quotes=[(_("Why"), told.answer)] if told.answer else [],
    )


def ended(told: Occasion) -> Content:
    says = _names(told)
    heading, paragraphs, tone = _ending(told, says)
    when = [(_("Ended"), moments.at(told.ended_at))] if told.ended_at and told.was_open else []
    return Content(
        subject=heading,
        heading=heading,
        paragraphs=paragraphs,
        tone=tone,
        rows=[*when, *_reference(told)],
    )


def _ending(told: Occasion, says: dict[str, str]) -> tuple[str, list[str], str]:
    """Heading, paragraphs and tone, by how it ended and whether anything was open."""
    ask = _("If you still have work to do there, ask %(sponsor)s.") % says
    closed = _("The address in your invitation opens nothing any more.")
    heading = _("Your access to %(alias)s has ended") % says
    if not told.was_open and told.how != EndedHow.BY_VENDOR:
        return _never_open(told, says, [closed, ask])
    if told.how == EndedHow.BY_VENDOR:
        thanks = _("You said that you are finished, and everything is closed. Thank you.")
        return heading, [thanks, closed], "grey"
    if told.how == EndedHow.LOCKDOWN:
        why = _("All access from outside was closed early, as a precaution.")
        return heading, [why, closed, ask], "amber"
    if told.how or told.early:
        why = _("It was ended before its time, and everything is closed.")
        return heading, [why, closed, ask], "amber"
    return heading, [_("Your time is over, and everything is closed."), closed, ask], "grey"


def _never_open(
    told: Occasion, says: dict[str, str], rest: list[str]
) -> tuple[str, list[str], str]:
    if told.how:
        heading = _("Your access to %(alias)s was called off") % says
        return heading, [_("It was ended before anything was open."), *rest], "grey"
    heading = _("%(alias)s could not be opened for you") % says
    why = _("This was a fault on our side, and nothing that you did.")
    return heading, [why, *rest], "amber"


def _names(told: Occasion) -> dict[str, str]:
    return {
        "name": told.name,
        "company": told.company,
        "alias": told.alias,
        "sponsor": told.sponsor,
        "brand": brand(),
    }


def _window(told: Occasion) -> list[tuple[str, str]]:
    if told.starts_at and told.ends_at:
        return [(_("From"), moments.at(told.starts_at)), *_until(told)]
    later = _("%(length)s after that") % {"length": moments.length(told.minutes)}
    return [(_("From"), _("As soon as it is approved")), (_("Until"), later)]


def _until(told: Occasion) -> list[tuple[str, str]]:
    return [(_("Until"), moments.at(told.ends_at))] if told.ends_at else []


def _reference(told: Occasion) -> list[tuple[str, str]]:
    """For who calls their sponsor."""
    return [(_("Reference"), told.reference)]


def _login(told: Occasion) -> list[tuple[str, str]]:
    return [(_("How you get the login on the machine"), told.credentials)]


WORDS: dict[str, Callable[[Occasion], Content]] = {
    "visit.invited": invited,
    "visit.opened": opened,
    "visit.lengthened": lengthened,
    "visit.code": code,
    "visit.wish_declined": wish_declined,
    "visit.ended": ended,
}
