"""Asking, approving and ending: without JavaScript, by keyboard alone, and live."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from access.models import AccessRequest, EndOrder, Grant
from tests.journeys.conftest import SignIn, set_open
from tests.support import estate
from tests.support.cast import Cast, approve, ask

pytestmark = pytest.mark.browser


def send_request(page: Page) -> str:
    page.goto("/")
    page.click("text=Request access")
    page.fill("#q", "app")
    page.click("button:has-text('Search')")
    page.click("main a:has-text('Port window')")
    page.check("input[name=minutes][value='60']")
    page.fill("#id_reason", "Disk is full")
    page.click("button:has-text('Send request')")
    expect(page.locator("main")).to_contain_text("Waiting for approval")
    return page.locator("#reference").inner_text()


@pytest.mark.parametrize("scripts", [False, True], ids=["no-javascript", "javascript"])
@pytest.mark.parametrize("width", [390, 1280])
def test_ask_approve_connect_end(scripts: bool, width: int, people: Cast, sign_in: SignIn):
    estate.machine("vm-app-01")
    alice = sign_in("alice", scripts=scripts, width=width)
    reference = send_request(alice)

    bob = sign_in("bob", scripts=scripts, width=width)
    bob.click("main a:has-text('Review')")
    expect(bob.locator("main")).to_contain_text("Disk is full")
    bob.click("button:has-text('Approve')")
    expect(bob.locator("main")).to_contain_text(f"{reference} was approved.")
    set_open(Grant.objects.get())

    alice.goto("/")
    alice.click("main a:has-text('How to connect')")
    expect(alice.locator("#connect")).to_contain_text("az network bastion ssh")
    alice.click("main a:has-text('End now')")
    alice.fill("#id_reason", "Done")
    alice.click("button:has-text('End access now')")
    expect(alice.locator("main")).to_contain_text("The end was ordered")
    assert EndOrder.objects.count() == 1


WHO = {
    "vendor_name": "V. Technician",
    "vendor_company": "Vendor Ltd",
    "vendor_mail": "technician@vendor.test",
    "vendor_phone": "+49 30 1234567",
    "vendor_credentials": "Alice reads it out on the phone",
}


@pytest.mark.parametrize("scripts", [False, True], ids=["no-javascript", "javascript"])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_vendor_is_invited(scripts: bool, width: int, people: Cast, sign_in: SignIn):
    vm = estate.machine("vm-app-01")
    alice = sign_in("alice", scripts=scripts, width=width)
    alice.goto(f"/requests/new/?machine={vm.pk}")
    alice.click("main a:has-text('For a vendor')")
    alice.fill("#id_reason", "Certificate")
    alice.check("#id_duties")
    alice.click("button:has-text('Send request')")
    expect(alice.locator(".summary")).to_contain_text("Name the person")
    for name, text in WHO.items():
        alice.fill(f"#id_{name}", text)
    alice.check("#id_vendor_checked")
    alice.select_option("#id_vendor_language", "de")
    if not scripts:
        alice.click("button:has-text('Update the mail')")
    expect(alice.locator("#letter")).to_contain_text("Alice reads it out on the phone")
    expect(alice.locator("#letter .letter")).to_have_attribute("lang", "de")
    expect(alice.locator("#letter")).to_contain_text("lädt")
    assert alice.is_checked("#id_duties")
    alice.click("button:has-text('Send request')")
    expect(alice.locator("main")).to_contain_text("V. Technician, Vendor Ltd")
    expect(alice.locator("main")).to_contain_text("Waiting for approval")

    bob = sign_in("bob", scripts=scripts, width=width)
    bob.click("main a:has-text('Review')")
    for said in ("+49 30 1234567", "Linux machine", "Alice reads it out on the phone"):
        expect(bob.locator("main")).to_contain_text(said)
    bob.click("button:has-text('Approve')")
    expect(bob.locator("main")).to_contain_text("was approved.")


def test_denying_without_a_comment_and_then_with_one(people: Cast, sign_in: SignIn):
    asked = ask(estate.machine(), by=people.alice)
    bob = sign_in("bob", scripts=False)
    bob.goto(f"/requests/{asked.reference}/")
    bob.click("button:has-text('Deny')")
    expect(bob.locator(".summary")).to_contain_text("Say why")
    bob.fill("#id_comment", "Use the log archive.")
    bob.click("button:has-text('Deny')")
    expect(bob.locator("#decision")).to_contain_text("Use the log archive.")


def test_asking_by_keyboard_alone(people: Cast, sign_in: SignIn):
    vm = estate.machine("vm-app-01")
    page = sign_in("alice")
    page.goto(f"/requests/new/?machine={vm.pk}")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    reach(page, "way")
    reach(page, "minutes")
    page.keyboard.press("ArrowRight")
    reach(page, "reason")
    page.keyboard.type("Disk is full")
    reach(page, "ticket")
    for _ in range(6):  # past whatever the preflight has folded away
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"
        if "Send request" in page.evaluate("document.activeElement.textContent"):
            break
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("Waiting for approval")
    assert AccessRequest.objects.get().duration_minutes == 60


def reach(page: Page, name: str) -> None:
    for _ in range(15):
        if page.evaluate("document.activeElement.name") == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{name} is not reached with the Tab key")


def test_a_double_click_sends_once(people: Cast, sign_in: SignIn):
    vm = estate.machine("vm-app-01")
    page = sign_in("alice")
    page.goto(f"/requests/new/?machine={vm.pk}")
    page.fill("#id_reason", "Disk is full")
    page.dblclick("button:has-text('Send request')")
    expect(page.locator("main")).to_contain_text("Waiting for approval")
    assert AccessRequest.objects.count() == 1


def test_the_request_page_follows_what_happens(people: Cast, sign_in: SignIn):
    asked = ask(estate.machine("vm-app-01"), by=people.alice)
    page = sign_in("alice")
    page.goto(f"/requests/{asked.reference}/")
    approve(asked, by=people.bob)
    expect(page.locator("#decision")).to_contain_text("by Bob", timeout=8000)
    set_open(asked.grants.get())
    expect(page.locator("#live")).to_contain_text("Open, ends", timeout=8000)
    expect(page.locator("#live .countdown")).to_contain_text("in ")
    expect(page.locator("#announcer")).to_contain_text("Open, ends")


def test_a_half_typed_comment_survives_the_poll(people: Cast, sign_in: SignIn):
    asked = ask(estate.machine("vm-app-01"), by=people.alice)
    page = sign_in("bob")
    page.goto(f"/requests/{asked.reference}/")
    page.fill("#id_comment", "I wonder whether")
    page.wait_for_timeout(4500)
    assert page.input_value("#id_comment") == "I wonder whether"


def test_searching_as_one_types(people: Cast, sign_in: SignIn):
    estate.machine("pay-db")
    estate.machine("hr-db")
    page = sign_in("alice")
    page.goto("/machines/")
    page.locator("#q").press_sequentially("pay-d", delay=20)
    expect(page.locator("#results")).not_to_contain_text("hr-db")
    expect(page.locator("#results")).to_contain_text("pay-db")
    assert "q=pay-d" in page.url


def test_the_theme_is_kept(people: Cast, sign_in: SignIn):
    page = sign_in("alice", scripts=False)
    page.click("details.user summary")
    page.click("button[value=dark]")
    assert 'data-theme="dark"' in page.content()
