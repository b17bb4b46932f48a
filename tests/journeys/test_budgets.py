"""How many things people must do to get where they want to be, each with its budget."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from access.clock import db_now
from access.delivery.links import link_to
from access.models import AccessRequest, Decision, EndOrder, Grant, Role
from tests.journeys.conftest import SignIn, set_open
from tests.journeys.hand import Hand
from tests.support import estate
from tests.support.cast import Cast, approved, ask, person
from tests.support.ruling import one_approver, put_in_force

pytestmark = pytest.mark.browser
SCRIPTS = pytest.mark.parametrize("scripts", [True, False], ids=["javascript", "no-javascript"])
LONG_NOTICE = timedelta(hours=2)


def there(asked: AccessRequest, page: str = "request") -> str:
    """Where the notice leads, on this server."""
    return "/" + link_to(page, asked.reference).split("/", 3)[3]


def sent(page: Page) -> AccessRequest:
    expect(page.locator("main")).to_contain_text("Waiting for approval")
    return AccessRequest.objects.get(pk=int(page.locator("#reference").inner_text()[3:]))


@SCRIPTS
def test_a_machine_used_before(scripts: bool, people: Cast, sign_in: SignIn):
    approved(estate.machine("vm-app-01"), by=people.alice, approver=people.bob)
    Grant.objects.update(
        state="closed", opened_at=db_now(), due_at=db_now(), closed_at=db_now(),
        close_reason="Its time is over.",
    )  # fmt: skip
    hand = Hand(sign_in("alice", scripts=scripts), budget=3)
    hand.click("main a:has-text('Request again')")
    hand.choose("minutes", "60")
    hand.write("#id_reason", "The same once more")
    hand.click("button:has-text('Send request')")
    asked = sent(hand.page)
    assert (asked.duration_minutes, asked.reason) == (60, "The same once more")


@SCRIPTS
def test_a_machine_never_used(scripts: bool, people: Cast, sign_in: SignIn):
    estate.machine("vm-app-01")
    estate.machine("vm-other")
    hand = Hand(sign_in("alice", scripts=scripts), budget=5)
    hand.click("main a:has-text('Request access')")
    hand.find("app", "main tr:has-text('vm-app-01') a:has-text('Port window')")
    hand.choose("minutes", "120")
    hand.write_all(reason="Disk is full", ticket="INC-12345")
    hand.click("button:has-text('Send request')")
    assert sent(hand.page).ticket == "INC-12345"


@SCRIPTS
def test_approving_what_is_no_production(scripts: bool, people: Cast, sign_in: SignIn):
    asked = ask(estate.machine("vm-app-01"), by=people.alice)
    hand = Hand(sign_in("bob", scripts=scripts, width=390), budget=2)
    hand.follow(there(asked))
    hand.click("button:has-text('Approve')")
    expect(hand.page.locator("main")).to_contain_text(f"{asked.reference} was approved.")


@SCRIPTS
def test_approving_from_the_queue(scripts: bool, people: Cast, sign_in: SignIn):
    asked = ask(estate.machine("vm-app-01"), by=people.alice)
    page = sign_in("bob", scripts=scripts)
    page.goto("/approvals/")
    hand = Hand(page, budget=2)
    hand.click("main a:has-text('Review')")
    hand.click("button:has-text('Approve')")
    expect(page.locator("main")).to_contain_text(f"{asked.reference} was approved.")


@SCRIPTS
def test_approving_production(scripts: bool, people: Cast, sign_in: SignIn, settings):
    """Three, and signing in anew, which is the sign-in service's own page."""
    settings.ACCESS_DEMO_SIGN_IN = True
    put_in_force(one_approver(step_up=True))
    asked = ask(estate.machine("vm-p", environment="production"), by=people.alice)
    hand = Hand(sign_in("bob", scripts=scripts, width=390), budget=3)
    hand.follow(there(asked))
    hand.click("button:has-text('Approve')")
    expect(hand.page.locator("h1")).to_contain_text("Confirm that it is you")
    hand.page.click("text=Sign in anew")
    hand.page.click("text=It is me")
    hand.click("button:has-text('Approve')")
    expect(hand.page.locator("main")).to_contain_text(f"{asked.reference} was approved.")
    assert Decision.objects.get().confirmed_at is not None


