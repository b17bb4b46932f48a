"""Out of the outbox: at least once, in the face of crashes, outages and services that are dead."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from django.db import connection

from access.clock import db_now
from access.delivery import worker
from access.delivery.outcome import Outcome
from access.delivery.sending import MailSender
from access.delivery.worker import claim, deliver
from access.models import LedgerEntry, Notice, NoticePreference, Route
from access.notices.due import due_routes
from tests.access.notices.moves import endpoint, let_pass, told
from tests.support.cast import Cast, approve, ask
from tests.support.estate import machine
from tests.support.receivers import Inbox, http_service

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


class Died(BaseException):
    """A worker that is killed: nothing catches it, nothing is tidied up in the database."""


def deliver_all() -> None:
    for route in due_routes():
        deliver(route)


def die(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    def killed(*_: Any) -> Any:
        raise Died

    monkeypatch.setattr(worker, where, killed)
    monkeypatch.setattr(worker, "_give_back", lambda _: None)
    with pytest.raises(Died):
        deliver("mail")
    monkeypatch.undo()


def test_a_worker_that_dies_after_sending_sends_that_one_twice_and_no_other(
    cast: Cast, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(to=[cast.alice], key="first")
    told(to=[cast.alice], key="second")
    die(monkeypatch, "_record")
    assert len(inbox.mails) == 1
    assert deliver("mail") == 0  # its lease still stands
    let_pass(seconds=61)
    assert deliver("mail") == 2
    deliver("mail")
    ids = [mail["Message-ID"] for mail in inbox.mails]
    assert len(ids) == 3
    assert len(set(ids)) == 2  # the doubled one is the same message to a mail system
    assert set(Notice.objects.values_list("state", flat=True)) == {"sent"}


def test_a_worker_that_dies_before_sending_loses_nothing(
    cast: Cast, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(to=[cast.alice])
    die(monkeypatch, "_attempt")
    assert inbox.mails == []
    let_pass(seconds=61)
    assert deliver("mail") == 1
    assert len(inbox.mails) == 1


def test_who_lost_the_route_sends_nothing_more(
    cast: Cast, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(to=[cast.alice], key="first")
    told(to=[cast.alice], key="second")
    original = MailSender.send

    def slow(self: MailSender, notices: Any) -> Outcome:
        outcome = original(self, notices)
        let_pass(seconds=61)  # it stood still for a minute, and another took the route
        monkeypatch.undo()
        assert claim("mail") is not None
        return outcome

    monkeypatch.setattr(MailSender, "send", slow)
    deliver("mail")
    assert len(inbox.mails) == 1


def test_r28_two_hours_without_mail_and_teams_lose_nothing_and_double_nothing(
    cast: Cast, inbox: Inbox, settings: Any
) -> None:
    with http_service(status=503) as teams:
        endpoint("Team", teams.address, "teams")
        settings.EMAIL_PORT = 9  # nobody is there
        for number in range(5):
            told(to=[cast.alice], key=f"occasion {number}")
            deliver_all()
        for _ in range(24):
            let_pass(minutes=5)
            deliver_all()
        assert not Notice.objects.filter(state="sent").exists()
        attempts = len(teams.got)
        assert 3 <= attempts <= 15  # backing off: not each of five notices each five minutes
        teams.got.clear()
        teams.status = 202
        settings.EMAIL_PORT = inbox.port
        for _ in range(3):
            let_pass(hours=1.3)
            deliver_all()
        assert len(inbox.mails) == 5
        assert len(teams.got) == 5
    assert set(Notice.objects.values_list("state", flat=True)) == {"sent"}


def test_asking_and_deciding_go_on_while_nobody_can_be_told(cast: Cast, inbox: Inbox) -> None:
    endpoint("Dead", "http://localhost:9/x")
    inbox.refuse = "421 away"
    asked = ask(machine(), by=cast.alice)
    deliver_all()
    assert approve(asked, by=cast.bob).state == "approved"


def test_a_dead_endpoint_delays_no_other(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.outbound.READ_SECONDS", 0.3)
    with http_service(wait=1.0) as dead, http_service() as alive:
        gone = endpoint("Dead", dead.address)
        well = endpoint("Alive", alive.address)
        for number in range(10):
            told(to=[], key=f"occasion {number}")
        started = time.monotonic()
        deliver_all()
        taken = time.monotonic() - started
        assert len(alive.got) == 10
        assert len(dead.got) == 1  # one attempt, then the route rests
        assert taken < 5
    assert due_routes() == []
    told(to=[], key="another")
    assert due_routes() == [well.route]
    assert "did not answer" in Route.objects.get(name=gone.route).problem


def test_who_asks_for_patience_gets_it_to_the_second(cast: Cast) -> None:
    with http_service(status=429, headers={"Retry-After": "900"}) as slack:
        known = endpoint("Busy", slack.address)
        told(to=[])
        deliver(known.route)
        rest = Route.objects.get(name=known.route).pause_until - db_now()
        assert 890 < rest.total_seconds() <= 900
        let_pass(seconds=880)
        assert deliver(known.route) == 0
        assert len(slack.got) == 1
        slack.status = 200
        let_pass(seconds=30)
        assert deliver(known.route) == 1


def test_one_bad_address_holds_up_no_other_mail(cast: Cast, inbox: Inbox) -> None:
    inbox.refuse_address = cast.alice.mail
    told(to=[cast.alice, cast.bob])
    assert deliver("mail") == 1
    waits = Notice.objects.get(person=cast.alice)
    assert waits.state == "queued"
    assert "does not take mail for this address (550)" in waits.problem


def test_after_three_days_it_is_given_up_visibly(cast: Cast) -> None:
    with http_service(status=500) as slack:
        known = endpoint("Broken", slack.address)
        told(to=[], key="old")
        told(to=[], key="older")
        deliver(known.route)
        let_pass(hours=73)
        told(to=[], key="new")
        deliver(known.route)
    states = {n.key: n.state for n in Notice.objects.filter(endpoint=known)}
    assert states == {"old": "given-up", "older": "given-up", "new": "queued"}
    assert LedgerEntry.objects.filter(event="notice.given_up").count() == 2


def test_who_left_meanwhile_is_not_written_to(cast: Cast, inbox: Inbox) -> None:
    told(to=[cast.alice])
    cast.alice.is_active = False
    cast.alice.save()
    deliver("mail")
    assert inbox.mails == []
    assert Notice.objects.get().problem == "The person is no longer active."


@pytest.mark.parametrize(
    "address", ["", "no address", "a@b.example, c@d.example", "a@b.example\nBcc: c@d.example"]
)
def test_an_address_that_could_be_two_or_a_header_is_not_written_to(
    cast: Cast, inbox: Inbox, address: str
) -> None:
    """X-62"""
    cast.alice.mail = address
    cast.alice.save()
    told(to=[cast.alice])
    deliver("mail")
    assert inbox.mails == []
    assert Notice.objects.get().state == "not-sent"


def test_a_digest_is_one_mail_without_what_was_decided_meanwhile(cast: Cast, inbox: Inbox) -> None:
    NoticePreference.objects.create(person=cast.bob, digest="hourly")
    decided = ask(machine("vm-app-01"), by=cast.alice)
    for name in ("vm-app-02", "vm-app-03"):
        ask(machine(name), by=cast.alice)
    approve(decided, by=cast.bob)
    deliver("mail")
    assert inbox.to_whom(cast.bob.mail) == []
    let_pass(hours=1)
    deliver("mail")
    [mail] = inbox.to_whom(cast.bob.mail)
    assert mail["Subject"] == "2 requests wait for your decision"
    text = mail.get_body(("plain",)).get_content()
    assert "vm-app-02" in text
    assert "vm-app-03" in text
    assert "vm-app-01" not in text
    deliver("mail")
    assert len(inbox.to_whom(cast.bob.mail)) == 1


def test_a_fault_of_our_own_in_one_notice_holds_up_no_other(
    cast: Cast, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-32: one poisoned row."""
    told(to=[cast.alice], key="poisoned")
    told(to=[cast.alice], key="well")
    Notice.objects.filter(key="poisoned").update(data={"doors": [{"port": "1" * 5000}]})
    deliver("mail")
    states = dict(Notice.objects.values_list("key", "state"))
    assert states["well"] == "sent"
    assert states["poisoned"] in {"queued", "sent"}


