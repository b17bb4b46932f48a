"""What a sponsor says of a vendor's person, attacked: whose address it is, and whose contact."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from access import services
from access.clock import db_now
from access.errors import Invalid, WrongState
from access.models import AccessRequest, LedgerEntry, Machine, Person, Role
from links.mailboxes import is_internal, mail_problem
from links.models import Invitation, VendorContact
from links.sponsoring import contacts
from tests.support import estate
from tests.support.cast import Cast, approve, ask, person, vendor_details

pytestmark = pytest.mark.django_db
THEIRS = "technician@vendor.test"


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.tasks.look.apply_async", lambda *_args, **_options: None)


@pytest.fixture
def vm(db: None) -> Machine:
    return estate.machine()


def other(vm: Machine, number: int = 2) -> Machine:
    """A door serves one link at a time, so each request has a machine of its own."""
    return estate.machine(f"{vm.name}-{number}", private_ip=f"10.0.1.{number + 50}")


def invite(vm: Machine, *, by: Person, **changes: Any) -> AccessRequest:
    told = {name: changes.pop(name) for name in list(changes) if not name.startswith("vendor_")}
    return ask(vm, by=by, kind="link", details=vendor_details(**told), **changes)


def refused(vm: Machine, *, by: Person, **changes: Any) -> dict[str, str]:
    """The messages by field. Nothing was kept."""
    before = (AccessRequest.objects.count(), VendorContact.objects.count())
    with pytest.raises(Invalid) as problem:
        invite(vm, by=by, **changes)
    assert (AccessRequest.objects.count(), VendorContact.objects.count()) == before
    return problem.value.fields


def refusals() -> list[str]:
    lines = LedgerEntry.objects.filter(event="request.submit.refused", outcome="denied")
    return [line.data["reason"] for line in lines.order_by("seq")]


# the address


@pytest.mark.parametrize(
    "mail",
    [
        "alice@example.test",
        "Alice@Example.TEST",
        "alice+vendor@example.test",
        "ALICE+@example.test",
        "alice\u200b@example.test",
        " alice@example.test ",
    ],
)
def test_a_sponsor_does_not_invite_themself(cast: Cast, vm: Machine, mail: str, settings: Any):
    """X-49: however the own address is spelled. Mail to alice+vendor lies in Alice's mailbox."""
    settings.VENDOR_INTERNAL_DOMAINS = ["corp.test"]  # says nothing of example.test
    assert "vendor_mail" in refused(vm, by=cast.alice, vendor_mail=mail)
    assert len(refusals()) == 1


def test_a_sponsor_does_not_invite_their_other_account(cast: Cast, vm: Machine, settings: Any):
    """X-49: nor the address of the human being's second account, or of anybody who has one."""
    settings.VENDOR_INTERNAL_DOMAINS = ["corp.test"]
    second = person("Alice Admin", Role.ADMIN)
    Person.objects.filter(pk__in=[second.pk, cast.alice.pk]).update(person_key="emp-1")
    Person.objects.filter(pk=second.pk).update(mail="a.admin@elsewhere.test")
    assert "vendor_mail" in refused(vm, by=cast.alice, vendor_mail="a.admin+x@elsewhere.test")
    gone = person("Gone", Role.ENGINEER)
    Person.objects.filter(pk=gone.pk).update(mail="gone@elsewhere.test", is_active=False)
    assert "vendor_mail" in refused(vm, by=cast.alice, vendor_mail="GONE@elsewhere.test")
    assert invite(vm, by=cast.alice, vendor_mail="admin@elsewhere.test")
    assert len(refusals()) == 2