@SCRIPTS
def test_denying(scripts: bool, people: Cast, sign_in: SignIn):
    asked = ask(estate.machine("vm-app-01"), by=people.alice)
    hand = Hand(sign_in("bob", scripts=scripts, width=390), budget=2)
    hand.follow(there(asked))
    hand.write("#id_comment", "Use the log archive.")
    hand.click("button:has-text('Deny')")
    expect(hand.page.locator("#decision")).to_contain_text("Use the log archive.")


@SCRIPTS
def test_ending_ones_own_access(scripts: bool, people: Cast, sign_in: SignIn):
    set_open(approved(estate.machine("vm-app-01"), by=people.alice, approver=people.bob))
    hand = Hand(sign_in("alice", scripts=scripts), budget=2)
    hand.click("main a:has-text('End now')")
    hand.click("button:has-text('End access now')")
    expect(hand.page.locator("main")).to_contain_text("The end was ordered")
    assert EndOrder.objects.count() == 1


@SCRIPTS
def test_more_time_by_the_notice(scripts: bool, people: Cast, sign_in: SignIn):
    grant = approved(estate.machine("vm-app-01"), by=people.alice, approver=people.bob)
    set_open(grant)
    hand = Hand(sign_in("alice", scripts=scripts, width=390), budget=3)
    hand.follow(there(grant.access_request, "more-time"))
    hand.choose("minutes", "60")
    hand.click("button:has-text('Ask for more time')")
    made = sent(hand.page)
    hand = Hand(sign_in("bob", scripts=scripts, width=390), budget=2)
    hand.follow(there(made))
    hand.click("button:has-text('Approve')")
    before = grant.ends_at
    grant.refresh_from_db()
    assert grant.ends_at == before + timedelta(hours=1)


@SCRIPTS
def test_several_machines_at_once(scripts: bool, people: Cast, sign_in: SignIn):
    for name in ("vm-a", "vm-b", "vm-c"):
        estate.machine(name)
    page = sign_in("alice", scripts=scripts)
    hand = Hand(page, budget=6)
    hand.click("main a:has-text('Request access')")
    for name in ("vm-a", "vm-b", "vm-c"):
        hand.tick(f"Choose {name}")
    if scripts:
        expect(page.locator("[data-ticked]")).to_have_text("Ask for these 3")
    hand.click("[data-ticked]")
    expect(page.locator("h1")).to_have_text("Request access to 3 machines")
    hand.write("#id_reason", "Patch all three")
    hand.click("button.primary:has-text('Send request')")
    assert sent(page).doors.count() == 3


@SCRIPTS
def test_denying_several(scripts: bool, people: Cast, sign_in: SignIn):
    asked = [ask(estate.machine(f"vm-{n}"), by=people.alice) for n in range(2)]
    page = sign_in("bob", scripts=scripts)
    page.goto("/approvals/")
    hand = Hand(page, budget=4)
    for each in asked:
        hand.tick(f"Tick {each.reference}")
    hand.click("[data-ticked]")
    hand.write("#id_comment", "Not tonight")
    hand.click("button:has-text('Deny 2 requests')")
    expect(page.locator("main")).to_contain_text("were denied")


