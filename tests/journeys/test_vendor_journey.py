"""From a sponsor's request to the closed grant: a vendor's person on a phone, without scripts,
whose letters come from a real mail server and whose session goes through simulated Azure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import EmailMessage

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from access.delivery.worker import deliver
from access.models import Grant
from access.models.notices import MAIL_ROUTE
from links.models import Invitation, SealedLink, TermsAccepted
from tests.journeys.conftest import SignIn
from tests.journeys.hand import Hand
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, run_engine
from tests.support.receivers import Inbox, mail_server
from tests.support.visiting import machine_of_estate

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
LENA = "lena.vogt@contoso-service.example"
WORDS = {
    "de": ("Ihr Zugang", "Sitzung öffnen", "Europe/Berlin"),
    "ja": ("アクセス", "セッション", "Asia/Tokyo"),
}


@pytest.fixture
def inbox(settings: object) -> Iterator[Inbox]:
    with mail_server() as inbox:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # type: ignore[attr-defined]
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", inbox.port  # type: ignore[attr-defined]
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False  # type: ignore[attr-defined]
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""  # type: ignore[attr-defined]
        yield inbox


@pytest.fixture
def phone(
    chrome: Browser, live_server: LiveServer, request: pytest.FixtureRequest
) -> Iterator[Page]:
    """Nobody's phone: no account, no scripts, its own language."""
    language: str = request.getfixturevalue("language")
    context = chrome.new_context(
        base_url=live_server.url, viewport=PHONE, locale=language, java_script_enabled=False
    )
    yield context.new_page()
    context.close()


def post(inbox: Inbox, to: str = LENA) -> EmailMessage:
    """The newest letter to them, once all that waits was sent."""
    deliver(MAIL_ROUTE)
    return inbox.to_whom(to)[-1]


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    text: str = body.get_content()
    return text


def invite(alice: Page, language: str, zone: str) -> str:
    """Alice, on a phone too, asks for two hours."""
    alice.goto(f"/vendors/invite/?machine={machine_of_estate().pk}")
    alice.fill("#id_vendor_name", "Lena Vogt")
    alice.fill("#id_vendor_company", "Contoso Service")
    alice.fill("#id_vendor_mail", LENA)
    alice.fill("#id_vendor_phone", "+49 30 1234567")
    alice.check("#id_vendor_checked")
    alice.fill("#id_vendor_alias", "Billing server")
    alice.fill("#id_vendor_credentials", "Alice, by phone, when you begin")
    alice.check("input[name=minutes][value='120']")
    alice.fill("#id_reason", "Yearly maintenance")
    alice.select_option("#id_vendor_language", language)
    alice.select_option("#id_vendor_zone", zone)
    alice.check("#id_duties")
    alice.click("button:has-text('Send request')")
    expect(alice.locator("main")).to_contain_text("Waiting for approval")
    return alice.locator("#reference").inner_text()


def arrive(phone: Page, hand: Hand, inbox: Inbox, address: str) -> None:
    """Who only looked has changed nothing."""
    hand.follow(address)
    expect(phone.locator("h1")).to_contain_text("Billing server")
    expect(phone.locator("main")).to_contain_text("Alice")
    assert Invitation.objects.get().codes.count() == 0
    hand.click("#send-code")
    code = re.search(r"\b(\d{4}) ?(\d{4})\b", text_of(post(inbox)))
    assert code
    hand.write("#id_code", f"{code[1]} {code[2]}")
    hand.click("#give-code")


def open_session(phone: Page, hand: Hand) -> Page:
    """Bastion's own page, which the simulator stands in for; signed in on the machine."""
    with phone.context.expect_page() as opened:
        hand.click("#open-session-1")
    bastion = opened.value
    bastion.wait_for_load_state()
    bastion.click("button")
    return bastion


@pytest.mark.parametrize("language", ["de", "ja"])
def test_from_the_request_to_the_closed_grant(
    language: str,
    live_estate: SimulatedAzure,
    people: Cast,
    sign_in: SignIn,
    phone: Page,
    inbox: Inbox,
    live_server: LiveServer,
    settings: object,
) -> None:
    settings.PORTAL_URL = live_server.url  # type: ignore[attr-defined]
    settings.VENDOR_BASTION_STAND_IN = live_estate.url  # type: ignore[attr-defined]
    title, button, zone = WORDS[language]
    alice = sign_in("alice", scripts=False, width=390)
    reference, name = invite(alice, language, zone), machine_of_estate().name

    bob = sign_in("bob", scripts=False, width=390)
    bob.goto(f"/requests/{reference}/")
    expect(bob.locator("main")).to_contain_text("Billing server")
    bob.click("button:has-text('Approve')")
    run_engine()
    assert {grant.state for grant in Grant.objects.all()} == {"open"}
    (link,) = live_estate.state()["links"]

    letter = text_of(post(inbox))
    (address,) = re.findall(rf"{re.escape(live_server.url)}/visit/\S+", letter)
    hand = Hand(phone, budget=4)
    arrive(phone, hand, inbox, address)
    assert phone.locator("html").get_attribute("lang") == language
    expect(phone.locator("h1")).to_contain_text(title)
    expect(phone.locator("#open-session-1")).to_contain_text(button)
    expect(phone.locator("main")).to_contain_text("Alice, by phone, when you begin")
    for secret in (name, link["bsl"]):
        assert secret not in letter
        assert secret not in phone.content()
    bastion = open_session(phone, hand)
    page_of_link = bastion.url.partition("?")[0]
    assert page_of_link.endswith(link["bsl"].rsplit("/", 1)[1])
    assert len(live_estate.state()["sessions"]) == 1
    assert TermsAccepted.objects.get().language == language

    phone.click("#finished")
    phone.click("#finish-now")
    run_engine()
    azure = live_estate.state()
    assert (azure["links"], azure["open_windows"], azure["sessions"]) == ([], [], [])
    assert {grant.state for grant in Grant.objects.all()} == {"closed"}
    assert SealedLink.objects.get().sealed == ""
    # what was bookmarked leads nowhere.
    assert phone.context.request.get(page_of_link).status == 404

    assert reference in text_of(post(inbox))
    assert inbox.to_whom("alice@example.test")
    alice.goto(f"/requests/{reference}/")
    expect(alice.locator("main")).to_contain_text("Ended early by the vendor")
