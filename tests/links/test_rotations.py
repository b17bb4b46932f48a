"""A login that a vendor was given outlives the link: somebody changes it, is reminded of it, and
says that it was done."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from access.clock import db_now
from access.errors import Invalid, NotAllowed
from access.models import Grant, LedgerEntry, Notice
from links import following
from links.models import Rotation
from links.sponsoring import rotations
from links.sponsoring.rotations import remind_all
from links.tasks import remind
from tests.support import estate
from tests.support.azure import SimulatedAzure
from tests.support.browsers import Browser
from tests.support.cast import Cast, let_pass, run_engine
from tests.support.ruling import TWO_STAGES, put_in_force
from tests.support.visiting import invited, link_of, opened, opened_by_engine

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.tasks.look.apply_async", lambda *_args, **_options: None)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


def closed(cast: Cast, name: str = "vm-app-01", *, ago: timedelta = timedelta()) -> Rotation:
    """Alice's vendor had a link; Azure showed it gone so long ago."""
    grant = link_of(opened(invited(estate.machine(name), cast)))
    grant.due_at = grant.closed_at = db_now() - ago
    grant.state, grant.close_reason = "closed", "Its time is over."
    grant.save(update_fields=["due_at", "closed_at", "state", "close_reason"])
    with transaction.atomic():
        following.told([("grant.closed", grant)])
    return Rotation.objects.get(grant=grant)


@pytest.fixture
def owed(cast: Cast) -> Rotation:
    return closed(cast)


def passes(days: float) -> None:
    for row in Rotation.objects.all():
        row.due_at -= timedelta(days=days)
        row.save(update_fields=["due_at"])


def reminders() -> list[str]:
    """One for each occasion, whoever was told."""
    rows = Notice.objects.filter(event__startswith="rotation.").order_by("pk")
    return list(dict.fromkeys(f"{row.event} {row.key.rsplit('.', 1)[1]}" for row in rows))


def told(event: str) -> set[str]:
    rows = Notice.objects.filter(event=event)
    return {row.person.display_name if row.person else row.contact for row in rows}


def test_it_is_owed_when_azure_showed_the_link_gone(
    live_estate: SimulatedAzure, cast: Cast, browser: Browser
) -> None:
    invitation = opened_by_engine(cast)
    assert not Rotation.objects.exists()
    let_pass(link_of(invitation), 60)
    run_engine()
    row = Rotation.objects.get()
    assert (row.machine, row.access_request) == (
        link_of(invitation).machine,
        invitation.access_request,
    )
    shown = browser(cast.alice).get(f"/requests/{invitation.access_request.reference}/")
    said = shown.content.decode()
    assert "to be changed" in said
    assert "Alice reads it out on the phone" in said


class TestSayingThatItIsDone:
    def test_the_sponsor_says_so_with_a_note(
        self, cast: Cast, browser: Browser, owed: Rotation
    ) -> None:
        alice = browser(cast.alice)
        page = f"/vendors/logins/{owed.pk}/done/"
        assert "Alice reads it out on the phone" in alice.get(page).content.decode()
        owed.refresh_from_db()
        assert owed.done_at is None
        assert alice.post(page, {"note": "The key is gone"}).status_code == 302
        owed.refresh_from_db()
        assert (owed.done_by, owed.note) == (cast.alice, "The key is gone")
        line = LedgerEntry.objects.get(event="rotation.done")
        assert (line.actor_name, line.subject) == ("Alice", owed.machine.resource_key)
        shown = alice.get("/vendors/logins/").content.decode()
        assert "No login waits to be changed." in shown
        assert "The key is gone" in shown

    def test_said_twice_the_first_stands(self, cast: Cast, owed: Rotation) -> None:
        rotations.done(owed, note="New password", by=cast.alice)
        assert rotations.done(owed, note="Me too", by=cast.dana).note == "New password"
        assert LedgerEntry.objects.filter(event="rotation.done").count() == 1

    def test_an_administrator_and_who_owns_the_machine_may(
        self, cast: Cast, browser: Browser, owed: Rotation
    ) -> None:
        other = closed(cast, "vm-other")
        put_in_force(TWO_STAGES)  # bob is of the payments, whose machine it is
        assert rotations.done(owed, by=cast.bob).done_by == cast.bob
        assert rotations.done(other, by=cast.dana).done_by == cast.dana

    def test_others_may_not_and_leave_a_line(
        self, cast: Cast, browser: Browser, owed: Rotation
    ) -> None:
        page = f"/vendors/logins/{owed.pk}/done/"
        for who, status in ((cast.erin, 403), (cast.bob, 403), (cast.charlie, 404)):
            assert browser(who).post(page, {}).status_code == status
            with pytest.raises(NotAllowed):
                rotations.done(owed, by=who)
        denied = LedgerEntry.objects.filter(event="rotation.done.refused", outcome="denied")
        assert denied.count() == 5
        owed.refresh_from_db()
        assert owed.done_at is None

    def test_a_note_that_is_too_long_is_kept_in_the_form(
        self, cast: Cast, browser: Browser, owed: Rotation
    ) -> None:
        with pytest.raises(Invalid):
            rotations.done(owed, note="x" * 501, by=cast.alice)
        page = f"/vendors/logins/{owed.pk}/done/"
        answer = browser(cast.alice).post(page, {"note": "x" * 501})
        assert answer.status_code == 400
        assert "x" * 501 in answer.content.decode()


