"""The terms that a vendor's person accepts before anything is opened: which, and that they did.

They are built in, or come from a file of the installation's own. What is kept is the digest of the
text in the language in which it was shown.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from access.clock import db_now
from access.rules.problems import BadPolicy
from access.rules.yaml_text import read
from links.models import Invitation, TermsAccepted, VendorBrowser
from links.visiting import browsers, evidence
from links.visiting.caller import Caller
from links.visiting.errors import Refusal

LONGEST_VERSION = 40
FIRST = "en"  # in which there always is a text
BUILT_IN_VERSION = "built-in 1"  # another whenever a paragraph below changes its meaning
BUILT_IN: Sequence[str | Promise] = (
    _("You were invited by name. Use this access yourself, and give it to nobody else."),
    _("Do on this machine only what was agreed with the person who invited you."),
    _("Keep what you see and learn there to yourself, also when the work is done."),
    _(
        "Bring no data in and take none out, change no settings and install nothing, unless that "
        "was agreed."
    ),
    _("Work from a device that is kept up to date and that nobody else is using meanwhile."),
    _(
        "When you come, from which address and with which browser, and when you open a session is "
        "recorded and kept. Your session may be watched, and ended at any time."
    ),
    _(
        "The access ends at the time that you are shown. If you are done earlier, say so on the "
        "page, and it ends then."
    ),
    _("If anything looks wrong to you, stop and call the person who invited you."),
)


class BadTerms(Exception):
    """The file cannot be used. ``str()`` says where and why."""


@dataclass(frozen=True)
class Terms:
    """In one language. ``digest`` is of the version and the paragraphs exactly as given."""

    version: str
    paragraphs: list[str]
    digest: str
    language: str  # of the text, which may not be the one that was wanted


def current(language: str) -> Terms:
    """Those in force, in that language or else in English. Raises ``BadTerms``, which the checks
    at the start keep from happening."""
    if not settings.VENDOR_TERMS_FILE:
        language = language if language in dict(settings.LANGUAGES) else FIRST
        with translation.override(language):
            return _terms(BUILT_IN_VERSION, [str(each) for each in BUILT_IN], language)
    version, texts = _file(settings.VENDOR_TERMS_FILE)
    found = language if language in texts else FIRST
    return _terms(version, list(texts[found]), found)


def accepted(invitation: Invitation) -> bool:
    """The version that is in force, in whatever language."""
    return invitation.accepted.filter(version=current(FIRST).version).exists()


def accept(
    browser: VendorBrowser, *, version: str, digest: str, language: str, caller: Caller
) -> None:
    """``version`` and ``digest``: of what was shown. Safe to repeat. Raises ``Refusal`` when other
    terms are in force by now: these are to be shown first."""
    with evidence.one_transaction("vendor.accept_terms", browser.invitation, caller):
        locked = evidence.lock(browser.invitation)
        now = db_now()
        browsers.as_it_is(browser, now)
        terms = current(language)
        if (version, digest) != (terms.version, terms.digest):
            raise Refusal("terms")
        words = {"language": terms.language, "at": now, **caller.evidence}
        _, new = TermsAccepted.objects.get_or_create(
            invitation=locked, version=version, digest=digest, defaults=words
        )
        if new:
            told = {"version": version, "digest": digest, "language": terms.language}
            evidence.note("vendor.terms_accepted", locked, caller, **told)


def require_readable() -> None:
    """Raises ``BadTerms``: nobody could be asked to accept what cannot be shown."""
    if settings.VENDOR_TERMS_FILE:
        _file(settings.VENDOR_TERMS_FILE)


def check(**_options: Any) -> list[CheckMessage]:
    try:
        require_readable()
    except BadTerms as error:
        return [Error(f"VENDOR_TERMS_FILE: {error}", id="links.E001")]
    return []


@lru_cache(maxsize=4)
def _file(name: str) -> tuple[str, Mapping[str, Sequence[str]]]:
    """(version, texts by language). Read once: another file needs a restart, as other settings
    do."""
    try:
        found = read(Path(name).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadTerms(f"{name} cannot be read: {error}") from error
    except BadPolicy as error:
        raise BadTerms(f"{name} is no YAML that is read here: {error}") from error
    if not isinstance(found, dict) or set(found) != {"version", "texts"}:
        raise BadTerms(f"{name} must hold version and texts, and nothing else.")
    return _version(name, found["version"]), _texts(name, found["texts"])


def _version(name: str, found: Any) -> str:
    is_one = isinstance(found, (str, int)) and not isinstance(found, bool)
    version = str(found).strip() if is_one else ""
    fits = 0 < len(version) <= LONGEST_VERSION and version.isprintable()  # a form sends it back
    if not fits or version == BUILT_IN_VERSION:
        most = f"one line and at most {LONGEST_VERSION} characters"
        raise BadTerms(f"{name}: version must be a text of its own, of {most}.")
    return version


def _texts(name: str, found: Any) -> Mapping[str, Sequence[str]]:
    known = dict(settings.LANGUAGES)
    if not isinstance(found, dict) or FIRST not in found:
        raise BadTerms(f"{name}: texts must be given by language, and {FIRST} be among them.")
    if strange := sorted(set(found) - set(known)):
        raise BadTerms(f"{name}: there are no pages in {strange[0]}, only in {', '.join(known)}.")
    return {language: _paragraphs(name, language, each) for language, each in found.items()}


def _paragraphs(name: str, language: str, found: Any) -> Sequence[str]:
    texts = found if isinstance(found, list) else [found]
    plain = [each.strip() for each in texts if isinstance(each, str)]
    if not plain or len(plain) != len(texts) or not all(plain):
        raise BadTerms(f"{name}: the text in {language} must be a list of paragraphs.")
    return tuple(plain)


def _terms(version: str, paragraphs: list[str], language: str) -> Terms:
    whole = "\n\n".join([version, *paragraphs])
    return Terms(version, paragraphs, hashlib.sha256(whole.encode()).hexdigest(), language)
