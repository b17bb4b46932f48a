"""What a sponsor, an administrator and an auditor see of a running visit, and can do about it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from access import services
from access.clock import db_now
from access.errors import NotAllowed, WrongState
from access.models import Grant, LedgerEntry, Notice
from links.models import Invitation, InvitationKey
from links.sponsoring.inviting import MOST, invite_again
from links.visiting import browsers, evidence, handing, keys
from links.visiting.caller import Caller
from tests.support import estate
from tests.support.browsers import Browser
from tests.support.cast import Cast, ask
from tests.support.visiting import (
    FROM_ELSEWHERE,
    FROM_HOME,
    at_the_door,
    comes_in,
    invited,
    opened,
    token_of,
)

pytestmark = pytest.mark.django_db(transaction=True)
FIREFOX = Caller("198.51.100.7", "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Firefox/140.0")


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.tasks.look.apply_async", lambda *_args, **_options: None)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


@pytest.fixture
def invitation(cast: Cast) -> Invitation:
    return opened(invited(estate.machine(), cast))


def page_of(invitation: Invitation, name: str = "") -> str:
    return f"/requests/{invitation.access_request.reference}/{name}"


def panel(response) -> str:
    """The panel's text as people read it."""
    html = response.content.decode()
    found = re.search(r'<section[^>]* id="visit".*?</section>', html, re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0])) if found else ""


def over(invitation: Invitation) -> None:
    now = db_now()
    Grant.objects.filter(access_request=invitation.access_request).update(
        state="closed", opened_at=now, due_at=now, closed_at=now, close_reason="Its time is over."
    )