def test_changing_a_request_and_the_page_that_was_left_open(people: Cast, sign_in: SignIn):
    """Bob reads, Alice changes, Bob approves what he read: nothing happens, and he sees why."""
    asked = ask(estate.machine("vm-app-01"), by=people.alice)
    bob, alice = sign_in("bob", scripts=False), sign_in("alice", scripts=False)
    bob.goto(there(asked))
    alice.goto(there(asked))
    alice.click("main a:has-text('Change')")
    alice.check("input[name=minutes][value='120']")
    alice.click("button:has-text('Change request')")
    expect(alice.locator("main")).to_contain_text("was changed")
    bob.fill("#id_comment", "Fine")
    bob.click("button:has-text('Approve')")
    expect(bob.locator("main")).to_contain_text("Length: 30 min → 2 h")
    assert bob.input_value("#id_comment") == "Fine"
    bob.click("button:has-text('Approve')")
    expect(bob.locator("main")).to_contain_text("was approved")
    assert Grant.objects.get().ends_at - Grant.objects.get().starts_at == LONG_NOTICE


def test_the_preview_follows_what_is_chosen(people: Cast, sign_in: SignIn):
    vm = estate.machine("vm-app-01")
    put_in_force(
        "{version: 1, rules: [{name: Short ones, when: {minutes: {at_most: 60}}, max_minutes: 60, "
        "approvals: [{from: [{role: approver}]}]}, {name: Longer, max_minutes: 240, ticket: "
        "{required: true, pattern: 'CHG-[0-9]{5}'}, approvals: [{from: [{role: approver}], "
        "needed: 2}]}]}"
    )
    person("Carol", Role.APPROVER)
    page = sign_in("alice")
    page.goto(f"/requests/new/?machine={vm.pk}")
    preview = page.locator("#preview")
    expect(preview).to_contain_text("Needs one of 2 approvers.")
    expect(page.locator("label[for=id_ticket]")).to_contain_text("(optional)")
    page.check("input[name=minutes][value='120']")
    expect(preview).to_contain_text("Needs two of 2 approvers.")
    expect(page.locator("label[for=id_ticket]")).not_to_contain_text("(optional)")
    expect(page.locator("#id_ticket_hint")).to_have_text("Such as CHG-12345.")
    expect(page.locator("#announcer")).to_contain_text("two of 2 approvers")
    assert page.locator("button[name=update]").is_hidden()


def test_the_preview_without_javascript(people: Cast, sign_in: SignIn):
    vm = estate.machine("vm-app-01")
    put_in_force(
        "{version: 1, rules: [{name: Short ones, when: {minutes: {at_most: 60}}, max_minutes: 60, "
        "approvals: [{from: [{role: approver}]}]}]}"
    )
    page = sign_in("alice", scripts=False)
    page.goto(f"/requests/new/?machine={vm.pk}")
    page.fill("#id_reason", "Half a sentence")
    page.check("input[name=minutes][value='custom']")
    page.fill("#id_custom_minutes", "90")
    page.click("text=Update preview")
    expect(page.locator("#preview")).to_contain_text("This would be refused.")
    assert page.input_value("#id_reason") == "Half a sentence"
    assert not AccessRequest.objects.exists()


@SCRIPTS
def test_inviting_a_vendor_who_is_kept(scripts: bool, people: Cast, sign_in: SignIn):
    """Choosing them is all there is to say of them; the rest is of this visit."""
    ask(estate.machine("vm-old"), by=people.alan, kind="link")
    vm = estate.machine("vm-app-01")
    page = sign_in("alice", scripts=scripts)
    page.goto(f"/vendors/invite/?machine={vm.pk}")
    hand = Hand(page, budget=6)
    hand.pick("#id_contact", "V. Technician, technician@vendor.test")
    hand.click("button:has-text('Use')")
    hand.choose("minutes", "120")
    hand.write_all(vendor_credentials="Alice, by phone", reason="Certificate", ticket="INC-1")
    hand.tick("I answer for this visit and will do this.")
    hand.click("button:has-text('Send request')")
    asked = sent(page)
    assert (asked.vendor_name, asked.details["checked_by"]) == ("V. Technician", "Alan")
