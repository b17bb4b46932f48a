"""Mail as it arrives: at a real server on loopback, for people in their own zones."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage

import pytest

from access.clock import db_now
from access.delivery.worker import deliver
from access.models import Person
from tests.access.notices.moves import told
from tests.support.cast import Cast, approve, ask
from tests.support.estate import machine
from tests.support.receivers import Inbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def test_an_approver_reads_who_wants_what_and_why(cast: Cast, inbox: Inbox) -> None:
    asked = ask(machine(), by=cast.alice, reason="Disk is full on the payments node")
    deliver("mail")
    [mail] = inbox.to_whom(cast.bob.mail)
    assert mail["Subject"] == f"{asked.reference}: Alice asks for access to vm-app-01"
    assert mail["List-Unsubscribe"] == "<https://access.example.test/me/#notices>"
    text = text_of(mail)
    for fact in ("Alice", "vm-app-01", "Port window 22 (SSH)", "Disk is full on the payments node"):
        assert fact in text
    assert f"https://access.example.test/requests/{asked.reference}/" in text


def test_in_kolkata_and_in_new_york_each_reads_their_own_clock(cast: Cast, inbox: Inbox) -> None:
    Person.objects.filter(pk=cast.alice.pk).update(zone="Asia/Kolkata")
    Person.objects.filter(pk=cast.alan.pk).update(zone="America/New_York")
    told("grant.opened", to=[cast.alice, cast.alan], data={"until": "2026-12-01T20:00:00+00:00"})
    deliver("mail")
    [kolkata], [york] = inbox.to_whom(cast.alice.mail), inbox.to_whom(cast.alan.mail)
    assert "2 Dec 2026, 01:30 IST (1 Dec 2026, 20:00 UTC)" in text_of(kolkata)
    assert "1 Dec 2026, 15:00 EST (20:00 UTC)" in text_of(york)
    assert "Asia/Kolkata" in text_of(kolkata)


def test_a_window_approved_for_later_comes_with_a_calendar_file(cast: Cast, inbox: Inbox) -> None:
    later = ask(machine(), by=cast.alice, start=db_now() + timedelta(hours=5))
    approve(later, by=cast.bob)
    at_once = ask(machine("vm-app-02"), by=cast.alice)
    approve(at_once, by=cast.bob)
    deliver("mail")
    with_file, without = inbox.to_whom(cast.alice.mail)[:2]
    [attached] = list(with_file.iter_attachments())
    assert attached.get_filename() == f"{later.reference}.ics"
    assert attached.get_content_type() == "text/calendar"
    assert "BEGIN:VEVENT" in str(attached.get_content())
    assert list(without.iter_attachments()) == []
