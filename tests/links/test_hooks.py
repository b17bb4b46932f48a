"""What goes with the grants of a link: the vendor and the sponsor are told, once; the login is to
be changed; and what the vendor gives back is ended by nobody who has an account."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from access import ledger, services
from access.clock import db_now
from access.ledger import Outsider
from access.models import EndOrder, Grant, LedgerEntry, Machine, Notice
from access.presenters.grants import line_for
from access.services.end import give_back
from access.states import GrantState
from links import following
from links.models import Invitation, Rotation
from tests.access.contract import Story, connect, wake_up
from tests.support.azure import SimulatedAzure
from tests.support.browsers import Browser
from tests.support.cast import Cast, approve, approved, ask, let_pass, run_engine

VENDOR = Outsider("vendor/1", "V. Technician")


@pytest.fixture
def story(live_estate: SimulatedAzure, cast: Cast) -> Story:
    return Story(live_estate, cast, "link", "link.created", "link.create", "link.delete")


def told(event: str) -> list[Notice]:
    return list(Notice.objects.filter(event=event))


def given_back(grant: Grant) -> bool:
    with transaction.atomic():
        return give_back(grant.access_request, by=VENDOR)


class TestWhoIsTold:
    def test_the_vendor_is_told_of_the_end_when_azure_shows_it_and_not_before(
        self, story: Story
    ) -> None:
        grant = story.open()
        story.azure.fault(operation="link.delete", action="status", status=503)
        services.end(grant, by=story.cast.alice)
        run_engine()
        assert told("visit.ended") == []
        story.azure.mend()
        wake_up()
        run_engine()
        (notice,) = told("visit.ended")
        assert notice.contact == "technician@vendor.test"
        assert notice.data["was_open"] is True

    def test_of_several_machines_the_vendor_is_told_once_when_the_last_is_closed(
        self, story: Story
    ) -> None:
        first, second = Machine.objects.filter(jit_ports__isnull=False, os="linux")[:2]
        asked = ask(first, by=story.cast.alice, kind="link", others=((second.pk, 22),))
        approve(asked, by=story.cast.bob)
        run_engine()
        links = list(asked.grants.filter(kind="link"))
        assert [each.state for each in links] == [GrantState.OPEN] * 2
        services.end(links[0], by=story.cast.alice)
        run_engine()
        assert told("visit.ended") == []
        services.end(links[1], by=story.cast.alice)
        run_engine()
        assert len(told("visit.ended")) == 1

    def test_who_was_told_that_it_opens_at_once_is_not_told_again(self, story: Story) -> None:
        story.open()
        assert len(told("visit.invited")) == 1
        assert told("visit.opened") == []

    def test_a_letter_that_cannot_be_queued_holds_up_nobody(
        self, story: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The closing of others, in the same look, is not undone by it either."""
        mine = story.open()
        other = Machine.objects.filter(jit_ports__isnull=False).exclude(pk=mine.machine_id)[0]
        theirs = approved(other, by=story.cast.alan, approver=story.cast.bob, kind="link")
        run_engine()
        tell = following.tell_vendor

        def fails_for_one(event: str, invitation: Invitation, **more: Any) -> None:
            if invitation.access_request_id == mine.access_request_id:
                raise LookupError("no such template")
            tell(event, invitation, **more)

        monkeypatch.setattr(following, "tell_vendor", fails_for_one)
        for grant in (mine, theirs):
            let_pass(grant, 31)
        run_engine()
        states = {grant.state for grant in Grant.objects.all()}
        assert states == {GrantState.CLOSED}
        assert [notice.reference for notice in told("visit.ended")] == [
            theirs.access_request.reference
        ]
        line = LedgerEntry.objects.get(event="portal.broke_down")
        assert line.data["reason"].startswith("The portal could not tell")
        assert line.reference == mine.access_request.reference


