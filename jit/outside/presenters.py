"""Machines outside Azure as lines of a page: how they are reached, and what keeps them shut."""

from collections.abc import Sequence
from dataclasses import dataclass

from access.models import Machine
from access.preflight import Level
from access.presenters.preflight import Preflight, preflight_of
from access.presenters.statuses import Status
from access.presenters.ways import port_words
from access.sites import Estate
from jit.outside.models import OutsideTarget
from jit.outside.preflight import KEPT_SHUT, judge
from portal.azure.checks.facts import Site

SHUT = Status("green", "lock", "Kept shut")
ADVISORY = Status("amber", "triangle-alert", "Advisory only")
NOT_KNOWN = Status("grey", "info", "Not known")
UNUSABLE = Status("red", "ban", "Cannot be opened")


@dataclass(frozen=True)
class TargetLine:
    target: OutsideTarget
    preflight: Preflight

    @property
    def machine(self) -> Machine:
        return self.target.machine

    @property
    def slug(self) -> str:
        """Apart from all others on a page."""
        return f"outside-{self.target.pk}"

    @property
    def ports(self) -> str:
        return ", ".join(port_words(port) for port in self.target.ports)

    @property
    def status(self) -> Status:
        """Of all its ports the one that stands worst."""
        if self.preflight.fails:
            return UNUSABLE
        held = [self.target.kept_shut_by.get(str(port)) for port in self.target.ports]
        if any(rule == "" for rule in held):
            return ADVISORY
        return NOT_KNOWN if None in held else SHUT

    @property
    def outside_a_window(self) -> str:
        """Of each port, in a sentence or more."""
        held = [(port, self.target.kept_shut_by.get(str(port))) for port in self.target.ports]
        said = [_held(rule) for _, rule in held]
        if len(set(said)) == 1:
            return said[0]
        return " ".join(f"{port_words(port)}: {_held(rule)}" for port, rule in held)


def _held(rule: str | None) -> str:
    if rule is None:
        return "It is not known yet what keeps it shut."
    return f"Kept shut by {rule}." if rule else "Nothing keeps it shut."


def lines_for(targets: Sequence[OutsideTarget]) -> list[TargetLine]:
    """Needs machine__bastion loaded; reads what surrounds all of them in a handful of queries."""
    estate = Estate()
    estate.add([target.machine for target in targets])
    return [_line(target, estate) for target in targets]


def _line(target: OutsideTarget, estate: Estate) -> TargetLine:
    site = Site.from_json(estate.site_of(target.machine).facts)
    found = {
        (check.key, check.evidence if check.key == KEPT_SHUT.key else check.subject): check
        for port in target.ports
        for check in judge(site, target.machine, port)
    }
    shown = [check for check in found.values() if check.level is not Level.PASS]
    return TargetLine(target, preflight_of(shown or list(found.values())))
