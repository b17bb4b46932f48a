"""The estate's verdicts as lines of a page."""

from collections.abc import Iterable
from dataclasses import dataclass

from access.models import SyncRun, Verdict
from access.preflight import Check, Level
from access.presenters.moments import span
from access.presenters.preflight import STATUSES, Preflight, counted, preflight_of
from access.presenters.statuses import Status
from access.presenters.ways import port_words

ICONS = {"host": "shield-check", "network": "cloud", "machine": "server"}
WORDS = {"host": "Bastion host", "network": "Network", "machine": "Machine"}
PLURALS = {"host": "Bastion hosts", "network": "networks", "machine": "machines"}


@dataclass(frozen=True)
class VerdictLine:
    verdict: Verdict
    preflight: Preflight

    @property
    def slug(self) -> str:
        """Apart from all others on a page."""
        return str(self.verdict.pk)

    @property
    def status(self) -> Status:
        return STATUSES[Level(self.verdict.level)]

    @property
    def kind(self) -> str:
        return WORDS[self.verdict.kind]

    @property
    def icon(self) -> str:
        return ICONS[self.verdict.kind]

    @property
    def gist(self) -> str:
        """The worst of it in a sentence."""
        problems = self.preflight.problems
        return problems[0].check.evidence if problems else f"{self.verdict.passes} in order."

    @property
    def more(self) -> int:
        """Problems beside that one."""
        return max(0, len(self.preflight.problems) - 1)

    @property
    def ports(self) -> str:
        """Those that JIT guards on a machine. Needs machine__jit_ports loaded, or asks."""
        machine = self.verdict.machine
        found = machine.jit_ports.all() if machine else []
        return ", ".join(port_words(port.number) for port in found)


@dataclass(frozen=True)
class Chip:
    """A filter by level, with how many it would show."""

    value: str
    label: str
    count: int


@dataclass(frozen=True)
class Reading:
    """How the readings of the estate stand. ``last``: the newest complete one."""

    newest: SyncRun | None
    last: SyncRun | None

    @property
    def running(self) -> bool:
        return bool(self.newest and self.newest.finished_at is None)

    @property
    def failed(self) -> bool:
        newest = self.newest
        return bool(newest and newest.finished_at is not None and not newest.complete)

    @property
    def took(self) -> str:
        run = self.last
        return span(run.finished_at - run.started_at) if run and run.finished_at else ""


def line_of(verdict: Verdict) -> VerdictLine:
    checks = [Check.from_json(kept) for kept in verdict.checks]
    return VerdictLine(verdict, preflight_of(checks))


def chips(counts: dict[str, dict[Level, int]]) -> list[Chip]:
    """The first one is for everything that wants a look."""
    total = {level: sum(of[level] for of in counts.values()) for level in reversed(Level)}
    wrong = sum(number for level, number in total.items() if level is not Level.PASS)
    each = [Chip(level.value, level.label, number) for level, number in total.items()]
    return [Chip("", "All problems", wrong), *each]


def totals(counts: dict[str, dict[Level, int]]) -> list[tuple[str, int, str]]:
    """(what, how many, "5 pass, 1 fails") for each kind."""
    ordered: Iterable[tuple[str, dict[Level, int]]] = counts.items()
    return [
        (PLURALS[kind], sum(of.values()), counted({Level.PASS: of[Level.PASS], **of}))
        for kind, of in ordered
    ]
