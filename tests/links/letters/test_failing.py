"""A letter that does not arrive: its reader cannot see that, so whoever invited must hear it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from access.delivery.worker import deliver
from access.models import LedgerEntry, Notice, NoticePreference
from access.services import endpoints
from links.models import Invitation
from links.visiting import keys
from tests.access.notices.moves import endpoint, let_pass
from tests.support.browsers import Browser
from tests.support.cast import Cast
from tests.support.letters import ANSWER, VENDOR, arrived, invited, part, tell_vendor, token_in
from tests.support.receivers import Inbox, http_service

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


def failures() -> list[Notice]:
    return list(Notice.objects.filter(event="vendor.letter_failed").order_by("pk"))


def to_alice(inbox: Inbox, cast: Cast) -> str:
    return "".join(
        part(mail) for mail in inbox.to_whom(cast.alice.mail) if "letter" in mail["Subject"]
    )


def test_an_address_that_does_not_exist_is_told_at_once_and_once(cast: Cast, inbox: Inbox) -> None:
    """Not after the three days in which it is tried again and again."""
    invitation = invited(cast)
    inbox.refuse_address = VENDOR
    for _ in range(4):
        deliver("mail")
        let_pass(hours=2)
    said = to_alice(inbox, cast)
    assert "V. Technician, Vendor Ltd did not get the invitation." in said
    assert "does not take mail for this address (550)" in said
    assert "Reference: " + invitation.access_request.reference in said
    [told] = failures()
    assert told.person == cast.alice
    waits = Notice.objects.get(event="visit.invited")
    assert (waits.state, waits.attempts > 1) == ("queued", True)


def test_a_mail_server_that_asks_for_patience_alarms_nobody(cast: Cast, inbox: Inbox) -> None:
    """Greylisting refuses every first letter for some minutes."""
    invited(cast)
    inbox.refuse = "451 greylisted, try later"
    deliver("mail")
    inbox.refuse = ""
    let_pass(minutes=10)
    assert len(arrived(inbox)) == 1
    assert failures() == []


def test_without_a_mail_server_the_sponsor_sees_it_in_the_portal(
    cast: Cast, inbox: Inbox, settings: Any, browser: Browser
) -> None:
    settings.EMAIL_HOST = ""
    invited(cast)
    deliver("mail")
    [told] = failures()
    assert "EMAIL_HOST" in told.data["problem"]
    shown = browser(cast.alice).get(f"/notices/{told.pk}/").content.decode()
    assert "did not get the invitation" in shown


def test_what_was_given_up_is_told_though_it_only_ever_had_to_wait(
    cast: Cast, inbox: Inbox
) -> None:
    invited(cast)
    inbox.controller.server  # noqa: B018 - it is there, and takes nothing:
    inbox.refuse = "451 try later"
    deliver("mail")
    let_pass(hours=73)
    deliver("mail")
    assert Notice.objects.get(event="visit.invited").state == "given-up"
    assert len(failures()) == 1
    assert LedgerEntry.objects.filter(event="notice.given_up", data__event="visit.invited").exists()


def test_that_nobody_could_be_told_leaves_the_failure_written_down(
    cast: Cast, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("nobody can be told now")

    import links.letters

    monkeypatch.setattr(links.letters, "undelivered", broken)
    Invitation.objects.filter(pk=invited(cast).pk).update(mail="not an address")
    Notice.objects.filter(event="visit.invited").update(contact="not an address")
    deliver("mail")
    notice = Notice.objects.get(event="visit.invited")
    assert (notice.state, "No mail address" in notice.problem) == ("not-sent", True)


def test_an_administrators_retry_sends_it_with_another_key(cast: Cast, inbox: Inbox) -> None:
    invitation = invited(cast)
    inbox.refuse_address = VENDOR
    deliver("mail")
    inbox.refuse_address = ""
    endpoints.retry(Notice.objects.get(event="visit.invited"), by=cast.dana)
    [mail] = arrived(inbox)
    assert keys.invitation_for(token_in(mail)) == invitation
    assert invitation.keys.filter(void_at__isnull=True).count() == 1
    assert invitation.keys.count() == 2


def test_channels_and_digests_get_nothing_of_letters(cast: Cast, inbox: Inbox) -> None:
    NoticePreference.objects.create(person=cast.alice, digest="daily")
    with http_service() as channel:
        for kind in ("webhook", "slack", "teams"):
            endpoint(kind, channel.address, kind)
        invitation = invited(cast)
        for event in ("visit.ended", "visit.wish_declined", "visit.opened"):
            tell_vendor(event, invitation, answer=ANSWER, was_open=True, how="")
        routes = set(
            Notice.objects.filter(event__startswith="visit.").values_list("route", "digest")
        )
        assert routes == {("mail", False)}
        for name in Notice.objects.values_list("route", flat=True).distinct():
            deliver(name)
        sent = b"".join(got.body for got in channel.got)
        assert b"visit." not in sent
        assert VENDOR.encode() not in sent
        assert b"/visit/" not in sent


def test_the_notices_page_shows_a_letters_sort_reader_and_state_alone(
    cast: Cast, inbox: Inbox, browser: Browser
) -> None:
    invitation = invited(cast)
    tell_vendor("visit.wish_declined", invitation, answer=ANSWER)
    [first, _] = arrived(inbox)
    dana: Client = browser(cast.dana)
    shown = dana.get("/notices/").content.decode()
    assert "To a vendor: the invitation" in shown
    assert "To a vendor: the letter that there is no more time" in shown
    assert f"{VENDOR} (vendor)" in shown
    for notice in Notice.objects.filter(event__startswith="visit."):
        page = dana.get(f"/notices/{notice.pk}/").content.decode()
        assert "is for its reader alone" in page
        for inner in (ANSWER, token_in(first), "Billing server", "Alice reads it out"):
            assert inner not in page + shown


def test_alice_reads_what_a_vendor_does_in_plain_sentences(cast: Cast, inbox: Inbox) -> None:
    from django.db import transaction

    from access import notices

    asked = invited(cast).access_request
    told = [
        ("vendor.asks_more_time", {"minutes": 90, "why": "The patch needs a reboot"}),
        ("vendor.finished", {}),
        ("vendor.locked", {"locked_until": "2026-12-01T20:00:00+00:00"}),
        ("vendor.two_addresses", {"addresses": ["203.0.113.7", "198.51.100.9"]}),
    ]
    with transaction.atomic():
        for event, data in told:
            notices.tell(event, key="once", to=[cast.alice], about=asked, data=data)
    deliver("mail")
    said = "".join(part(mail) for mail in inbox.to_whom(cast.alice.mail))
    for sentence in (
        "V. Technician, Vendor Ltd asks for 1 h 30 min more.",
        "The patch needs a reboot",
        "V. Technician, Vendor Ltd needs the access no longer",
        "so that no code is taken until 1 Dec 2026, 20:00 UTC. Call them",
        "from more than one address: 203.0.113.7, 198.51.100.9. Call them",
    ):
        assert sentence in said