def test_a_key_that_was_lost_is_said_and_the_others_go_on(cast: Cast, inbox: Inbox) -> None:
    known = endpoint("Sealed", "http://localhost:1/x")
    type(known).objects.filter(pk=known.pk).update(address="nonsense")
    told(to=[cast.alice])
    deliver_all()
    assert len(inbox.mails) == 1
    assert "FIELD_KEYS" in Route.objects.get(name=known.route).problem


@pytest.mark.postgres
def test_many_workers_at_once_send_each_notice_once(cast: Cast, inbox: Inbox) -> None:
    for number in range(20):
        told(to=[cast.alice], key=f"occasion {number}")

    def work() -> None:
        for _ in range(10):
            deliver("mail")
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    deliver("mail")
    assert len(inbox.mails) == 20


def test_the_ledger_and_the_log_know_no_address_and_no_secret(
    cast: Cast, caplog: pytest.LogCaptureFixture
) -> None:
    with http_service(status=500) as service:
        known = endpoint("Hooked", service.address, "webhook")
        told(to=[])
        deliver(known.route)
        let_pass(hours=80)
        deliver(known.route)
    lines = json.dumps(list(LedgerEntry.objects.values_list("data", flat=True)))
    everything = (
        f"{lines} {caplog.text} {list(Notice.objects.values())} {list(Route.objects.values())}"
    )
    assert "secret-path" not in everything
    assert "the secret" not in everything
