"""The sponsor's and the approver's side attacked: who lets in whom, past whom, in whose name."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from access import services
from access.clock import db_now
from access.errors import Invalid, KeyReused, WrongState
from access.holding import hold
from access.models import AccessRequest, Grant, LedgerEntry, Machine, Notice, Person, Role
from access.ruling import judge_again, policy_in_force
from links import following
from links.mailboxes import shape_problem
from links.models import Invitation, MoreTimeAsk, Rotation, VendorContact
from links.sponsoring import contacts, wishes
from links.visiting import handing, wishing
from links.visiting.errors import Refusal
from tests.access.api.calling import Caller, in_session
from tests.support import estate
from tests.support.browsers import Browser
from tests.support.cast import (
    Cast,
    approve,
    ask,
    person,
    vendor_details,
)
from tests.support.ruling import TWO_STAGES, put_in_force
from tests.support.visiting import (
    FROM_HOME,
    at_the_door,
    comes_in,
    invited,
    opened,
)

pytestmark = pytest.mark.django_db(transaction=True)
LATER = timedelta(hours=2)


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.tasks.look.apply_async", lambda *_args, **_options: None)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


@pytest.fixture
def vm(cast: Cast) -> Machine:
    return estate.machine()


def robot(*roles: Role) -> Person:
    made = person("Robot", *roles)
    Person.objects.filter(pk=made.pk).update(is_application=True)
    made.refresh_from_db()
    return made


def held(asked: AccessRequest) -> AccessRequest:
    """Its approval is asked for anew, as the engine does where the policy became stricter."""
    ruling = judge_again(asked, db_now(), by=policy_in_force())
    with transaction.atomic():
        assert hold(asked, "The policy is stricter.", ruling, db_now())
    asked.refresh_from_db()
    return asked


class TestWhoIsBlocked:
    def test_is_not_let_in_by_an_approval_that_is_given_anew(self, cast: Cast, vm: Machine) -> None:
        """Approved for later, held, blocked: a second yes would have opened it all the same."""
        asked = invited(vm, cast, start=db_now() + LATER).access_request
        contacts.block(VendorContact.objects.get(), why="They left Vendor Ltd", by=cast.dana)
        asked = held(asked)
        with pytest.raises(WrongState, match="They left Vendor Ltd"):
            approve(asked, by=cast.bob)
        asked.refresh_from_db()
        assert asked.hold
        assert LedgerEntry.objects.filter(event="request.approve.refused").count() == 1

    def test_others_are_approved_anew_and_not_written_to_twice(
        self, cast: Cast, vm: Machine
    ) -> None:
        asked = held(invited(vm, cast, start=db_now() + LATER).access_request)
        approve(asked, by=cast.bob)
        asked.refresh_from_db()
        assert not asked.hold
        assert Notice.objects.filter(event="visit.invited").count() == 1


class TestASponsorWhoIsGone:
    """Nobody would answer for the vendor, and the engine would open nothing."""

    @pytest.mark.parametrize("how", ["switched off", "no engineer"])
    def test_nobody_is_invited_in_their_name(self, cast: Cast, vm: Machine, how: str) -> None:
        asked = ask(vm, by=cast.alice, kind="link")
        if how == "switched off":
            Person.objects.filter(pk=cast.alice.pk).update(is_active=False)
        else:
            cast.alice.roles.all().delete()
        with pytest.raises(WrongState, match="Alice can sponsor nobody any more"):
            approve(asked, by=cast.bob)
        assert not Invitation.objects.exists()
        assert not Grant.objects.exists()
        assert not Notice.objects.filter(event__startswith="visit.").exists()
        services.deny(asked, by=cast.bob, terms_digest=asked.terms_digest, comment="Alice left.")

    def test_the_address_is_not_handed_out_before_a_worker_saw_it(
        self, cast: Cast, vm: Machine
    ) -> None:
        visitor = at_the_door(opened(invited(vm, cast)))
        Person.objects.filter(pk=cast.alice.pk).update(is_active=False)
        with pytest.raises(Refusal) as refusal:
            handing.hand_over(visitor.browser, 1, FROM_HOME)
        assert refusal.value.code == "not-ready"
        assert not LedgerEntry.objects.filter(event="vendor.handed_over").exists()


class TestTheCheck:
    def test_no_program_says_that_it_called_somebody(self, vm: Machine) -> None:
        """The call is what a person vouches for with their name."""
        caller = in_session(robot(Role.ENGINEER))
        answer = caller.post("requests/", sent(vm), **key())
        assert answer.status_code == 400
        assert "No program calls anybody" in answer.json()["errors"]["vendor_checked"][0]
        assert not VendorContact.objects.exists()
        assert LedgerEntry.objects.filter(event="request.submit.refused").count() == 1

    def test_a_program_may_ask_for_whom_a_person_has_checked(self, cast: Cast, vm: Machine) -> None:
        ask(estate.machine("vm-2", private_ip="10.0.1.52"), by=cast.alice, kind="link")
        checked_at = VendorContact.objects.get().checked_at
        caller = in_session(robot(Role.ENGINEER))
        answer = caller.post("requests/", sent(vm, vendor_checked=False), **key())
        assert answer.status_code == 201, answer.content
        assert answer.json()["details"]["checked_by"] == "Alice"
        assert VendorContact.objects.get().checked_at == checked_at

    def test_one_that_was_void_in_the_meantime_counts_no_more(
        self, cast: Cast, vm: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Blocked and unblocked, or renamed and back, after the request was judged."""
        ask(estate.machine("vm-2", private_ip="10.0.1.52"), by=cast.alice, kind="link")
        kept = following._kept

        def late(asked: AccessRequest) -> tuple[VendorContact, bool]:
            VendorContact.objects.update(checked_at=None, checked_by=None)
            return kept(asked)

        monkeypatch.setattr(following, "_kept", late)
        with pytest.raises(Invalid) as problem:
            ask(vm, by=cast.alan, kind="link", details=vendor_details(checked=False))
        assert "vendor_checked" in problem.value.fields


