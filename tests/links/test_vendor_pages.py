"""Pages and API of vendors' people: who sees what, what is found, and nothing typed is lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from access import ledger
from access.clock import db_now
from access.models import Grant, LedgerEntry, Machine, Role, Scope
from access.services import tokens
from links.models import VendorContact
from links.sponsoring import contacts
from tests.access.views.conftest import make_open
from tests.access.views.test_request_page import words
from tests.support import estate
from tests.support.browsers import Browser
from tests.support.cast import Cast, approved, ask, person

pytestmark = pytest.mark.django_db
API = "/api/v1/vendors/"


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.tasks.look.apply_async", lambda *_args, **_options: None)


@pytest.fixture
def vm(db: None) -> Machine:
    return estate.machine()


@pytest.fixture
def opened(cast: Cast, vm: Machine) -> Grant:
    """V. Technician's link, which Alice asked for and Bob approved."""
    return make_open(approved(vm, by=cast.alice, approver=cast.bob, kind="link"))


def contact() -> VendorContact:
    return VendorContact.objects.get(mail_key="technician@vendor.test")


def kept(number: int, cast: Cast, **changes: Any) -> VendorContact:
    values: dict[str, Any] = {
        "name": f"Person {number:03d}",
        "company": "Pumps Ltd",
        "mail": f"p{number}@pumps.test",
        "mail_key": f"p{number}@pumps.test",
        "phone": "+49 30 1234567",
        "kept_at": db_now(),
        "kept_by": cast.alan,
        "checked_at": db_now(),
        "checked_by": cast.alan,
    }
    return VendorContact.objects.create(**(values | changes))


def at(name: str) -> str:
    return reverse(name, args=[contact().pk])


# Who sees what


def test_what_others_ask_for_does_not_exist_for_an_engineer(
    cast: Cast, opened: Grant, browser: Browser
):
    """The contact is everybody's; who invited them, and that they are in now, is not."""
    reference = opened.access_request.reference
    for who in (cast.alice, cast.bob, cast.dana, cast.erin):
        for path in (reverse("vendors"), at("vendor")):
            assert reference in words(browser(who).get(path)), (who, path)
    for path in (reverse("vendors"), at("vendor")):
        page = words(browser(cast.charlie).get(path))
        assert "V. Technician" in page
        assert reference not in page
        assert "Open now" not in page.replace("Open now", "", 1)  # the navigation has one


def test_for_whom_contacts_do_not_exist(cast: Cast, opened: Grant, browser: Browser):
    nobody = person("Nora")
    for name in ("vendor", "vendor-edit", "vendor-check", "vendor-block", "vendor-unblock"):
        assert browser(nobody).get(at(name)).status_code == 404
        assert browser(nobody).post(at(name)).status_code in {404, 405}
        assert Client().get(at(name)).status_code == 302
    assert browser(nobody).get(reverse("vendors")).status_code == 404
    assert browser(cast.alice).get("/vendors/999999999999999999999/").status_code == 404
    assert "/vendors/" not in browser(nobody).get("/").content.decode()
    assert "/vendors/" in browser(cast.alice).get("/").content.decode()


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("vendor-edit", {}),
        ("vendor-check", {}),
        ("vendor-block", {"why": "No more."}),
        ("vendor-unblock", {}),
    ],
)
def test_who_may_only_look_is_refused_and_the_ledger_has_it(
    cast: Cast, opened: Grant, browser: Browser, name: str, sent: dict[str, str]
):
    """Also where what they sent was not even complete."""
    erin = browser(cast.erin)
    assert erin.get(at(name)).status_code == 403
    assert not LedgerEntry.objects.filter(event__endswith=".refused").exists()
    assert erin.post(at(name), sent).status_code == 403
    line = LedgerEntry.objects.get(event__endswith=".refused")
    assert (line.outcome, line.actor_id) == ("denied", cast.erin.identity)
    page = words(erin.get(at("vendor")))
    assert "I have called them" not in page
    assert "Block" not in page