@pytest.mark.parametrize(
    "mail",
    [
        "carol@corp.test",
        "carol@CORP.test",
        "carol@mail.corp.test",
        "carol@xn--mller-kva.test",
        "carol@sub.xn--mller-kva.test",
    ],
)
def test_people_of_the_house_ask_with_their_own_accounts(
    cast: Cast, vm: Machine, mail: str, settings: Any
):
    """X-49: an internal domain by the setting, with what is below it, in either spelling."""
    settings.VENDOR_INTERNAL_DOMAINS = [" @Corp.test ", "*.m\u00fcller.test", ""]
    assert "your own organisation" in refused(vm, by=cast.alice, vendor_mail=mail)["vendor_mail"]
    domain = mail.rpartition("@")[2].casefold()
    (reason,) = refusals()
    assert reason.startswith(f"{domain} is of your own organisation")


def test_a_domain_that_only_ends_alike_is_not_internal(settings: Any):
    settings.VENDOR_INTERNAL_DOMAINS = ["corp.test"]
    assert not is_internal("notcorp.test")
    assert not is_internal("corp.test.vendor.example")
    assert is_internal("corp.test")


def test_without_the_setting_the_domains_of_people_here_are_internal(cast: Cast, settings: Any):
    """X-49: with what is below and above them; not those of guests and programs."""
    settings.VENDOR_INTERNAL_DOMAINS = []
    guest, robot = person("Gwen", Role.ENGINEER), person("Robot", Role.ENGINEER)
    Person.objects.filter(pk=guest.pk).update(mail="gwen@vendor.test", is_guest=True)
    Person.objects.filter(pk=robot.pk).update(mail="robot@cloud.test", is_application=True)
    Person.objects.filter(pk=cast.alan.pk).update(mail="alan@eu.group.test")
    assert is_internal("example.test")
    assert is_internal("mail.EXAMPLE.test")
    assert is_internal("eu.group.test")
    assert is_internal("group.test")
    assert not is_internal("vendor.test")
    assert not is_internal("cloud.test")
    assert not is_internal("counterexample.test")
    assert mail_problem("gwen@vendor.test")  # she can ask herself
    assert not mail_problem(THEIRS)


@pytest.mark.parametrize(
    "mail",
    [
        "",
        "nobody",
        "a@localhost",
        "a@[10.0.0.1]",
        '"a b"@vendor.test',
        "a%corp.test@vendor.test",
        "corp.test!a@vendor.test",
        "a,b@vendor.test",
        "a@vendor.test.",
        "a@vendor.test\nBcc: b@vendor.test",
        "a@vendor.test b@vendor.test",
        "te\u0441hnician@vendor.test",
        "a\uff20vendor.test",
        f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.test",
    ],
)
def test_what_is_no_plain_address_is_refused_beside_the_field(cast: Cast, vm: Machine, mail: str):
    """Routes past the rule on domains, a second recipient, and letters that only look like it."""
    assert "vendor_mail" in refused(vm, by=cast.alice, vendor_mail=mail)


def test_a_domain_in_other_letters_is_to_be_written_as_mail_does(cast: Cast, vm: Machine):
    wrong = refused(vm, by=cast.alice, vendor_mail="anna@m\u00fcller.example")
    assert "anna@xn--mller-kva.example" in wrong["vendor_mail"]
    assert invite(vm, by=cast.alice, vendor_mail="anna@xn--mller-kva.example")


# The contact


def test_the_number_of_somebody_elses_contact_is_not_overwritten_in_passing(
    cast: Cast, vm: Machine
):
    """A sponsor who has a known person called on a number of their own would have everybody after
    them call it, too."""
    invite(vm, by=cast.alice)
    again = other(vm)
    wrong = refused(again, by=cast.alan, phone="+49 30 999 999 99")
    assert wrong == {"vendor_phone": "Their number is kept as +49 30 1234567. "
                                     "Change the contact if it moved."}  # fmt: skip
    assert invite(again, by=cast.alan, phone="+49 (30) 123-4567").details["phone"] == (
        "+49 30 1234567"
    )
    assert VendorContact.objects.get().phone == "+49 30 1234567"


