"""Checks as pages show them: what is wrong first, what is in order folded away."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from access.models import Machine
from access.preflight import SEVERITY, Check, Level, worst, worst_first
from access.presenters.statuses import Status

STATUSES = {
    Level.FAIL: Status("red", "ban", Level.FAIL.label),
    Level.WARN: Status("amber", "triangle-alert", Level.WARN.label),
    Level.UNKNOWN: Status("grey", "info", Level.UNKNOWN.label),
    Level.PASS: Status("green", "circle-check", Level.PASS.label),
}
WORDS = {
    Level.PASS: ("passes", "pass"),
    Level.FAIL: ("fails", "fail"),
    Level.WARN: ("warning", "warnings"),
    Level.UNKNOWN: ("not known", "not known"),
}


@dataclass(frozen=True)
class CheckLine:
    check: Check

    @property
    def status(self) -> Status:
        return STATUSES[self.check.level]


@dataclass(frozen=True)
class Preflight:
    """``problems`` worst first; ``passes`` as they came."""

    problems: list[CheckLine]
    passes: list[CheckLine]
    level: Level

    @property
    def status(self) -> Status:
        return STATUSES[self.level]

    @property
    def fails(self) -> bool:
        return self.level is Level.FAIL

    @property
    def only_now(self) -> bool:
        """What fails may have mended itself by a later start."""
        return all(line.check.fleeting for line in self.problems if line.check.level is Level.FAIL)

    @property
    def summary(self) -> str:
        """``12 pass, 1 warning``."""
        levels = [line.check.level for line in (*self.passes, *self.problems)]
        return counted({level: levels.count(level) for level in WORDS})


@dataclass(frozen=True)
class MachinePreflight:
    """Of one of the machines that a request names."""

    machine: Machine
    preflight: Preflight

    @property
    def slug(self) -> str:
        """For ids of parts of a page."""
        return f"-{self.machine.pk}"


def worst_machines_first(found: Iterable[MachinePreflight]) -> list[MachinePreflight]:
    """Equally bad ones stay in their order."""
    return sorted(found, key=lambda each: -SEVERITY[each.preflight.level])


def preflight_of(checks: Sequence[Check]) -> Preflight:
    ordered = [CheckLine(check) for check in worst_first(checks)]
    return Preflight(
        problems=[line for line in ordered if line.check.level is not Level.PASS],
        passes=[line for line in ordered if line.check.level is Level.PASS],
        level=worst(checks),
    )


def counted(counts: dict[Level, int]) -> str:
    """Only what there is; "nothing was checked" when there is nothing."""
    found: Iterable[str] = (
        f"{count} {WORDS[level][count != 1]}" for level, count in counts.items() if count
    )
    return ", ".join(found) or "nothing was checked"