# Doing


def test_the_pages_from_changing_to_unblocking(cast: Cast, opened: Grant, browser: Browser):
    alice, dana = browser(cast.alice), browser(cast.dana)
    sent = {"name": "V. Technician", "company": "Vendor Ltd", "phone": "+49 30 999999",
            "zone": "Asia/Tokyo", "language": "ja"}  # fmt: skip
    answer = alice.post(at("vendor-edit"), sent, follow=True)
    assert "called and checked again before the next invitation" in words(answer)
    assert "Nobody has checked" in words(answer)
    assert "Nobody here." in words(alice.get("/vendors/?state=blocked"))
    assert "V. Technician" in words(alice.get("/vendors/?state=due"))

    assert alice.post(at("vendor-check"), {"phone": "+49 30 999999"}).status_code == 400
    answer = alice.post(
        at("vendor-check"), {"phone": "+49 30 999999", "called": "yes"}, follow=True
    )
    assert "V. Technician was checked." in words(answer)
    assert alice.post(at("vendor-check"), {"phone": "1", "called": "yes"}).status_code == 409

    page = words(dana.get(at("vendor-block")))
    assert "What is open for them stays open." in page
    assert opened.access_request.reference in page
    assert dana.post(at("vendor-block"), {"why": ""}).status_code == 400
    answer = dana.post(at("vendor-block"), {"why": "Shared their login."}, follow=True)
    assert "Shared their login." in words(answer)
    assert "Not ended by this" in words(answer)
    assert opened.access_request.reference in words(answer)
    assert "V. Technician" in words(dana.get("/vendors/?state=blocked"))
    opened.refresh_from_db()
    assert opened.state == "open"
    assert alice.post(at("vendor-edit"), sent | {"name": "New"}).status_code == 409
    assert "is blocked" in words(alice.get(at("vendor-check")))

    answer = dana.post(at("vendor-unblock"), follow=True)
    assert "can be invited again" in words(answer)
    events = LedgerEntry.objects.filter(event__startswith="vendor.contact_", outcome="success")
    assert list(events.order_by("seq").values_list("event", flat=True)) == [
        f"vendor.contact_{each}" for each in ("kept", "changed", "checked", "blocked", "unblocked")
    ]
    assert ledger.verify()[1] is None


def test_nothing_typed_is_lost(cast: Cast, opened: Grant, browser: Browser):
    sent = {"name": "Anna <b>Müller</b>", "company": "Müller & Söhne", "phone": "call me",
            "zone": "Asia/Tokyo", "language": "fr"}  # fmt: skip
    answer = browser(cast.alice).post(at("vendor-edit"), sent)
    assert answer.status_code == 400
    page = answer.content.decode()
    assert 'value="Anna &lt;b&gt;Müller&lt;/b&gt;"' in page
    assert 'value="Müller &amp; Söhne"' in page
    assert 'value="call me"' in page
    assert '<option value="Asia/Tokyo" selected>' in page
    assert '<option value="fr" lang="fr" selected>' in page
    assert '<a href="#id_phone">' in page
    both = browser(cast.alice).post(at("vendor-edit"), sent | {"name": ""}).content.decode()
    assert '<a href="#id_phone">' in both  # all that is wrong, at once
    assert '<a href="#id_name">' in both


def test_who_changed_it_meanwhile_is_not_written_over_unawares(
    cast: Cast, opened: Grant, browser: Browser
):
    """Sent again from the page that says so, it is."""
    alice = browser(cast.alice)
    seen = contacts.Words.of(contact()).digest
    sent = {"name": "V. Technician", "company": "Vendor Ltd", "phone": "+49 30 1234567",
            "zone": "UTC", "language": "en", "seen": seen}  # fmt: skip
    contacts.change(contact(), contacts.Words(**{**sent_words(sent), "zone": "Asia/Tokyo"}),
                    by=cast.alan)  # fmt: skip
    answer = alice.post(at("vendor-edit"), sent)
    assert answer.status_code == 400
    assert "Somebody changed it meanwhile" in words(answer)
    assert contact().zone == "Asia/Tokyo"
    fresh = contacts.Words.of(contact()).digest
    assert f'name="seen" value="{fresh}"' in answer.content.decode()
    assert alice.post(at("vendor-edit"), sent | {"seen": fresh}).status_code == 302
    assert contact().zone == "UTC"