def test_a_known_address_is_not_given_to_another_name(cast: Cast, vm: Machine):
    invite(vm, by=cast.alice)
    wrong = refused(other(vm), by=cast.alan, vendor_name="Mallory", vendor_mail=THEIRS.upper())
    assert "kept for V. Technician, Vendor Ltd" in wrong["vendor_name"]
    assert invite(other(vm, 3), by=cast.alan, vendor_name="v. technician")


def test_a_check_counts_for_the_next_sponsor_until_it_is_too_old(
    cast: Cast, vm: Machine, settings: Any
):
    settings.VENDOR_CHECK_DAYS = 30
    invite(vm, by=cast.alice)
    assert invite(other(vm), by=cast.alan, checked=False).details["checked_by"] == "Alice"
    VendorContact.objects.update(checked_at=db_now() - timedelta(days=31))
    third = other(vm, 3)
    assert "last checked" in refused(third, by=cast.alan, checked=False)["vendor_checked"]
    invite(third, by=cast.alan)
    assert VendorContact.objects.get().checked_by == cast.alan
    assert LedgerEntry.objects.filter(event="vendor.contact_checked").count() == 1
    assert LedgerEntry.objects.filter(event="vendor.contact_kept").count() == 1


@pytest.mark.parametrize("said", ["false", "no", "", None, 0, 1, ["on"], {"a": 1}, "off"])
def test_only_a_yes_is_a_check(cast: Cast, vm: Machine, said: Any):
    """``"false"`` is a text that is not empty."""
    assert "vendor_checked" in refused(vm, by=cast.alice, checked=said)


@pytest.mark.parametrize("said", ["on", "true", "yes", True])
def test_a_ticked_box_is_a_check(cast: Cast, vm: Machine, said: Any):
    assert invite(vm, by=cast.alice, checked=said).details["checked_by"] == "Alice"


# Who is blocked


def test_nobody_asks_for_who_is_blocked(cast: Cast, vm: Machine):
    """Under no address that ends in the same mailbox."""
    invite(vm, by=cast.alice)
    contacts.block(VendorContact.objects.get(), why="Shared their login.", by=cast.dana)
    for mail in (THEIRS, "Technician@VENDOR.test", "technician+2@vendor.test"):
        wrong = refused(other(vm, 3), by=cast.alan, vendor_mail=mail, vendor_name="Somebody")
        assert wrong == {"vendor_mail": "This contact is blocked: Shared their login."}
        Machine.objects.filter(name=f"{vm.name}-3").delete()
    assert len(refusals()) == 3


def test_nobody_approves_for_who_was_blocked_meanwhile(cast: Cast, vm: Machine):
    asked = invite(vm, by=cast.alice)
    contacts.block(VendorContact.objects.get(), why="Shared their login.", by=cast.dana)
    with pytest.raises(WrongState, match="was blocked: Shared their login"):
        approve(asked, by=cast.bob)
    asked.refresh_from_db()
    assert asked.state == "pending"
    assert not Invitation.objects.exists()
    contacts.unblock(VendorContact.objects.get(), by=cast.dana)
    approve(asked, by=cast.bob)
    assert Invitation.objects.count() == 1


# Words


