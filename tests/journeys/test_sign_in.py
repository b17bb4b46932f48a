"""Signing in through an OpenID provider that nobody here wrote, in Chromium, over TLS."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from access.clock import db_now
from access.models import Decision, LedgerEntry, Person
from portal.models import DirectoryReading
from tests.journeys.conftest import violations
from tests.support import estate
from tests.support.cast import Cast, ask
from tests.support.entra import CONTEXT, forget
from tests.support.oidc_provider import TENANT, Provider
from tests.support.ruling import one_approver, put_in_force

pytestmark = pytest.mark.browser
REFUSALS = (
    "no-role", "wrong-tenant", "groups-unknown", "switched-off", "not-begun", "not-completed",
    "away", "unreadable",
)  # fmt: skip
BOB = str(uuid.uuid5(uuid.NAMESPACE_DNS, "bob.example.test"))


@pytest.fixture(scope="session")
def _provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with Provider.started(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


@pytest.fixture
def provider(_provider: Provider, live_server: LiveServer, settings: Any) -> Iterator[Provider]:
    _provider.point(settings)
    settings.PORTAL_URL = live_server.url
    settings.ENTRA_STEP_UP_CONTEXT = CONTEXT
    settings.ACCESS_DEMO_SIGN_IN = False
    yield _provider
    forget()


@pytest.fixture
def browsers(chrome: Browser, live_server: LiveServer) -> Iterator[Any]:
    contexts: list[BrowserContext] = []

    def opened(width: int = 1280, **more: Any) -> Page:
        contexts.append(
            chrome.new_context(
                base_url=live_server.url,
                ignore_https_errors=True,  # its authority is made for this test
                viewport={"width": width, "height": 900},
                **more,
            )
        )
        return contexts[-1].new_page()

    yield opened
    for context in contexts:
        context.close()


def says(provider: Provider, *roles: str, **more: Any) -> None:
    about = {"oid": BOB, "tid": TENANT, "ver": "2.0", "name": "Bob", "roles": list(roles)}
    provider.says("bob", nbf=int(time.time()) - 5, **about, **more)


def at_the_provider(page: Page, who: str = "bob") -> None:
    expect(page.locator("h1")).to_have_text("Authorize Client")
    page.fill("input[name=sub]", who)
    page.click("button:has-text('Authorize')")


def signed_in(page: Page, to: str = "/") -> Page:
    page.goto(to)
    page.click("text=Sign in with Microsoft")
    at_the_provider(page)
    expect(page.locator("body")).to_contain_text("Bob")
    return page


def test_a_production_decision_from_sign_in_to_being_signed_out_everywhere(
    people: Cast, provider: Provider, browsers: Any, settings: Any
) -> None:
    """Must show: signs in through the provider, is asked to step up, approves, and is signed out
    everywhere when the role is removed there."""
    put_in_force(one_approver(step_up=True))
    asked = ask(estate.machine("vm-p", environment="production"), by=people.alice)
    says(provider, "Engineer", "Approver")
    phone = signed_in(browsers(width=390))
    desk = signed_in(browsers(), f"/requests/{asked.reference}/")
    assert desk.url.endswith(f"/requests/{asked.reference}/")
    bob = Person.objects.get(object_id=BOB)
    assert (bob.tenant_id, bob.held_roles) == (TENANT, {"engineer", "approver"})

    desk.click("button:has-text('Approve')")
    expect(desk.locator("h1")).to_have_text("Confirm that it is you")
    desk.click("text=Sign in anew")
    desk.click("text=Sign in anew with Microsoft")
    at_the_provider(desk)  # whose tokens do not name the context: nothing is confirmed by that
    expect(desk.locator("main")).to_contain_text("Sign in anew")
    expect(desk.locator("body")).to_contain_text("did not confirm it in the way")
    asked.refresh_from_db()
    assert asked.state == "pending"

    says(provider, "Engineer", "Approver", acrs=[CONTEXT])
    desk.click("text=Sign in anew with Microsoft")
    at_the_provider(desk)
    expect(desk.locator("main")).to_contain_text("You have signed in anew")
    long_ago()  # so that the roles are asked for once more, with the refresh token
    desk.click(f"button:has-text('Approve {asked.reference}')")
    expect(desk.locator("main")).to_contain_text(f"{asked.reference} was approved.")
    assert Decision.objects.get().by.object_id == BOB
    assert Decision.objects.get().confirmed_at is not None

    says(provider, "Engineer", acrs=[CONTEXT])
    long_ago()
    phone.goto("/approvals/")
    expect(phone.locator("main")).to_contain_text("your roles changed")
    desk.goto("/approvals/")
    expect(desk.locator("main")).to_contain_text("your roles changed")
    expect(desk.locator("a:has-text('Sign in with Microsoft')")).to_be_visible()
    bob = Person.objects.get(object_id=BOB)
    assert bob.held_roles == {"engineer"}
    ended = LedgerEntry.objects.get(event="session.ended")
    assert ended.data["sessions"] == 2


def test_signing_out_leads_to_the_provider_and_back(
    people: Cast, provider: Provider, browsers: Any
) -> None:
    says(provider, "Engineer")
    page = signed_in(browsers())
    page.click("details.user summary")
    page.click("button:has-text('Sign out')")
    page.wait_for_url(f"{provider.issuer}/**/end_session**")
    page.locator("form button").first.click()
    expect(page.locator("h1")).to_have_text("You are signed out")
    page.goto("/machines/")
    expect(page.locator("h1")).to_have_text("Sign in")


def test_who_has_no_role_there_is_told_what_to_do(
    people: Cast, provider: Provider, browsers: Any
) -> None:
    says(provider)
    page = browsers(width=390)
    page.goto("/")
    page.click("text=Sign in with Microsoft")
    at_the_provider(page)
    expect(page.locator("h1")).to_have_text("You have no role here yet")
    expect(page.locator("main")).to_contain_text("assign you an app role")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_refusal_is_a_page_that_all_can_use(
    scheme: str, people: Cast, provider: Provider, browsers: Any
) -> None:
    page, found = browsers(width=320, color_scheme=scheme, bypass_csp=True), {}
    told = "told=access_denied+AADSTS53003+3e2f1111-1111-4111-8111-111111111111"
    refused = [f"/sign-in/entra/refused/?why={why}&{told}" for why in REFUSALS]
    for path in ["/sign-in/", "/signed-out/", *refused]:
        page.goto(path)
        found[path] = violations(page) + sideways(page)
    assert {path: wrong for path, wrong in found.items() if wrong} == {}


def test_what_was_typed_outlives_an_answer_that_entra_does_not_give(
    people: Cast, provider: Provider, browsers: Any, settings: Any
) -> None:
    put_in_force(one_approver(step_up=True))
    asked = ask(estate.machine("vm-p", environment="production"), by=people.alice)
    says(provider, "Approver", "Admin", acrs=[CONTEXT])
    page = signed_in(browsers(width=320, bypass_csp=True), f"/requests/{asked.reference}/")
    DirectoryReading.objects.create(
        pk=1, started_at=db_now() - timedelta(hours=1), problem="No.", step_up_guarded=False
    )
    page.reload()
    assert page.locator(".band.alarm:visible").count() == 2
    assert violations(page) + sideways(page) == []
    page.locator("form[action$='/approve/'] textarea").first.fill("Seen the\nchange, too")
    settings.ENTRA_AUTHORITY = "https://localhost:9"
    forget()
    long_ago()
    page.click("button:has-text('Approve')")
    expect(page.locator("h1")).to_have_text("Your roles could not be checked")
    assert violations(page) + sideways(page) == []
    provider.point(settings)
    DirectoryReading.objects.update(step_up_guarded=True)
    page.click("button:has-text('Send it again')")
    expect(page.locator("h1")).to_have_text("Confirm that it is you")
    expect(page.locator("main")).to_contain_text("change, too")
    page.click("text=Sign in anew")
    expect(page.locator("h1")).to_have_text("Sign in anew")
    assert violations(page) + sideways(page) == []


def sideways(page: Page) -> list[str]:
    wide = page.evaluate("document.documentElement.scrollWidth")
    return [] if wide <= page.viewport_size["width"] else [f"{wide} px wide"]  # type: ignore[index]


def long_ago() -> None:
    """As if five minutes went by since the directory was asked."""
    Person.objects.filter(tenant_id=TENANT).update(roles_read_at=db_now() - timedelta(minutes=6))