def sent_words(sent: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in sent.items() if name != "seen"}


def test_what_people_wrote_is_text_on_every_page(cast: Cast, opened: Grant, browser: Browser):
    hostile = "<script>alert(1)</script>"
    VendorContact.objects.update(
        name=hostile, company=hostile, phone=hostile, zone=hostile, language="<i>",
        blocked_at=db_now(), blocked_by=cast.dana, blocked_why=hostile,
    )  # fmt: skip
    dana = browser(cast.dana)
    names = ("vendor", "vendor-edit", "vendor-check", "vendor-block", "vendor-unblock")
    for path in (reverse("vendors"), *(at(name) for name in names)):
        answer = dana.get(path)
        assert answer.status_code == 200
        assert hostile not in answer.content.decode()


# Finding


@pytest.mark.parametrize("typed", ["person 002", "PUMPS p2@", "p2@pumps.test", "ltd 002\x00"])
def test_each_word_is_found_in_the_name_the_company_or_the_mail(
    cast: Cast, browser: Browser, typed: str
):
    for number in range(1, 4):
        kept(number, cast)
    page = words(browser(cast.alice).get("/vendors/", {"q": typed}))
    assert "Person 002" in page
    assert "Person 001" not in page


def test_the_chips_sort_them_out(cast: Cast, browser: Browser, settings: Any):
    settings.VENDOR_CHECK_DAYS = 30
    kept(1, cast)
    kept(2, cast, checked_at=db_now() - timedelta(days=31))
    kept(3, cast, checked_at=None, checked_by=None)
    blocked = {"blocked_at": db_now(), "blocked_by": cast.dana, "blocked_why": "No more."}
    kept(4, cast, checked_at=None, checked_by=None, **blocked)
    alice = browser(cast.alice)
    shown = {
        state: [n for n in range(1, 5) if f"Person 00{n}" in words(alice.get(f"/vendors/{query}"))]
        for state, query in (("", ""), ("due", "?state=due"), ("blocked", "?state=blocked"),
                             ("what", "?state=what"))
    }  # fmt: skip
    assert shown == {"": [1, 2, 3, 4], "due": [2, 3], "blocked": [4], "what": [1, 2, 3, 4]}


def test_an_empty_list_says_what_to_do(cast: Cast, browser: Browser):
    alice = browser(cast.alice)
    assert "No vendors yet." in words(alice.get("/vendors/"))
    assert "Nobody matches" in words(alice.get("/vendors/?q=%00nobody%25"))
    assert "Nobody here." in words(alice.get("/vendors/?state=blocked"))
    assert "Invite somebody" not in words(browser(cast.erin).get("/vendors/"))


def test_every_one_is_on_one_of_the_pages(cast: Cast, browser: Browser):
    for number in range(60):
        kept(number, cast)
    alice, path, found = browser(cast.alice), "/vendors/?q=pumps", []
    for _ in range(3):
        answer = alice.get(path)
        found += [line.contact.pk for line in answer.context["lines"]]
        path = f"/vendors/{answer.context['page'].next}"
    assert answer.context["page"].next == ""
    assert len(found) == len(set(found)) == 60
    assert alice.get("/vendors/?cursor=nonsense").status_code == 404


def test_a_long_list_asks_no_more_than_a_short_one(
    cast: Cast, opened: Grant, browser: Browser, django_assert_max_num_queries: Any
):
    for number in range(30):
        kept(number, cast)
    for who in (cast.alice, cast.dana):
        asking = browser(who)
        asking.get("/vendors/")
        with django_assert_max_num_queries(6):
            assert len(asking.get("/vendors/").context["lines"]) == 25


