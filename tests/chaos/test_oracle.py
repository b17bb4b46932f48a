"""The judge is worth something only if it catches what is wrong: the product is broken on purpose,
in one way each, and the judge must say which promise does not hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection

from access import ledger_guard
from access.engine.lines import Lines
from access.models import AccessRequest, Decision, Gate
from jit import defender
from links import bastion
from tests.chaos.driver import prepared
from tests.chaos.oracle import judge
from tests.chaos.run import Run
from tests.support.azure import SimulatedAzure

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(240),
    pytest.mark.skipif(os.environ.get("CHAOS") != "long", reason="of the long form: make chaos"),
]


def links_are_not_deleted() -> Any:
    return patch.object(bastion, "delete", lambda *_: [])


def shut_is_believed_at_the_end() -> Any:
    seen = bastion.observe

    def observe(host: str, doors: Any) -> Any:
        told = seen(host, doors)
        return {
            d.key: replace(told[d.key], open=False, secret="") if d.ending else told[d.key]
            for d in doors
        }

    return patch.object(bastion, "observe", observe)


def windows_are_asked_for_twice() -> Any:
    once = defender.initiate

    def twice(policy: str, doors: Any) -> Any:
        return once(policy, doors) + once(policy, doors)

    return patch.object(defender, "initiate", twice)


def calls_are_not_told() -> Any:
    about = Lines.about

    def quiet(lines: Lines, grant: Any, event: str, **more: Any) -> None:
        if event != "azure.open_sent":
            about(lines, grant, event, **more)

    return patch.object(Lines, "about", quiet)


@contextmanager
def anything_goes() -> Iterator[None]:
    """Who was never asked counts as having approved."""
    with (
        patch("access.engine.stage.refusal_of", lambda *_: None),
        patch("access.engine.stage.refusal_while_opening", lambda *_: None),
    ):
        yield


def as_ever(run: Run) -> None:
    """A link and a window, opened, used, and over."""
    for kind, machine in (("link", 0), ("window", 1)):
        run.ask(kind, machine, 5)
        run.approve()
    run.calm(60)
    run.connect()
    run.calm(400)


def without_approvals(run: Run) -> None:
    run.ask("window", 1, 5)
    run.approve()
    Decision.objects.all().delete()
    run.calm(400)


def forged(run: Run) -> None:
    """Somebody who may write the database changes what was approved, once it was."""
    run.ask("window", 1, 5)
    run.approve()
    AccessRequest.objects.update(reason="Something else")
    run.calm(400)


def a_line_is_taken_out(run: Run) -> None:
    as_ever(run)
    ledger_guard.remove(connection)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM access_ledgerentry WHERE event = 'grant.opened'")
    ledger_guard.install(connection)


def a_gate_rests_for_ever(run: Run) -> None:
    """As if nobody took over what a dead worker held."""
    run.ask("link", 0, 5)
    run.approve()
    run.calm(60)
    from datetime import timedelta

    far = run.clock.now() + timedelta(days=1)
    Gate.objects.update(lease_until=far, lease_token="00000000-0000-4000-8000-000000000000")
    run.calm(400)


BREAKAGES: list[tuple[Callable[[], Any] | None, Callable[[Run], None], str]] = [
    (links_are_not_deleted, as_ever, "I2"),
    (shut_is_believed_at_the_end, as_ever, "I5"),
    (windows_are_asked_for_twice, as_ever, "I4"),
    (calls_are_not_told, as_ever, "I5"),
    (anything_goes, without_approvals, "I3"),
    (anything_goes, forged, "I3"),
    (None, a_line_is_taken_out, "I6"),
    (None, a_gate_rests_for_ever, "I2"),
]


@pytest.mark.parametrize(
    ("breaks", "story", "promise"),
    BREAKAGES,
    ids=[f"{(b or s).__name__}-{p}" for b, s, p in BREAKAGES],
)
def test_the_judge_catches_it(
    breaks: Callable[[], Any] | None,
    story: Callable[[Run], None],
    promise: str,
    azure: SimulatedAzure,
    transactional_db: None,
) -> None:
    with prepared(azure, 1) as run:
        if breaks is None:
            story(run)
        else:
            with breaks():
                story(run)
        found = {each.partition(":")[0] for each in judge(run).violations}
    assert promise in found, found


@pytest.mark.parametrize("story", [as_ever, forged])
def test_and_says_nothing_where_nothing_is_wrong(
    story: Callable[[Run], None], azure: SimulatedAzure, transactional_db: None
) -> None:
    with prepared(azure, 1) as run:
        story(run)
        assert judge(run).violations == []
