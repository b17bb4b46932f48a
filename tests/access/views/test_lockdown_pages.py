"""Closing everything: what it would do, the order, the second administrator, and how far it is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from access.clock import db_now
from access.models import EndOrder, Grant, LiveSession, Lockdown, Machine, Person, Role
from access.services.lockdowns import confirm, order
from tests.access.test_lockdowns import many_grants
from tests.access.views.conftest import Browser, make_closed
from tests.support.cast import Cast, person

REASON = "A stolen laptop"


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


@pytest.fixture
def dora(cast: Cast) -> Person:
    return person("Dora", Role.ADMIN)


@pytest.fixture
def standing(cast: Cast, opened: Grant) -> Lockdown:
    return order("all", "", REASON, by=cast.dana)


def somebody_inside(vm: Machine) -> LiveSession:
    assert vm.bastion is not None
    now = db_now()
    return LiveSession.objects.create(
        host=vm.bastion, session_id="s-1", machine=vm, user_name="ops", protocol="ssh",
        first_seen_at=now, last_seen_at=now, started_at=now,
    )  # fmt: skip


class TestTheOrder:
    def test_it_says_what_would_be_closed_and_who_is_inside(
        self, cast: Cast, opened: Grant, browser: Browser
    ) -> None:
        Grant.objects.filter(pk=opened.pk).update(asked_at=db_now())
        somebody_inside(opened.machine)
        page = browser(cast.dana).get("/lockdown/").content.decode()
        assert "What it closes in the whole estate" in page
        assert '<td class="main">Test</td>' in page
        assert "Alice" in page
        assert "as ops through bastion-hub" in page
        assert "Order it now" in page

    def test_a_part_can_be_looked_at_first(
        self, cast: Cast, opened: Grant, browser: Browser
    ) -> None:
        vm, admin = opened.machine, browser(cast.dana)
        by_group = {"target": f"group|{vm.subscription_id}/{vm.resource_group}".lower()}
        page = admin.get("/lockdown/", by_group).content.decode()
        assert "What it closes in resource group rg-app" in page
        page = admin.get("/lockdown/", {"machine": "VM-APP-01"}).content.decode()
        assert "What it closes in machine vm-app-01" in page
        wrong = admin.get("/lockdown/", {"machine": "vm-nowhere"})
        assert wrong.status_code == 400
        assert "No machine has this name" in wrong.content.decode()

    def test_ordering_leads_to_its_page_and_needs_a_reason(
        self, cast: Cast, opened: Grant, browser: Browser
    ) -> None:
        admin = browser(cast.dana)
        empty = admin.post("/lockdown/", {"target": "all|", "reason": " "})
        assert empty.status_code == 400
        assert "Say what happened" in empty.content.decode()
        sent = admin.post("/lockdown/", {"target": "all|", "reason": REASON}, follow=True)
        page = sent.content.decode()
        assert "Waits for a second administrator" in page
        assert "You ordered it, so another administrator must confirm it." in page
        assert "Confirm: close it all" not in page
        assert "Call it off" in page
        assert not EndOrder.objects.exists()

    def test_what_is_not_in_the_list_is_refused(
        self, cast: Cast, opened: Grant, browser: Browser
    ) -> None:
        for target in ("planet|earth", "subscription|none", "machine|"):
            sent = {"target": target, "reason": REASON}
            assert browser(cast.dana).post("/lockdown/", sent).status_code == 400
        assert not Lockdown.objects.exists()

    def test_auditors_read_and_others_do_not_know_of_it(
        self, cast: Cast, standing: Lockdown, browser: Browser
    ) -> None:
        page = browser(cast.erin).get("/lockdown/").content.decode()
        assert "Order it now" not in page
        assert browser(cast.erin).get(f"/lockdown/{standing.pk}/").status_code == 200
        for act in ("confirm", "lift"):
            sent = browser(cast.erin).post(f"/lockdown/{standing.pk}/{act}/", {"reason": "x"})
            assert sent.status_code == 403
        for somebody in (cast.alice, cast.bob):
            mine = browser(somebody)
            assert mine.get("/lockdown/").status_code == 404
            assert mine.get(f"/lockdown/{standing.pk}/").status_code == 404
            assert mine.post(f"/lockdown/{standing.pk}/confirm/").status_code == 404

    def test_administrators_find_it_at_open_now(
        self, cast: Cast, vm: Machine, browser: Browser
    ) -> None:
        assert 'href="/lockdown/"' in browser(cast.dana).get("/open/").content.decode()
        assert 'href="/lockdown/"' not in browser(cast.bob).get("/open/").content.decode()


class TestTheBand:
    def test_everybody_reads_it_on_every_page(
        self, cast: Cast, standing: Lockdown, browser: Browser
    ) -> None:
        for somebody in (cast.alice, cast.bob, cast.charlie):
            page = browser(somebody).get("/").content.decode()
            assert "Incident: nothing in the whole estate is opened since" in page
            assert REASON not in page
            assert "Confirm or call it off" not in page

    def test_the_second_administrator_is_led_to_it(
        self, cast: Cast, dora: Person, standing: Lockdown, browser: Browser
    ) -> None:
        page = browser(dora).get("/machines/").content.decode()
        assert "Dana ordered that it be closed. It waits for you" in page
        assert f'href="/lockdown/{standing.pk}/">Confirm or call it off' in page
        assert "See how far it is" in browser(cast.dana).get("/machines/").content.decode()

    def test_it_costs_one_query_however_many_there_are(
        self, cast: Cast, opened: Grant, browser: Browser
    ) -> None:
        alice = browser(cast.alice)
        alice.get("/")
        with CaptureQueriesContext(connection) as quiet:
            alice.get("/")
        order("subscription", opened.machine.subscription_id, REASON, by=cast.dana)
        order("machine", opened.machine.resource_key, REASON, by=cast.dana)
        with CaptureQueriesContext(connection) as loud:
            assert alice.get("/").content.decode().count("Incident: nothing in") == 2
        assert len(loud) == len(quiet) + 1

    def test_it_goes_when_it_is_over(
        self, cast: Cast, standing: Lockdown, browser: Browser
    ) -> None:
        Lockdown.objects.update(lapses_at=db_now() - timedelta(seconds=1))
        assert "Incident:" not in browser(cast.alice).get("/").content.decode()


class TestTheSecondAdministrator:
    def test_sees_what_it_closes_and_confirms(
        self, cast: Cast, dora: Person, standing: Lockdown, browser: Browser
    ) -> None:
        admin = browser(dora)
        page = admin.get(f"/lockdown/{standing.pk}/").content.decode()
        assert REASON in page
        assert "Confirm: close it all" in page
        sent = admin.post(f"/lockdown/{standing.pk}/confirm/", follow=True)
        page = sent.content.decode()
        assert "0 of 1 closed, 1 outstanding" in page
        assert "Each one counts as closed when Azure shows it." in page
        assert EndOrder.objects.get().how == "lockdown"

    def test_the_first_one_cannot_by_sending_the_form(
        self, cast: Cast, standing: Lockdown, browser: Browser
    ) -> None:
        sent = browser(cast.dana).post(f"/lockdown/{standing.pk}/confirm/")
        assert sent.status_code == 403
        assert not EndOrder.objects.exists()

    def test_too_late_is_a_conflict(
        self, dora: Person, standing: Lockdown, browser: Browser
    ) -> None:
        Lockdown.objects.update(lapses_at=db_now() - timedelta(seconds=1))
        sent = browser(dora).post(f"/lockdown/{standing.pk}/confirm/")
        assert sent.status_code == 409
        assert "in time" in sent.content.decode()


class TestHowFarItIs:
    def test_closed_is_only_what_azure_has_shown(
        self, cast: Cast, dora: Person, opened: Grant, standing: Lockdown, browser: Browser
    ) -> None:
        confirm(standing, by=dora)
        admin, address = browser(dora), f"/lockdown/{standing.pk}/"
        assert "0 of 1 closed, 1 outstanding" in admin.get(address).content.decode()
        make_closed(opened, opened=True)
        page = admin.get(address).content.decode()
        assert "1 of 1 closed, 0 outstanding" in page
        assert "In force, nothing is open" in page

    def test_the_poll_gets_the_part_alone_and_nothing_when_nothing_changed(
        self, dora: Person, opened: Grant, standing: Lockdown, browser: Browser
    ) -> None:
        confirm(standing, by=dora)
        admin, address = browser(dora), f"/lockdown/{standing.pk}/"
        poll = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "lockdown-live"}
        first = admin.get(address, **poll)
        assert first.content.decode().lstrip().startswith('<div id="lockdown-live"')
        same = admin.get(address, **poll, HTTP_IF_NONE_MATCH=first.headers["ETag"])
        assert same.status_code == 304
        make_closed(opened, opened=True)
        changed = admin.get(address, **poll, HTTP_IF_NONE_MATCH=first.headers["ETag"])
        assert changed.status_code == 200

    def test_a_thousand_cost_as_many_queries_as_one(
        self, cast: Cast, dora: Person, vm: Machine, browser: Browser
    ) -> None:
        """R-18"""
        admin, costs = browser(dora), []
        for number in (1, 1000):
            many_grants(number, cast, vm)
            standing = order("all", "", f"{number}", by=cast.dana)
            confirm(standing, by=dora)
            admin.get(f"/lockdown/{standing.pk}/")
            with CaptureQueriesContext(connection) as seen:
                page = admin.get(f"/lockdown/{standing.pk}/").content.decode()
            costs.append(len(seen))
            from access.services.lockdowns import lift

            lift(standing, "Next", by=cast.dana)
        assert "0 of 1,001 closed, 1,001 outstanding" in page
        assert "And 951 more." in page
        assert costs[1] <= costs[0] <= 12

    def test_it_is_ended_with_a_reason(
        self, cast: Cast, dora: Person, standing: Lockdown, browser: Browser
    ) -> None:
        confirm(standing, by=dora)
        admin, address = browser(cast.dana), f"/lockdown/{standing.pk}/lift/"
        empty = admin.post(address, {"reason": ""})
        assert empty.status_code == 400
        assert "Say why things may be opened again" in empty.content.decode()
        page = admin.post(address, {"reason": "The laptop was found"}, follow=True)
        assert "The laptop was found" in page.content.decode()
        assert "Incident: nothing in" not in page.content.decode()
        assert admin.post(address, {"reason": "Again"}).status_code == 409


def test_what_is_shut_in_an_incident_cannot_even_be_asked_for(
    cast: Cast, vm: Machine, browser: Browser
) -> None:
    """The form says so before it is filled, instead of offering what would be refused."""
    order("machine", vm.resource_key, "Stolen key", by=cast.dana)
    page = browser(cast.alice).get(f"/requests/new/?machine={vm.pk}").content.decode()
    assert "Incident: nothing in machine" in page
    assert "Send request" not in page