@pytest.mark.parametrize(
    "mail",
    [
        "bo\u017fs@vendor.test",  # a long s, which is an s in small
        "\u212aarl@vendor.test",  # the sign for kelvin
        "a@vendor.te\u017ft",
        "\u017f@vendor.te\u017ft",
        "alice@10.0.0.25",
        "alice@mail.25",
    ],
)
def test_letters_that_only_look_like_ours_and_servers_by_number_are_no_addresses(mail: str) -> None:
    """X-49: each is another address than the approver reads, or a way past the rule on domains."""
    assert shape_problem(mail)


class TestAWish:
    @pytest.fixture
    def wish(self, cast: Cast, vm: Machine) -> MoreTimeAsk:
        visitor = comes_in(opened(invited(vm, cast)))
        return wishing.wish(visitor.browser, minutes=45, why="It hangs", caller=FROM_HOME)

    def test_is_not_answered_by_another_request_with_its_key(
        self, cast: Cast, wish: MoreTimeAsk
    ) -> None:
        """Anybody can reckon the key: something quite different would have counted as the answer,
        and an administrator could not have said no."""
        other = estate.machine("vm-2", private_ip="10.0.1.52")
        ask(other, by=cast.alice, submission_key=wishes._key(wish))
        with pytest.raises(KeyReused):
            wishes.ask_for(wish, minutes=45, reason="It hangs", by=cast.alice)
        assert wishes.decline(wish, answer="Not today", by=cast.dana).answered_at is not None

    def test_opens_nothing_that_the_policy_does_not(self, cast: Cast, wish: MoreTimeAsk) -> None:
        ends_at = set(Grant.objects.values_list("ends_at", flat=True))
        put_in_force(TWO_STAGES)
        with pytest.raises((Invalid, WrongState)):
            wishes.ask_for(wish, minutes=100_000, reason="It hangs", by=cast.alice)
        assert set(Grant.objects.values_list("ends_at", flat=True)) == ends_at


def test_who_owns_the_machine_is_not_led_to_a_request_that_is_not_there_for_them(
    cast: Cast, vm: Machine, browser: Browser
) -> None:
    """The list of logins had links to pages that say 404 to its reader."""
    asked = opened(invited(vm, cast)).access_request
    grant = asked.grants.get(kind="link")
    Rotation.objects.create(
        access_request=asked, machine=vm, grant=grant, due_at=db_now() - timedelta(minutes=1)
    )
    put_in_force(TWO_STAGES.replace("[bob, carol]", "[bob, charlie]"))  # payments own the machine
    row = Rotation.objects.get()
    link = f'href="/requests/{asked.reference}/#visit"'
    for address in ("/vendors/logins/", f"/vendors/logins/{row.pk}/done/"):
        for reader, led in ((cast.charlie, False), (cast.alice, True), (cast.erin, True)):
            if reader == cast.erin and "done" in address:
                continue  # auditors tick off nothing
            page = browser(reader).get(address)
            assert page.status_code == 200
            assert asked.reference in page.content.decode()
            assert (link in page.content.decode()) is led, (address, reader)


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def sent(vm: Machine, **changes: Any) -> dict[str, Any]:
    base = {
        "machine_id": vm.pk, "kind": "link", "port": vm.login_port, "minutes": 30,
        "reason": "Certificate", "vendor_name": "V. Technician", "vendor_company": "Vendor Ltd",
        "vendor_mail": "technician@vendor.test", "vendor_phone": "+49 30 1234567",
        "vendor_checked": True, "vendor_alias": "Billing server",
        "vendor_credentials": "Alice reads it out on the phone",
    }  # fmt: skip
    return base | changes