class TestThePanel:
    def test_before_the_approval_it_says_when_the_invitation_is_sent(
        self, cast: Cast, browser: Browser
    ) -> None:
        asked = ask(estate.machine(), by=cast.alice, kind="link")
        said = panel(browser(cast.alice).get(f"/requests/{asked.reference}/"))
        assert "The invitation is sent when it is approved." in said

    def test_what_was_approved_before_there_were_invitations_says_so(
        self, cast: Cast, browser: Browser
    ) -> None:
        invitation = opened(invited(estate.machine(), cast))
        reference = invitation.access_request.reference
        Invitation.objects.all().delete()
        said = panel(browser(cast.alice).get(f"/requests/{reference}/"))
        assert "before there were invitations" in said

    def test_a_window_has_no_such_panel(self, cast: Cast, browser: Browser) -> None:
        asked = ask(estate.machine(), by=cast.alice)
        assert panel(browser(cast.alice).get(f"/requests/{asked.reference}/")) == ""

    def test_nothing_happened_yet(
        self, cast: Cast, browser: Browser, invitation: Invitation
    ) -> None:
        said = panel(browser(cast.alice).get(page_of(invitation)))
        assert "technician@vendor.test" in said
        assert "Being sent" in said
        assert "Address opened Not yet" in said
        assert "Alice reads it out on the phone" in said

    @pytest.mark.parametrize("who", ["alice", "bob", "dana", "erin"])
    def test_landing_code_terms_and_hand_off_with_address_and_browser(
        self, who: str, cast: Cast, browser: Browser, invitation: Invitation
    ) -> None:
        evidence.landed(invitation, FIREFOX, "GET")
        visitor = at_the_door(invitation, caller=FIREFOX)
        handing.hand_over(visitor.browser, 1, FIREFOX)
        said = panel(browser(getattr(cast, who)).get(page_of(invitation)))
        assert "Address opened 1 time" in said
        assert "Right code 1 time" in said
        assert "Session opened" in said
        assert "198.51.100.7, Firefox on Windows" in said
        assert "V. Technician, Vendor Ltd (vendor) opened the session" in said
        assert FIREFOX.agent in said  # whole, in the evidence

    def test_neither_token_nor_code_nor_link_is_on_it(
        self, cast: Cast, browser: Browser, invitation: Invitation
    ) -> None:
        token = token_of(invitation)
        visitor = at_the_door(invitation)
        link = handing.hand_over(visitor.browser, 1, FROM_HOME)
        for who in (cast.alice, cast.dana, cast.erin):
            html = browser(who).get(page_of(invitation)).content.decode()
            assert token not in html
            assert keys.digest_of(token) not in html
            assert visitor.cookie not in html
            assert link not in html
            assert "shareable-url" not in html

    def test_a_letter_that_did_not_get_there_says_why_and_what_to_do(
        self, cast: Cast, browser: Browser, invitation: Invitation
    ) -> None:
        Notice.objects.filter(event="visit.invited").update(
            state="given-up", problem="The server does not know this mailbox."
        )
        said = panel(browser(cast.alice).get(page_of(invitation)))
        assert "The invitation did not get there. The server does not know this mailbox." in said
        assert "Call them on +49 30 1234567" in said

    def test_two_addresses_are_said(
        self, cast: Cast, browser: Browser, invitation: Invitation
    ) -> None:
        visitor = comes_in(invitation)
        evidence.other_address(visitor.browser, FROM_ELSEWHERE)
        said = panel(browser(cast.alice).get(page_of(invitation)))
        assert "more than one address" in said

    def test_somebody_who_guesses_codes_is_said_until_when(
        self, cast: Cast, browser: Browser, invitation: Invitation
    ) -> None:
        later = db_now() + timedelta(minutes=15)
        Invitation.objects.update(locked_until=later)
        assert "Too many wrong codes" in panel(browser(cast.alice).get(page_of(invitation)))

    def test_it_comes_fresh_with_the_live_part(
        self, cast: Cast, browser: Browser, invitation: Invitation
    ) -> None:
        """Also for what leaves no ledger line: a letter that went out."""
        alice = browser(cast.alice)
        first = alice.get(page_of(invitation, "live/"))
        mark = first["ETag"]
        assert (
            alice.get(page_of(invitation, "live/"), headers={"If-None-Match": mark}).status_code
            == 304
        )
        Notice.objects.filter(event="visit.invited").update(state="sent", sent_at=db_now())
        again = alice.get(page_of(invitation, "live/"), headers={"If-None-Match": mark})
        assert again.status_code == 200
        assert "Letter Sent" in panel(again)
        assert 'hx-swap-oob="true"' in again.content.decode()

    def test_it_costs_a_few_queries_however_much_happened(
        self, cast: Cast, browser: Browser, invitation: Invitation
    ) -> None:
        alice = browser(cast.alice)
        few = _queries(alice, page_of(invitation))
        for number in range(5):
            evidence.landed(invitation, Caller(f"203.0.113.{number}", "curl/8"), "GET")
        assert _queries(alice, page_of(invitation)) == few
        assert few <= 16, few


