"""What a check says before people rely on an access path: the words that pages show.

A check judges facts that are already known; it never asks anybody and never decides. Who refuses
a request because of a failed check says so in the check's own words.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self


class Level(StrEnum):
    """How bad it is, mildest first.

    ``UNKNOWN`` says that a fact is missing: it is worse than a pass, because nobody has seen that
    it works, and milder than a warning, because nobody has seen that it is wrong. It refuses
    nothing; like a warning it wants somebody to look.
    """

    PASS = "pass"  # noqa: S105 - a word, no password
    UNKNOWN = "unknown"
    WARN = "warn"
    FAIL = "fail"

    @property
    def label(self) -> str:
        return LABELS[self]


LABELS = {
    Level.PASS: "In order",
    Level.UNKNOWN: "Not known",
    Level.WARN: "Look at this",
    Level.FAIL: "Will not work",
}
SEVERITY = {level: number for number, level in enumerate(Level)}


@dataclass(frozen=True)
class Crowd:
    """Who uses a Bastion host. ``coming``: grants that are open, or will be within the hour, beyond
    those who are connected."""

    rdp: int
    ssh: int
    coming_rdp: int
    coming_ssh: int


@dataclass(frozen=True)
class Check:
    """One question and its answer.

    ``key``: stable, such as ``host.tunneling``; several subjects may share it. ``evidence``: what
    was seen, with names and numbers. ``remedy``: commands to paste, one a line, in their order;
    empty where nothing is wrong, or no command mends it. ``why``: what happens to people when
    this is wrong. ``subject``: the resource id that it is about. ``fleeting``: it may have changed
    by itself since it was read, as when somebody starts a machine.
    """

    key: str
    title: str
    level: Level
    evidence: str
    remedy: str = ""
    why: str = ""
    subject: str = ""
    fleeting: bool = False

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        return cls(**{**kept, "level": Level(kept["level"])})

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def remedies(self) -> list[str]:
        """The commands one by one."""
        return self.remedy.splitlines()


def worst(checks: Iterable[Check]) -> Level:
    """The worst level among them; ``UNKNOWN`` when nothing was checked at all."""
    levels = [check.level for check in checks]
    return max(levels, key=SEVERITY.__getitem__, default=Level.UNKNOWN)


def failed(checks: Iterable[Check]) -> list[Check]:
    """Those that will not work, in their order. What is not known is not among them."""
    return [check for check in checks if check.level is Level.FAIL]


def worst_first(checks: Iterable[Check]) -> list[Check]:
    """Equally bad ones stay in their order."""
    return sorted(checks, key=lambda check: -SEVERITY[check.level])
