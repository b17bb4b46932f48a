"""Reading who is connected, against simulated Azure: seen, lost, come back for, and due."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from access.clock import db_now
from access.models import BastionHost, Grant, LiveSession, SessionReading
from access.sessions import turns
from portal import watch
from portal.azure import connected
from tests.access.contract import connect
from tests.support.azure import SimulatedAzure
from tests.support.watching import (
    LIST,
    ago,
    barge_in,
    cloud,
    hub,
    later,
    live,
    reading,
    told,
    turn,
    window,
)

__all__ = ["cloud", "window"]
pytestmark = pytest.mark.django_db(transaction=True)


class TestReading:
    def test_who_connects_is_seen_with_machine_and_moment(
        self, cloud: SimulatedAzure, window: Grant
    ) -> None:
        connect(cloud, window, user="operator")
        assert turn()
        session = LiveSession.objects.get()
        assert (session.user_name, session.protocol) == ("operator", "ssh")
        assert (session.machine, session.host) == (window.machine, hub())
        assert session.started_at is not None
        assert abs(session.started_at - db_now()) < timedelta(seconds=30)
        assert reading().read_at is not None
        assert told("session.unexplained") == []

    def test_who_leaves_is_ended_by_the_next_complete_answer(
        self, cloud: SimulatedAzure, window: Grant
    ) -> None:
        key = connect(cloud, window)
        turn()
        cloud.control("DELETE", f"sessions/{key}")
        turn()
        assert LiveSession.objects.get().ended_at is not None

    def test_one_that_was_only_missing_for_a_while_lives_on_as_the_same(
        self, cloud: SimulatedAzure, window: Grant
    ) -> None:
        connect(cloud, window)
        turn()
        LiveSession.objects.update(ended_at=db_now())
        turn()
        assert live() == ["operator"]
        assert LiveSession.objects.count() == 1

    def test_a_reading_that_fails_half_way_changes_nothing_and_says_why(
        self, cloud: SimulatedAzure, window: Grant
    ) -> None:
        connect(cloud, window)
        turn()
        read_at = reading().read_at
        cloud.fault(operation=LIST, action="lro_failed", code="InternalServerError", times=1)
        turn()
        assert live() == ["operator"]
        assert reading().read_at == read_at
        assert reading().problem
        assert reading().not_before is not None
        turn()
        assert (reading().problem, reading().failures, live()) == ("", 0, ["operator"])

    @pytest.mark.parametrize("operation", ["operation.status", "operation.result"])
    def test_an_error_on_the_way_to_the_list_hides_nobody(
        self, cloud: SimulatedAzure, window: Grant, operation: str
    ) -> None:
        """A 404 there is the operation's, and not the host's."""
        connect(cloud, window)
        turn()
        cloud.fault(operation=operation, action="status", status=404, code="NotFound", times=1)
        turn()
        assert live() == ["operator"]
        assert reading().problem

    def test_a_host_that_is_gone_carries_nobody(self, cloud: SimulatedAzure, window: Grant) -> None:
        connect(cloud, window)
        turn()
        gone = {"status": 404, "code": "ResourceNotFound"}
        cloud.fault(operation=LIST, action="status", **gone)
        cloud.fault(operation="bastion.get", action="status", **gone)
        turn()
        assert (live(), reading().problem) == ([], "")

    def test_a_host_that_left_the_estate_carries_nobody_and_is_asked_no_more(
        self, cloud: SimulatedAzure, window: Grant
    ) -> None:
        """Its whole group was deleted, which Azure tells in other words each time."""
        connect(cloud, window)
        turn()
        cloud.fault(operation=LIST, action="status", status=404, code="ResourceGroupNotFound")
        turn()
        assert live() == ["operator"]
        BastionHost.objects.update(gone_at=db_now())
        turn()
        assert (live(), reading().problem) == ([], "")
        later()
        assert hub().pk not in dict(turns.due_hosts())

    def test_a_host_that_cannot_be_seen_is_not_one_that_is_gone(
        self, cloud: SimulatedAzure, window: Grant
    ) -> None:
        connect(cloud, window)
        turn()
        missing = {"status": 404, "code": "SubscriptionNotFound"}
        cloud.fault(operation=LIST, action="status", **missing)
        turn()
        assert live() == ["operator"]
        assert "SubscriptionNotFound" in reading().problem

    def test_a_list_that_takes_20_seconds_is_come_back_for_and_nobody_waits(
        self, cloud: SimulatedAzure, window: Grant
    ) -> None:
        connect(cloud, window)
        cloud.pace(20)
        asked_at = db_now()
        assert turn()
        first = reading()
        assert (first.problem, first.read_at, live()) == ("", None, [])
        assert first.not_before is not None
        assert first.not_before - db_now() > timedelta(seconds=8)  # Azure asked for 10 s
        assert turn()  # too early: still nothing, and no second list is begun
        assert live() == []
        cloud.advance(21)
        assert turn()
        assert live() == ["operator"]
        assert cloud.control("GET", "calls")["calls"][LIST] == 1
        read_at = reading().read_at
        assert read_at is not None
        assert abs(read_at - asked_at) < timedelta(seconds=2)  # as old as the question

    def test_an_answer_older_than_what_is_known_is_no_news(
        self, cloud: SimulatedAzure, window: Grant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two processes had asked; the one that asked first hears last."""
        look = connected.glance_at
        before = look(hub().resource_id)
        connect(cloud, window)
        turn()
        late = connected.Listing(before.connected, age=5.0)
        monkeypatch.setattr(connected, "glance_at", lambda _bastion_id: late)
        turn()
        assert live() == ["operator"]

    def test_two_workers_do_not_read_one_host_at_once(
        self, cloud: SimulatedAzure, window: Grant
    ) -> None:
        later()
        mine = turns.take(hub().pk)
        assert mine is not None
        assert watch.read_host(hub().pk) is False
        assert hub().pk not in dict(turns.due_hosts())

    def test_of_two_workers_that_start_at_once_one_reads(
        self, cloud: SimulatedAzure, window: Grant
    ) -> None:
        cloud.fault(operation=LIST, action="slow", seconds=1, when="before", times=1)
        later()
        host_id = hub().pk

        def work(_number: int) -> bool:
            try:
                return watch.read_host(host_id)
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(work, range(2))) == [False, True]
        assert cloud.control("GET", "calls")["calls"][LIST] == 1

    def test_a_worker_that_lost_its_turn_writes_nothing(
        self, cloud: SimulatedAzure, window: Grant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connect(cloud, window)
        look = connected.glance_at

        def taken_over(bastion_id: str) -> connected.Listing:
            SessionReading.objects.update(lease_until="2020-01-01T00:00:00Z")
            assert turns.take(hub().pk) is not None
            return look(bastion_id)

        monkeypatch.setattr(connected, "glance_at", taken_over)
        assert turn()
        assert live() == []
        assert reading().lease_token is not None

    def test_a_worker_that_died_is_followed_by_another(self, cloud: SimulatedAzure) -> None:
        later()
        assert turns.take(hub().pk)
        SessionReading.objects.update(lease_until=db_now() - timedelta(seconds=1))
        assert watch.read_host(hub().pk)

    def test_a_fault_of_ours_is_said_and_does_not_hang_on_its_lease(
        self, cloud: SimulatedAzure, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(_bastion_id: str) -> connected.Listing:
            raise KeyError("oops")

        monkeypatch.setattr(connected, "glance_at", broken)
        assert turn()
        assert "its log says where" in reading().problem
        assert reading().lease_token is None

    def test_while_azure_is_busy_the_host_rests_as_long_as_azure_asked(
        self, cloud: SimulatedAzure
    ) -> None:
        cloud.fault(operation=LIST, action="status", status=429, retry_after=60, times=1)
        turn()
        rests = reading().not_before
        assert rests is not None
        assert rests - db_now() > timedelta(seconds=55)
        assert hub().pk not in dict(turns.due_hosts())


class TestDue:
    def test_a_new_host_is_read_at_once_and_then_now_and_then(self, cloud: SimulatedAzure) -> None:
        assert hub().pk in dict(turns.due_hosts())
        watch.read_host(hub().pk)
        assert hub().pk not in dict(turns.due_hosts())
        ago(30)
        assert hub().pk not in dict(turns.due_hosts())
        ago(301)
        assert hub().pk in dict(turns.due_hosts())

    def test_often_while_something_is_open(self, cloud: SimulatedAzure, window: Grant) -> None:
        watch.read_host(hub().pk)
        ago(10)
        assert hub().pk not in dict(turns.due_hosts())
        ago(16)
        assert hub().pk in dict(turns.due_hosts())

    def test_often_while_an_overseer_looks(self, cloud: SimulatedAzure) -> None:
        watch.read_host(hub().pk)
        ago(16)
        assert hub().pk not in dict(turns.due_hosts())
        turns.somebody_looks()
        assert hub().pk in dict(turns.due_hosts())

    def test_often_while_somebody_is_connected_without_a_grant(
        self, cloud: SimulatedAzure, window: Grant
    ) -> None:
        barge_in(cloud, window)
        Grant.objects.all().delete()
        turn()
        ago(16)
        assert hub().pk in dict(turns.due_hosts())

    def test_one_host_that_errs_takes_nothing_from_the_others(
        self, cloud: SimulatedAzure, window: Grant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each is a message of its own; here they are carried out at once."""
        cloud.control("POST", "reset", {"estate": "demo"})
        cloud.pace(0)
        from portal.sync import sync_estate

        sync_estate()
        monkeypatch.setattr(
            watch.read_sessions,
            "apply_async",
            lambda args, **_options: watch.read_sessions(*args),
        )
        cloud.fault(operation=LIST, path="*/bastion-hub-eus/*", action="status", status=503)
        watch.watch()
        rows = SessionReading.objects.select_related("host").exclude(host=hub())
        assert [row.host.name for row in rows if not row.read_at] == ["bastion-hub-eus"]
        assert rows.count() > 3

    def test_without_a_broker_nothing_breaks(
        self, cloud: SimulatedAzure, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from kombu.exceptions import OperationalError

        def away(*_args: object, **_options: object) -> None:
            raise OperationalError("away")

        monkeypatch.setattr(watch.read_sessions, "apply_async", away)
        watch.watch()
