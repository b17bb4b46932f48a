"""Inviting a vendor from the pages: what a sponsor says, is told, and cannot get wrong unawares."""

from __future__ import annotations

import html
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest

from access.clock import db_now
from access.models import AccessRequest, LedgerEntry, Machine, Person
from links.models import VendorContact
from tests.access.views.test_request_page import words
from tests.support import estate
from tests.support.browsers import Browser
from tests.support.cast import Cast, approve, ask, vendor_details
from tests.support.ruling import one_approver, put_in_force

PATH = "/vendors/invite/"
LETTER = "/vendors/invite/letter/"
HOSTILE = "<script>alert(1)</script>{{ settings.SECRET_KEY }}"


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.tasks.look.apply_async", lambda *_args, **_options: None)


@pytest.fixture
def vm(db: None) -> Machine:
    return estate.machine("vm-app-01")


def filled(*machines: Machine, **changes: Any) -> dict[str, Any]:
    values = {
        "submission_key": str(uuid.uuid4()),
        "machine": [machine.pk for machine in machines],
        "contact": "",
        "vendor_name": "V. Technician",
        "vendor_company": "Vendor Ltd",
        "vendor_mail": "technician@vendor.test",
        "vendor_phone": "+49 30 1234567",
        "vendor_checked": "on",
        "vendor_alias": "Billing server",
        "vendor_credentials": "Alice reads it out on the phone",
        "vendor_language": "de",
        "vendor_zone": "Asia/Tokyo",
        "vendor_sources": "",
        "minutes": "60",
        "when": "now",
        "reason": "Certificate has run out",
        "ticket": "INC-1",
        "duties": "on",
    }
    return {name: value for name, value in (values | changes).items() if value is not None}


def contact(by: Person, *, checked_days_ago: float | None = 1, **changes: Any) -> VendorContact:
    now = db_now()
    checked = (
        {"checked_at": now - timedelta(days=checked_days_ago), "checked_by": by}
        if (checked_days_ago is not None)
        else {}
    )
    values = {
        "name": "V. Technician", "company": "Vendor Ltd", "mail": "technician@vendor.test",
        "mail_key": "technician@vendor.test", "phone": "+49 30 1234567", "zone": "Asia/Tokyo",
        "language": "ja", "kept_at": now, "kept_by": by, **checked,
    }  # fmt: skip
    return VendorContact.objects.create(**(values | changes))


def values_of(page: str) -> dict[str, str]:
    """Of the inputs, selects and text areas that are on the page, by name."""
    found = dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', page))
    found |= dict(
        re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>\n?(.*?)</textarea>', page, re.DOTALL)
    )
    for name, options in re.findall(
        r'<select[^>]* name="(\w+)"[^>]*>(.*?)</select>', page, re.DOTALL
    ):
        (said, text), *_ = [
            *re.findall(r"<option(?: value=\"([^\"]*)\")? selected>([^<]*)", options), ("", ""),
        ]  # fmt: skip
        found[name] = said or text
    return {name: html.unescape(value) for name, value in found.items()}


