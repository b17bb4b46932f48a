"""What a refusal says, as whole sentences in the reader's language."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from links import moments
from links.visiting.errors import Refusal

OF_THE_CODE = {"wrong-code", "expired-code", "no-code"}  # said beside the field
A_MINUTE = 60
STATUS = {"too-often": 429, "locked": 429, "source": 403}


def said(refusal: Refusal) -> str:
    words = _WORDS.get(refusal.code)
    return words(refusal.facts) if words else _("This is not possible at this moment.")


def status_of(refusal: Refusal | None) -> int:
    if refusal is None:
        return 200
    return 400 if refusal.code in OF_THE_CODE else STATUS.get(refusal.code, 409)


def _wrong(facts: dict[str, Any]) -> str:
    left = int(facts.get("left", 0))
    if not left:
        return _("This is not the code, and it cannot be tried again. Have another one sent.")
    return ngettext(
        "This is not the code. You can try %(left)d more time.",
        "This is not the code. You can try %(left)d more times.",
        left,
    ) % {"left": left}


def _too_often(facts: dict[str, Any]) -> str:
    minutes = -(-int(facts.get("wait", A_MINUTE)) // A_MINUTE)
    return ngettext(
        "That was asked for often enough for now. Try again in %(minutes)d minute.",
        "That was asked for often enough for now. Try again in %(minutes)d minutes.",
        minutes,
    ) % {"minutes": minutes}


def _locked(facts: dict[str, Any]) -> str:
    until = {"until": moments.clock(facts["until"])}
    return (
        _(
            "There were too many wrong codes. No code is taken before %(until)s, and the person "
            "who invited you was told."
        )
        % until
    )


def _source(facts: dict[str, Any]) -> str:
    address = facts.get("address", "")
    if not address:
        return _("This access is limited to certain networks, and yours is not among them.")
    return _(
        "This access is limited to certain networks, and your address %(address)s is not among "
        "them. Tell the person who invited you."
    ) % {"address": address}


_WORDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "wrong-code": _wrong,
    "too-often": _too_often,
    "locked": _locked,
    "source": _source,
    "expired-code": lambda _facts: _("This code is too old. Have another one sent."),
    "no-code": lambda _facts: _(
        "No code was sent to you yet. Wait until the mail is there; it can take a minute."
    ),
    "not-yet": lambda _facts: _("It is too early. Your time has not begun."),
    "opening": lambda _facts: _("It is still being opened. Try again in a moment."),
    "not-ready": lambda _facts: _(
        "The session cannot be opened at this moment. Try again in a minute."
    ),
    "unreadable": lambda _facts: _(
        "The way to this machine could not be read. Tell the person who invited you."
    ),
    "terms": lambda _facts: _("The terms have changed meanwhile. Please read them again."),
    "too-long": lambda _facts: _("That is longer than can be asked for."),
    "held": lambda _facts: _("This access has to be approved again before it opens."),
    "ended": lambda _facts: _("This access has ended."),
    "revoked": lambda _facts: _("This access was withdrawn."),
    "finished": lambda _facts: _("You said already that you are finished."),
    "failed": lambda _facts: _("This access could not be opened."),
}
