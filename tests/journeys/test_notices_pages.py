"""The pages about notices, and a mail as a browser shows it: for everybody, at every width."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from access.delivery.mail import mail_of
from access.delivery.message import message_of
from access.models import Endpoint, Notice, NoticeState, Route
from tests.access.notices.moves import endpoint
from tests.journeys.conftest import SignIn, violations
from tests.support import estate
from tests.support.cast import Cast, ask

pytestmark = pytest.mark.browser


@pytest.fixture
def places(people: Cast) -> dict[str, list[str]]:
    """Two endpoints, one of which does not answer, and notices in each of their states."""
    siem = endpoint("SIEM", "http://localhost:9/x", "webhook")
    dead = endpoint("A channel with a rather long name for what it is", "http://localhost:9/x")
    Endpoint.objects.filter(pk=dead.pk).update(families=["security", "deciding"])
    Route.objects.create(name=dead.route, failures=3, problem="localhost did not answer.")
    vm = estate.machine("vm-with-a-rather-long-name-prod-01", environment="production")
    ask(vm, by=people.alice, reason="x" * 300, ticket="INC-1")
    for row, state in zip(Notice.objects.order_by("pk"), NoticeState, strict=False):
        sent = row.created_at if state == NoticeState.SENT else None
        changes: dict[str, Any] = {"state": state, "sent_at": sent, "problem": "It answered 500."}
        Notice.objects.filter(pk=row.pk).update(**changes)
    mine = Notice.objects.get(person=people.bob)
    return {
        "dana": [
            "/notices/",
            "/notices/?state=waiting",
            "/notices/?state=nonsense",
            "/notices/endpoints/new/",
            f"/notices/endpoints/{siem.pk}/",
            f"/notices/{mine.pk}/",
        ],
        "bob": ["/me/", f"/notices/{mine.pk}/"],
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("who", ["dana", "bob"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    who: str, width: int, scheme: str, places: dict[str, list[str]], sign_in: SignIn
) -> None:
    page = sign_in(who, scheme=scheme, width=width)
    found: dict[str, object] = {}
    for path in places[who]:
        page.goto(path)
        if wrong := violations(page):
            found[path] = wrong
        if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
            found[f"{path} width"] = wide
    assert not found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_mail_is_as_good_a_page(
    scheme: str, places: dict[str, list[str]], people: Cast, sign_in: SignIn, tmp_path: Path
) -> None:
    notice = Notice.objects.get(person=people.bob)
    mail = mail_of([notice], [message_of(notice, people.bob.tz)], people.bob.mail, people.bob.tz)
    file = tmp_path / "mail.html"
    file.write_text(str(mail.alternatives[0][0]))
    for width in (320, 720):
        page = sign_in(scheme=scheme, width=width)
        page.goto(file.as_uri())
        landmarks = ("landmark", "region")  # a mail is shown inside somebody else's page
        assert [v for v in violations(page) if not v.startswith(landmarks)] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_dana_adds_a_webhook_by_keyboard_and_sees_its_secret_once(
    people: Cast, sign_in: SignIn
) -> None:
    page = sign_in("dana")
    page.goto("/notices/")
    page.get_by_role("link", name="Add an endpoint").click()
    page.get_by_label("Webhook").check()
    page.get_by_label("Name").fill("SIEM")
    address = page.get_by_role("textbox", name="Address")
    address.fill("https://siem.example.test/in")
    address.press("Enter")
    assert page.get_by_role("heading", name="The secret of SIEM").is_visible()
    secret = page.locator("#secret").inner_text()
    assert len(secret) > 40
    page.get_by_role("link", name="I have copied it").click()
    assert secret not in page.content()
    page.get_by_role("link", name="Change SIEM").click()
    assert secret not in page.content()
