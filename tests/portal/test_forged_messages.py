"""Whoever can write to the broker can wake workers, and that is all."""

from __future__ import annotations

import inspect
from contextlib import suppress
from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist

from access.models import AccessRequest, Grant, LedgerEntry, Notice, PersonRole
from access.states import GrantState, RequestState
from portal.celery import app
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, approved, ask

IDS = {"gate_id": int, "order_id": int, "host_id": int, "route": str, "force": bool}


def ours() -> dict[str, Any]:
    app.loader.import_default_modules()
    return {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}


def test_no_task_takes_more_than_the_name_of_a_row() -> None:
    """X-58: nothing that a worker does can be written into a message."""
    assert ours()
    for name, task in ours().items():
        for parameter in inspect.signature(task.run).parameters.values():
            assert IDS[parameter.name] is not None, name
            assert parameter.annotation is IDS[parameter.name], name


def test_only_json_is_taken_from_the_broker() -> None:
    """X-58: a pickled message would be code."""
    assert app.conf.accept_content == ["json"]
    assert app.conf.task_serializer == "json"


@pytest.mark.parametrize("value", [-1, 0, 10**30, "1; drop table", "../1", None, [1], {"a": 1}])
def test_a_row_that_is_not_there_is_looked_for_and_not_found(value: Any, db: None) -> None:
    """X-58"""
    for task in ours().values():
        if any(name.endswith("_id") for name in inspect.signature(task.run).parameters):
            try:
                task.run(value)
            except (TypeError, ValueError, OverflowError, ObjectDoesNotExist):
                continue
    assert not Grant.objects.exists()


def test_messages_for_rows_that_are_not_due_change_nothing(
    live_estate: SimulatedAzure, cast: Cast
) -> None:
    """X-58: neither what waits for a decision nor what is scheduled is opened by being named."""
    from datetime import timedelta

    from access.clock import db_now
    from access.models import Machine

    machines = Machine.objects.filter(jit_ports__isnull=False, os="linux").order_by("name")
    waiting = ask(machines[0], by=cast.alice)
    later = db_now() + timedelta(hours=2)
    grant = approved(machines[0], by=cast.alan, approver=cast.bob, start=later)
    lines, roles = LedgerEntry.objects.count(), PersonRole.objects.count()
    for number in range(1, 20):
        for name in ("access.look", "access.audit", "jit.carry_out", "portal.read_sessions"):
            with suppress(ObjectDoesNotExist):
                ours()[name].run(number)
    grant.refresh_from_db()
    waiting.refresh_from_db()
    assert (waiting.state, grant.state) == (RequestState.PENDING, GrantState.SCHEDULED)
    assert live_estate.state()["open_windows"] == []
    assert live_estate.record("jit.initiate") == []
    assert LedgerEntry.objects.count() == lines
    assert PersonRole.objects.count() == roles
    assert AccessRequest.objects.count() == 2
    assert not Notice.objects.filter(event="grant.opened").exists()
