"""A run from its seed: what happens next is drawn, and all of it comes again with the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from celery.app.task import Task
from django.core.management import call_command
from django.db import connection
from django.test.utils import override_settings

from access import ledger_guard
from access.ledger import GENESIS
from access.models import LedgerHead
from portal.sync import sync_estate
from tests.chaos.crew import points
from tests.chaos.oracle import Verdict, judge
from tests.chaos.run import Run
from tests.chaos.virtual import virtual_time
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, be_seen

AS_IN_PRODUCTION = {
    "ACCESS_LOOK_SECONDS": 0.3, "ACCESS_LOOK_GROWTH": 0.2, "ACCESS_AUDIT_SECONDS": 60.0,
    "ACCESS_WHOLE_SECONDS": 60.0, "ACCESS_LISTS_APART": (3.0, 6.0),
    "ACCESS_FOLLOW_SECONDS": 0.0, "ACCESS_LEASE_SECONDS": 60.0,
}  # fmt: skip
ROUNDS, MOVES = 1, 60
LAGGING, LAG = 4, 8.0  # every fourth seed: Azure's list of links is so many seconds behind


@contextmanager
def prepared(azure: SimulatedAzure, seed: int, *, estate: Any = "small") -> Iterator[Run]:
    """An empty database, a fresh estate, and a run in which nothing has happened."""
    queue: list[tuple[str, tuple[Any, ...]]] = []

    def put(task: Any, words: Any = (), *_: Any, **__: Any) -> None:
        queue.append((task.name, tuple(words or ())))

    with override_settings(**AS_IN_PRODUCTION):
        empty()
        azure.reset()
        azure.control("POST", "reset", {"estate": estate})
        azure.pace(0)
        azure.point(_settings())
        nothing_is_remembered()
        azure.control("POST", "pace", {"link_create": 1.5, "link_delete": 1.0, "initiate": 0.8})
        if seed % LAGGING == 0:
            azure.control("POST", "pace", {"link_listed": LAG})
        with virtual_time(azure) as clock, points(), patch.object(Task, "apply_async", put):
            sync_estate()
            be_seen()
            run = Run(azure, clock, Cast.create(), seed, queue)
            try:
                yield run
            finally:
                for worker in run.parked:
                    worker.kill()
                nothing_is_remembered()  # of moments that have not come yet


def nothing_is_remembered() -> None:
    """As in a process that has just been started."""
    from access import tasks
    from links import deletions
    from portal.budget.stores import memory

    deletions.forget()
    memory.forget()
    tasks.woken.forget()
    tasks._not_before[0] = 0.0


def empty() -> None:
    ledger_guard.remove(connection)
    try:
        call_command("flush", verbosity=0, interactive=False, inhibit_post_migrate=True)
    finally:
        ledger_guard.install(connection)
    LedgerHead.objects.get_or_create(pk=1, defaults={"hash": GENESIS})


def play(run: Run, *, rounds: int = ROUNDS, moves: int = MOVES) -> Verdict:
    """Trouble and calm in turns; then everything ends, and Azure's record is read."""
    for _ in range(rounds):
        run.roles_are_back()
        for _ in range(moves):
            move(run)
        run.calm()
    run.clock.advance(3 * 3600)
    run.calm(120)
    return judge(run)


def move(run: Run) -> None:
    dice = run.random
    moves = {
        "ask": 14, "approve": 8, "forged": 1, "deny": 1, "withdraw": 1, "end": 3, "extend": 3,
        "incident": 1, "role": 1, "connect": 4, "by_hand": 1, "fault": 5, "work": 30, "die": 10,
        "stop": 6, "wake": 5, "lose": 1, "time": 10, "leap": 2,
    }  # fmt: skip
    (what,) = dice.choices(list(moves), weights=list(moves.values()))
    if what == "ask":
        kind = dice.choice(["window", "link", "link"])
        run.ask(kind, dice.randrange(9), dice.choice([5, 5, 6, 10, 30]), dice.choice([0, 0, 0, 2]))
        if dice.random() < 0.5:
            run.approve()
    elif what == "forged":
        run.approve(forged=True)
    elif what == "work":
        for _ in range(dice.randint(1, 4)):
            run.work()
            run.clock.advance(dice.choice([0.1, 0.5, 1.0]))
    elif what == "die":
        run.work(dies_at=dice.randint(0, 14))
    elif what == "stop":
        run.work(stops_at=dice.randint(1, 12))
    elif what in {"time", "leap"}:
        run.clock.advance(dice.uniform(0.2, 20) if what == "time" else dice.uniform(60, 500))
    else:
        {"wake": run.wake_up, "lose": run.lose_messages}.get(what, getattr(run, what, None))()


def _settings() -> Any:
    from django.conf import settings

    return settings


def played(azure: SimulatedAzure, seed: int, **how: int) -> tuple[Run, Verdict]:
    with prepared(azure, seed) as run:
        return run, play(run, **how)


__all__ = ["move", "play", "played", "prepared"]
