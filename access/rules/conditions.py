"""What a rule's ``when`` may ask of a request. All given conditions must hold.

Each condition answers three things: does it hold, what does it want in words, and does it let
through everything that another of its kind lets through (which makes a later rule unreachable).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from access.rules.judgement import Asked
from access.rules.patterns import glob_matches
from access.rules.timing import DAYS, Hours, clock_words


class Condition(Protocol):
    def holds(self, asked: Asked) -> bool: ...
    def covers(self, other: Any) -> bool: ...
    def failure(self, asked: Asked) -> str: ...
    def plain(self) -> Any: ...


When = Mapping[str, Condition]
READS: dict[str, Callable[[Asked], tuple[str, ...]]] = {
    "subscription": lambda asked: (asked.subscription_id, asked.subscription_name),
    "resource_group": lambda asked: (asked.resource_group,),
    "machine": lambda asked: (asked.machine,),
    "region": lambda asked: (asked.region,),
    "os": lambda asked: (asked.os,),
    "kind": lambda asked: (asked.kind,),
    "owner": lambda asked: (asked.owner,),
    "vendor_domain": lambda asked: (asked.vendor_domain,),
    "requester": lambda asked: tuple(sorted(asked.groups)),
    "role": lambda asked: tuple(sorted(asked.roles)),
}
IN_WORDS = {
    "subscription": "subscription", "resource_group": "resource group", "machine": "machine",
    "region": "region", "os": "operating system", "kind": "kind of access", "owner": "owner tag",
    "vendor_domain": "vendor's mail domain", "requester": "requester's groups",
    "role": "requester's roles",
}  # fmt: skip


@dataclass(frozen=True)
class Texts:
    """One of the request's texts fits one of the globs. An empty text fits none, not even ``*``."""

    name: str
    globs: tuple[str, ...]

    def holds(self, asked: Asked) -> bool:
        found = [text for text in READS[self.name](asked) if text]
        return any(glob_matches(glob, text) for glob in self.globs for text in found)

    def covers(self, other: "Texts") -> bool:
        return _all_covered(self.globs, other.globs)

    def failure(self, asked: Asked) -> str:
        found = " / ".join(text for text in READS[self.name](asked) if text) or "none"
        return f"{IN_WORDS[self.name]}: {found}, not {' or '.join(self.globs)}"

    def plain(self) -> list[str]:
        return list(self.globs)


@dataclass(frozen=True)
class Tags:
    """Every named tag is there with one of its values. Azure's tag names have no case."""

    wanted: tuple[tuple[str, tuple[str, ...]], ...]

    def holds(self, asked: Asked) -> bool:
        return not self._missing(asked)

    def covers(self, other: "Tags") -> bool:
        theirs = {key.casefold(): globs for key, globs in other.wanted}
        return all(
            key.casefold() in theirs and _all_covered(globs, theirs[key.casefold()])
            for key, globs in self.wanted
        )

    def failure(self, asked: Asked) -> str:
        key, globs, found = self._missing(asked)[0]
        return f"tag {key}: {found or 'none'}, not {' or '.join(globs)}"

    def plain(self) -> dict[str, list[str]]:
        return {key: list(globs) for key, globs in self.wanted}

    def _missing(self, asked: Asked) -> list[tuple[str, tuple[str, ...], str]]:
        tags = {key.casefold(): value for key, value in asked.tags.items()}
        rows = [(key, globs, tags.get(key.casefold(), "")) for key, globs in self.wanted]
        return [
            (key, globs, found)
            for key, globs, found in rows
            if not found or not any(glob_matches(glob, found) for glob in globs)
        ]


@dataclass(frozen=True)
class Production:
    wanted: bool

    def holds(self, asked: Asked) -> bool:
        return asked.production is self.wanted

    def covers(self, other: "Production") -> bool:
        return self.wanted is other.wanted

    def failure(self, _asked: Asked) -> str:
        return "the machine is not production" if self.wanted else "the machine is production"

    def plain(self) -> bool:
        return self.wanted


@dataclass(frozen=True)
class Ports:
    """Both ends of each range count."""

    ranges: tuple[tuple[int, int], ...]

    def holds(self, asked: Asked) -> bool:
        return any(low <= asked.port <= high for low, high in self.ranges)

    def covers(self, other: "Ports") -> bool:
        return all(
            any(low <= theirs[0] and theirs[1] <= high for low, high in self.ranges)
            for theirs in other.ranges
        )

    def failure(self, asked: Asked) -> str:
        return f"port: {asked.port}, not {' or '.join(map(str, self.plain()))}"

    def plain(self) -> list[int | str]:
        return [low if low == high else f"{low}-{high}" for low, high in self.ranges]


@dataclass(frozen=True)
class Length:
    at_least: int | None = None
    at_most: int | None = None

    def holds(self, asked: Asked) -> bool:
        long_enough = self.at_least is None or asked.minutes >= self.at_least
        return long_enough and (self.at_most is None or asked.minutes <= self.at_most)

    def covers(self, other: "Length") -> bool:
        low, high = self.at_least or 0, other.at_least or 0
        most = self.at_most is None or (other.at_most or 10**9) <= self.at_most
        return low <= high and most

    def failure(self, asked: Asked) -> str:
        parts = [("at least", self.at_least), ("at most", self.at_most)]
        wanted = " and ".join(f"{words} {n}" for words, n in parts if n is not None)
        return f"minutes: {asked.minutes}, not {wanted}"

    def plain(self) -> dict[str, int]:
        given = {"at_least": self.at_least, "at_most": self.at_most}
        return {key: value for key, value in given.items() if value is not None}


@dataclass(frozen=True)
class Time:
    hours: Hours
    covering: str = "start"

    def holds(self, asked: Asked) -> bool:
        return self.hours.holds(asked.start, asked.minutes, self.covering)

    def covers(self, other: "Time") -> bool:
        return self == other

    def failure(self, _asked: Asked) -> str:
        days = ", ".join(DAYS[day] for day in self.hours.days)
        span = f"{clock_words(self.hours.first)} to {clock_words(self.hours.last)}"
        parts = {"start": "the start", "all": "the whole time", "any": "any of the time"}
        return f"{parts[self.covering]} is not within {days} {span} {self.hours.zone}"

    def plain(self) -> dict[str, Any]:
        return {
            "days": [DAYS[day] for day in self.hours.days],
            "from": clock_words(self.hours.first),
            "to": clock_words(self.hours.last),
            "zone": self.hours.zone,
            "covering": self.covering,
        }


def first_failure(when: When, asked: Asked) -> str:
    """The first condition that does not hold, in words. Empty when all hold."""
    failed = (each.failure(asked) for each in when.values() if not each.holds(asked))
    return next(failed, "")


def shuts_out(earlier: When, later: When) -> bool:
    """True when whatever the later one lets through, the earlier one has already taken."""
    return all(key in later and each.covers(later[key]) for key, each in earlier.items())


def _all_covered(globs: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    """A glob that fits another glob's own text fits all that the other fits."""
    return all(any(glob_matches(glob, other) for glob in globs) for other in theirs)
