"""Sessions that nobody explains and those that people ordered to end, against simulated Azure."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from access import services
from access.clock import db_now
from access.models import Grant, LiveSession, Machine
from access.sessions import turns
from access.states import GrantState
from portal import watch
from portal.azure.connected import moment
from tests.access.contract import connect
from tests.support.azure import SimulatedAzure
from tests.support.budgets import takes_calls_again
from tests.support.cast import Cast
from tests.support.watching import (
    DISCONNECT,
    barge_in,
    cloud,
    hub,
    live,
    order,
    other,
    reading,
    told,
    turn,
    window,
)

__all__ = ["cloud", "window"]
pytestmark = pytest.mark.django_db(transaction=True)


class TestUnexplained:
    def test_who_has_no_grant_is_told_to_the_ledger_once(
        self, cloud: SimulatedAzure, window: Grant
    ) -> None:
        barge_in(cloud, window, user="root")
        turn()
        turn()
        (line,) = told("session.unexplained")
        assert line.subject == other(window).resource_key
        assert line.data["user_name"] == "root"
        assert line.data["machine"] == other(window).name
        assert line.data["host"] == hub().resource_key

    def test_a_machine_that_nobody_knows_is_unexplained_and_shown(
        self, cloud: SimulatedAzure, window: Grant
    ) -> None:
        barge_in(cloud, window)
        Machine.objects.filter(pk=other(window).pk).update(
            resource_key="/elsewhere", resource_id="/Elsewhere"
        )
        turn()
        session = LiveSession.objects.get()
        assert session.machine is None
        assert session.target
        assert told("session.unexplained")[0].subject == hub().resource_key

    def test_a_name_meant_to_break_the_reading_does_not(
        self, cloud: SimulatedAzure, window: Grant
    ) -> None:
        """PostgreSQL takes no NUL, and the next one would have hidden the whole host."""
        connect(cloud, window, user="a\x00b\u202ec" + "d" * 500)
        turn()
        (name,) = live()
        assert name.startswith("abcd")
        assert len(name) <= 200


class TestDisconnecting:
    def test_it_is_carried_out_by_a_worker_and_counts_when_azure_shows_it_gone(
        self, cloud: SimulatedAzure, window: Grant, cast: Cast
    ) -> None:
        connect(cloud, window)
        turn()
        session = order(cast)
        assert cloud.record(DISCONNECT) == []
        assert hub().pk in dict(turns.due_hosts())  # at once, whenever it was read
        watch.read_host(hub().pk)
        session.refresh_from_db()
        assert session.ended_at is not None
        assert cloud.state()["sessions"] == []
        (line,) = told("session.disconnected")
        assert line.data["state"] == "Disconnected"
        assert line.data["calls"][0]["status"] == 200
        window.refresh_from_db()
        assert window.state == GrantState.OPEN  # the access goes on

    def test_ordered_twice_it_is_one_order_and_one_call(
        self, cloud: SimulatedAzure, window: Grant, cast: Cast
    ) -> None:
        connect(cloud, window)
        turn()
        session = LiveSession.objects.get()
        for person in (cast.dana, cast.alice):
            services.disconnect(session, by=person, reason="Now")
        turn()
        assert len(told("session.disconnect_ordered")) == 1
        assert len(cloud.record(DISCONNECT)) == 1

    def test_a_stuck_one_is_tried_again_and_told_once(
        self, cloud: SimulatedAzure, window: Grant, cast: Cast
    ) -> None:
        barge_in(cloud, window, stuck=True)
        key = connect(cloud, window, user="other")
        turn()
        stuck = LiveSession.objects.get(user_name="azureuser")
        order(cast, stuck)
        order(cast, LiveSession.objects.get(session_id=key))
        for _ in range(3):
            turn()
        stuck.refresh_from_db()
        assert (stuck.ended_at, stuck.tries) == (None, 3)
        assert stuck.problem == "The session could not be ended."
        assert stuck.not_before is not None
        assert len(told("session.disconnect_failed")) == 1
        assert live() == ["azureuser"]  # the other one of the same call is gone
        assert len(told("session.disconnected")) == 1

    def test_after_a_failed_try_it_rests(
        self, cloud: SimulatedAzure, window: Grant, cast: Cast
    ) -> None:
        barge_in(cloud, window, stuck=True)
        turn()
        order(cast)
        watch.read_host(hub().pk)
        LiveSession.objects.update(not_before=db_now() + timedelta(seconds=20))
        assert hub().pk not in dict(turns.due_hosts())

    @pytest.mark.parametrize("status", [403, 429, 503])
    def test_a_call_that_fails_as_a_whole_is_tried_again_and_the_host_is_read_all_the_same(
        self, cloud: SimulatedAzure, window: Grant, cast: Cast, status: int
    ) -> None:
        connect(cloud, window)
        turn()
        session = order(cast)
        read_at = reading().read_at
        assert read_at is not None
        cloud.fault(operation=DISCONNECT, action="status", status=status, times=1)
        turn()
        session.refresh_from_db()
        assert session.problem
        assert reading().read_at is not None
        assert reading().read_at > read_at  # type: ignore[operator]
        takes_calls_again()
        turn()
        assert live() == []

    def test_one_that_left_by_itself_is_written_down_as_that(
        self, cloud: SimulatedAzure, window: Grant, cast: Cast
    ) -> None:
        key = connect(cloud, window)
        turn()
        session = order(cast)
        cloud.control("DELETE", f"sessions/{key}")
        turn()
        session.refresh_from_db()
        assert session.ended_at is not None
        assert [line.data["state"] for line in told("session.disconnected")] == ["NotFound"]

    def test_whom_azure_still_shows_after_its_word_is_disconnected_again(
        self, cloud: SimulatedAzure, window: Grant, cast: Cast
    ) -> None:
        connect(cloud, window)
        turn()
        session = order(cast)
        LiveSession.objects.update(disconnected_at=db_now() - timedelta(seconds=30))
        turn()
        session.refresh_from_db()
        assert "still shows it" in session.problem
        turn()
        assert live() == []

    def test_a_lost_answer_is_repeated_without_harm(
        self, cloud: SimulatedAzure, window: Grant, cast: Cast
    ) -> None:
        connect(cloud, window)
        turn()
        order(cast)
        cloud.fault(operation=DISCONNECT, action="reset_after", times=1)
        turn()
        assert live() == []


def test_every_task_of_the_schedule_is_known_to_a_worker() -> None:
    """Messages of a task that a worker never imported are thrown away, and nothing is read."""
    code = (
        "import django; django.setup()\n"
        "from django.conf import settings\n"
        "from portal.celery import app\n"
        "app.loader.import_default_modules()\n"
        "wanted = {each['task'] for each in settings.CELERY_BEAT_SCHEDULE.values()}\n"
        "print(wanted - set(app.tasks), 'portal.read_sessions' in app.tasks)"
    )
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "portal.settings.embedded"}
    command = [sys.executable, "-c", code]
    made = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert made.stdout.strip() == "set() True"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("2026-06-01T10:00:00.1234567Z", "10:00"),
        ("2026-06-01T10:00:00", "10:00"),
        ("2026-06-01T12:00:00+02:00", "10:00"),
        ("Mon, 01 Jun 2026 10:00:00 GMT", "10:00"),
        (1780308000, "10:00"),
        (1780308000000, "10:00"),
        ("1780308000", "10:00"),
        (datetime(2026, 6, 1, 10), "10:00"),
        ("", ""), (None, ""), ({}, ""), ("soon", ""), (0, ""), ("0001-01-01T00:00:00Z", ""),
        ("9999-12-31T23:59:59Z", ""), (1e300, ""), (float("nan"), ""), (True, ""),
    ],
)  # fmt: skip
def test_when_a_session_began_is_read_in_whatever_form_azure_tells_it(
    told: object, expected: str
) -> None:
    found = moment(told)
    assert (f"{found:%H:%M}" if found else "") == expected
    assert found is None or found.tzinfo is UTC
