"""Live sessions: whose they may be, who sees them, and who may have them ended."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from access import policy, services
from access.clock import db_now
from access.errors import Invalid, NotAllowed, WrongState
from access.models import DisconnectOrder, Grant, LedgerEntry, LiveSession, Machine
from access.sessions.covering import covering
from tests.access.views.conftest import _no_broker, make_closed, make_open, opened, vm
from tests.support import estate
from tests.support.browsers import Browser
from tests.support.cast import Cast, approved, person
from tests.support.sessions import connected, since

__all__ = ["_no_broker", "opened", "vm"]
pytestmark = pytest.mark.django_db


def requesters(session: LiveSession) -> list[str]:
    found = covering([session])[session.pk]
    return [grant.access_request.requester.display_name for grant in found]


class TestWhoseItMayBe:
    def test_the_one_who_had_access_when_it_began(self, cast: Cast, opened: Grant, vm: Machine):
        assert requesters(connected(vm)) == ["Alice"]

    def test_several_who_share_the_door(self, cast: Cast, opened: Grant, vm: Machine):
        make_open(approved(vm, by=cast.alan, approver=cast.bob))
        assert requesters(connected(vm)) == ["Alice", "Alan"]

    def test_not_who_got_access_later(self, cast: Cast, opened: Grant, vm: Machine):
        since(opened, minutes=60)
        make_open(approved(vm, by=cast.alan, approver=cast.bob))
        assert requesters(connected(vm, minutes=30)) == ["Alice"]

    def test_still_who_has_none_any_more(self, cast: Cast, opened: Grant, vm: Machine):
        """Alan's access keeps the port open, and her session is not his."""
        since(make_closed(opened, opened=True), minutes=60)
        make_open(approved(vm, by=cast.alan, approver=cast.bob))
        assert requesters(connected(vm, minutes=30)) == ["Alice"]

    def test_not_who_had_lost_it_before(self, cast: Cast, opened: Grant, vm: Machine):
        since(make_closed(opened, opened=True), minutes=60)
        Grant.objects.update(closed_at=db_now() - timedelta(minutes=40))
        assert requesters(connected(vm, minutes=30)) == []

    def test_by_protocol(self, cast: Cast, opened: Grant, vm: Machine):
        assert requesters(connected(vm, protocol="rdp")) == []

    def test_by_machine(self, cast: Cast, opened: Grant):
        assert requesters(connected(estate.machine("vm-2"))) == []
        assert requesters(connected(None)) == []

    def test_not_whose_access_never_opened(self, cast: Cast, vm: Machine):
        approved(vm, by=cast.alice, approver=cast.bob)
        assert requesters(connected(vm)) == []

    def test_a_link_and_its_window_are_one_persons(self, cast: Cast, vm: Machine):
        link = approved(vm, by=cast.alice, approver=cast.bob, kind="link")
        for grant in link.access_request.grants.all():
            make_open(grant)
        session = connected(vm)
        (found,) = covering([session])[session.pk]
        assert found.kind == "link"

    def test_of_many_sessions_in_one_query(self, cast: Cast, opened: Grant, vm: Machine):
        many = [connected(vm) for _ in range(5)]
        with CaptureQueriesContext(connection) as asked:
            covering(many)
        assert len(asked) == 1


class TestWhoSees:
    def test_overseers_see_all(self, cast: Cast, vm: Machine):
        session = connected(vm)
        for each in (cast.bob, cast.dana, cast.erin):
            assert policy.visible_sessions(each).get() == session

    def test_engineers_see_who_is_on_a_machine_that_they_have_open(
        self, cast: Cast, opened: Grant, vm: Machine
    ):
        session = connected(vm)
        connected(estate.machine("vm-2"))
        assert policy.visible_sessions(cast.alice).get() == session
        assert not policy.visible_sessions(cast.charlie).exists()

    @pytest.mark.parametrize("state", ["scheduled", "closed"])
    def test_not_before_and_not_after(self, state: str, cast: Cast, opened: Grant, vm: Machine):
        connected(vm)
        if state == "closed":
            make_closed(opened, opened=True)
        else:
            Grant.objects.update(state=state, opened_at=None)
        assert not policy.visible_sessions(cast.alice).exists()

    def test_what_was_is_the_overseers(self, cast: Cast, opened: Grant, vm: Machine):
        connected(vm, ended_at=db_now())
        assert not policy.visible_sessions(cast.alice).exists()
        assert policy.visible_sessions(cast.erin).exists()

    def test_names_of_others_are_not_shown_to_an_engineer(
        self, cast: Cast, opened: Grant, vm: Machine, browser: Browser
    ):
        alans = make_open(approved(vm, by=cast.alan, approver=cast.bob))
        connected(vm)
        html = browser(cast.alice).get("/open/").content.decode()
        assert "You or somebody else" in html
        assert "Alan" not in html
        assert alans.access_request.reference not in html
        assert "One of Alice and Alan" in browser(cast.erin).get("/open/").content.decode()


