"""Alice and Bob talk about a request while both look at its page."""

from __future__ import annotations

import uuid

import pytest
from playwright.sync_api import expect

from access.services.comments import ask_back
from tests.journeys.conftest import SignIn, violations
from tests.support import estate
from tests.support.cast import Cast, ask

pytestmark = pytest.mark.browser


def test_a_question_arrives_and_what_is_half_typed_stays(people: Cast, sign_in: SignIn) -> None:
    asked = ask(estate.machine("vm-app-01"), by=people.alice)
    alice = sign_in("alice")
    alice.goto(f"/requests/{asked.reference}/")
    alice.fill("#id_text", "By the way,")
    ask_back(asked, "Which disk?", by=people.bob, key=uuid.uuid4(), revision=asked.revision)
    expect(alice.locator("#said")).to_contain_text("Which disk?", timeout=8000)
    assert alice.input_value("#id_text") == "By the way,"
    alice.click("a:has-text('Answer the question')")
    alice.click("button:has-text('Send answer')")
    expect(alice.locator("#said")).to_contain_text("By the way,")
    expect(alice.locator("#said")).not_to_contain_text("Waits for an answer")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_by_keyboard_and_without_scripts(
    scheme: str, people: Cast, sign_in: SignIn
) -> None:
    asked = ask(estate.machine("vm-app-01"), by=people.alice)
    bob = sign_in("bob", scripts=False, width=390, scheme=scheme)
    bob.goto(f"/requests/{asked.reference}/")
    bob.focus("#id_text")
    bob.keyboard.type("Which disk?")
    bob.keyboard.press("Tab")
    assert "Comment" in bob.locator(":focus").inner_text()
    bob.keyboard.press("Tab")
    assert "Ask for more information" in bob.locator(":focus").inner_text()
    bob.keyboard.press("Enter")
    expect(bob.locator("#said")).to_contain_text("Waits for an answer")
    alice = sign_in("alice", width=390, scheme=scheme)
    alice.goto(f"/requests/{asked.reference}/")
    assert violations(alice) == []
    assert alice.evaluate("document.documentElement.scrollWidth <= innerWidth")
