"""X-21: a mail scanner opens, heads and posts to every link of a delivered mail."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from django.test import Client

from access.delivery.worker import deliver
from access.models import AccessRequest, Decision, LedgerEntry, Notice
from tests.access.notices.moves import told
from tests.support.cast import Cast, ask
from tests.support.estate import machine
from tests.support.receivers import Inbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


def links(inbox: Inbox) -> set[str]:
    found: set[str] = set()
    for mail in inbox.mails:
        found |= {mail["List-Unsubscribe"].strip("<>")}
        for kind in ("plain", "html"):
            text = mail.get_body((kind,)).get_content()
            found |= set(re.findall(r"https?://[^\s\"<>)]+", text))
    return found


def test_a_scanner_that_follows_every_link_changes_nothing(cast: Cast, inbox: Inbox) -> None:
    asked = ask(machine(), by=cast.alice)
    told("grant.ends_in_15", to=[cast.alice], about=asked)
    told("policy.proposed", to=[cast.dana])
    deliver("mail")
    before = (LedgerEntry.objects.count(), Notice.objects.count(), Decision.objects.count())
    found = links(inbox)
    assert any(f"/requests/{asked.reference}/" in link for link in found)
    scanner = Client(enforce_csrf_checks=True)
    for link in found:
        path = urlsplit(link).path
        for method in (scanner.get, scanner.head, scanner.post):
            answer = method(path, secure=True, follow=False)
            assert answer.status_code in {200, 302, 403, 404, 405}
    after = (LedgerEntry.objects.count(), Notice.objects.count(), Decision.objects.count())
    assert after == before
    assert AccessRequest.objects.get().state == "pending"


def test_every_link_is_of_the_portal_itself_and_none_is_personal(cast: Cast, inbox: Inbox) -> None:
    """Nothing to tell us who read it, and nothing that opens more than the bare address would."""
    told("request.approved", to=[cast.alice, cast.bob], about=ask(machine(), by=cast.alan))
    deliver("mail")
    for link in links(inbox):
        parts = urlsplit(link)
        assert parts.netloc == "access.example.test"
        assert parts.query == ""
    html = [mail.get_body(("html",)).get_content() for mail in inbox.to_whom(cast.bob.mail)]
    assert not any(mark in page for page in html for mark in ("<img", "<link", "url(", "<script"))


def test_a_mail_is_threaded_and_known_as_made_by_a_machine(cast: Cast, inbox: Inbox) -> None:
    asked = ask(machine(), by=cast.alice)
    told("request.approved", to=[cast.bob], about=asked)
    deliver("mail")
    first, second = inbox.to_whom(cast.bob.mail)
    assert first["References"] == second["References"]
    assert first["Message-ID"] != second["Message-ID"]
    assert first["Auto-Submitted"] == "auto-generated"


def test_html_and_text_say_the_same_and_what_alice_wrote_stays_text(
    cast: Cast, inbox: Inbox
) -> None:
    """X-60, X-62"""
    evil = "Disk <img src=x onerror=alert(1)> is full\n\nBcc: all@bank.example\nurgent & more"
    ask(machine(), by=cast.alice, reason=evil)
    deliver("mail")
    [mail] = inbox.to_whom(cast.bob.mail)
    assert mail["Bcc"] is None
    text = mail.get_body(("plain",)).get_content()
    html = mail.get_body(("html",)).get_content()
    assert "<img src=x onerror=alert(1)>" in text
    assert "<img" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    for fact in ("Alice", "vm-app-01", "Port window 22 (SSH)", "30 min", "/requests/BA-"):
        assert fact in text
        assert fact in html
