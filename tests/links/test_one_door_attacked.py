"""Two at one door, and a worker beside whoever asks: what is to be closed is closed, whatever else
goes on with the same machine."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from access import ledger, services
from access.clock import db_now
from access.engine.ending import MISSED
from access.models import AccessRequest, Grant, LedgerEntry, Notice
from links.models import Invitation
from links.visiting import handing
from tests.access.test_races import all_at_once
from tests.support import estate
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, ask, let_pass, run_engine
from tests.support.visiting import (
    FROM_HOME,
    at_the_door,
    invited,
    link_of,
    machine_of_estate,
    opened,
    opened_by_engine,
)

pytestmark = pytest.mark.django_db(transaction=True)
LATER = timedelta(hours=2)
LONG_ENOUGH = 10.0  # seconds


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.tasks.look.apply_async", lambda *_args, **_options: None)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


class TestTwoVendorsAtOneDoor:
    """Alice's vendor is on the machine now, and another is promised it for later."""

    @pytest.fixture
    def first(self, live_estate: SimulatedAzure, cast: Cast) -> Invitation:
        return opened_by_engine(cast)

    @pytest.fixture
    def later(self, cast: Cast, first: Invitation) -> Invitation:
        return invited(machine_of_estate(), cast, start=db_now() + LATER)

    def test_calling_off_the_second_does_not_keep_the_first_open_for_ever(
        self, cast: Cast, first: Invitation, later: Invitation
    ) -> None:
        """The workers broke down on it at each look, and no link of that host was closed again."""
        services.end(link_of(later), by=cast.alice)
        run_engine()
        called_off = link_of(later)
        assert (called_off.state, called_off.opened_at) == ("closed", None)
        assert link_of(first).state == "open"
        assert Notice.objects.filter(event="visit.ended").count() == 1
        let_pass(link_of(first), 60)
        run_engine()
        assert link_of(first).state == "closed"
        assert not LedgerEntry.objects.filter(event="portal.broke_down").exists()
        assert not Grant.objects.exclude(state="closed").exists()

    def test_nor_does_the_end_of_the_second_while_the_first_overruns(
        self, cast: Cast, first: Invitation, later: Invitation
    ) -> None:
        let_pass(link_of(later), 200)
        run_engine()
        assert link_of(later).close_reason == MISSED
        assert link_of(first).state == "open"
        assert not LedgerEntry.objects.filter(event="portal.broke_down").exists()

    def test_the_second_that_is_revoked_takes_nothing_from_the_first(
        self, cast: Cast, first: Invitation, later: Invitation
    ) -> None:
        """Closing what never began must not delete the link that somebody else uses."""
        services.end(link_of(later), by=cast.dana, reason="Not agreed")
        run_engine()
        visitor = at_the_door(first)
        assert "/api/shareable-url/" in handing.hand_over(visitor.browser, 1, FROM_HOME)


def lengthen(cast: Cast, invitation: Invitation) -> AccessRequest:
    root = invitation.access_request
    return services.extend(root, minutes=30, reason="It hangs", key=uuid.uuid4(), by=cast.alice)


def ask_beside(cast: Cast, invitation: Invitation) -> AccessRequest:
    return ask(link_of(invitation).machine, by=cast.alan)


@pytest.mark.postgres
@pytest.mark.parametrize("beside", [ask_beside, lengthen])
def test_a_worker_and_whoever_asks_do_not_wait_for_each_other(
    cast: Cast, beside: Callable[[Cast, Invitation], AccessRequest]
) -> None:
    """A grant that is written twice in one transaction has PostgreSQL look at its machine and its
    request when that commits. Whoever had locked those waited for the ledger, which the worker
    had: one of them was thrown out, be it the worker that was to close the door."""
    invitation = opened(invited(estate.machine(), cast))

    def work() -> None:
        with transaction.atomic():
            for number in (1, 2):
                Grant.objects.filter(pk=link_of(invitation).pk).update(tries=number)
            ledger.record("test.work", by="worker")
            until_somebody_waits()

    def other() -> AccessRequest:
        until_the_head_is_taken()
        return beside(cast, invitation)

    worked, made = all_at_once(work, other)
    assert worked is None
    assert isinstance(made, AccessRequest), made


def until_somebody_waits() -> None:
    """For this transaction, which has the ledger's head."""
    mine = "pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    until(lambda: bool(answer(f"SELECT count(*) FROM pg_stat_activity WHERE {mine}")))


def until_the_head_is_taken() -> None:
    locked = "SELECT count(*) FROM pg_locks WHERE relation = 'access_ledgerhead'::regclass"
    until(lambda: bool(answer(f"{locked} AND mode = 'RowShareLock'")))


def answer(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def until(done: Callable[[], bool]) -> None:
    ends = time.monotonic() + LONG_ENOUGH
    while not done():
        assert time.monotonic() < ends, "It never happened."
        time.sleep(0.02)