def _queries(client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as seen:
        client.get(path)
    return len(seen)


class TestSendingAgain:
    def test_whatever_was_mailed_before_opens_nothing_any_more(
        self, cast: Cast, invitation: Invitation
    ) -> None:
        old, visitor = token_of(invitation), comes_in(invitation)
        assert keys.invitation_for(old) == invitation
        invite_again(invitation, seen=1, by=cast.alice)
        assert keys.invitation_for(old) is None
        assert browsers.browser_for(visitor.cookie, db_now()) is None
        invitation.refresh_from_db()
        assert invitation.mailed == 2
        letters = Notice.objects.filter(event="visit.invited").order_by("pk")
        assert [letter.state for letter in letters] == ["not-sent", "queued"]
        line = LedgerEntry.objects.get(event="vendor.invited_again")
        assert (line.actor_name, line.reference) == ("Alice", invitation.access_request.reference)

    def test_pressed_twice_it_is_sent_once(
        self, cast: Cast, browser: Browser, invitation: Invitation
    ) -> None:
        """Else the address of the first letter would be dead before it is read."""
        alice = browser(cast.alice)
        assert "Send it again" in alice.get(page_of(invitation, "invitation/")).content.decode()
        for _ in range(2):
            answer = alice.post(page_of(invitation, "invitation/"), {"seen": "1"})
            assert answer.status_code == 302
        assert Notice.objects.filter(event="visit.invited").count() == 2
        assert LedgerEntry.objects.filter(event="vendor.invited_again").count() == 1

    def test_looking_changes_nothing(
        self, cast: Cast, browser: Browser, invitation: Invitation
    ) -> None:
        token_of(invitation)
        browser(cast.alice).get(page_of(invitation, "invitation/"))
        browser(cast.alice).head(page_of(invitation, "invitation/"))
        assert InvitationKey.objects.filter(void_at=None).count() == 1

    def test_an_administrator_may_and_others_leave_a_line(
        self, cast: Cast, browser: Browser, invitation: Invitation
    ) -> None:
        assert invite_again(invitation, seen=1, by=cast.dana).mailed == 2
        for who in (cast.bob, cast.erin):
            with pytest.raises(NotAllowed):
                invite_again(invitation, seen=2, by=who)
            assert browser(who).post(page_of(invitation, "invitation/")).status_code == 403
        assert browser(cast.charlie).post(page_of(invitation, "invitation/")).status_code == 404
        denied = LedgerEntry.objects.filter(event="vendor.invite_again.refused", outcome="denied")
        assert denied.count() == 4
        invitation.refresh_from_db()
        assert invitation.mailed == 2

    def test_of_a_visit_that_is_over_nothing_is_sent(
        self, cast: Cast, browser: Browser, invitation: Invitation
    ) -> None:
        over(invitation)
        with pytest.raises(WrongState, match="over"):
            invite_again(invitation, seen=1, by=cast.alice)
        shown = browser(cast.alice).get(page_of(invitation, "invitation/")).content.decode()
        assert "This visit is over" in shown
        assert browser(cast.alice).post(page_of(invitation, "invitation/")).status_code == 409

    def test_an_end_that_was_ordered_counts_at_once(
        self, cast: Cast, invitation: Invitation
    ) -> None:
        grant = Grant.objects.get(access_request=invitation.access_request, kind="link")
        services.end(grant, by=cast.alice)
        with pytest.raises(WrongState):
            invite_again(invitation, seen=1, by=cast.alice)

    def test_a_contact_that_was_blocked_hears_nothing_more(
        self, cast: Cast, invitation: Invitation
    ) -> None:
        contact = invitation.contact
        contact.blocked_at, contact.blocked_by, contact.blocked_why = db_now(), cast.dana, "Left"
        contact.save()
        with pytest.raises(WrongState, match="blocked"):
            invite_again(invitation, seen=1, by=cast.alice)

    def test_not_without_end(self, cast: Cast, invitation: Invitation) -> None:
        Invitation.objects.update(mailed=MOST)
        with pytest.raises(WrongState, match="times"):
            invite_again(invitation, seen=MOST, by=cast.alice)


class TestHome:
    def test_a_failed_letter_is_seen_at_home(
        self, cast: Cast, browser: Browser, invitation: Invitation
    ) -> None:
        Notice.objects.filter(event="visit.invited").update(state="given-up", problem="No box.")
        said = browser(cast.alice).get("/").content.decode()
        assert "The invitation of V. Technician did not get there" in said
        assert "did not get there" not in browser(cast.alan).get("/").content.decode()
        invite_again(invitation, seen=1, by=cast.alice)
        assert "did not get there" not in browser(cast.alice).get("/").content.decode()

    def test_it_stays_within_the_budget_of_the_page(
        self, cast: Cast, browser: Browser, invitation: Invitation
    ) -> None:
        alice = browser(cast.alice)
        few = _queries(alice, "/")
        for number in range(3):
            opened(invited(estate.machine(f"vm-{number}"), cast))
        assert _queries(alice, "/") == few
        assert few <= 9, few
