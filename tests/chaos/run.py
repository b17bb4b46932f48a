"""One seeded run: people, workers, faults and time, in whatever order the seed draws.

What it did is kept as words, so that a failure can be read; what the run must know to judge the
record (when roles were lost, when it was calm, whose calls were cut off) is kept beside it.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from access import tasks
from access.models import Grant, Machine, Role
from access.states import GrantState
from links import deletions
from tests.chaos.crew import Worker
from tests.chaos.people import People
from tests.chaos.virtual import Clock
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, person

CALM = 300.0  # virtual seconds without faults, after which nothing may be on its way
CALLS = ("link.create", "link.delete", "link.list", "jit.initiate", "jit.get", "rule.delete",
         "nsg.get", "session.list", "session.disconnect", "link.*", "*")  # fmt: skip
FAULTS: list[dict[str, Any]] = [
    {"action": "status", "status": 429, "retry_after": 5},
    {"action": "status", "status": 429, "retry_after": 60},
    {"action": "status", "status": 500},
    {"action": "status", "status": 503},
    {"action": "status", "status": 500, "when": "after"},
    {"action": "status", "status": 409},
    {"action": "reset_before"},
    {"action": "reset_after"},
    {"action": "lro_failed"},
    {"action": "lro_failed", "effect": True},
]
LYING = [{"action": "empty_page"}, {"action": "partial_page"}]


@dataclass
class Calm:
    begins: datetime
    ends: datetime


@dataclass
class Run(People):
    azure: SimulatedAzure
    clock: Clock
    cast: Cast
    seed: int
    queue: list[tuple[str, tuple[Any, ...]]]  # what was put to the broker
    told: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    calms: list[Calm] = field(default_factory=list)
    cut_off: set[str] = field(default_factory=set)  # calls of workers that did not live to tell
    lost_roles: list[list[Any]] = field(default_factory=list)  # [person, since, until]
    parked: list[Worker] = field(default_factory=list)
    woke_late: list[datetime] = field(default_factory=list)
    faults: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        random.seed(self.seed)  # the engine's own jitter
        self.dora, self.carl = person("Dora", Role.ADMIN), person("Carl", Role.APPROVER)
        self.machines = list(Machine.objects.filter(jit_ports__isnull=False).order_by("name"))

    def say(self, *words: object) -> None:
        self.told.append(f"{self.clock.ahead:9.1f} s  " + " ".join(map(str, words)))

    def seen(self, azure: SimulatedAzure) -> list[str]:
        """Azure's record of it, in the same seconds."""
        start = self.clock.now() - timedelta(seconds=self.clock.ahead)
        rows = []
        for row in azure.record():
            moment = (datetime.fromisoformat(row["at"]) - start).total_seconds()
            what = f"{row['operation']} {row['resource'].rsplit('/', 1)[-1]}"
            told = [row.get("status"), row.get("because"), row.get("body")]
            rows.append(f"{moment:9.1f} s  #{row['seq']} {row['principal']} {what} {told}")
        return rows

    # What goes wrong

    def fault(self, *, lies: bool = True) -> None:
        what = dict(self.random.choice(FAULTS + (LYING if lies else [])))
        if what["action"] in {"empty_page", "partial_page"}:
            what["operation"] = "link.list"
        elif what["action"] == "lro_failed":
            what["operation"] = self.random.choice(["link.create", "link.delete", "rule.delete"])
        else:
            what["operation"] = self.random.choice(CALLS)
        what["times"] = self.random.choice([1, 1, 2, 5])
        self.azure.fault(**what)
        name = f"{what['action']} {what.get('status', '')}".strip()
        self.counts[f"fault {name}"] += 1
        self.say("fault:", what)

    # Workers

    def hire(self, *, dies_at: int | None = None) -> Worker | None:
        """A worker takes the next message, or sweeps."""
        if not self.queue or self.random.random() < 0.2:
            tasks.sweep()
        if self.queue and self.random.random() < 0.9:
            name, words = self.queue.pop(self.random.randrange(len(self.queue)))
        else:
            name, words = "access.sweep", ()
        work = {"access.look": tasks.look, "access.audit": tasks.audit, "access.sweep": tasks.sweep}
        if name not in work:
            return None
        return Worker(f"{name}{words}", lambda: work[name](*words), dies_at)

    def work(self, *, dies_at: int | None = None, stops_at: int | None = None) -> None:
        """One worker runs to its end, is killed at a point, or is stopped there for a while."""
        worker = self.hire(dies_at=dies_at)
        if worker is None:
            return
        if self.random.random() < 0.3:
            deletions.forget()  # what is known of deletions may be lost, and is a hint
        steps = 0
        while worker.step():
            steps += 1
            if stops_at is not None and steps >= stops_at:
                self.parked.append(worker)
                self.counts["stopped"] += 1
                self.say(worker.name, "is stopped at:", worker.where)
                return
        self._over(worker)

    def wake_up(self) -> None:
        """A stopped one goes on: a step, or to its end."""
        if not self.parked:
            return
        worker = self.parked.pop(self.random.randrange(len(self.parked)))
        self.say(worker.name, "wakes up at:", worker.where)
        self.woke_late.append(self.clock.now())
        self.cut_off |= set(worker.calls)
        worker.finish()
        self.cut_off |= set(worker.calls)
        self._over(worker)

    def _over(self, worker: Worker) -> None:
        if worker.died:
            deletions.forget()
            self.counts["kills"] += 1
            self.counts[f"kill {worker.where.split(' ')[0]}"] += 1
            self.cut_off |= set(worker.calls)
            self.say(worker.name, "was killed at:", worker.where)
        elif worker.fault is not None:
            self.faults.append(worker.fault)
            self.say(worker.name, "failed:", repr(worker.fault))
        else:
            self.counts["worked"] += 1

    def lose_messages(self) -> None:
        """Redis is emptied; or, as bad, it delivers everything twice."""
        if self.random.random() < 0.5:
            self.queue.clear()
            self.say("the broker is emptied")
        else:
            self.queue += self.queue
            self.say("the broker delivers twice")
        self.counts["broker"] += 1

    # Peace

    def calm(self, seconds: float = CALM) -> None:
        """Nothing goes wrong any more. Workers do what they do every second."""
        self.azure.mend()
        while self.parked:
            self.wake_up()
        begins, until = self.clock.now(), self.clock.ahead + seconds
        while self.clock.ahead < until:
            self._everybody()
            self.clock.advance(self._until_something_happens())
        self.calms.append(Calm(begins, self.clock.now()))
        self.say("it was calm for", round(seconds), "s")

    def _until_something_happens(self) -> float:
        """Workers sweep every second; those sweeps that would find nothing are left out."""
        live = Grant.objects.exclude(state=GrantState.CLOSED)
        if live.filter(state__in=[GrantState.OPENING, GrantState.CLOSING]).exists():
            return 1.0
        now = self.clock.now()
        moments = [m for row in live.values_list("starts_at", "ends_at") for m in row if m > now]
        return min([15.0, *(1.0 + (moment - now).total_seconds() for moment in moments)])

    def _everybody(self) -> None:
        tasks.sweep()
        waiting, self.queue[:] = list(self.queue), []
        for name, words in dict.fromkeys(waiting):
            if name in {"access.look", "access.audit"}:
                (tasks.look if name == "access.look" else tasks.audit)(*words)
