"""What each event is called when people are told of it: one table, and a sensible rest.

The texts are ours and constant; what people typed is only ever filled in. A fact that is missing
reads as in ``FALLBACKS``. Who is told is decided where ``tell`` is called.
"""

from access.models import AccessRequest, Family
from access.notices import (
    words_grants,
    words_logins,
    words_requests,
    words_security,
    words_vendor,
)
from access.notices.wording import Words

FALLBACKS = {
    "by": "Somebody",
    "requester": "Somebody",
    "machines": "a machine",
    "deputy": "Somebody",
    "approver": "somebody",
    "name": "an endpoint",
    "kind": "channel",
    "number": "(new)",
    "scope": "a part of the estate",
    "vendor": "Somebody of a vendor",
    "more": "some time",
    "lost": "some lines",
    "why": "",
    "letter": "a letter",
    "addresses": "several addresses",
    "address": "an address",
}
WORDS: dict[str, Words] = {
    **words_requests.WORDS,
    **words_grants.WORDS,
    **words_security.WORDS,
    **words_logins.WORDS,
    **words_vendor.WORDS,
}
DIGESTED = frozenset({"request.submitted", "request.stage_reached", "extension.submitted"})

_FAMILIES = {
    "grant": Family.OPEN,
    "extension": Family.DECIDED,
    "break_glass": Family.SECURITY,
    "review": Family.SECURITY,
    "lockdown": Family.SECURITY,
    "drift": Family.SECURITY,
    "ledger": Family.SECURITY,
    "anchor": Family.SECURITY,
    "closing": Family.SECURITY,
    "endpoint": Family.SECURITY,
    "token": Family.SECURITY,
    "person": Family.SECURITY,
    "policy": Family.RULES,
    "access_policy": Family.RULES,
    "deputy": Family.RULES,
    "vendor": Family.OPEN,
    "visit": Family.OPEN,
}
_WITHOUT_REQUEST = (
    "policy", "access_policy", "deputy", "lockdown", "drift", "closing", "endpoint", "token",
    "person", "ledger", "anchor",
)  # fmt: skip


def named(event: str, about: AccessRequest | None) -> str:
    """What happens to a request for more time, to a later stage or after a change has words of
    its own."""
    if about is None or not event.startswith("request."):
        return event
    if about.extends_id is not None:
        variant = event.replace("request.", "extension.", 1)
        return variant if variant in WORDS else event
    if event != "request.submitted":
        return event
    if about.stage > 0:
        return "request.stage_reached"
    return "request.changed" if about.revision > 1 else event


def words_for(event: str) -> Words:
    """An event that nobody wrote words for goes by its name."""
    return WORDS.get(event) or _plain(event)


def _plain(event: str) -> Words:
    subject, _, what = event.partition(".")
    name = f"{subject} {what}".replace("_", " ").strip().capitalize()
    return Words(
        _FAMILIES.get(subject, Family.DECIDED),
        f"{name}: {{reference_or_machines}}",
        f"This happened: {name.lower()}. {{why}}",
        "Open Bastion Access" if subject in _WITHOUT_REQUEST else "Open the request",
    )