class TestTheLogin:
    def test_what_was_open_leaves_a_login_to_be_changed(self, story: Story) -> None:
        grant = story.open()
        services.end(grant, by=story.cast.alice)
        run_engine()
        owed = Rotation.objects.get()
        assert (owed.grant, owed.machine, owed.done_at) == (grant, grant.machine, None)

    def test_what_never_opened_leaves_none(self, story: Story) -> None:
        grant = story.granted()
        services.end(grant, by=story.cast.alice)
        run_engine()
        assert not Rotation.objects.exists()


class TestGivenBack:
    """By somebody without an account: no person is named anywhere, and every reader bears it."""

    def test_all_of_the_request_is_ended_at_once_and_whoever_is_inside_leaves(
        self, story: Story
    ) -> None:
        grant = story.open()
        connect(story.azure, grant)
        assert given_back(grant)
        assert not given_back(grant)
        run_engine()
        grant.refresh_from_db()
        assert grant.state == GrantState.CLOSED
        assert grant.close_reason == "Ended early by the vendor, who was done."
        assert story.azure.state()["sessions"] == story.azure.state()["links"] == []
        orders = EndOrder.objects.all()
        assert {(order.by, order.how) for order in orders} == {(None, "vendor")}
        assert not given_back(grant)
        assert ledger.verify()[1] is None

    def test_it_stands_in_the_ledger_as_the_vendors_own(self, story: Story) -> None:
        given_back(story.open())
        lines = LedgerEntry.objects.filter(event="grant.end_ordered")
        assert {(line.actor_kind, line.actor_id) for line in lines} == {("vendor", "vendor/1")}

    def test_the_sponsor_is_told_that_it_was_the_vendor(self, story: Story) -> None:
        given_back(story.open())
        run_engine()
        notice = Notice.objects.get(event="grant.closed", person=story.cast.alice)
        assert notice.data["why"] == "Ended early by the vendor, who was done."
        assert told("visit.ended")[0].data["how"] == "vendor"

    def test_an_order_of_a_person_that_came_first_stays_theirs(self, story: Story) -> None:
        grant = story.open()
        services.end(grant, by=story.cast.alice)
        assert not given_back(grant)
        assert EndOrder.objects.get(grant=grant).by == story.cast.alice

    def test_the_sponsor_who_ends_it_too_changes_nothing(self, story: Story) -> None:
        grant = story.open()
        given_back(grant)
        services.end(grant, by=story.cast.alice)
        assert EndOrder.objects.get(grant=grant).how == "vendor"

    def test_every_page_and_list_that_knows_of_the_grant_can_be_read(
        self, story: Story, browser: Browser
    ) -> None:
        cast, grant = story.cast, story.open()
        given_back(grant)
        reference = grant.access_request.reference
        pages = ["/", f"/requests/{reference}/", "/requests/", f"/grants/{grant.pk}/end/"]
        for state in ("ordered", "closed"):
            alice, dana, erin = (browser(each) for each in (cast.alice, cast.dana, cast.erin))
            for page in pages:
                assert alice.get(page).status_code < 500, (state, page)
            for page in ("/open/", f"/ledger/?reference={reference}", "/ledger/?actor=technic"):
                assert dana.get(page).status_code == 200, (state, page)
            got = alice.get(f"/api/v1/grants/{grant.pk}/")
            assert got.json()["end_ordered"] is True
            told = erin.get("/api/v1/ledger/?event=grant.end_ordered").json()["results"]
            assert {row["actor_kind"] for row in told} == {"vendor"}
            run_engine()
        page = alice.get(f"/requests/{reference}/").content.decode()
        assert "Ended early by the vendor" in page
        assert "V. Technician (vendor)" in page
        assert line_for(Grant.objects.get(pk=grant.pk), cast.alice, db_now()).waits_for == ""

    def test_the_ledger_is_searched_for_vendors_by_name(
        self, story: Story, browser: Browser
    ) -> None:
        """And a namesake with an account is told apart."""
        given_back(story.open())
        page = browser(story.cast.erin).get("/ledger/?actor=technic").content.decode()
        assert "V. Technician (vendor)" in page
