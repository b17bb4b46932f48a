"""Every page: accessible in light and dark, usable at 320 px, quiet in the console."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page

from access import services, verdicts
from access.clock import db_now
from access.models import AccessRequest, Decider, Grant, Machine, Role
from access.preflight import Check, Level
from access.services import devices, tokens
from access.verdicts import Judged
from links.models import VendorContact
from tests.journeys.conftest import SignIn, set_open, violations
from tests.support import estate
from tests.support.cast import Cast, approved, ask, person
from tests.support.ruling import TWO_STAGES, put_in_force

pytestmark = pytest.mark.browser
PAGES = [
    ("", "/sign-in/"),
    ("alice", "/"),
    ("bob", "/"),
    ("charlie", "/"),
    ("alice", "/machines/"),
    ("alice", "/machines/?q=nothing-like-it"),
    ("alice", "/requests/new/?machine={machine}"),
    ("alice", "/vendors/invite/?machine={machine}"),
    ("alice", "/vendors/invite/?machine={machine}&machine={another}&contact={contact}"),
    ("alice", "{link}change/"),
    ("bob", "{link}"),
    ("alice", "/requests/new/?machine={machine}&machine={another}&machine={windows}"),
    ("alice", "/machines/?q=late&machine={machine}&machine={another}"),
    ("alice", "/requests/"),
    ("bob", "/approvals/"),
    ("charlie", "/approvals/"),
    ("bob", "/open/"),
    ("erin", "/ledger/"),
    ("erin", "/verify/"),
    ("bob", "/capacity/"),
    ("dana", "/system/"),
    ("erin", "/capacity/retiring/"),
    ("alice", "/me/"),
    ("alice", "{open}"),
    ("alice", "{late}"),
    ("bob", "{waiting}"),
    ("alice", "{waiting}"),
    ("alice", "{waiting}change/"),
    ("alice", "{open}extend/"),
    ("alice", "{denied}extend/"),
    ("bob", "{staged}"),
    ("alice", "{staged}"),
    ("alice", "{held}"),
    ("bob", "{held}"),
    ("alice", "{blocked}"),
    ("bob", "{longer}"),
    ("bob", "/approvals/deny/?request={waiting_name}"),
    ("bob", "/sign-in/again/?next=/"),
    ("alice", "/me/browsers/"),
    ("alice", "/me/browsers/end-others/"),
    ("alice", "/me/tokens/new/"),
    ("alice", "/me/tokens/{token}/revoke/"),
    ("alice", "/device/"),
    ("alice", "/device/?code={code}"),
    ("alice", "/device/?code=AAAA-BBBB"),
    ("dana", "/"),
    ("dana", "/people/tokens/"),
    ("dana", "/people/tokens/?all=1"),
    ("dana", "/people/{alice}/browsers/"),
    ("dana", "/people/{dana}/browsers/"),
    ("alice", "{denied}"),
    ("alice", "/grants/{grant}/end/"),
    ("alice", "/nowhere/"),
    ("erin", "/requests/new/?machine={machine}"),
]


NOBODY = TWO_STAGES.replace("[bob, carol]", "[nobody]")


@pytest.fixture
def places(people: Cast) -> dict[str, object]:
    """One request in each of the states that look different."""
    vm = estate.machine("vm-with-a-rather-long-name-prod-01", environment="production")
    grant = approved(vm, by=people.alice, approver=people.bob)
    set_open(grant)
    late = approved(estate.machine("vm-late"), by=people.alice, approver=people.bob)
    due = db_now() - timedelta(minutes=9)
    Grant.objects.filter(pk=late.pk).update(
        state="closing",
        opened_at=due - timedelta(hours=1),
        starts_at=due - timedelta(hours=1),
        ends_at=due,
        due_at=due,
        close_reason="Its time is over.",
        outstanding="1 session is still connected.",
    )
    waiting = ask(estate.machine("vm-w"), by=people.alice, reason="x" * 300, ticket="INC-1")
    denied = ask(estate.machine("vm-d"), by=people.alice)
    services.deny(denied, by=people.bob, terms_digest=denied.terms_digest, comment="No.")
    link = ask(estate.machine("vm-l"), by=people.alice, kind="link")
    longer = services.extend(
        grant.access_request, minutes=30, reason="Nearly done", key=uuid.uuid4(), by=people.alice
    )
    held = approved(estate.machine("vm-h"), by=people.alice, approver=people.bob).access_request
    soon = db_now() + timedelta(minutes=30)
    AccessRequest.objects.filter(pk=held.pk).update(
        hold="Bob lost the role.", held_at=db_now(), revision=2, lapses_at=soon
    )
    Decider.objects.create(access_request=held, person=people.bob)
    another, windows = estate.machine("vm-another"), estate.machine("vm-win", os="windows")
    person("Carol", Role.APPROVER)
    person("Sven", Role.APPROVER)
    put_in_force(TWO_STAGES)
    staged = ask(another, by=people.alice, others=((windows.pk, 3389),))
    put_in_force(NOBODY)
    blocked = ask(estate.machine("vm-b"), by=people.alice)
    put_in_force(TWO_STAGES)
    estate.machine("vm-refused", bastion=estate.host("basic", sku="Basic")).jit_ports.all().delete()
    verdicts.store(list(judged(vm)), run=1)
    kept = tokens.make(tokens.TokenWish("laptop", ("read",), 7), by=people.alice)
    gone = tokens.make(tokens.TokenWish("n" * 80, ("read", "request"), 90), by=people.alice)
    tokens.revoke(gone.token, by=people.alice)
    return {
        "machine": vm.pk,
        "grant": grant.pk,
        "open": f"/requests/{grant.access_request.reference}/",
        "late": f"/requests/{late.access_request.reference}/",
        "waiting": f"/requests/{waiting.reference}/",
        "denied": f"/requests/{denied.reference}/",
        "link": f"/requests/{link.reference}/",
        "contact": VendorContact.objects.get().pk,
        "another": another.pk,
        "windows": windows.pk,
        "waiting_name": waiting.reference,
        "longer": f"/requests/{longer.reference}/",
        "held": f"/requests/{held.reference}/",
        "staged": f"/requests/{staged.reference}/",
        "blocked": f"/requests/{blocked.reference}/",
        "token": kept.token.pk,
        "code": devices.ask("cli on " + "host" * 20, ["read"], address="192.0.2.7").user_code,
        "alice": people.alice.pk,
        "dana": people.dana.pk,
    }


def judged(vm: Machine) -> Iterator[Judged]:
    """One of each kind, with each level."""
    for kind, resource_id in (("host", "/hosts/h"), ("network", "/networks/n"), ("machine", "/m")):
        found = [
            Check(
                f"{kind}.{level}", "It is so", level, f"It is {level}.", "az vm start\naz x", "Why."
            )
            for level in Level
        ]
        yield Judged(kind, resource_id, kind, found, host_id=vm.bastion_id, machines=2)


def people_of(who: str) -> list[str]:
    return [path for name, path in PAGES if name == who]


@pytest.mark.timeout(300)  # some thirty pages for alice alone
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("who", ["", "alice", "bob", "charlie", "dana", "erin"])
def test_axe_finds_nothing(who: str, width: int, scheme: str, places, sign_in: SignIn):
    page = sign_in(who, scheme=scheme, width=width)
    found = {}
    for path in people_of(who):
        page.goto(path.format(**places))
        unfold(page, "main details")
        if wrong := violations(page):
            found[path] = wrong
    unfold(page, "header details")  # menus lie over the page: what is below cannot be touched then
    assert not violations(page, within="header")
    assert not found


def unfold(page: Page, which: str) -> None:
    for details in page.query_selector_all(which):
        details.evaluate("node => node.open = true")
    page.wait_for_timeout(100)


@pytest.mark.parametrize("who", ["", "alice", "bob", "charlie", "dana", "erin"])
def test_nothing_scrolls_sideways_at_320_px(who: str, places, sign_in: SignIn):
    page = sign_in(who, width=320)
    wide = {}
    for path in people_of(who):
        page.goto(path.format(**places))
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 320:
            wide[path] = width
    assert not wide


def test_actions_on_a_phone_are_big_enough_to_touch(places, sign_in: SignIn):
    page = sign_in("bob", width=390)
    page.goto(str(places["waiting"]))
    for button in page.query_selector_all("main .button, .nav a"):
        box = button.bounding_box()
        assert box is None or box["height"] >= 44, button.inner_text()


def test_the_console_is_silent_under_the_pages_own_policy(places, chrome, live_server, people):
    context = chrome.new_context(base_url=live_server.url)
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto("/sign-in/")
    page.click("button[value=alice]")
    for path in (
        "/",
        "/machines/",
        str(places["open"]),
        f"/requests/new/?machine={places['machine']}",
    ):
        page.goto(path)
        page.wait_for_timeout(200)
    assert page.locator("#preview").inner_text().startswith("Ends")
    icon = page.locator(".nav svg").first.bounding_box()
    context.close()
    assert said == []
    assert icon
    assert icon["width"] > 0


def test_a_first_visit_is_small_and_asks_nobody_else(places, chrome, live_server, people):
    context = chrome.new_context(base_url=live_server.url)
    page, asked = context.new_page(), []
    page.on("requestfinished", lambda request: asked.append(request.url))
    page.goto("/sign-in/", wait_until="networkidle")
    hosts = {url.split("/")[2] for url in asked}
    count = len(asked)
    context.close()
    assert hosts == {live_server.url.split("/")[2]}
    assert count <= 8