class TestAsking:
    def test_what_was_said_of_them_is_part_of_what_is_decided(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        networks = "198.51.100.0/24\n203.0.113.7"
        sent = browser(cast.alice).post(PATH, filled(vm, vendor_sources=networks))
        asked = AccessRequest.objects.get()
        assert (sent.status_code, sent.url) == (302, f"/requests/{asked.reference}/")
        assert (asked.kind, asked.vendor_name, asked.vendor_mail) == (
            "link", "V. Technician", "technician@vendor.test",
        )  # fmt: skip
        assert asked.details["sources"] == ["198.51.100.0/24", "203.0.113.7/32"]
        assert asked.details["checked_by"] == "Alice"
        assert (asked.details["language"], asked.details["zone"]) == ("de", "Asia/Tokyo")
        page = words(browser(cast.bob).get(f"/requests/{asked.reference}/"))
        for text in (
            "technician@vendor.test", "+49 30 1234567", "by Alice", "Billing server",
            "Alice reads it out on the phone", "198.51.100.0/24, 203.0.113.7/32", "Deutsch",
            "Asia/Tokyo",
        ):  # fmt: skip
            assert text in page

    def test_a_double_click_is_one_request(self, cast: Cast, vm: Machine, browser: Browser) -> None:
        alice, form = browser(cast.alice), filled(vm)
        assert alice.post(PATH, form).url == alice.post(PATH, form).url
        assert AccessRequest.objects.count() == VendorContact.objects.count() == 1

    def test_the_same_form_with_other_words_is_not_taken_for_the_first(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        """Somebody goes back and corrects the number: they must not believe that it was taken."""
        alice, form = browser(cast.alice), filled(vm)
        alice.post(PATH, form)
        again = alice.post(PATH, form | {"vendor_phone": "+49 30 7654321"})
        assert again.status_code == 409
        assert AccessRequest.objects.get().details["phone"] == "+49 30 1234567"

    def test_several_machines_are_one_request(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        other = estate.machine("vm-win-02", os="windows")
        browser(cast.alice).post(PATH, filled(vm, other))
        doors = AccessRequest.objects.get().doors.filter(kind="link")
        assert {door.machine for door in doors} == {vm, other}

    def test_one_of_several_is_taken_out_and_nothing_else_is_lost(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        other = estate.machine("vm-other")
        page = browser(cast.alice).post(PATH, filled(vm, other, remove=str(other.pk)))
        text = page.content.decode()
        assert "vm-other" not in text
        assert values_of(text)["vendor_mail"] == "technician@vendor.test"
        assert not AccessRequest.objects.exists()

    def test_without_the_role_asking_is_refused_and_told(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        erin = browser(cast.erin)
        assert erin.get(f"{PATH}?machine={vm.pk}").status_code == 403
        assert erin.post(LETTER, filled(vm)).status_code == 403
        assert erin.post(PATH, filled(vm)).status_code == 403
        told = LedgerEntry.objects.get(event="request.submit.refused")
        assert (told.outcome, told.actor_name) == ("denied", "Erin")

    @pytest.mark.parametrize("sent", ["0", "abc", "9" * 30, "²"])
    def test_no_such_machine(self, sent: str, cast: Cast, vm: Machine, browser: Browser) -> None:
        assert browser(cast.alice).get(PATH, {"machine": sent}).status_code == 404
        assert browser(cast.alice).post(LETTER, {"machine": sent}).status_code == 404

    def test_no_machine_leads_to_the_machines(self, cast: Cast, browser: Browser) -> None:
        assert browser(cast.alice).get(PATH).url == "/machines/"
        assert browser(cast.alice).post(LETTER).status_code == 204

    def test_where_no_link_is_possible_the_page_says_why(
        self, cast: Cast, browser: Browser
    ) -> None:
        basic = estate.machine("vm-basic", bastion=estate.host("basic", sku="Basic"))
        page = browser(cast.alice).get(f"{PATH}?machine={basic.pk}").content.decode()
        assert "Standard or Premium" in page
        assert "Send request" not in page
        sent = browser(cast.alice).post(PATH, filled(basic))
        assert sent.status_code == 400
        assert "It cannot be asked for now" in words(sent)


WRONG = [
    ({"vendor_name": ""}, "vendor_name", "Name the person"),
    ({"vendor_company": " "}, "vendor_company", "Name their company"),
    ({"vendor_mail": ""}, "vendor_mail", "Give their mail address"),
    ({"vendor_mail": "nobody"}, "vendor_mail", "no mail address that could be written to"),
    ({"vendor_mail": "bob@example.test"}, "vendor_mail", "account here"),
    ({"vendor_mail": "new@example.test"}, "vendor_mail", "your own organisation"),
    ({"vendor_phone": ""}, "vendor_phone", "Give a number"),
    ({"vendor_phone": "call me"}, "vendor_phone", "Give a number"),
    ({"vendor_checked": None}, "vendor_checked", "Call them on that number first"),
    ({"vendor_alias": "the vm-app-01"}, "vendor_alias", "The vendor would read"),
    ({"vendor_credentials": ""}, "vendor_credentials", "Say who gives them the login"),
    ({"vendor_language": "xx"}, "vendor_language", "Choose a language"),
    ({"vendor_zone": "Mars/Base"}, "vendor_zone", "Choose a time zone"),
    ({"vendor_sources": "0.0.0.0/0"}, "vendor_sources", "too wide"),
    ({"vendor_sources": "office"}, "vendor_sources", "no network"),
    ({"minutes": ""}, "minutes", "Choose how long"),
    ({"reason": ""}, "reason", "Say what you need"),
    ({"when": "later", "start": "x"}, "start", "Give a day and a time"),
    ({"duties": None}, "duties", "Say that you will do this"),
]


class TestWrong:
    @pytest.mark.parametrize(("changes", "field", "says"), WRONG)
    def test_it_is_said_on_top_and_at_the_field_and_nothing_is_lost(
        self, changes: dict[str, Any], field: str, says: str, cast: Cast, vm: Machine,
        browser: Browser,
    ) -> None:  # fmt: skip
        form = filled(vm, **changes)
        sent = browser(cast.alice).post(PATH, form)
        page = sent.content.decode()
        assert sent.status_code == 400
        assert "<title>Error: " in page
        assert re.search(rf'<li><a href="#id_{field}">[^<]*{says}', page)
        assert f'id="id_{field}"' in page
        assert f'id="id_{field}_error"' in page
        assert not AccessRequest.objects.exists()
        assert not VendorContact.objects.exists()
        shown = values_of(page)
        for name in ("vendor_name", "vendor_company", "vendor_mail", "vendor_phone", "reason",
                     "vendor_alias", "vendor_credentials", "vendor_sources", "submission_key",
                     "ticket"):  # fmt: skip
            assert shown[name] == form[name]
        for box in ("vendor_checked", "duties"):
            assert bool(re.search(rf'name="{box}"[^>]* checked', page)) == (box in form)

    def test_what_the_policy_refuses_stands_with_the_machine(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        put_in_force(one_approver(when={"vendor_domain": "other.test"}))
        sent = browser(cast.alice).post(PATH, filled(vm))
        assert sent.status_code == 400
        assert re.search(r'<li><a href="#id_machine">', sent.content.decode())

    def test_hostile_words_are_shown_and_not_obeyed(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        names = ("name", "company", "phone", "alias", "credentials", "sources", "zone", "language")
        evil = filled(vm, **{f"vendor_{name}": HOSTILE for name in names}, reason=HOSTILE)
        for path in (PATH, LETTER):
            for form in (evil, evil | {"update": "yes"}, evil | {"update": "contact"}):
                page = browser(cast.alice).post(path, form).content.decode()
                assert "<script>alert" not in page
                assert "{{ settings.SECRET_KEY }}" in html.unescape(page)

    @pytest.mark.parametrize("number", ["1", "-1", "x", "9" * 30])
    def test_a_contact_that_is_none_changes_nothing(
        self, number: str, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        alice = browser(cast.alice)
        form = filled(vm, contact=number, update="contact")
        kept = values_of(alice.post(PATH, form).content.decode())
        assert kept["vendor_mail"] == "technician@vendor.test"
        assert alice.get(PATH, {"machine": vm.pk, "contact": number}).status_code == 200


class TestContacts:
    def test_one_is_chosen_and_fills_in_who_they_are(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        known = contact(cast.bob)
        alice = browser(cast.alice)
        empty = dict.fromkeys(("vendor_name", "vendor_company", "vendor_mail", "vendor_phone"), "")
        typed = filled(vm, **empty, contact=str(known.pk), update="contact", vendor_checked=None)
        page = alice.post(PATH, typed).content.decode()
        shown = values_of(page)
        for name in ("name", "company", "mail", "phone", "zone", "language"):
            assert shown[f"vendor_{name}"] == getattr(known, name)
        assert shown["reason"] == "Certificate has run out"
        assert "No need to call them" in page
        assert not AccessRequest.objects.exists()
        sent = alice.post(PATH, filled(vm, vendor_checked=None))
        assert sent.status_code == 302
        assert AccessRequest.objects.get().details["checked_by"] == "Bob"

    def test_updating_the_preview_does_not_undo_what_was_typed_since(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        known = contact(cast.bob)
        typed = filled(vm, contact=str(known.pk), update="yes", vendor_name="Another Person")
        shown = values_of(browser(cast.alice).post(PATH, typed).content.decode())
        assert shown["vendor_name"] == "Another Person"

    @pytest.mark.parametrize(
        ("days", "says"),
        [(1, "No need to call them"), (4000, "too long ago"), (None, "Nobody has checked")],
    )
    def test_the_page_says_whether_to_call(
        self, days: int | None, says: str, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        contact(cast.bob, checked_days_ago=days)
        for path in (PATH, LETTER):
            assert says in words(browser(cast.alice).post(path, filled(vm, update="yes")))

    def test_another_number_is_said_before_it_is_sent(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        contact(cast.bob)
        typed = filled(vm, vendor_phone="+1 555 0100 200")
        assert "Their number is kept as" in words(browser(cast.alice).post(LETTER, typed))
        assert browser(cast.alice).post(PATH, typed).status_code == 400

    def test_whom_one_wanted_to_invite_is_not_lost_on_the_way_to_a_machine(
        self, cast: Cast, browser: Browser, vm: Machine
    ) -> None:
        """They would have to be looked for again, and another be picked by mistake."""
        known, alice = contact(cast.bob), browser(cast.alice)
        led = alice.get(f"{PATH}?contact={known.pk}")
        page = alice.get(led["Location"]).content.decode()
        (link,) = re.findall(r'href="(/vendors/invite/[^"]+)"', page)
        form = alice.get(html.unescape(link)).content.decode()
        assert known.mail in form
        for nobody in ("0", "9" * 30, "x", ""):
            assert alice.get(f"{PATH}?contact={nobody}").status_code == 302
            assert alice.get(f"{PATH}?machine={vm.pk}&contact={nobody}").status_code == 200

    def test_who_is_blocked_is_not_offered_and_not_invited(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        blocked = {"blocked_at": db_now(), "blocked_by": cast.dana, "blocked_why": "Left them"}
        known = contact(cast.bob, **blocked)
        alice = browser(cast.alice)
        page = alice.get(f"{PATH}?machine={vm.pk}&contact={known.pk}").content.decode()
        assert "technician@vendor.test" not in page
        assert "Left them" in words(alice.post(LETTER, filled(vm)))
        assert alice.post(PATH, filled(vm)).status_code == 400


class TestLetter:
    def test_it_is_the_mail_in_their_language_and_their_time(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        start = (db_now() + timedelta(days=2)).replace(hour=9, minute=30)
        start_typed = start.strftime("%Y-%m-%dT%H:%M")
        typed = filled(vm, when="later", start=start_typed, ticket="INC-77")
        page = words(browser(cast.alice).post(LETTER, typed))
        for text in ("Billing server", "Alice reads it out on the phone", "18:30", "lädt"):
            assert text in page  # nine hours ahead of Alice
        assert "vm-app-01" not in page
        assert "Certificate has run out" not in page
        assert "INC-77" not in page

    def test_it_is_on_the_page_without_scripts(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        page = words(browser(cast.alice).post(PATH, filled(vm, update="yes")))
        assert "Alice reads it out on the phone" in page
        assert "Update the mail" in page

    def test_nothing_is_kept_and_no_key_is_made(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        page = browser(cast.alice).post(LETTER, filled(vm)).content.decode()
        assert "bav_" not in page
        assert not AccessRequest.objects.exists()
        assert not VendorContact.objects.exists()

    def test_by_get_it_is_not_there(self, cast: Cast, vm: Machine, browser: Browser) -> None:
        """Whose address it is would stand in every log on the way."""
        assert browser(cast.alice).get(LETTER, {"machine": vm.pk}).status_code == 405

    def test_who_decides_is_shown_beside_it(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        assert "Ends" in words(browser(cast.alice).post(LETTER, filled(vm)))


class TestAgain:
    def test_everything_is_filled_in_but_what_is_said_anew(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        details = vendor_details(sources=["198.51.100.0/24"], language="fr")
        former = ask(vm, by=cast.alice, kind="link", minutes=45, ticket="INC-7", details=details)
        alice = browser(cast.alice)
        page = alice.get(f"/requests/{former.reference}/").content.decode()
        assert "Request again" not in page  # it still waits
        address = f"{PATH}?machine={vm.pk}&kind=link&again={former.reference}"
        page = alice.get(address).content.decode()
        shown = values_of(page)
        assert shown["vendor_mail"] == "technician@vendor.test"
        assert shown["vendor_alias"] == "Billing server"
        assert shown["vendor_sources"] == "198.51.100.0/24"
        assert (shown["ticket"], shown["custom_minutes"]) == ("INC-7", "45")
        assert 'name="duties" required>' in page
        foreign = browser(cast.charlie).get(address).content.decode()
        assert "INC-7" not in foreign

    def test_the_page_of_what_is_over_leads_there(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        from access import services

        former = ask(vm, by=cast.alice, kind="link")
        services.withdraw(former, by=cast.alice)
        page = browser(cast.alice).get(f"/requests/{former.reference}/").content.decode()
        assert f'href="{PATH}?machine={vm.pk}&amp;kind=link&amp;again={former.reference}"' in page

    def test_a_contact_who_moved_is_asked_for_as_they_are_kept_now(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        former = ask(vm, by=cast.alice, kind="link")
        VendorContact.objects.update(phone="+49 30 999999", language="es")
        page = browser(cast.alice).get(f"{PATH}?machine={vm.pk}&again={former.reference}")
        shown = values_of(page.content.decode())
        assert shown["vendor_phone"] == "+49 30 999999"


class TestRoundAbout:
    def test_the_page_for_oneself_leads_there_with_the_same_machines(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        other = estate.machine("vm-other")
        query = f"machine={vm.pk}&machine={other.pk}"
        page = browser(cast.alice).get(f"/requests/new/?{query}").content.decode()
        assert f'href="{PATH}?{query}"' in html.unescape(page)
        assert 'value="link:' not in page

    def test_addresses_that_named_the_kind_still_lead_there(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        found = browser(cast.alice).get(f"/requests/new/?machine={vm.pk}&kind=link&port=22")
        assert found.url == f"{PATH}?machine={vm.pk}&kind=link&port=22"

    def test_a_link_cannot_be_asked_for_on_the_page_for_oneself(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        """There nobody would be asked who it is for."""
        sent = browser(cast.alice).post("/requests/new/", filled(vm, way="link:22"))
        assert sent.status_code == 400
        assert not AccessRequest.objects.exists()

    def test_changing_says_what_cannot_be_changed(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        asked = ask(vm, by=cast.alice, kind="link")
        alice = browser(cast.alice)
        assert "cannot be changed" in words(alice.get(f"/requests/{asked.reference}/change/"))
        before = asked.details
        form = {"revision": 1, "minutes": "60", "when": "now", "reason": "Another", "ticket": "",
                "vendor_name": "Somebody else", "vendor_phone": "1234567"}  # fmt: skip
        assert alice.post(f"/requests/{asked.reference}/change/", form).status_code == 302
        asked.refresh_from_db()
        assert (asked.reason, asked.vendor_name) == ("Another", "V. Technician")
        assert asked.details == before

    def test_more_time_shows_the_same_facts_to_who_decides(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        from access import services
        from tests.access.views.conftest import make_open

        asked = approve(ask(vm, by=cast.alice, kind="link"), by=cast.bob)
        make_open(asked.grants.get(kind="link"))
        more = services.extend(asked, minutes=30, reason="Nearly", key=uuid.uuid4(), by=cast.alice)
        page = words(browser(cast.bob).get(f"/requests/{more.reference}/"))
        assert "Billing server" in page
        assert "Alice reads it out on the phone" in page
