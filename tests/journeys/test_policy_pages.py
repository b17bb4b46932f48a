"""Policies in a browser: accessible, usable on a phone and without scripts, by keyboard."""

from __future__ import annotations

import pytest

from access.models import PolicyVersion, Role
from access.services.policies import propose, put_in_force
from tests.access.views.test_policy_pages import EVERYTHING
from tests.journeys.conftest import SignIn, violations
from tests.support import estate
from tests.support.cast import Cast, person

pytestmark = pytest.mark.browser
TRYING = "/policies/simulator/?person=Alice&machine=vm-1&minutes=60&when=now"
PAGES = [
    "/policies/",
    "/policies/0/",
    "/policies/1/",
    "/policies/2/",
    "/policies/2/difference/?with=0",
    "/policies/new/",
    "/policies/simulator/",
    TRYING,
    f"{TRYING}&policy=2",
    TRYING.replace("Alice", "al"),
    "/people/",
]


@pytest.fixture
def versions(people: Cast) -> Cast:
    """One in force and one that waits for dora, the second administrator."""
    dora = person("Dora", Role.ADMIN)
    type(dora).objects.filter(pk=dora.pk).update(tenant_id="demo")
    first = propose(EVERYTHING, note="All there is", by=people.dana, based_on=0)
    put_in_force(first, by=dora, digest=first.digest)
    changed = EVERYTHING.replace("needed: 2", "needed: 1").replace("240", "60")
    propose(changed, note="x" * 300, by=people.dana, based_on=1)
    estate.machine("vm-1")
    return people


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("who", ["dana", "dora", "erin"])
def test_axe_finds_nothing(who: str, scheme: str, versions, sign_in: SignIn):
    page, found = sign_in(who, scheme=scheme), {}
    for path in PAGES:
        if who == "erin" and path == "/policies/new/":
            continue
        page.goto(path)
        for details in page.query_selector_all("details"):
            details.evaluate("node => node.open = true")
        page.wait_for_timeout(100)
        if wrong := violations(page):
            found[path] = wrong
    assert not found


def test_nothing_scrolls_sideways_at_320_px(versions, sign_in: SignIn):
    page, wide = sign_in("dora", width=320), {}
    for path in PAGES:
        page.goto(path)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 320:
            wide[path] = width
    assert not wide


def test_a_change_is_proposed_and_put_in_force_without_scripts(versions, sign_in: SignIn):
    dora = sign_in("dora", scripts=False)
    dora.goto("/policies/2/")
    dora.fill("textarea[name=comment]", "Not like this")
    dora.get_by_role("button", name="Reject").click()
    assert PolicyVersion.objects.get(number=2).state == "rejected"

    dana = sign_in("dana", scripts=False)
    dana.goto("/policies/new/")
    text = dana.input_value("#id_source")
    dana.fill("#id_source", text.replace("needed: 2", "needed: two"))
    dana.get_by_role("button", name="Check").click()
    assert "There is a problem" in dana.inner_text(".summary")
    dana.fill("#id_source", text.replace("needed: 2", "needed: 1"))
    dana.fill("#id_note", "One is enough")
    dana.get_by_role("button", name="Propose").click()
    assert dana.url.endswith("/policies/3/")
    assert dana.locator("text=You cannot decide on this").count() == 1

    dora.goto("/policies/3/")
    dora.get_by_role("button", name="Put version 3 in force").click()
    assert PolicyVersion.objects.get(number=3).state == "active"


def test_from_a_problem_straight_to_its_line(versions, sign_in: SignIn):
    dana = sign_in("dana")
    dana.goto("/policies/new/")
    text = dana.input_value("#id_source")
    dana.fill("#id_source", text.replace("needed: 2", "needed: two"))
    dana.click("button[name=check]")
    dana.click(".summary a")
    editor = "document.querySelector('#id_source')"
    chosen = dana.evaluate(f"{editor}.value.slice({editor}.selectionStart, {editor}.selectionEnd)")
    assert chosen.strip() == "needed: two"