LONG = "x" * 201


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("vendor_name", LONG),
        ("vendor_company", LONG),
        ("vendor_name", "V. Technician\nBcc: mallory@evil.test"),
        ("vendor_company", "Vendor\u2028Ltd"),
        ("vendor_name", "\x00\u200b"),
        ("phone", "call me"),
        ("phone", "+" + "1" * 16),
        ("phone", "1-----"),
        ("phone", "\u0661\u0662\u0663\u0664\u0665\u0666\u0667"),
        ("alias", "y" * 81),
        ("alias", "VM-APP-01 at the back"),
        ("alias", "the one at 10.0.1.4"),
        ("credentials", ""),
        ("credentials", "z" * 501),
        ("credentials", "Alice puts it on vm-app-01"),
        ("zone", "Europe/Nowhere"),
        ("zone", "../../etc/passwd"),
        ("language", "xx"),
        ("sources", "half the world"),
        ("sources", "10.0.0.0/8"),
        ("sources", "::/0"),
        ("sources", ["fe80::1%eth0"]),
        ("sources", "::ffff:0:0/96"),
        ("sources", {"a": 1}),
        ("sources", ["\ud800", "\x00"]),
        ("sources", [f"192.0.2.{n}" for n in range(21)]),
    ],
)
def test_what_cannot_be_kept_is_said_beside_its_field(
    cast: Cast, vm: Machine, field: str, value: Any
):
    """Also where a database would have been the first to notice."""
    wrong = refused(vm, by=cast.alice, **{field: value})
    assert set(wrong) == {field if field.startswith("vendor_") else f"vendor_{field}"}
    "".join(wrong.values()).encode()


def test_what_no_text_can_hold_is_left_out(cast: Cast, vm: Machine):
    """PostgreSQL keeps no NUL and no halves of characters."""
    asked = invite(
        vm, by=cast.alice, vendor_name="V\x00. T\ud800echnician", alias="Bill\x00ing",
        credentials="On the\ud800 phone", sources="198.51.100.7, 2001:db8::/48 198.51.100.7/32",
    )  # fmt: skip
    assert asked.vendor_name == "V. Technician"
    assert asked.details["alias"] == "Billing"
    assert asked.details["sources"] == ["198.51.100.7/32", "2001:db8::/48"]


def test_a_word_within_a_word_gives_nothing_away(cast: Cast):
    vm = estate.machine("web", resource_group="app")
    assert invite(vm, by=cast.alice, alias="Webserver of the application")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_sponsors_who_keep_the_same_person_at_once_keep_one(cast: Cast):
    """The second is judged by what the first kept: another name or number is refused, not lost."""
    first, second = estate.machine("vm-1"), estate.machine("vm-2", private_ip="10.0.1.5")
    barrier, found = threading.Barrier(2), []

    def send(vm: Machine, by: Person, phone: str) -> None:
        try:
            barrier.wait(10)
            found.append(invite(vm, by=by, phone=phone).details["phone"])
        except Invalid as problem:
            found.append(problem.fields)
        finally:
            connection.close()

    tasks = [(first, cast.alice, "+49 30 111111"), (second, cast.alan, "+49 30 222222")]
    threads = [threading.Thread(target=send, args=each) for each in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    contact = VendorContact.objects.get()
    assert contact.phone in found
    assert any(isinstance(each, dict) and "vendor_phone" in each for each in found)
    assert LedgerEntry.objects.filter(event="vendor.contact_kept").count() == 1
    assert AccessRequest.objects.count() == 1


def test_the_same_form_twice_is_one_request_and_one_contact(cast: Cast, vm: Machine):
    from tests.support.cast import submission

    sent = submission(vm, kind="link")
    assert services.submit(sent, by=cast.alice) == services.submit(sent, by=cast.alice)
    assert LedgerEntry.objects.filter(event__startswith="vendor.").count() == 1


def test_nobody_gives_more_time_to_who_was_blocked_meanwhile(cast: Cast, vm: Machine):
    """What is open stays open until its end, and not a minute longer."""
    asked = approve(invite(vm, by=cast.alice), by=cast.bob)
    grants = asked.grants.all()
    grants.update(state="open", opened_at=db_now())
    ends = grants.get(kind="link").ends_at
    contacts.block(VendorContact.objects.get(), why="Shared their login.", by=cast.dana)
    more = services.extend(asked, minutes=30, reason="More", key=uuid.uuid4(), by=cast.alice)
    with pytest.raises(WrongState, match="was blocked"):
        approve(more, by=cast.bob)
    link = grants.get(kind="link")
    assert (link.state, link.ends_at) == ("open", ends)
