"""Redis is away, or whoever sends the sweeps is dead: what is due must not wait for them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from access import tasks, unaided
from access.clock import db_now
from access.gatekeeping import closer_seen
from access.models import Heartbeat
from access.states import GrantState
from tests.access.contract import Story
from tests.support.cast import let_pass
from tests.support.product import eventually

LONG_AGO = "2020-01-01T00:00:00Z"


def at_once(gate_id: int) -> Callable[[], object]:
    looked = unaided.engine.look_at(gate_id)
    return lambda: looked


@pytest.fixture
def standing_by(monkeypatch: pytest.MonkeyPatch) -> Iterator[unaided.Unaided]:
    monkeypatch.setattr(unaided, "WATCHING", 0.1)
    monkeypatch.setattr(unaided, "LOOKING", 0.1)
    made = unaided.Unaided()
    thread = None
    try:
        made.start()
        thread = made._thread
        yield made
    finally:
        made.stop()
        if thread is not None:
            thread.join(timeout=10)


def test_a_sweep_is_missed_only_when_none_came_for_a_while(link: Story) -> None:
    Heartbeat.objects.update(at=LONG_AGO)
    assert unaided.until_silence() <= 0
    tasks.sweep()
    assert 8 < unaided.until_silence() <= 9
    Heartbeat.objects.all().delete()
    assert unaided.until_silence() <= 0


def test_what_ended_is_closed_without_any_sweep(link: Story) -> None:
    grant = link.open()
    let_pass(grant, 31)
    Heartbeat.objects.all().delete()
    for _ in range(6):
        unaided.turn(at_once)
    grant.refresh_from_db()
    assert (grant.state, link.doors_in_azure()) == (GrantState.CLOSED, 0)
    assert closer_seen(db_now())  # so others may be opened: somebody closes


def test_a_turn_that_could_not_read_the_database_gives_no_sign_of_life(
    link: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> list[int]:
        raise unaided.Error("no database")

    Heartbeat.objects.all().delete()
    monkeypatch.setattr(unaided.engine, "due_gates", away)
    unaided.turn(at_once)
    assert not Heartbeat.objects.filter(name=unaided.UNAIDED).exists()


@pytest.mark.postgres
def test_a_worker_stands_in_by_itself(link: Story, standing_by: unaided.Unaided) -> None:
    """Its own threads, its own connections."""
    grant = link.open()
    let_pass(grant, 31)
    Heartbeat.objects.update(at=LONG_AGO)

    def is_closed() -> bool:
        grant.refresh_from_db()
        return grant.state == GrantState.CLOSED

    eventually(is_closed, seconds=20)
    assert link.doors_in_azure() == 0


def test_a_worker_that_is_started_without_a_broker_stands_in(tmp_path: Path) -> None:
    """Redis is away, and the workers are restarted for it: then nobody would close anything."""
    words = "-m celery -A portal.celery -b redis://127.0.0.1:1/0 worker -Q celery --pool threads"
    nowhere = f"sqlite:///{tmp_path}/none/none.sqlite3"  # it says at least that it tried
    environ = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "portal.settings.testing",
        "TEST_DATABASE_URL": nowhere,
    }
    log_file = tmp_path / "log"
    with log_file.open("w") as log:
        worker = subprocess.Popen(
            [sys.executable, *words.split()], env=environ, stdout=log, stderr=log
        )
        try:
            said = "access.unaided the database does not answer"
            eventually(lambda: said in log_file.read_text(), seconds=90)
        except AssertionError as late:
            raise AssertionError(log_file.read_text()) from late
        finally:
            worker.kill()
            worker.wait(timeout=10)
