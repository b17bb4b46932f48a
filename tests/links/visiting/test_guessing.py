"""X-37: the mailed address is guessed at, or looked at by programs."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from django.core.cache import cache
from redis.exceptions import ConnectionError as Away

from access.clock import db_now
from access.models import LedgerEntry, Notice
from links.models import Invitation, InvitationKey, VendorBrowser, VendorCode
from links.visiting import evidence, guessing, keys
from links.visiting.caller import Caller
from tests.support.cast import Cast
from tests.support.estate import machine
from tests.support.visiting import FROM_ELSEWHERE, FROM_HOME, invited, token_of


@pytest.fixture
def invitation(cast: Cast) -> Invitation:
    return invited(machine(), cast)


def test_the_mailed_token_leads_to_its_invitation_and_is_not_kept(invitation: Invitation) -> None:
    token = token_of(invitation)
    assert keys.FORM.fullmatch(token)
    assert keys.invitation_for(token) == invitation
    kept = InvitationKey.objects.get()
    assert token.split("_")[1] == kept.prefix
    assert token.split("_", 2)[2] not in str(vars(kept))
    assert keys.address_of(token) == f"https://access.example.test/visit/{token}/"


def test_the_address_is_under_the_vendors_own_host(invitation: Invitation, settings: Any) -> None:
    settings.VENDOR_URL = "https://visit.example.test"
    assert keys.address_of("bav_x").startswith("https://visit.example.test/visit/")


def test_a_letter_that_is_tried_again_voids_the_token_of_the_attempt_before(
    invitation: Invitation,
) -> None:
    first, second = token_of(invitation), token_of(invitation)
    assert keys.invitation_for(first) is None
    assert keys.invitation_for(second) == invitation
    other = keys.mint(invitation, notice_id=0)  # another letter: both lead there
    assert keys.invitation_for(second) == invitation
    keys.void_all(invitation, db_now())
    assert keys.invitation_for(second) is None
    assert keys.invitation_for(other) is None


def test_x37_what_is_not_quite_a_token_leads_nowhere(
    invitation: Invitation, django_assert_num_queries: Any
) -> None:
    """X-37: and what has not even its form costs no query."""
    token = token_of(invitation)
    prefix, secret = token[:13], token[13:]
    for guess in (prefix + secrets.token_urlsafe(32), prefix + secret.swapcase()):
        with django_assert_num_queries(1):
            assert keys.invitation_for(guess) is None
    kept = InvitationKey.objects.get()
    odd = ["", "bav_", token[:-1], token + "A", token + "\n", " " + token, token.upper()]
    for guess in (*odd, kept.digest, f"{prefix}{kept.digest[:43]}ä", "\0" * 56, "9" * 10**6):
        with django_assert_num_queries(0):
            assert keys.invitation_for(guess) is None


def test_x37_many_guesses_of_a_network_leave_one_line_and_one_notice(cast: Cast) -> None:
    """X-37: it is throttled, the overseers know, and the ledger is not filled."""
    for _ in range(guessing.MOST_OF_NETWORK - 1):
        guessing.missed(FROM_HOME)
    assert not guessing.too_many(FROM_HOME)
    assert not LedgerEntry.objects.filter(event="vendor.guessed").exists()
    for _ in range(500):
        guessing.missed(FROM_HOME)
    assert guessing.too_many(FROM_HOME)
    assert not guessing.too_many(FROM_ELSEWHERE)
    line = LedgerEntry.objects.get(event="vendor.guessed")
    assert (line.outcome, line.data["address"]) == ("denied", FROM_HOME.address)
    assert line.data["agent"] == FROM_HOME.agent
    told = Notice.objects.filter(event="vendor.guessing", person__isnull=False)
    assert [notice.person for notice in told] == [cast.dana]


def test_x37_guesses_that_are_spread_over_many_networks_are_noticed(cast: Cast) -> None:
    """X-37: none of them is throttled, all of them together are told of."""
    for number in range(guessing.MOST_OF_ALL):
        guessing.missed(Caller(f"10.{number}.0.1", "botnet"))
    assert LedgerEntry.objects.filter(event="vendor.guessed").count() == 1
    assert not guessing.too_many(Caller("10.1.0.1", "botnet"))


def test_x37_of_ipv6_a_whole_network_counts_as_one(cast: Cast) -> None:
    for number in range(guessing.MOST_OF_NETWORK):
        guessing.missed(Caller(f"2001:db8::{number:x}", "curl"))
    assert guessing.too_many(Caller("2001:db8::ffff", "curl"))
    assert not guessing.too_many(Caller("2001:db8:0:1::1", "curl"))


def test_x37_a_flushed_cache_does_not_tell_twice_in_an_hour(cast: Cast) -> None:
    for _ in range(2):
        for _ in range(guessing.MOST_OF_NETWORK):
            guessing.missed(FROM_HOME)
        cache.clear()
    assert LedgerEntry.objects.filter(event="vendor.guessed").count() == 1
    assert Notice.objects.filter(event="vendor.guessing", person__isnull=False).count() == 1


def test_without_the_cache_nobody_is_kept_out(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_args: Any, **_options: Any) -> None:
        raise Away("nobody there")

    for name in ("get", "add", "incr"):
        monkeypatch.setattr(type(cache._connections["default"]), name, away)
    for _ in range(30):
        guessing.missed(FROM_HOME)
    assert not guessing.too_many(FROM_HOME)


def test_landing_changes_nothing_but_one_line_an_hour(invitation: Invitation) -> None:
    """Programs look at links in mails, again and again."""
    for _ in range(5):
        evidence.landed(invitation, FROM_HOME, "GET")
    evidence.landed(invitation, FROM_ELSEWHERE, "HEAD")
    lines = LedgerEntry.objects.filter(event="vendor.landed").order_by("seq")
    assert [(line.data["address"], line.data["method"]) for line in lines] == [
        (FROM_HOME.address, "GET"),
        (FROM_ELSEWHERE.address, "HEAD"),
    ]
    assert not VendorCode.objects.exists()
    assert not VendorBrowser.objects.exists()
    assert not Notice.objects.filter(event="visit.code").exists()


def test_landing_under_ever_new_names_does_not_fill_the_ledger(invitation: Invitation) -> None:
    for number in range(50):
        evidence.landed(invitation, Caller("198.51.100.7", f"bot {number}"), "GET")
    assert LedgerEntry.objects.filter(event="vendor.landed").count() == evidence.MOST_OF_ADDRESS


def test_landing_from_one_address_does_not_hide_another(invitation: Invitation) -> None:
    for number in range(50):
        evidence.landed(invitation, Caller("198.51.100.7", f"bot {number}"), "GET")
    evidence.landed(invitation, FROM_ELSEWHERE, "GET")
    lines = LedgerEntry.objects.filter(event="vendor.landed")
    assert lines.filter(data__address=FROM_ELSEWHERE.address).count() == 1


def test_a_letter_that_was_replaced_while_it_was_written_leads_nowhere(
    invitation: Invitation,
) -> None:
    """The sponsor had another sent because the first went to the wrong person."""
    Notice.objects.filter(event="visit.invited").update(state="not-sent", problem="Sent again")
    assert keys.invitation_for(token_of(invitation)) is None