class TestTheList:
    def test_people_see_their_own_and_overseers_all(
        self, cast: Cast, browser: Browser, owed: Rotation
    ) -> None:
        for who in (cast.alice, cast.dana, cast.erin):
            shown = browser(who).get("/vendors/logins/").content.decode()
            assert "vm-app-01" in shown
        assert "vm-app-01" not in browser(cast.charlie).get("/vendors/logins/").content.decode()
        erin = browser(cast.erin).get("/vendors/logins/").content.decode()
        assert "Not yours to tick off" in erin

    def test_what_is_owed_for_longest_is_first_and_red(
        self, cast: Cast, browser: Browser, owed: Rotation
    ) -> None:
        closed(cast, "vm-late", ago=timedelta(days=4))
        shown = browser(cast.alice).get("/vendors/logins/").content.decode()
        assert shown.index("vm-late") < shown.index("vm-app-01")
        assert shown.count('class="late"') == 1
        assert "Overdue" in shown

    def test_it_costs_the_same_for_one_and_for_many(
        self, cast: Cast, browser: Browser, owed: Rotation
    ) -> None:
        alice = browser(cast.alice)
        few = _queries(alice, "/vendors/logins/")
        for number in range(4):
            rotations.done(closed(cast, f"vm-a{number}"), by=cast.alice)
            closed(cast, f"vm-b{number}")
        assert _queries(alice, "/vendors/logins/") == few
        assert few <= 6, few

    def test_it_is_seen_at_home_until_it_is_done(
        self, cast: Cast, browser: Browser, owed: Rotation
    ) -> None:
        alice = browser(cast.alice)
        assert "Change the login that V. Technician was given" in alice.get("/").content.decode()
        rotations.done(owed, by=cast.alice)
        assert "Change the login" not in alice.get("/").content.decode()


def _queries(client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200
    return len(seen)


class TestReminding:
    def test_at_the_end_after_a_day_and_then_everybody_is_told(
        self, cast: Cast, owed: Rotation
    ) -> None:
        remind()
        assert told("rotation.due") == {"Alice"}
        passes(0.9)
        assert remind_all() == 0
        passes(0.2)
        assert remind_all() == 1
        assert remind_all() == 0
        passes(2)
        assert remind_all() == 1
        assert told("rotation.overdue") == {"Alice", "Dana"}
        passes(2)
        assert remind_all() == 0
        passes(1)
        assert remind_all() == 1
        assert reminders() == [
            "rotation.due 1", "rotation.due 2", "rotation.overdue 3", "rotation.overdue 4",
        ]  # fmt: skip

    def test_who_owns_the_machine_is_reminded_too(self, cast: Cast, owed: Rotation) -> None:
        put_in_force(TWO_STAGES)
        remind_all()
        assert told("rotation.due") == {"Alice", "Bob"}

    def test_a_scheduler_that_slept_makes_up_for_it_with_one(
        self, cast: Cast, owed: Rotation
    ) -> None:
        passes(10)
        assert [remind_all(), remind_all()] == [1, 0]
        assert reminders() == ["rotation.overdue 5"]

    def test_what_is_done_is_not_reminded_of(self, cast: Cast, owed: Rotation) -> None:
        rotations.done(owed, by=cast.alice)
        passes(5)
        assert remind_all() == 0

    @pytest.mark.postgres
    def test_two_schedulers_at_once_remind_once(self, cast: Cast, owed: Rotation) -> None:
        start, counts = threading.Barrier(2), []

        def reminding() -> None:
            start.wait()
            try:
                counts.append(remind_all())
            finally:
                connection.close()

        _both(reminding)
        assert sorted(counts) == [0, 1]
        assert Notice.objects.filter(event="rotation.due").count() == 1


@pytest.mark.postgres
def test_two_who_say_it_at_once_leave_one_line(cast: Cast, owed: Rotation) -> None:
    start, who = threading.Barrier(2), [cast.alice, cast.dana]

    def saying() -> None:
        mine = who.pop()
        start.wait()
        try:
            row = Rotation.objects.select_related("machine", "access_request").get(pk=owed.pk)
            rotations.done(row, note=mine.display_name, by=mine)
        finally:
            connection.close()

    _both(saying)
    line = LedgerEntry.objects.get(event="rotation.done")
    owed.refresh_from_db()
    assert owed.done_by is not None
    assert line.actor_name == owed.done_by.display_name == owed.note


def _both(act) -> None:
    threads = [threading.Thread(target=act) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(("who", "most"), [("alice", 10), ("dana", 10), ("bob", 11), ("erin", 11)])
def test_the_page_asks_little_also_when_it_is_over(
    cast: Cast,
    owed: Rotation,
    browser: Browser,
    who: str,
    most: int,
    django_assert_max_num_queries: Any,
) -> None:
    """Who neither asked nor administers: whether the machine is theirs, the policy must say."""
    over = {"closed_at": owed.due_at, "due_at": owed.due_at, "close_reason": "Its time is over."}
    Grant.objects.update(state="closed", **over)
    client, address = browser(getattr(cast, who)), f"/requests/{owed.access_request.reference}/"
    client.get(address)
    with django_assert_max_num_queries(most + 2):  # two are the session's
        assert "Login on vm-app-01" in client.get(address).content.decode()