def test_the_history_is_found_by_the_mail_address(cast: Cast, vm: Machine, browser: Browser):
    """Also what was never approved, and whatever the address's letters."""
    asked = ask(vm, by=cast.alice, kind="link", vendor_mail="Technician@Vendor.test")
    page = words(browser(cast.bob).get(at("vendor")))
    assert asked.reference in page
    assert "Waiting for approval" in page
    assert "Alice" in page


# The API


def test_programs_read_them_and_change_nothing(cast: Cast, opened: Grant, browser: Browser):
    alice = browser(cast.alice)
    (found,) = alice.get(API).json()["results"]
    assert found["mail"] == "technician@vendor.test"
    assert found["checked_by"]["display_name"] == "Alice"
    assert (found["check_is_due"], found["open"]) == (False, opened.access_request.reference)
    one = f"{API}{found['id']}/"
    assert alice.get(one).json() == found
    for method in ("post", "put", "patch", "delete"):
        assert getattr(alice, method)(one).status_code in {403, 405}
    other = browser(cast.charlie).get(one).json()
    assert (other["open"], other["invited"], other["invited_at"]) == ("", "", None)
    nobody = browser(person("Nora"))
    assert nobody.get(one).status_code == 404
    assert nobody.get(API).status_code == 404
    assert Client().get(API).status_code in {401, 403}


def test_a_token_reads_them_with_its_scope(cast: Cast, opened: Grant):
    for scope, status in ((Scope.READ, 200), (Scope.REQUEST, 403)):
        made = tokens.make(tokens.TokenWish(scope.value, [scope.value], 1), by=cast.alice)
        answer = Client().get(API, headers={"authorization": f"Bearer {made.secret}"})
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?state=due", [2]),
        ("?state=blocked", [3]),
        ("?state=ready", [1]),
        ("?q=person 001", [1]),
        ("?company=Pumps Ltd", [1, 2, 3]),
        ("?company__icontains=PUMP", [1, 2, 3]),
        ("?mail__iexact=P2@pumps.test", [2]),
    ],
)
def test_filters_are_like_those_of_other_lists(
    cast: Cast, browser: Browser, query: str, found: list[int]
):
    kept(1, cast)
    kept(2, cast, checked_at=None, checked_by=None)
    kept(3, cast, blocked_at=db_now(), blocked_by=cast.dana, blocked_why="No more.")
    rows = browser(cast.erin).get(API + query).json()["results"]
    assert [row["name"] for row in rows] == [f"Person 00{number}" for number in found]


@pytest.mark.parametrize("query", ["?stat=due", "?state=what", "?q=%00", f"?q={'x' * 101}"])
def test_a_filter_that_is_none_is_refused(cast: Cast, browser: Browser, query: str):
    kept(1, cast)
    assert browser(cast.erin).get(API + query).status_code == 400


def test_the_api_pages_and_asks_little(
    cast: Cast, opened: Grant, browser: Browser, django_assert_max_num_queries: Any
):
    for number in range(12):
        kept(number, cast)
    alice = browser(cast.alice)
    with django_assert_max_num_queries(4):
        first = alice.get(f"{API}?page_size=10").json()
    assert len(first["results"]) == 10
    second = alice.get(first["next"]).json()
    assert len(second["results"]) == 3
    assert second["next"] is None
    assert alice.get(f"{API}99999999999999999999/").status_code == 404


def test_a_guest_engineer_and_a_program_see_contacts(cast: Cast, opened: Grant):
    from access import policy

    guest, program = person("Gwen", Role.ENGINEER), person("Robot", Role.AUDITOR)
    guest.is_guest, program.is_application = True, True
    assert policy.may_see_vendors(guest)
    assert policy.may_see_vendors(program)
    assert not policy.may_keep_vendors(program)
