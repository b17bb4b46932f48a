"""Who is connected, on the page of what is open; and the page that disconnects."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from access import services
from access.clock import db_now
from access.models import DisconnectOrder, Grant, Heartbeat, LiveSession, Machine
from tests.access.views.conftest import Browser, make_closed, make_open
from tests.access.views.test_request_page import words
from tests.support import estate
from tests.support.cast import Cast, approved
from tests.support.sessions import connected, read, since


class TestThePage:
    def test_nobody(self, cast: Cast, opened: Grant, vm: Machine, browser: Browser):
        read(vm.bastion, db_now() - timedelta(seconds=8))
        text = words(browser(cast.bob).get("/open/"))
        assert "Nobody is connected." in text
        assert "8 s ago" in text or "9 s ago" in text

    def test_somebody(self, cast: Cast, opened: Grant, vm: Machine, browser: Browser):
        connected(vm)
        text = words(browser(cast.bob).get("/open/"))
        for each in ("Connected", "Alice", "operator", vm.name, "SSH", "bastion-hub", "read 0 s"):
            assert each in text

    def test_whom_nobody_explains_is_red_and_on_top(
        self, cast: Cast, opened: Grant, vm: Machine, browser: Browser
    ):
        since(opened, minutes=60)
        connected(vm, minutes=5, user_name="known")
        connected(estate.machine("vm-2"), user_name="stranger")
        response = browser(cast.dana).get("/open/")
        text = words(response)
        assert "1 session that no grant explains" in text
        assert "Nobody's grant" in text.replace("&#x27;", "'")
        section = text.split("Connected now")[1]
        assert section.index("stranger") < section.index("known")
        assert 'class="late"' in response.content.decode()

    def test_a_link_is_the_vendors(self, cast: Cast, vm: Machine, browser: Browser):
        link = approved(vm, by=cast.alice, approver=cast.bob, kind="link")
        for grant in link.access_request.grants.all():
            make_open(grant)
        connected(vm)
        text = words(browser(cast.bob).get("/open/"))
        assert "V. Technician of Vendor Ltd, for Alice" in text

    def test_access_that_is_over_is_said(
        self, cast: Cast, opened: Grant, vm: Machine, browser: Browser
    ):
        since(make_closed(opened, opened=True), minutes=60)
        connected(vm, minutes=30)
        assert "That access is over." in words(browser(cast.bob).get("/open/"))

    def test_while_a_reading_fails_it_is_not_known_since_then(
        self, cast: Cast, opened: Grant, vm: Machine, browser: Browser
    ):
        next_try = db_now() + timedelta(seconds=20)
        problem = "Azure answered with an error (ServiceUnavailable)."
        read(vm.bastion, db_now(), problem=problem, not_before=next_try)
        text = words(browser(cast.bob).get("/open/"))
        assert "Who is connected through bastion-hub is not known since" in text
        assert problem in text
        assert f"{next_try:%H:%M:%S}" in text
        assert "Nobody is connected." not in text

    def test_before_the_first_reading_nothing_is_claimed(
        self, cast: Cast, opened: Grant, vm: Machine, browser: Browser
    ):
        read(vm.bastion, None)
        text = words(browser(cast.bob).get("/open/"))
        assert "it has not been read yet" in text
        assert "Nobody is connected." not in text

    def test_a_reading_of_minutes_ago_is_not_sold_as_now(
        self, cast: Cast, vm: Machine, browser: Browser
    ):
        read(vm.bastion, db_now() - timedelta(minutes=4))
        text = words(browser(cast.bob).get("/open/"))
        assert "Nobody was connected when that was last read." in text
        read(vm.bastion, db_now() - timedelta(minutes=40))
        assert "is not known since" in words(browser(cast.bob).get("/open/"))

    def test_with_nothing_open_there_is_nobody_to_show(
        self, cast: Cast, opened: Grant, vm: Machine, browser: Browser
    ):
        connected(vm)
        text = words(browser(cast.charlie).get("/open/"))
        assert "Nobody to show." in text
        assert "operator" not in text

    def test_only_overseers_have_every_host_read(
        self, cast: Cast, opened: Grant, vm: Machine, browser: Browser
    ):
        read(vm.bastion, db_now())
        looked = Heartbeat.objects.filter(name="sessions-onlooker")
        browser(cast.alice).get("/open/")
        assert not looked.exists()
        browser(cast.erin).get("/open/")
        assert looked.exists()

    def test_it_is_304_until_something_changes(
        self, cast: Cast, opened: Grant, vm: Machine, browser: Browser
    ):
        session, bob = connected(vm), browser(cast.bob)
        poll = {"HX-Target": "open-list"}
        mark = bob.get("/open/", headers=poll)["ETag"]

        def unchanged() -> bool:
            answer = bob.get("/open/", headers={**poll, "If-None-Match": mark})
            return bool(answer.status_code == 304)

        assert unchanged()
        services.disconnect(session, by=cast.dana, reason="x")
        assert not unchanged()
        mark = bob.get("/open/", headers=poll)["ETag"]
        LiveSession.objects.update(ended_at=db_now())
        assert not unchanged()
        mark = bob.get("/open/", headers=poll)["ETag"]
        read(vm.bastion, db_now())
        assert not unchanged()

    def test_it_costs_the_same_for_one_and_for_many(
        self, cast: Cast, opened: Grant, vm: Machine, browser: Browser
    ):
        connected(vm)
        bob, counts = browser(cast.bob), []
        for _ in range(2):
            bob.get("/open/")
            with CaptureQueriesContext(connection) as asked:
                bob.get("/open/")
            counts.append(len(asked))
            for _number in range(20):
                other = estate.machine(f"vm-{LiveSession.objects.count()}")
                make_open(approved(other, by=cast.alice, approver=cast.bob))
                connected(other)
        assert counts[0] == counts[1]

    def test_a_stuck_one_says_when_it_is_tried_next(
        self, cast: Cast, opened: Grant, vm: Machine, browser: Browser
    ):
        session = connected(vm)
        services.disconnect(session, by=cast.dana, reason="x")
        assert "Being disconnected" in words(browser(cast.bob).get("/open/"))
        at = db_now() + timedelta(seconds=20)
        LiveSession.objects.update(problem="It would not.", tries=2, not_before=at)
        text = words(browser(cast.bob).get("/open/"))
        assert "Could not be disconnected" in text
        assert f"It would not. Next try at {at:%H:%M:%S}" in text

    def test_hostile_names_are_text(self, cast: Cast, vm: Machine, browser: Browser):
        connected(vm, user_name="<script>alert(1)</script>", target="<b>")
        assert "<script>alert" not in browser(cast.bob).get("/open/").content.decode()


class TestTheDisconnectPage:
    def where(self, session: LiveSession) -> str:
        return reverse("session-disconnect", args=[session.pk])

    def test_it_says_what_will_happen_and_does_it(
        self, cast: Cast, opened: Grant, vm: Machine, browser: Browser
    ):
        session, dana = connected(vm), browser(cast.dana)
        assert self.where(session) in dana.get("/open/").content.decode()
        text = words(dana.get(self.where(session)))
        assert "Disconnect operator from" in text
        assert "The access goes on" in text
        response = dana.post(self.where(session), {"reason": "Forgotten"}, follow=True)
        assert response.redirect_chain == [("/open/", 302)]
        text = words(response)
        assert "It was ordered." in text
        assert "Being disconnected" in text
        assert self.where(session) not in response.content.decode()
        assert "It is already ordered." in words(dana.get(self.where(session)))

    def test_without_a_reason_it_asks_for_one(self, cast: Cast, vm: Machine, browser: Browser):
        response = browser(cast.dana).post(self.where(connected(vm)), {"reason": " "})
        assert response.status_code == 400
        assert "There is a problem" in words(response)
        assert not DisconnectOrder.objects.exists()

    def test_where_several_are_it_warns(
        self, cast: Cast, opened: Grant, vm: Machine, browser: Browser
    ):
        make_open(approved(vm, by=cast.alan, approver=cast.bob))
        session = connected(vm)
        text = words(browser(cast.alice).get(self.where(session)))
        assert "Several people may be on this machine" in text
        assert "Alan" not in text

    def test_who_must_not_see_it_is_not_told_that_it_exists(
        self, cast: Cast, opened: Grant, vm: Machine, browser: Browser
    ):
        session = connected(vm)
        assert browser(cast.charlie).get(self.where(session)).status_code == 404
        assert browser(cast.charlie).post(self.where(session)).status_code == 404

    def test_who_sees_it_and_may_not_is_refused(
        self, cast: Cast, opened: Grant, vm: Machine, browser: Browser
    ):
        session, erin = connected(vm), browser(cast.erin)
        assert self.where(session) not in erin.get("/open/").content.decode()
        assert erin.get(self.where(session)).status_code == 403
        assert erin.post(self.where(session), {"reason": "x"}).status_code == 403

    def test_one_that_ended_meanwhile_is_a_conflict(
        self, cast: Cast, vm: Machine, browser: Browser
    ):
        session, dana = connected(vm), browser(cast.dana)
        LiveSession.objects.update(ended_at=db_now())
        assert "has ended already" in words(dana.get(self.where(session)))
        assert dana.post(self.where(session), {"reason": "x"}).status_code == 409
