"""When what is due will be closed: an estimate that people can follow with a pencil."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from access.clock import db_now
from access.models import Gate, Grant, Machine
from access.states import GrantState
from portal.budget import Left, forecast
from portal.budget.forecast import LOOK_SECONDS
from tests.support.azure import SUBSCRIPTION, SimulatedAzure
from tests.support.cast import Cast, approved

CLOSER, READER = "portal-closer", "portal-reader"


@pytest.fixture(autouse=True)
def _figures(settings: Any) -> None:
    settings.AZURE_BUDGET_READS = (100.0, 10.0)
    settings.AZURE_BUDGET_WRITES = settings.AZURE_BUDGET_DELETES = (10.0, 1.0)
    settings.ACCESS_CHUNK = 50


@pytest.fixture
def due(estate: SimulatedAzure, cast: Cast) -> Grant:
    """One link whose end has come a minute ago."""
    machine = Machine.objects.filter(os="linux", jit_ports__isnull=False).order_by("name")[0]
    grant = approved(machine, by=cast.alice, approver=cast.bob, kind="link")
    Grant.objects.exclude(pk=grant.pk).delete()
    _end(grant, db_now() - timedelta(minutes=1))
    return grant


def _end(grant: Grant, at: datetime) -> None:
    grant.state, grant.starts_at, grant.ends_at = GrantState.OPEN, at - timedelta(hours=1), at
    grant.opened_at = grant.starts_at
    grant.save()


def bucket(principal: str, tokens: float, **more: Any) -> Left:
    told = {"bucket": 9.0, "rate": 1.0, "reserve": 3.0, "shut_until": None} | more
    return Left(SUBSCRIPTION, principal, "writes", tokens, **told)


def test_nothing_is_due_and_nothing_is_promised(estate: SimulatedAzure) -> None:
    told = forecast(db_now(), [])
    assert (told.backlog, told.gates, told.done_at, told.waits_for) == (0, 0, None, "")


def test_while_calls_are_left_it_takes_the_looks_of_the_slowest_gate(due: Grant) -> None:
    now = db_now()
    told = forecast(now, [])
    assert (told.backlog, told.gates, told.waits_for) == (1, 1, "")
    assert told.done_at == now + timedelta(seconds=2 * LOOK_SECONDS)


def test_a_bucket_that_is_nearly_empty_decides(due: Grant) -> None:
    """Two looks cost the reader four writes, and two flow in while one is there: three seconds on
    end are shorter than the looks, thirteen are not."""
    now = db_now()
    told = forecast(now, [bucket(READER, -9.0), bucket(CLOSER, 9.0)])
    assert told.done_at == now + timedelta(seconds=13)
    assert told.waits_for == "calls that Azure takes"


def test_what_azure_shut_is_waited_for_and_named(due: Grant) -> None:
    now = db_now()
    shut = now + timedelta(seconds=60)
    told = forecast(now, [bucket(CLOSER, 0.0, shut_until=shut)])
    assert told.done_at == shut
    assert "takes no writes" in told.waits_for


def test_a_gate_that_rests_begins_when_its_rest_is_over(due: Grant) -> None:
    now = db_now()
    rests = now + timedelta(seconds=25)
    Gate.objects.filter(pk=due.gate_id).update(pause_until=rests)
    told = forecast(now, [])
    assert told.done_at == rests + timedelta(seconds=2 * LOOK_SECONDS)
    assert "does not answer" in told.waits_for


def test_who_is_not_told_as_whom_workers_go_takes_the_emptiest(due: Grant, settings: Any) -> None:
    """The web process is told nothing of Azure, and must not promise what workers cannot keep."""
    settings.AZURE_READER_CLIENT_ID = settings.AZURE_CLOSER_CLIENT_ID = ""
    now = db_now()
    told = forecast(now, [bucket(READER, -9.0), bucket(CLOSER, 9.0)])
    assert told.done_at == now + timedelta(seconds=14)  # five writes, of one bucket
