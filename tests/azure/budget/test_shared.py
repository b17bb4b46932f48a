"""Several processes and machines spend from one bucket, and a database that is away stops nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection, connections, transaction

from access.errands import errand
from portal.budget import left, without_database
from portal.models import Budget
from tests.azure.budget.calling import Small, attempt, crowd, elsewhere

Made = Callable[..., Small]
NOWHERE = "postgres://nobody@127.0.0.1:9/none"


@pytest.mark.postgres
def test_what_azure_refused_one_process_no_other_process_asks(small: Made) -> None:
    budget = small(50, 50)
    budget.refuse(60)
    assert attempt() == 60
    found = elsewhere(3, budget.azure.url)
    assert all(found)
    assert budget.asked == 1
    assert budget.early == []


@pytest.mark.postgres
def test_two_processes_together_keep_to_the_bucket(small: Made) -> None:
    budget = small(10.5, 0.01, share=0)
    assert [attempt() for _ in range(5)] == [None] * 5
    own = {"AZURE_BUDGET_WRITES": [10.5, 0.01], "AZURE_BUDGET_FOR_CLOSES": 0}
    found = elsewhere(6, budget.azure.url, **own)
    assert found.count(None) == 5
    assert budget.asked <= 10
    assert budget.throttled == []


@pytest.mark.postgres
def test_a_database_that_is_away_stops_no_call(small: Made) -> None:
    """The second closer closes while PostgreSQL is down; it keeps to the same figures."""
    budget = small(8, 0.01)
    own = {"AZURE_BUDGET_WRITES": [8, 0.01], "AZURE_BUDGET_FOR_CLOSES": 0}
    found = elsewhere(9, budget.azure.url, NOWHERE, **own)
    assert found[:7] == [None] * 7
    assert found[8]
    assert budget.throttled == []
    assert Budget.objects.count() == 0


@pytest.mark.postgres
def test_a_row_that_somebody_holds_delays_a_close_for_a_moment_and_no_longer(small: Made) -> None:
    """A process that was stopped in the middle of it, or somebody's psql."""
    small(50, 50)
    assert attempt() is None
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            list(Budget.objects.select_for_update())
            held.set()
            done.wait(20)
        connections.close_all()

    other = threading.Thread(target=hold)
    other.start()
    try:
        assert held.wait(5)
        begun = time.monotonic()
        assert [attempt() for _ in range(3)] == [None] * 3
        assert time.monotonic() - begun < 2
    finally:
        done.set()
        other.join()


@pytest.mark.postgres
def test_memory_goes_on_where_the_row_was_last_seen(small: Made) -> None:
    """Else each failure of the database would be a full bucket."""
    budget = small(10.5, 0.01, share=0)
    assert [attempt() for _ in range(8)] == [None] * 8
    with without_database():
        assert [attempt() for _ in range(3)].count(None) == 2
    assert budget.throttled == []


@pytest.mark.postgres
def test_what_azure_refused_is_known_without_the_database_too(small: Made) -> None:
    budget = small(50, 50)
    budget.refuse(60)
    assert attempt() == 60
    with without_database():
        assert attempt()
    assert budget.asked == 1


@pytest.mark.postgres
def test_rows_are_named_once_however_many_come_first(small: Made) -> None:
    small(50, 50)
    assert crowd(8, 2) == [None] * 16
    (row,) = Budget.objects.all()
    assert (row.principal, row.calls) == ("portal-reader", "writes")
    assert row.subscription.startswith("1111")


def test_what_is_left_is_told_for_each_subscription_identity_and_kind(small: Made) -> None:
    small(10, 0.01)
    with errand(closing=True):
        for _ in range(3):
            attempt()
    (told,) = left()
    assert (told.principal, told.calls, told.bucket, told.rate) == (
        "portal-reader", "writes", 9.99, 0.01
    )  # fmt: skip
    assert told.tokens == pytest.approx(6.99, abs=0.05)
    assert told.reserve == pytest.approx(0.3 * 9.99)
    assert told.share == pytest.approx(0.7, abs=0.01)
    assert told.shut_until is None
    assert connection.vendor != "postgresql" or Budget.objects.count() == 1
