"""What workers see in Azure is told when it is written down: against simulated Azure."""

from __future__ import annotations

import pytest

from access import services
from access.delivery.worker import deliver
from access.models import Machine, Notice, Person
from tests.access.contract import Story
from tests.access.notices.moves import endpoint
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, let_pass, run_engine
from tests.support.receivers import Inbox, http_service


@pytest.fixture
def link(live_estate: SimulatedAzure, cast: Cast) -> Story:
    return Story(live_estate, cast, "link", "link.created", "link.create", "link.delete")


@pytest.fixture
def window(live_estate: SimulatedAzure, cast: Cast) -> Story:
    return Story(live_estate, cast, "window", "jit.opened", "jit.initiate", "rule.delete")


def told(person: Person, *, after: int = 0) -> list[str]:
    rows = Notice.objects.filter(person=person, pk__gt=after).order_by("pk")
    return list(rows.values_list("event", flat=True))


def last() -> int:
    return Notice.objects.latest("pk").pk


def test_alice_is_told_that_it_is_open_and_that_it_is_closed(window: Story, inbox: Inbox) -> None:
    grant = window.open()
    assert told(window.cast.alice) == ["request.approved", "grant.opened"]
    before = last()
    let_pass(grant, 31)
    run_engine()
    assert told(window.cast.alice, after=before) == ["grant.closed"]
    deliver("mail")
    subjects = [mail["Subject"] for mail in inbox.to_whom(window.cast.alice.mail)]
    name = window.machine.name
    assert [subject.partition(": ")[2] for subject in subjects] == [
        f"Approved: {name}", f"Open: {name}", f"Closed: {name}",
    ]  # fmt: skip


def test_a_link_and_the_window_behind_it_are_one_opening(link: Story) -> None:
    link.open()
    assert told(link.cast.alice) == ["request.approved", "grant.opened"]
    notice = Notice.objects.get(event="grant.opened")
    assert [door["kind"] for door in notice.data["doors"]] == ["link"]
    state = str(link.azure.state()["links"])
    assert "https://" in state
    assert "https://" not in str(list(Notice.objects.values_list("data", flat=True)))


def test_what_could_not_be_opened_is_told_with_its_reason(window: Story) -> None:
    grant = window.granted()
    before = last()
    Machine.objects.filter(pk=grant.machine_id).update(vm_id="re-created")
    run_engine()
    assert told(window.cast.alice, after=before) == ["grant.could_not_open"]
    assert "re-created" in Notice.objects.get(event="grant.could_not_open").data["why"]


def test_alice_ends_it_herself_and_only_the_channel_hears_that_it_is_closed(window: Story) -> None:
    grant = window.open()
    with http_service() as slack:
        known = endpoint("Operations", slack.address)
        before = last()
        services.end(grant, by=window.cast.alice)
        run_engine()
        deliver(known.route)
    assert told(window.cast.alice, after=before) == []
    assert any("Closed" in got.json["text"] for got in slack.got)


def test_dana_revokes_it_and_alice_is_told_by_whom_and_why(window: Story, inbox: Inbox) -> None:
    grant = window.open()
    before = last()
    services.end(grant, by=window.cast.dana, reason="Wrong machine")
    run_engine()
    assert told(window.cast.alice, after=before) == ["grant.revoked", "grant.closed"]
    deliver("mail")
    mail = next(m for m in inbox.to_whom(window.cast.alice.mail) if "Revoked" in m["Subject"])
    text = mail.get_body(("plain",)).get_content()
    assert "Dana" in text
    assert "Wrong machine" in text