ODD: list[Any] = [
    None, True, False, 0, -1, 2**70, 1e400, 1.5, "", "\x00", "a\x00b", "\ud800", "\u202e",
    "x" * 3000, [], {}, [[]], [None], [{}], ["\x00"], ["\ud800"], ["x" * 61], ["10.0.0.0/8"],
    ["::1%eth0"], {"a": 1}, ["1.2.3.4"] * 21, "NaN", "<script>", "\n", "a\r\nBcc: b@vendor.test",
]  # fmt: skip
TYPED = ["\x00", "a\x00@vendor.test", "\u202e", "x" * 3000, "\r\nBcc: x", "9" * 5000, "America"]
FIELDS = ["name", "company", "mail", "phone", "checked", "alias", "credentials", "zone", "language"]


@pytest.mark.parametrize("field", [*FIELDS, "sources"])
def test_nothing_that_programs_send_breaks_the_portal(cast: Cast, field: str) -> None:
    """Odd types and letters in every field about a vendor: taken or refused beside it, no more."""
    caller: Caller = in_session(cast.alice)
    for number, value in enumerate(ODD):
        vm = estate.machine(f"vm-{number}", private_ip=f"10.0.2.{number + 1}")
        answer = caller.post("requests/", sent(vm, **{f"vendor_{field}": value}), **key())
        assert answer.status_code in (201, 400), (field, value, answer.content)
        if answer.status_code == 201:
            assert caller.get(f"requests/{answer.json()['reference']}/").status_code == 200
            asked = AccessRequest.objects.get(pk=answer.json()["reference"].removeprefix("BA-"))
            services.withdraw(asked, by=cast.alice)


@pytest.mark.parametrize("field", [*FIELDS, "sources"])
def test_nothing_that_a_form_sends_breaks_the_pages(
    cast: Cast, vm: Machine, browser: Browser, field: str
) -> None:
    """PostgreSQL takes no NUL, and the page asks it about the address while it is typed."""
    typed = {k: v for k, v in sent(vm).items() if k.startswith("vendor")} | {"machine": vm.pk}
    client = browser(cast.alice)
    for value in TYPED:
        words = typed | {f"vendor_{field}": value, "contact": value, "minutes": value}
        for address, more in (
            ("/vendors/invite/letter/", {}), ("/vendors/invite/", {"update": "contact"}),
            ("/vendors/invite/", {"update": "yes"}), ("/vendors/invite/", {}),
        ):  # fmt: skip
            answer = client.post(address, words | more)
            assert answer.status_code in (200, 400), (address, field, value)


@pytest.mark.parametrize(
    "address",
    [
        "/vendors/?q=%00&state=%00", "/vendors/?q=%ED%A0%80", "/vendors/?after=%00",
        "/vendors/invite/?machine=%00&contact=%00&again=%00", "/vendors/99999999999999999999999/",
        "/vendors/99999999999999999999999/edit/", "/vendors/logins/99999999999999999999999/done/",
        "/vendors/logins/?after=%00", "/requests/BA-99999999999999999999999/wish/",
        "/api/v1/vendors/?q=%00", "/api/v1/vendors/?company=%00&mail=%00",
        "/api/v1/vendors/999999999999999999/", "/api/v1/vendors/99999999999999999999999/",
        "/api/v1/vendors/?state=nothing", "/api/v1/vendors/?q=" + "x" * 5000,
    ],
)  # fmt: skip
def test_no_address_about_vendors_breaks(cast: Cast, browser: Browser, address: str) -> None:
    for reader in (cast.alice, cast.dana):
        assert browser(reader).get(address).status_code < 500
