"""The one place where state lives. Everything else reads and changes it under its lock.

What takes time is kept in ``due`` as the moment at which it takes effect and carried out when
somebody next looks (``due.settle``), so neither a restart nor a moved clock needs timers.
"""

import threading
from bisect import insort
from collections import Counter
from copy import deepcopy
from typing import Any

from portal.azure.simulator.catalogue import Catalogue, Estate, Resource
from portal.azure.simulator.clock import Clock, stamp
from portal.azure.simulator.link_book import Links
from portal.azure.simulator.record import Record

# Seconds by what takes them; and the choices between behaviours of which Azure's is not known.
SECONDS: dict[str, float] = {
    "initiate": 0.8,
    "link_create": 1.5,
    "link_delete": 1.0,
    "link_listed": 0.0,  # until a list shows what was done
    "rule_delete": 0.5,
    "sessions": 0.3,
    "policy_update": 1.0,
    "change": 0.5,
    "host_change": 3.0,
    "start": 1.0,
}
CHOICES: dict[str, tuple[str, ...]] = {
    "overlap": ("both_run", "newer_replaces"),
    "second_link": ("same", "new", "message"),
    "rule_generation": ("MicrosoftDefenderForCloud", "SecurityCenter"),
}
# What each caller has left, was told and did against it: see ``budget``.
BUDGET: dict[str, Any] = {"limits": None, "left": {}, "told": {}, "throttled": [], "early": []}
KEPT = ("links", "windows", "sessions", "operations", "due", "faults", "pace", "choices")
Due = list[Any]  # [moment, number, what, data]: a list, so that it is the same after JSON


class World:
    """``changed`` is to be set by whoever changes something: unchanged, nothing is saved."""

    def __init__(self, estate: Estate, roles: dict[str, list[Resource]] | None = None) -> None:
        """``roles``: those of the beginning, to which a reset returns (see ``roles``)."""
        self.first_roles = roles or {}
        self.lock = threading.RLock()
        self.clock = Clock()
        self.record = Record()
        self.calls: Counter[str] = Counter()
        self.changed = True
        self.load(estate)

    def load(self, estate: Estate) -> None:
        """Start anew. Raises ``ValueError``, having changed nothing, for what is no estate."""
        self.catalogue = Catalogue(estate)
        self.links = Links()
        self.windows: list[Resource] = []
        self.sessions: list[Resource] = []
        self.operations: dict[str, Resource] = {}
        self.due: list[Due] = []
        self.faults: list[Resource] = []
        self.roles = deepcopy(self.first_roles)
        self.pace = dict(SECONDS)
        self.choices = {name: words[0] for name, words in CHOICES.items()}
        self.budget = deepcopy(BUDGET)
        self.numbers: Counter[str] = Counter()
        self.calls.clear()
        self.clock = Clock()
        self.record.empty()
        self.changed = True

    def now(self) -> str:
        return stamp(self.clock.now())

    def number(self, of: str) -> int:
        """The next number of a series: 1, 2, 3 …"""
        self.numbers[of] += 1
        return self.numbers[of]

    def schedule(self, at: str, what: str, data: Resource) -> None:
        insort(self.due, [at, self.number("due"), what, data], key=lambda due: tuple(due[:2]))
        self.changed = True

    def next_due(self) -> Due | None:
        if not self.due or self.due[0][0] > self.now():
            return None
        self.changed = True
        return self.due.pop(0)

    def effect(
        self, at: str, operation: str, resource: str, *, because: int | None, body: Any = None
    ) -> None:
        self.record.effect(at, operation, resource, because, body)
        self.changed = True

    def kept(self) -> Resource:
        """Everything that must survive a restart, ready for JSON; the record has its own file."""
        return {
            "estate": self.catalogue.as_estate(),
            "clock_offset": self.clock.offset,
            "numbers": self.numbers,
            "record_lines": self.record.last,
            "roles": self.roles,
            "budget": self.budget,
            **{name: getattr(self, name) for name in KEPT},
            "links": list(self.links),
        }

    def restore(self, kept: Resource, rows: list[Resource]) -> None:
        """Raises ``KeyError`` or ``ValueError`` for what ``kept`` never wrote."""
        self.load(kept["estate"])
        for name in KEPT:
            setattr(self, name, Links(kept[name]) if name == "links" else kept[name])
        self.pace = SECONDS | self.pace  # of a state from before something took time
        # What this start was told wins; states from before there were roles have none.
        self.roles = kept.get("roles", {}) | deepcopy(self.first_roles)
        self.budget = kept.get("budget", self.budget)  # nor budgets
        self.numbers = Counter(kept["numbers"])
        self.clock = Clock(kept["clock_offset"])
        self.record = Record(rows)
