"""Real processes, real minutes: people at browsers, and everything that can be taken away is.

    python -m tests.chaos.fleet --seed 7             one run of about twelve minutes
    python -m tests.chaos.fleet --seeds 5            seeds 1 to 5, one after another
    python -m tests.chaos.fleet --seed 7 --script    what will be done to it, and nothing else

All parts run as in production, with two sweepers and two beats by mistake; a worker's clock is ten
minutes ahead, the second sweeper's ten minutes behind. For some minutes parts are killed, stopped
and gone on with, restarted kindly, Redis is emptied and lost, PostgreSQL loses its power, wires
swallow what is sent, and Azure errs. Then it is calm, and Azure's own record is read by the same
judge as of the runs with a moved clock. The script is drawn from the seed and comes again with it;
what meets what within a second is the machine's.
"""

from __future__ import annotations

import argparse
import heapq
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.chaos.house import House, house
from tests.chaos.visitors import LINKED, MACHINES, Said, Somebody, approver, engineer
from tests.support.product import eventually

STAFF = ("web", "worker", "worker2", "sweeper", "sweeper2", "notifier", "beat", "beat2", "closer")
CLOCKS = {"worker2": 600.0, "sweeper2": -600.0}
LEASE = 20.0
PRELUDE, TROUBLE, CALM = 60.0, 300.0, 240.0  # seconds
AGAIN = 5.0  # until a supervisor starts what died
KINDLY = 15.0  # in which a part that was asked to end has done so and is there again
WORKERS = ("worker", "worker2")
CALLERS = (*WORKERS, "closer")
# Around what cuts calls off from the ledger: a look that had sent one, and the database's recovery.
BEFORE, AFTER = timedelta(seconds=6), {"postgres": 8.0, "": 1.0}
AZURE: list[dict[str, Any]] = [
    {"action": "status", "status": 429, "retry_after": 5, "times": 2},
    {"action": "status", "status": 503, "times": 5},
    {"action": "status", "status": 500, "when": "after", "times": 1},
    {"action": "reset_before", "times": 2},
    {"action": "reset_after", "times": 2},
    {"action": "slow", "seconds": 4, "times": 3},
]
LIES: list[dict[str, Any]] = [
    {"action": "empty_page", "operation": "link.list", "times": 2},
    {"action": "partial_page", "operation": "link.list", "times": 2},
    {"action": "lro_failed", "operation": "link.delete", "times": 1},
]
ACCOUNTS = ("engineer", "engineer-2", "on-call", "approver", "approver-2")


@dataclass(frozen=True, order=True)
class Blow:
    """What is done, when, to whom, and for how long."""

    at: float
    what: str
    whom: str = ""
    lasts: float = 0.0
    azure: int = -1  # which of its faults

    def __str__(self) -> str:
        fault = f" {(AZURE + LIES)[self.azure]}" if self.azure >= 0 else ""
        lasts = f" for {self.lasts:.0f} s" if self.lasts else ""
        return f"{self.at:6.1f} s  {self.what} {self.whom}{lasts}{fault}"


def struck(blow: Blow) -> list[str]:
    """Parts that nothing else is done to meanwhile. PostgreSQL and Redis are one of them."""
    if blow.what == "all workers killed":
        return list(WORKERS)
    if blow.whom in STAFF:
        return [blow.whom]
    return ["servers"] if blow.whom else []


def script(seed: int, trouble: float = TROUBLE) -> list[Blow]:
    """Drawn from the seed. PostgreSQL and Redis are away at their own times, one after another: of
    both at once nothing is promised but what is promised of each."""
    dice = random.Random(seed)
    blows, moment, busy = [], 0.0, dict.fromkeys(("servers", *STAFF), 0.0)
    while (moment := moment + dice.uniform(4, 14)) < trouble:
        blow = _drawn(dice, moment)
        if any(busy[name] > moment for name in struck(blow)):
            continue
        for name in struck(blow):
            busy[name] = moment + max(blow.lasts, KINDLY) + AGAIN
        blows.append(blow)
    return blows


