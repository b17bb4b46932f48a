"""Vendors' people as everybody keeps them: changed, checked, blocked, and who may do what."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from access.errors import Invalid, NotAllowed, WrongState
from access.models import LedgerEntry, Person, Role, Scope
from links.models import VendorContact
from links.sponsoring import contacts
from links.sponsoring.contacts import Words
from tests.support import estate
from tests.support.cast import Cast, ask, person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.tasks.look.apply_async", lambda *_args, **_options: None)


@pytest.fixture
def contact(cast: Cast) -> VendorContact:
    """Kept and checked by Alice with her request."""
    ask(estate.machine(), by=cast.alice, kind="link")
    return VendorContact.objects.get()


def lines(event: str) -> list[LedgerEntry]:
    return list(LedgerEntry.objects.filter(event=event).order_by("seq"))


def changed(contact: VendorContact, by: Person, **words: str) -> VendorContact:
    return contacts.change(contact, replace(Words.of(contact), **words), by=by)


def test_the_first_request_keeps_the_person(cast: Cast, contact: VendorContact):
    assert (contact.kept_by, contact.checked_by) == (cast.alice, cast.alice)
    assert contact.checked_at == contact.kept_at
    (line,) = lines("vendor.contact_kept")
    assert line.subject == f"vendor/{contact.pk}"
    assert line.reference.startswith("BA-")


@pytest.mark.parametrize(
    ("words", "void"),
    [
        ({"phone": "+49 30 999999"}, True),
        ({"company": "Another Ltd"}, True),
        ({"name": "W. Technician"}, True),
        ({"phone": "+49 (30) 123-4567"}, False),
        ({"company": "VENDOR LTD"}, False),
        ({"zone": "Asia/Tokyo"}, False),
        ({"language": "ja"}, False),
    ],
)
def test_another_name_company_or_number_was_checked_by_nobody(
    cast: Cast, contact: VendorContact, words: dict[str, str], void: bool
):
    """Else a check of one number would vouch for another."""
    now = changed(contact, cast.alan, **words)
    assert (now.checked_at is None) is void
    assert (now.checked_by is None) is void
    (line,) = lines("vendor.contact_changed")
    (name,) = words
    assert line.actor_id == cast.alan.identity
    assert (line.data["now"][name], line.data["check_void"]) == (words[name], void)
    assert line.data["before"][name] == getattr(contact, name)


def test_the_same_words_again_change_nothing(cast: Cast, contact: VendorContact):
    changed(contact, cast.alan, phone="+49 30 999999")
    again = VendorContact.objects.get()
    changed(again, cast.alan, phone=" +49 30 999999 ")
    assert len(lines("vendor.contact_changed")) == 1


def test_a_page_that_is_old_does_not_bring_back_the_old_number(cast: Cast, contact: VendorContact):
    """Bob corrects the zone on a page on which the number is still the one that Alan replaced."""
    old = Words.of(contact)
    changed(contact, cast.alan, phone="+49 30 999999")
    with pytest.raises(Invalid, match="meanwhile"):
        contacts.change(contact, replace(old, zone="UTC"), by=cast.bob, seen=old.digest)
    now = VendorContact.objects.get()
    assert (now.phone, now.zone) == ("+49 30 999999", "Europe/Berlin")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", ""),
        ("name", "x" * 201),
        ("name", "Anna\nBcc: mallory@evil.test"),
        ("company", "\x00"),
        ("phone", "12345"),
        ("phone", "<script>"),
        ("zone", "Mars/Base"),
        ("language", "tlh"),
    ],
)
def test_what_cannot_be_kept_is_said_beside_its_field(
    cast: Cast, contact: VendorContact, name: str, value: str
):
    with pytest.raises(Invalid) as problem:
        changed(contact, cast.alan, **{name: value})
    assert set(problem.value.fields) == {name}
    assert VendorContact.objects.get() == contact
    assert not lines("vendor.contact_changed")


def test_whoever_called_says_so_and_it_counts_once(cast: Cast, contact: VendorContact):
    for _ in range(2):
        contacts.check(contact, phone=contact.phone, called=True, by=cast.bob)
    (line,) = lines("vendor.contact_checked")
    assert line.data["phone"] == contact.phone
    assert VendorContact.objects.get().checked_by == cast.bob
    contacts.check(contact, phone=contact.phone, called=True, by=cast.alan)
    assert len(lines("vendor.contact_checked")) == 2


def test_a_call_to_the_old_number_checks_nothing(cast: Cast, contact: VendorContact):
    """Mallory changes the number while Bob has the page open that shows the old one."""
    changed(contact, cast.charlie, phone="+49 30 666666")
    with pytest.raises(WrongState, match="changed meanwhile"):
        contacts.check(contact, phone=contact.phone, called=True, by=cast.bob)
    assert VendorContact.objects.get().checked_at is None
    (line,) = lines("vendor.contact_check.refused")
    assert line.outcome == "denied"


def test_without_a_call_nothing_is_checked(cast: Cast, contact: VendorContact):
    with pytest.raises(Invalid) as problem:
        contacts.check(contact, phone=contact.phone, called=False, by=cast.bob)
    assert set(problem.value.fields) == {"called"}


def test_blocking_and_unblocking_are_told_once_each(cast: Cast, contact: VendorContact):
    for why in ("Left the company.", "Again."):
        contacts.block(contact, why=why, by=cast.dana)
    now = VendorContact.objects.get()
    assert (now.blocked_by, now.blocked_why) == (cast.dana, "Left the company.")
    assert [line.data["why"] for line in lines("vendor.contact_blocked")] == ["Left the company."]
    for _ in range(2):
        contacts.unblock(contact, by=cast.dana)
    assert len(lines("vendor.contact_unblocked")) == 1
    now = VendorContact.objects.get()
    assert (now.blocked_at, now.blocked_by, now.blocked_why) == (None, None, "")
    assert now.checked_at is None  # whoever unblocks has called nobody


@pytest.mark.parametrize("why", ["", "  \x00", "x" * 1001])
def test_blocking_takes_a_reason(cast: Cast, contact: VendorContact, why: str):
    with pytest.raises(Invalid) as problem:
        contacts.block(contact, why=why, by=cast.dana)
    assert set(problem.value.fields) == {"why"}


def test_who_is_blocked_is_neither_renamed_nor_checked(cast: Cast, contact: VendorContact):
    """Else an engineer would make somebody else of them."""
    contacts.block(contact, why="Left the company.", by=cast.dana)
    with pytest.raises(WrongState):
        changed(contact, cast.alice, name="Somebody Else")
    with pytest.raises(WrongState):
        contacts.check(contact, phone=contact.phone, called=True, by=cast.alice)
    assert len(lines("vendor.contact_change.refused")) == 1
    assert len(lines("vendor.contact_check.refused")) == 1


Act = Callable[[VendorContact, Person], Any]
KEEPING: list[Act] = [
    lambda contact, by: changed(contact, by, phone="+49 30 999999"),
    lambda contact, by: contacts.check(contact, phone=contact.phone, called=True, by=by),
]
BLOCKING: list[Act] = [
    lambda contact, by: contacts.block(contact, why="No more.", by=by),
    lambda contact, by: contacts.unblock(contact, by=by),
]


@pytest.mark.parametrize("act", KEEPING)
def test_auditors_and_approvers_keep_nothing(cast: Cast, contact: VendorContact, act: Act):
    approver = person("Paula", Role.APPROVER)
    for who in (cast.erin, approver):
        with pytest.raises(NotAllowed):
            act(contact, who)
    act(contact, cast.dana)
    denied = LedgerEntry.objects.filter(event__startswith="vendor.", outcome="denied")
    assert denied.count() == 2


@pytest.mark.parametrize("act", BLOCKING)
def test_only_administrators_block_and_unblock(cast: Cast, contact: VendorContact, act: Act):
    """Whoever wants to invite somebody does not say that they may be."""
    for who in (cast.alice, cast.bob, cast.erin):
        with pytest.raises(NotAllowed):
            act(contact, who)
    act(contact, cast.dana)
    denied = LedgerEntry.objects.filter(event__startswith="vendor.", outcome="denied")
    assert denied.count() == 3


@pytest.mark.parametrize("act", [*KEEPING, *BLOCKING])
def test_no_token_and_no_program_keeps_anything(cast: Cast, contact: VendorContact, act: Act):
    cast.dana.scopes = frozenset(Scope.values)
    program = person("Robot", Role.ENGINEER, Role.ADMIN)
    program.is_application = True
    for who in (cast.dana, program):
        with pytest.raises(NotAllowed):
            act(contact, who)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_change_and_a_check_at_once_leave_no_check_of_another_number(cast: Cast):
    ask(estate.machine(), by=cast.alice, kind="link")
    contact = VendorContact.objects.get()
    barrier = threading.Barrier(2)

    def at_once(act: Callable[[], Any]) -> None:
        try:
            barrier.wait(10)
            act()
        except WrongState:
            pass  # the change came first
        finally:
            connection.close()

    acts = [
        lambda: changed(contact, cast.alan, phone="+49 30 999999"),
        lambda: contacts.check(contact, phone=contact.phone, called=True, by=cast.bob),
    ]
    threads = [threading.Thread(target=at_once, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    now = VendorContact.objects.get()
    assert (now.phone, now.checked_at, now.checked_by) == ("+49 30 999999", None, None)
