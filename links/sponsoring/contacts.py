"""The people of vendors as everybody here keeps them: changed, checked, blocked and unblocked. One
transaction and one line of the ledger each. A mail address is not changed: who comes in is whoever
reads it, so another address is another contact.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from access import ledger, policy
from access.clock import db_now
from access.errors import Invalid, WrongState
from access.models import Person
from access.services.refusals import one_transaction
from access.services.submission import REASON_LIMIT, clean_text
from links.models import VendorContact
from links.outsiders import (
    company_problem,
    digits_of,
    language_problem,
    name_problem,
    phone_problem,
    zone_problem,
)

SAME_CALL = timedelta(minutes=1)  # a form that is sent twice is one check
BLOCKED = "This contact is blocked. An administrator must unblock it first."
NOT_CALLED = "Call them on that number first, and say that you did."
MOVED = "The number was changed meanwhile. Look at it again, and call them there."


@dataclass(frozen=True)
class Words:
    """What may be changed of a contact."""

    name: str
    company: str
    phone: str
    zone: str
    language: str

    @classmethod
    def of(cls, contact: VendorContact) -> "Words":
        return cls(**{name: getattr(contact, name) for name in cls.__dataclass_fields__})

    def __str__(self) -> str:
        return ", ".join(vars(self).values())

    @property
    def cleaned(self) -> "Words":
        return Words(
            name=clean_text(self.name),
            company=clean_text(self.company),
            phone=clean_text(self.phone),
            zone=self.zone,
            language=self.language,
        )

    @property
    def digest(self) -> str:
        """By which a page knows whether they are still what it showed."""
        return hashlib.sha256(json.dumps(vars(self)).encode()).hexdigest()

    @property
    def identity(self) -> tuple[str, str, str]:
        """What a check was of: another spelling is the same."""
        return self.name.casefold(), self.company.casefold(), digits_of(self.phone)


def change(contact: VendorContact, words: Words, *, by: Person, seen: str = "") -> VendorContact:
    """Another name, company or number was checked by nobody, so the check is void. Safe to repeat.
    ``seen``: the digest of what ``by`` looked at, where they did.

    Raises ``NotAllowed``, ``Invalid`` with a message for each wrong field, or ``WrongState`` of
    who is blocked.
    """
    words = words.cleaned
    with one_transaction("vendor.contact_change", by=by):
        policy.check_may_keep_vendors(by)
        locked = _locked(contact)
        _check_not_blocked(locked)
        _check_words(words)
        before = Words.of(locked)
        if words == before:
            return locked
        if seen and seen != before.digest:
            raise Invalid({"__all__": f"Somebody changed it meanwhile: {before}. Send it again "
                                      "to write over that."})  # fmt: skip
        for name, value in vars(words).items():
            setattr(locked, name, value)
        void = words.identity != before.identity and locked.checked_at is not None
        if void:
            locked.checked_at, locked.checked_by = None, None
        locked.save(update_fields=[*vars(words), "checked_at", "checked_by"])
        data = {"before": vars(before), "now": vars(words), "check_void": void}
        _record("vendor.contact_changed", locked, by, data)
    return locked


def check(contact: VendorContact, *, phone: str, called: bool, by: Person) -> VendorContact:
    """Somebody called them on ``phone``, which is what the page showed. Safe to repeat."""
    with one_transaction("vendor.contact_check", by=by):
        policy.check_may_keep_vendors(by)
        locked = _locked(contact)
        _check_not_blocked(locked)
        if digits_of(phone) != digits_of(locked.phone):
            raise WrongState(MOVED)
        if not called:
            raise Invalid({"called": NOT_CALLED})
        now = db_now()
        last = locked.checked_at
        if locked.checked_by_id == by.pk and last is not None and last > now - SAME_CALL:
            return locked
        locked.checked_at, locked.checked_by = now, by
        locked.save(update_fields=["checked_at", "checked_by"])
        _record("vendor.contact_checked", locked, by, {"phone": locked.phone})
    return locked


def block(contact: VendorContact, *, why: str, by: Person) -> VendorContact:
    """Nothing more is asked for, approved for or handed to them. What is open stays open, with
    whoever is inside. Safe to repeat."""
    why = clean_text(why)
    with one_transaction("vendor.contact_block", by=by):
        policy.check_may_block_vendor(by)
        locked = _locked(contact)
        if not why or len(why) > REASON_LIMIT:
            raise Invalid({"why": f"Say why, in at most {REASON_LIMIT} characters."})
        if locked.blocked_at is None:
            locked.blocked_at, locked.blocked_by, locked.blocked_why = db_now(), by, why
            locked.save(update_fields=["blocked_at", "blocked_by", "blocked_why"])
            _record("vendor.contact_blocked", locked, by, {"why": why})
    return locked


def unblock(contact: VendorContact, *, by: Person) -> VendorContact:
    """They can be invited again, once somebody has called them. Safe to repeat."""
    with one_transaction("vendor.contact_unblock", by=by):
        policy.check_may_block_vendor(by)
        locked = _locked(contact)
        if locked.blocked_at is not None:
            told = {"blocked_at": locked.blocked_at, "why": locked.blocked_why}
            locked.blocked_at, locked.blocked_by, locked.blocked_why = None, None, ""
            locked.checked_at, locked.checked_by = None, None
            locked.save()
            _record("vendor.contact_unblocked", locked, by, told)
    return locked


def _locked(contact: VendorContact) -> VendorContact:
    """``no_key``: see ``links.following``."""
    return VendorContact.objects.select_for_update(no_key=True).get(pk=contact.pk)


def _check_not_blocked(contact: VendorContact) -> None:
    if contact.blocked_at is not None:
        raise WrongState(BLOCKED)


def _check_words(words: Words) -> None:
    problems = {
        "name": name_problem(words.name),
        "company": company_problem(words.company),
        "phone": phone_problem(words.phone),
        "zone": zone_problem(words.zone),
        "language": language_problem(words.language),
    }
    if wrong := {name: text for name, text in problems.items() if text}:
        raise Invalid(wrong)


def _record(event: str, contact: VendorContact, by: Person, data: dict[str, Any]) -> None:
    told = {"contact": contact.pk, "name": contact.name, "company": contact.company, **data}
    ledger.record(event, by=by, subject=contact.subject, data=told)
