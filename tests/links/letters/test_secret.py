"""What lets somebody in is made with the letter, sent in it, and stays nowhere else."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.apps import apps
from django.core import serializers

from access.clock import db_now
from access.delivery.outcome import Needless
from access.delivery.worker import deliver
from access.models import EndOrder, Grant, Notice
from links.letters import letter_for
from links.models import VendorCode
from links.sponsoring.inviting import invite_again
from links.visiting import codes, keys
from links.visiting.browsers import browser_for
from tests.access.notices.moves import let_pass
from tests.support.cast import Cast
from tests.support.letters import (
    CALLER,
    OTHERS,
    arrived,
    code_asked,
    code_in,
    invited,
    part,
    tell_vendor,
    token_in,
)
from tests.support.receivers import Inbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


def test_only_the_invitation_and_the_word_that_it_is_open_carry_the_address(
    cast: Cast, inbox: Inbox
) -> None:
    invitation = invited(cast)
    code_asked(invitation)
    for event, data in OTHERS:
        tell_vendor(event, invitation, **data)
    found = arrived(inbox)
    with_address = [mail["Subject"] for mail in found if "/visit/" in part(mail)]
    assert with_address == [
        "Alice invites you to work on Billing server",
        "Billing server is open for you now",
    ]
    assert invitation.keys.filter(void_at__isnull=True).count() == 2


def test_a_second_attempt_makes_another_key_and_voids_the_first(cast: Cast, inbox: Inbox) -> None:
    """A letter that was called lost may lie in a mailbox that is not theirs."""
    invitation = invited(cast)
    notice = Notice.objects.get(event="visit.invited")
    inbox.refuse = "451 try later"
    deliver("mail")
    inbox.refuse = ""
    let_pass(hours=2)
    [mail] = arrived(inbox)
    first, second = invitation.keys.order_by("pk")
    assert first.void_at is not None
    assert (second.void_at, second.notice_id) == (None, notice.pk)
    assert keys.digest_of(token_in(mail)) == second.digest


def test_a_letter_that_was_replaced_while_a_worker_had_it_makes_no_key(
    cast: Cast, inbox: Inbox
) -> None:
    """Its key would outlive what the sponsor did to void all earlier ones."""
    invitation = invited(cast)
    held = Notice.objects.get(event="visit.invited")  # by a worker that is about to write it
    invite_again(invitation, seen=1, by=cast.alice)
    assert isinstance(letter_for(held), Needless)
    assert not invitation.keys.exists()
    [mail] = arrived(inbox)
    assert keys.invitation_for(token_in(mail)) == invitation


def test_a_code_comes_alone_and_tells_where_it_belongs(cast: Cast, inbox: Inbox) -> None:
    invitation = invited(cast)
    cookie = code_asked(invitation)
    mail = arrived(inbox)[-1]
    code, text = code_in(mail), part(mail)
    assert code not in "".join(f"{name}: {value}" for name, value in mail.items())
    assert text.rstrip().splitlines()[-1] == f"@access.example.test #{code}"
    assert "Nobody will ask you for it" in text
    assert "for 10 minutes: until " in text
    browser = browser_for(cookie, db_now())
    assert browser is not None
    assert codes.give(browser, code, CALLER)


def test_a_code_that_comes_too_late_is_not_sent_and_nobody_is_bothered(
    cast: Cast, inbox: Inbox
) -> None:
    invitation = invited(cast)
    arrived(inbox)
    code_asked(invitation)
    VendorCode.objects.update(asked_at=db_now() - timedelta(minutes=11))
    assert arrived(inbox) == []
    notice = Notice.objects.get(event="visit.code")
    assert (notice.state, "no use any more" in notice.problem) == ("not-sent", True)
    assert not Notice.objects.filter(event="vendor.letter_failed").exists()


@pytest.mark.parametrize("event", ["visit.invited", "visit.opened", "visit.lengthened"])
def test_nobody_is_invited_to_what_is_over(event: str, cast: Cast, inbox: Inbox) -> None:
    invitation = invited(cast)
    arrived(inbox)
    grant = Grant.objects.get(access_request=invitation.access_request, kind="link")
    EndOrder.objects.create(grant=grant, by=cast.dana, at=db_now(), how="revoked", reason="Enough")
    tell_vendor(event, invitation, key="again")
    assert arrived(inbox) == []
    assert invitation.keys.count() == 1
    assert not Notice.objects.filter(event="vendor.letter_failed").exists()


def test_a_blocked_contact_gets_no_way_in_any_more(cast: Cast, inbox: Inbox) -> None:
    invitation = invited(cast)
    contact = invitation.contact
    contact.blocked_at, contact.blocked_by, contact.blocked_why = db_now(), cast.dana, "Left them"
    contact.save()
    assert arrived(inbox) == []
    assert not invitation.keys.exists()


def test_x50_neither_key_nor_code_is_kept_told_or_logged(
    cast: Cast, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    invitation = invited(cast)
    code_asked(invitation)
    tell_vendor("visit.opened", invitation)
    found = arrived(inbox)
    kept = everything_kept()
    said = "".join(row.getMessage() for row in caplog.records if row.name != "mail.log")
    assert keys.digest_of(token_in(found[0])) in kept  # so the dump has the tables in question
    for secret in (token_in(found[0]), token_in(found[2]), code_in(found[1])):
        assert secret not in kept
        assert secret.split("_", 2)[-1] not in said


def everything_kept() -> str:
    models = [model for model in apps.get_models() if model._meta.managed]
    return "".join(serializers.serialize("json", model._default_manager.all()) for model in models)
