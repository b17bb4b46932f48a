"""A vendor's wish for more time: the sponsor asks for it, or says no; nobody else decides that."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from access.clock import db_now
from access.errors import Invalid, NotAllowed, WrongState
from access.models import AccessRequest, Grant, LedgerEntry, Notice
from access.states import RequestState
from links.models import Invitation, MoreTimeAsk
from links.sponsoring.wishes import ask_for, decline
from links.visiting import wishing
from tests.support import estate
from tests.support.browsers import Browser
from tests.support.cast import Cast, approve
from tests.support.visiting import FROM_HOME, comes_in, invited, opened

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.tasks.look.apply_async", lambda *_args, **_options: None)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


@pytest.fixture
def invitation(cast: Cast) -> Invitation:
    return opened(invited(estate.machine(), cast))


@pytest.fixture
def wish(invitation: Invitation) -> MoreTimeAsk:
    visitor = comes_in(invitation)
    return wishing.wish(visitor.browser, minutes=45, why="The update hangs", caller=FROM_HOME)


def page_of(invitation: Invitation, name: str = "wish/") -> str:
    return f"/requests/{invitation.access_request.reference}/{name}"


def over(invitation: Invitation) -> None:
    now = db_now()
    Grant.objects.filter(access_request=invitation.access_request).update(
        state="closed", opened_at=now, due_at=now, closed_at=now, close_reason="Its time is over."
    )


class TestAskingForIt:
    def test_it_becomes_a_linked_request_and_an_approval_lengthens_the_visit(
        self, cast: Cast, browser: Browser, invitation: Invitation, wish: MoreTimeAsk
    ) -> None:
        alice, ends = browser(cast.alice), Grant.objects.first().ends_at
        shown = alice.get(page_of(invitation)).content.decode()
        assert "45 min more" in shown
        assert "The update hangs" in shown
        answer = alice.post(page_of(invitation), {"minutes": "45", "reason": "The update hangs"})
        made = AccessRequest.objects.get(extends=invitation.access_request)
        assert answer.url == f"/requests/{made.reference}/"
        assert (made.duration_minutes, made.reason) == (45, "The update hangs")
        wish.refresh_from_db()
        assert (wish.access_request, wish.answered_by) == (made, cast.alice)
        approve(made, by=cast.bob)
        assert Grant.objects.first().ends_at > ends
        assert Notice.objects.filter(event="visit.lengthened").count() == 1

    def test_asked_twice_it_is_one_request(self, cast: Cast, wish: MoreTimeAsk) -> None:
        made = ask_for(wish, minutes=45, reason="The update hangs", by=cast.alice)
        assert ask_for(wish, minutes=30, reason="Other words", by=cast.alice) == made
        assert AccessRequest.objects.filter(extends__isnull=False).count() == 1

    def test_a_worker_that_died_between_request_and_answer_is_made_up_for(
        self, cast: Cast, wish: MoreTimeAsk
    ) -> None:
        """Else the vendor waits for ever, and the sponsor is told they asked already."""
        made = ask_for(wish, minutes=45, reason="The update hangs", by=cast.alice)
        MoreTimeAsk.objects.update(answered_at=None, answered_by=None, access_request=None)
        wish.refresh_from_db()
        assert ask_for(wish, minutes=45, reason="The update hangs", by=cast.alice) == made
        wish.refresh_from_db()
        assert wish.access_request == made

    def test_more_than_the_policy_gives_is_said_beside_the_field(
        self, cast: Cast, browser: Browser, invitation: Invitation, wish: MoreTimeAsk
    ) -> None:
        alice = browser(cast.alice)
        answer = alice.post(page_of(invitation), {"minutes": "2000", "reason": "Kept as typed"})
        assert answer.status_code == 400
        html = answer.content.decode()
        assert "Choose between 5 and" in html
        assert "Kept as typed" in html
        wish.refresh_from_db()
        assert wish.answered_at is None

    def test_only_the_sponsor_asks(
        self, cast: Cast, browser: Browser, invitation: Invitation, wish: MoreTimeAsk
    ) -> None:
        words = {"minutes": "45", "reason": "The update hangs"}
        for who, status in ((cast.dana, 403), (cast.bob, 403), (cast.erin, 403), (cast.alan, 404)):
            assert browser(who).post(page_of(invitation), words).status_code == status
        with pytest.raises(NotAllowed):
            ask_for(wish, minutes=45, reason="The update hangs", by=cast.dana)
        assert not AccessRequest.objects.filter(extends__isnull=False).exists()
        assert LedgerEntry.objects.filter(outcome="denied").count() == 4

    def test_when_all_is_over_nothing_can_be_asked(
        self, cast: Cast, browser: Browser, invitation: Invitation, wish: MoreTimeAsk
    ) -> None:
        over(invitation)
        with pytest.raises(WrongState):
            ask_for(wish, minutes=45, reason="The update hangs", by=cast.alice)
        assert (
            "nothing is left to answer"
            in browser(cast.alice).get(page_of(invitation)).content.decode()
        )

    def test_looking_at_it_asks_for_nothing(
        self, cast: Cast, browser: Browser, invitation: Invitation, wish: MoreTimeAsk
    ) -> None:
        for _ in range(2):
            browser(cast.alice).get(page_of(invitation))
        wish.refresh_from_db()
        assert wish.answered_at is None

    def test_without_a_wish_there_is_no_such_page(
        self, cast: Cast, browser: Browser, invitation: Invitation
    ) -> None:
        assert browser(cast.alice).get(page_of(invitation)).status_code == 404

    def test_it_is_seen_at_home_until_it_is_answered(
        self, cast: Cast, browser: Browser, wish: MoreTimeAsk
    ) -> None:
        alice = browser(cast.alice)
        assert "V. Technician asks for 45 min more" in alice.get("/").content.decode()
        decline(wish, answer="We stop here.", by=cast.alice)
        assert "45 min more" not in alice.get("/").content.decode()


class TestSayingNo:
    def test_the_vendor_reads_why_and_the_ledger_has_it(
        self, cast: Cast, browser: Browser, invitation: Invitation, wish: MoreTimeAsk
    ) -> None:
        words = {"decline": "yes", "answer": "We go on tomorrow."}
        assert browser(cast.alice).post(page_of(invitation), words).status_code == 302
        wish.refresh_from_db()
        assert (wish.answer, wish.answered_by) == ("We go on tomorrow.", cast.alice)
        letter = Notice.objects.get(event="visit.wish_declined")
        assert (letter.contact, letter.data["answer"]) == (invitation.mail, "We go on tomorrow.")
        line = LedgerEntry.objects.get(event="vendor.more_time_declined")
        assert line.data["minutes"] == 45

    def test_twice_it_is_told_once(self, cast: Cast, wish: MoreTimeAsk) -> None:
        for _ in range(2):
            decline(wish, answer="Tomorrow.", by=cast.alice)
        assert Notice.objects.filter(event="visit.wish_declined").count() == 1
        with pytest.raises(WrongState, match="Alice has answered"):
            decline(wish, answer="Never.", by=cast.alice)

    def test_administrators_may_decline_and_others_may_not(
        self, cast: Cast, wish: MoreTimeAsk
    ) -> None:
        for who in (cast.bob, cast.erin, cast.alan):
            with pytest.raises(NotAllowed):
                decline(wish, answer="No.", by=who)
        assert decline(wish, answer="No.", by=cast.dana).answered_by == cast.dana

    def test_an_answer_is_needed_and_what_was_typed_stays(
        self, cast: Cast, browser: Browser, invitation: Invitation, wish: MoreTimeAsk
    ) -> None:
        answer = browser(cast.alice).post(page_of(invitation), {"decline": "yes", "answer": " "})
        assert answer.status_code == 400
        assert "Say why not. The vendor reads it." in answer.content.decode()
        with pytest.raises(Invalid):
            decline(wish, answer="x" * 501, by=cast.alice)

    def test_what_was_asked_for_is_not_declined_besides(
        self, cast: Cast, wish: MoreTimeAsk
    ) -> None:
        ask_for(wish, minutes=45, reason="The update hangs", by=cast.alice)
        with pytest.raises(WrongState):
            decline(wish, answer="No.", by=cast.dana)
        assert not Notice.objects.filter(event="visit.wish_declined").exists()

    def test_of_what_is_over_nothing_is_declined(
        self, cast: Cast, invitation: Invitation, wish: MoreTimeAsk
    ) -> None:
        over(invitation)
        with pytest.raises(WrongState, match="over"):
            decline(wish, answer="No.", by=cast.alice)


@pytest.mark.postgres
def test_yes_and_no_at_the_same_instant_are_one_answer(
    cast: Cast, invitation: Invitation, wish: MoreTimeAsk
) -> None:
    """Else the vendor reads a no, and somebody approves a yes."""
    start, said = threading.Barrier(2), []

    def answering(act) -> None:
        start.wait()
        try:
            act(MoreTimeAsk.objects.select_related("invitation__access_request").get(pk=wish.pk))
            said.append(True)
        except WrongState:
            said.append(False)
        finally:
            connection.close()

    acts = [
        lambda it: ask_for(it, minutes=45, reason="The update hangs", by=cast.alice),
        lambda it: decline(it, answer="No.", by=cast.dana),
    ]
    threads = [threading.Thread(target=answering, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wish.refresh_from_db()
    pending = AccessRequest.objects.filter(
        extends=invitation.access_request, state=RequestState.PENDING
    )
    told_no = Notice.objects.filter(event="visit.wish_declined").exists()
    assert sorted(said) == [False, True]
    assert pending.exists() is not told_no
    assert (wish.access_request_id is not None) is not told_no


@pytest.mark.postgres
def test_a_double_click_makes_one_request(cast: Cast, wish: MoreTimeAsk) -> None:
    start, made = threading.Barrier(2), []

    def asking() -> None:
        start.wait()
        try:
            mine = MoreTimeAsk.objects.select_related("invitation__access_request").get(pk=wish.pk)
            made.append(ask_for(mine, minutes=45, reason="The update hangs", by=cast.alice).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=asking) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 2
    assert len(set(made)) == 1
