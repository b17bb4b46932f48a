"""What letters to people of vendors say, as a real mail server on loopback takes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings as configured

from access.clock import db_now
from access.models import Grant, Notice
from links.letters import Draft, preview
from links.letters.rendering import NOT_YET_KNOWN, NOT_YET_MADE
from links.models import Invitation
from links.visiting import keys
from tests.support.cast import Cast, vendor_details
from tests.support.letters import (
    ANSWER,
    OTHERS,
    VENDOR,
    all_letters,
    arrived,
    code_asked,
    invited,
    part,
    read,
    tell_vendor,
    token_in,
)
from tests.support.receivers import Inbox

HEADINGS = {
    ("", True): "Your access to Billing server has ended",
    ("owner", True): "It was ended before its time",
    ("revoked", True): "It was ended before its time",
    ("lockdown", True): "as a precaution",
    ("vendor", True): "You said that you are finished",
    ("", False): "could not be opened for you",
    ("owner", False): "was called off",
    ("lockdown", False): "was called off",
    ("vendor", False): "You said that you are finished",
}


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


def tomorrow_at_eight() -> datetime:
    later = db_now().astimezone(UTC) + timedelta(days=1)
    return later.replace(hour=8, minute=0, second=0, microsecond=0)


def test_an_invitation_says_who_invites_to_what_and_when_and_leads_in(
    cast: Cast, inbox: Inbox, settings: Any
) -> None:
    settings.VENDOR_BRAND, settings.VENDOR_HELP = "Contoso", "+49 30 765"
    start = tomorrow_at_eight()
    there = start.astimezone(ZoneInfo("Europe/Berlin"))
    day = f"{there:%A} {there.day} {there:%B %Y}"
    invitation = invited(cast, start=start)
    [mail] = arrived(inbox)
    assert mail["Subject"] == "Alice invites you to work on Billing server"
    text = part(mail)
    for fact in (
        "Contoso",
        "Hello V. Technician,",
        f"From: {day}, {there:%H:%M %Z} (08:00 UTC)",
        f"Until: {day}, {there + timedelta(hours=2):%H:%M %Z} (10:00 UTC)",
        f"Reference: {invitation.access_request.reference}",
        "Alice reads it out on the phone",
        "If you need help: +49 30 765",
    ):
        assert fact in text
    assert keys.invitation_for(token_in(mail)) == invitation
    assert (mail["Auto-Submitted"], mail["List-Unsubscribe"]) == ("auto-generated", None)


def test_a_letter_names_nothing_that_people_outside_need_not_know(
    cast: Cast, inbox: Inbox, settings: Any
) -> None:
    settings.VENDOR_URL = "https://visit.example.org"
    invitation = invited(cast, reason="Disk is full on payments", ticket="INC0012345")
    code_asked(invitation)
    for event, data in OTHERS:
        tell_vendor(event, invitation, **data)
    found = arrived(inbox)
    assert len(found) == len(OTHERS) + 2
    for mail in found:
        whole = mail.as_string() + part(mail) + part(mail, "html")
        for inner in ("vm-app-01", "rg-app", "10.0.1.4", "payments", "INC0012345", "bob"):
            assert inner not in whole.lower().replace("INC0012345".lower(), "INC0012345")
        assert "access.example.test" not in whole.replace("access@example.test", "")
        assert mail["References"] == mail["In-Reply-To"]
        assert mail["References"].endswith("@visit.example.org>")


@pytest.mark.parametrize(("how", "was_open"), HEADINGS)
def test_the_last_letter_says_how_it_ended(
    how: str, was_open: bool, cast: Cast, inbox: Inbox
) -> None:
    invitation = invited(cast)
    arrived(inbox)
    tell_vendor("visit.ended", invitation, how=how, was_open=was_open)
    [mail] = arrived(inbox)
    assert HEADINGS[how, was_open] in part(mail)
    assert "opens nothing any more" in part(mail)


def test_what_azure_could_not_keep_open_is_not_called_the_end_of_their_time(
    cast: Cast, inbox: Inbox
) -> None:
    invitation = invited(cast)
    arrived(inbox)
    Grant.objects.filter(kind="link").update(
        state="closed", due_at=db_now(), closed_at=db_now(), close_reason="The machine is gone."
    )
    tell_vendor("visit.ended", invitation, how="", was_open=True)
    [mail] = arrived(inbox)
    assert "It was ended before its time" in part(mail)
    assert "The machine is gone" not in part(mail)


def test_x62_a_hostile_name_is_seen_and_adds_no_header(cast: Cast, inbox: Inbox) -> None:
    invitation = invited(cast)
    hostile = "Eve\r\nBcc: all@example.test\u202etxt.exe <script>"
    Invitation.objects.filter(pk=invitation.pk).update(name=hostile, alias=hostile)
    cast.alice.display_name = hostile
    cast.alice.save()
    [mail] = arrived(inbox)
    assert mail["Bcc"] is None
    assert "[U+202E]txt.exe" in mail["Subject"]
    assert "Eve Bcc: all@example.test[U+202E]txt.exe <script>" in part(mail)
    assert "<script>" not in part(mail, "html")


def test_the_preview_is_the_letter_but_for_its_address(cast: Cast, inbox: Inbox) -> None:
    """Whoever sends it sees what is sent: not a likeness of it."""
    start = tomorrow_at_eight()
    details = vendor_details(language="de", credentials="Alice ruft an.\n<b>Nicht vorher.</b>")
    invitation = invited(cast, start=start, details=details)
    [mail] = arrived(inbox)
    draft = Draft(
        name=invitation.name,
        company=invitation.company,
        mail=VENDOR,
        alias="Billing server",
        sponsor="Alice",
        starts_at=start,
        minutes=120,
        zone="Europe/Berlin",
        language="de",
        credentials=details["credentials"],
    )
    shown = preview(draft)
    for form, drawn in (("plain", shown.text), ("html", shown.html)):
        sent = part(mail, form).replace(token_in(mail), NOT_YET_MADE)
        assert sent.replace(invitation.access_request.reference, NOT_YET_KNOWN) == drawn
    assert mail["Subject"].strip() == shown.subject
    assert NOT_YET_MADE in shown.html


@pytest.mark.parametrize("language", dict(configured.LANGUAGES))
def test_every_letter_is_whole_in_every_language(language: str, cast: Cast, inbox: Inbox) -> None:
    english = all_letters(invited(cast), inbox)
    Invitation.objects.update(language=language, zone="Asia/Tokyo" if language == "ja" else "UTC")
    Notice.objects.all().delete()
    found = all_letters(Invitation.objects.get(), inbox)
    assert len(found) == len(english) == len(OTHERS) + 2
    for before, mail in zip(english, found, strict=True):
        text, html = part(mail), part(mail, "html")
        assert f'<html lang="{language}">' in html
        assert "prefers-color-scheme: dark" in html
        assert "%(" not in text + html + mail["Subject"]
        if language != "en":
            assert mail["Subject"] != before["Subject"]
            shared = set(sentences(text)) & set(sentences(part(before)))
            assert shared <= {ANSWER}


def sentences(text: str) -> list[str]:
    """Whole ones of ours: not names, nor what the sponsor wrote."""
    return [line.strip() for line in text.splitlines() if line.strip().endswith(".")][:-1]


def test_both_forms_of_a_letter_say_the_same(cast: Cast, inbox: Inbox) -> None:
    for mail in all_letters(invited(cast), inbox):
        html = read(part(mail, "html"))
        for line in filter(None, map(str.strip, part(mail).splitlines())):
            plain = re.sub(r"^(\d\. |From: |Until: |Ended: |Reference: )", "", line).rstrip(":")
            assert plain in html
        for piece in html.splitlines():
            assert piece in part(mail)