def _drawn(dice: random.Random, at: float) -> Blow:
    odds = {
        "killed": 8, "all workers killed": 2, "stopped": 4, "restarted": 3, "emptied": 2,
        "lost": 4, "swallowed": 4, "azure": 9,
    }  # fmt: skip
    (what,) = dice.choices(list(odds), weights=list(odds.values()))
    if what in {"killed", "stopped", "restarted"}:
        whom = dice.choice([*WORKERS, *WORKERS, *STAFF])
        return Blow(at, what, whom, dice.uniform(5, 2 * LEASE) if what == "stopped" else 0.0)
    if what in {"lost", "swallowed"}:
        return Blow(at, what, dice.choice(["redis", "postgres"]), dice.uniform(8, 30))
    if what == "azure":
        return Blow(at, what, azure=dice.randrange(len(AZURE) + len(LIES)))
    return Blow(at, what, "redis" if what == "emptied" else "")


@dataclass
class Fleet:
    """The house in its bad minutes."""

    made: House
    seed: int
    begins: float = field(default_factory=time.monotonic)
    told: list[str] = field(default_factory=list)
    faults: list[tuple[datetime, datetime]] = field(default_factory=list)
    woke_late: list[datetime] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    _later: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)

    def say(self, *words: object) -> None:
        self.told.append(f"{time.monotonic() - self.begins:7.1f} s  " + " ".join(map(str, words)))

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        heapq.heappush(self._later, (time.monotonic() + seconds, len(self.told), work))
        self.told.append("")  # its own number; empty lines are not shown

    def run(self, blows: list[Blow], seconds: float) -> None:
        for blow in blows:
            self.later(blow.at, lambda blow=blow: self.strike(blow))  # type: ignore[misc]
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            while self._later and self._later[0][0] <= time.monotonic():
                heapq.heappop(self._later)[2]()
            time.sleep(0.05)

    def recover(self) -> None:
        """What was to end, ends now; who was to be started again is."""
        while self._later:
            heapq.heappop(self._later)[2]()
        self.made.azure.mend()

    def strike(self, blow: Blow) -> None:
        self.say(*str(blow).split()[2:])
        self.counts[f"{blow.what} {blow.whom if blow.whom in self.made.wires else ''}".strip()] += 1
        do = {
            "killed": self._kill, "all workers killed": self._kill, "stopped": self._stop,
            "restarted": self._restart, "emptied": self._empty, "lost": self._lose,
            "swallowed": self._swallow, "azure": self._azure,
        }  # fmt: skip
        began = datetime.now(UTC)
        do[blow.what](blow)
        if blow.whom == "postgres" or not set(struck(blow)).isdisjoint(CALLERS):
            length = blow.lasts + AFTER.get(blow.whom, AFTER[""])
            self.faults.append((began - BEFORE, began + timedelta(seconds=length)))

    def _kill(self, blow: Blow) -> None:
        for name in struck(blow):
            self.made.kill(name)
            self.later(AGAIN, lambda name=name: self.made.start(name))  # type: ignore[misc]

    def _restart(self, blow: Blow) -> None:
        """As a new release is rolled out. It ends what it is at; nobody waits for that here."""

        def away() -> None:
            self.made.kill(blow.whom, signal.SIGTERM)
            self.made.start(blow.whom)

        thread = threading.Thread(target=away)
        thread.start()
        self.later(12, thread.join)

    def _stop(self, blow: Blow) -> None:
        process = self.made.parts.processes[blow.whom]
        process.send_signal(signal.SIGSTOP)

        def go_on() -> None:
            process.send_signal(signal.SIGCONT)
            if blow.whom in CALLERS:
                self.woke_late.append(datetime.now(UTC))
            self.say(blow.whom, "goes on")

        self.later(blow.lasts, go_on)

    def _empty(self, _blow: Blow) -> None:
        self.made.redis.empty()

    def _lose(self, blow: Blow) -> None:
        if blow.whom == "redis":
            self.made.redis.kill()
            self.later(blow.lasts, self.made.redis.start)
        else:
            self.made.database.stop()
            self.later(blow.lasts, self.made.database.start)

    def _swallow(self, blow: Blow) -> None:
        wire = self.made.wires[blow.whom]
        wire.swallow()
        forgets = blow.lasts > (8 + 30) / 2
        self.later(blow.lasts, lambda: wire.mend(forgets=forgets))

    def _azure(self, blow: Blow) -> None:
        self.made.azure.fault(**(AZURE + LIES)[blow.azure])