class TestOrdering:
    def test_an_administrator_and_the_grants_own_person_may(
        self, cast: Cast, opened: Grant, vm: Machine
    ):
        for by in (cast.dana, cast.alice):
            session = connected(vm)
            services.disconnect(session, by=by, reason="Left open")
            assert session.disconnect_order.by == by
        lines = LedgerEntry.objects.filter(event="session.disconnect_ordered")
        assert [line.actor_name for line in lines.order_by("seq")] == ["Dana", "Alice"]
        assert lines[0].subject == vm.resource_key
        assert lines[0].data["reason"] == "Left open"
        assert lines[0].data["user_name"] == "operator"

    @pytest.mark.parametrize("name", ["bob", "charlie", "erin"])
    def test_others_may_not_and_it_is_written_down(
        self, name: str, cast: Cast, opened: Grant, vm: Machine
    ):
        with pytest.raises(NotAllowed):
            services.disconnect(connected(vm), by=getattr(cast, name), reason="x")
        assert not DisconnectOrder.objects.exists()
        line = LedgerEntry.objects.get(event="session.disconnect.refused")
        assert line.outcome == "denied"

    def test_not_who_got_access_later(self, cast: Cast, opened: Grant, vm: Machine):
        since(opened, minutes=60)
        make_open(approved(vm, by=cast.alan, approver=cast.bob))
        with pytest.raises(NotAllowed):
            services.disconnect(connected(vm, minutes=30), by=cast.alan, reason="x")

    def test_not_with_access_that_is_over(self, cast: Cast, opened: Grant, vm: Machine):
        session = connected(vm)
        make_closed(opened, opened=True)
        with pytest.raises(NotAllowed):
            services.disconnect(session, by=cast.alice, reason="x")

    @pytest.mark.parametrize("reason", ["", "  \n", "\u200b", "x" * 1001])
    def test_a_reason_is_needed(self, reason: str, cast: Cast, vm: Machine):
        with pytest.raises(Invalid):
            services.disconnect(connected(vm), by=cast.dana, reason=reason)
        with pytest.raises(IntegrityError), transaction.atomic():
            DisconnectOrder.objects.create(
                session=connected(vm), by=cast.dana, at=db_now(), reason=""
            )

    def test_an_ended_one_is_a_conflict(self, cast: Cast, vm: Machine):
        with pytest.raises(WrongState):
            services.disconnect(connected(vm, ended_at=db_now()), by=cast.dana, reason="x")

    def test_a_second_order_changes_nothing(self, cast: Cast, opened: Grant, vm: Machine):
        session = connected(vm)
        services.disconnect(session, by=cast.dana, reason="First")
        services.disconnect(session, by=cast.alice, reason="Second")
        assert DisconnectOrder.objects.get().reason == "First"
        assert LedgerEntry.objects.filter(event="session.disconnect_ordered").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_make_one_order(cast: Cast, opened: Grant, vm: Machine):
    session = connected(vm)
    start, failures = threading.Barrier(2), []

    def order(by: object) -> None:
        try:
            start.wait(timeout=10)
            services.disconnect(session, by=by, reason="Now")  # type: ignore[arg-type]
        except Exception as fault:  # noqa: BLE001 - it is looked at below
            failures.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=order, args=(by,)) for by in (cast.dana, cast.alice)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert failures == []
    assert DisconnectOrder.objects.count() == 1
    assert LedgerEntry.objects.filter(event="session.disconnect_ordered").count() == 1


def test_somebody_who_is_not_active_any_more_may_end_nothing(
    cast: Cast, opened: Grant, vm: Machine
):
    admin = person("Dora", "admin")  # type: ignore[arg-type]
    admin.is_active = False
    cast.alice.is_active = False
    grants = covering([connected(vm)]).popitem()[1]
    assert not policy.may_disconnect(grants, admin)
    assert not policy.may_disconnect(grants, cast.alice)
