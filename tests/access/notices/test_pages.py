"""The pages about notices: dana administers them, nobody else sees them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from access.delivery.worker import deliver
from access.models import Digest, Endpoint, LedgerEntry, Notice, NoticePreference
from access.sealed import unseal
from tests.support.cast import Cast, ask
from tests.support.estate import machine
from tests.support.receivers import http_service

pytestmark = pytest.mark.django_db(transaction=True)
HOOK = "https://hooks.slack.com/services/T0/B0/very-secret-path"


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


def signed_in(who: Any) -> Client:
    client = Client()
    client.force_login(who)
    return client


def added(client: Client, **changes: Any) -> Any:
    values = {"name": "Operations", "kind": "slack", "address": HOOK, "families": ["security"]}
    return client.post("/notices/endpoints/new/", values | changes)


def test_dana_adds_a_channel_and_its_address_is_never_shown_again(cast: Cast) -> None:
    dana = signed_in(cast.dana)
    assert added(dana).status_code == 302
    made = Endpoint.objects.get()
    assert unseal(made.address) == HOOK
    assert "very-secret-path" not in made.address
    for page in ("/notices/", f"/notices/endpoints/{made.pk}/", "/ledger/"):
        shown = dana.get(page).content.decode()
        assert "very-secret-path" not in shown
    assert "hooks.slack.com/…" in dana.get("/notices/").content.decode()
    line = LedgerEntry.objects.get(event="endpoint.added")
    assert "very-secret-path" not in str(line.data)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"address": "http://hooks.slack.com/x"}, "must begin with https"),
        ({"address": "https://10.0.0.4/x"}, "not an IP address"),
        ({"address": ""}, "Type the whole address"),
        ({"name": " "}, "Give it a name"),
        ({"families": []}, "at least one thing"),
        ({"kind": "pager"}, "valid choice"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    cast: Cast, changes: dict[str, Any], words: str
) -> None:
    answer = added(signed_in(cast.dana), **changes)
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert not Endpoint.objects.exists()


def test_a_webhooks_secret_is_shown_once_and_rotated_with_two_at_once(cast: Cast) -> None:
    dana = signed_in(cast.dana)
    answer = added(dana, kind="webhook", address="https://siem.example.test/in")
    made = Endpoint.objects.get()
    first = unseal(made.secret)
    assert first in answer.content.decode()
    assert first not in dana.get(f"/notices/endpoints/{made.pk}/").content.decode()
    second = dana.post(f"/notices/endpoints/{made.pk}/secret/")
    made.refresh_from_db()
    assert unseal(made.secret) in second.content.decode()
    assert unseal(made.old_secret) == first
    assert dana.post(f"/notices/endpoints/{made.pk}/secret/").status_code == 409
    dana.post(f"/notices/endpoints/{made.pk}/secret/drop/")
    made.refresh_from_db()
    assert made.old_secret == ""
    events = set(LedgerEntry.objects.values_list("event", flat=True))
    assert {"endpoint.secret_added", "endpoint.secret_dropped"} <= events


def test_dana_sends_a_test_and_sees_that_it_arrived(cast: Cast) -> None:
    dana = signed_in(cast.dana)
    with http_service() as slack:
        added(dana, address=slack.address)
        made = Endpoint.objects.get()
        dana.post(f"/notices/endpoints/{made.pk}/test/")
        deliver(made.route)
        texts = [got.json["text"] for got in slack.got]
    assert any("A test from Bastion Access" in text for text in texts)
    assert "Works" in dana.get("/notices/").content.decode()


def test_an_endpoint_that_is_switched_off_is_told_nothing_and_takes_no_test(cast: Cast) -> None:
    dana = signed_in(cast.dana)
    added(dana)
    made = Endpoint.objects.get()
    dana.post(f"/notices/endpoints/{made.pk}/switch/", {"to": "off"})
    assert dana.post(f"/notices/endpoints/{made.pk}/test/").status_code == 409
    before = Notice.objects.filter(endpoint=made).count()
    dana.post(f"/notices/endpoints/{made.pk}/switch/", {"to": "on"})
    added(dana, name="Another")
    assert Notice.objects.filter(endpoint=made).count() > before


@pytest.mark.parametrize("who", ["alice", "bob", "charlie", "erin"])
def test_nobody_else_sees_or_changes_who_is_told(cast: Cast, who: str) -> None:
    added(signed_in(cast.dana))
    made = Endpoint.objects.get()
    client = signed_in(getattr(cast, who))
    assert client.get("/notices/").status_code == 404
    assert added(client, name="Mine").status_code == 404
    for act in ("switch", "test", "secret"):
        assert client.post(f"/notices/endpoints/{made.pk}/{act}/").status_code == 404
    made.refresh_from_db()
    assert made.active
    assert Endpoint.objects.count() == 1


def test_charlie_cannot_read_what_bob_was_told(cast: Cast) -> None:
    ask(machine(), by=cast.alice, reason="for bob alone")
    told = Notice.objects.get(person=cast.bob)
    assert signed_in(cast.charlie).get(f"/notices/{told.pk}/").status_code == 404
    assert "for bob alone" in signed_in(cast.bob).get(f"/notices/{told.pk}/").content.decode()
    assert signed_in(cast.dana).get(f"/notices/{told.pk}/").status_code == 200


def test_without_a_mail_server_the_page_says_so_and_retry_sends_it_later(
    cast: Cast, settings: Any, request: Any
) -> None:
    settings.EMAIL_HOST = ""
    dana = signed_in(cast.dana)
    ask(machine(), by=cast.alice)
    deliver("mail")
    told = Notice.objects.get(person=cast.bob)
    assert (told.state, told.problem) == (
        "not-sent", "No mail server is configured (EMAIL_HOST).",
    )  # fmt: skip
    assert "No mail server is configured" in dana.get("/notices/").content.decode()
    inbox = request.getfixturevalue("inbox")
    assert dana.post(f"/notices/{told.pk}/retry/").status_code == 302
    deliver("mail")
    assert len(inbox.mails) == 1
    assert dana.post(f"/notices/{told.pk}/retry/").status_code == 409


def test_bob_chooses_a_daily_mail_and_mutes_what_he_does_not_need(cast: Cast) -> None:
    bob = signed_in(cast.bob)
    chosen = {"wanted": ["deciding"], "digest": "daily", "digest_hour": "7"}
    assert bob.post("/me/notices/", chosen).status_code == 302
    mine = NoticePreference.objects.get(person=cast.bob)
    assert (mine.digest, mine.digest_hour) == (Digest.DAILY, 7)
    assert "security" not in mine.muted
    assert "decided" in mine.muted
    page = bob.get("/me/").content.decode()
    assert 'value="daily" checked' in page


def test_a_forged_preference_changes_nothing(cast: Cast) -> None:
    bob = signed_in(cast.bob)
    bob.post("/me/notices/", {"wanted": ["security"], "digest": "never", "digest_hour": "7"})
    assert not NoticePreference.objects.exists()


def test_the_list_asks_the_database_as_often_for_one_as_for_many(
    cast: Cast, django_assert_max_num_queries: Any
) -> None:
    dana = signed_in(cast.dana)
    for name in ("One", "Two", "Three"):
        added(dana, name=name)
    with django_assert_max_num_queries(12):
        dana.get("/notices/")