@dataclass
class Crowd:
    """Everybody at a browser, each in a thread."""

    people: list[Somebody]
    threads: list[threading.Thread]
    said: Said

    @classmethod
    def come(cls, made: House, seed: int) -> Crowd:
        said, people = Said(), []
        for number, name in enumerate(ACCOUNTS):
            dice = random.Random(seed * 1000 + number)
            people.append(Somebody(name, made.parts.url, said, dice))
            people[-1].sign_in()
        machines = [
            m for m in people[0].see("machines/?page_size=100") if m["name"].startswith(MACHINES)
        ]
        assert machines, "nobody sees a machine"
        machines += [m for m in machines if m["name"].startswith(LINKED)] * 3
        asks = engineer(made.azure, machines)
        lives = [
            (who, (approver, (0.5, 2.0)) if who.name.startswith("approver") else (asks, (1.0, 4.0)))
            for who in people
        ]
        threads = [threading.Thread(target=w.live, args=life, daemon=True) for w, life in lives]
        for thread in threads:
            thread.start()
        return cls(people, threads, said)

    def want_nothing_more(self) -> None:
        for who in self.people:
            who.quiet.set()

    def go(self) -> None:
        for who in self.people:
            who.over.set()
        for thread in self.threads:
            thread.join(timeout=40)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.fleet")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--script", action="store_true", help="say it, and do nothing")
    parser.add_argument("--trouble", type=float, default=TROUBLE, help="seconds")
    parser.add_argument("--calm", type=float, default=CALM, help="seconds")
    wanted = parser.parse_args()
    if wanted.script:
        print(*script(wanted.seed or 1, wanted.trouble), sep="\n")
        return 0
    if wanted.seed is None:
        return _one_after_another(wanted)
    return play(wanted.seed, wanted.trouble, wanted.calm)


def _one_after_another(wanted: argparse.Namespace) -> int:
    """Each in a process of its own, which is pointed at its own database."""
    length = ["--trouble", str(wanted.trouble), "--calm", str(wanted.calm)]
    bad = []
    for seed in range(1, wanted.seeds + 1):
        command = [sys.executable, "-m", "tests.chaos.fleet", "--seed", str(seed), *length]
        if subprocess.run(command, check=False).returncode:
            bad.append(seed)
    print(f"{wanted.seeds} seeds, with violations: {bad or 'none'}")
    return 1 if bad else 0


def play(seed: int, trouble: float, calm: float) -> int:
    blows = script(seed, trouble)
    with house("demo", ACCESS_LEASE_SECONDS=str(LEASE)) as made:
        made.clocks = CLOCKS
        made.azure.control("POST", "pace", {"link_create": 1.5, "link_delete": 1.0})
        made.manage("seed_people")
        made.manage("sync_estate")
        for name in STAFF:
            made.start(name)
        eventually(made.parts.is_up, seconds=90)
        fleet, crowd = Fleet(made, seed), Crowd.come(made, seed)
        fleet.run([], PRELUDE)
        fleet.say("trouble begins")
        fleet.run(blows, trouble)
        fleet.recover()
        eventually(made.parts.is_up, seconds=60)
        recovered = datetime.now(UTC)
        fleet.say("nothing goes wrong any more")
        fleet.run([], calm / 3)
        crowd.want_nothing_more()
        fleet.run([], calm - calm / 3)
        crowd.go()
        return _hear(fleet, crowd, recovered)


def _hear(fleet: Fleet, crowd: Crowd, recovered: datetime) -> int:
    """In this process, past the wires; nobody else is at work when the doors are read."""
    os.environ.update(fleet.made.parts.env, DATABASE_URL=fleet.made.database.url)
    import django

    django.setup()
    from tests.chaos.hearing import hear

    with suppress(AssertionError):
        eventually(lambda: not _live(fleet.made), seconds=420)  # the last one asked for ends
    violations, figures = hear(fleet, crowd.said, recovered)
    for name, value in [*sorted(fleet.counts.items()), *sorted(crowd.said.counts.items())]:
        print(f"{name:44} {value}")
    for why, count in crowd.said.refusals.most_common(5):
        print(f"refused {count} times: {why}")
    for name, figure in figures.items():
        print(f"{name:44} {figure}")
    if violations:
        print(*(line for line in fleet.told if line), sep="\n")
    print(f"seed {fleet.seed}: {len(violations)} violations", *violations[:12], sep="\n  ")
    sys.stdout.flush()
    return 1 if violations else 0


def _live(made: House) -> int:
    query = "SELECT count(*) FROM access_grant WHERE state <> 'closed'"
    return int(made.database.ask(query)[0][0])


if __name__ == "__main__":
    sys.exit(main())
