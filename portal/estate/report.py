"""The verdicts as a table for a terminal, and as JSON: by host, by network, by machine."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from access.models import BastionHost, Verdict
from access.preflight import Check, Level
from access.presenters.preflight import counted

NOT_SERVED = "No Bastion serves these"


@dataclass
class Part:
    """What one host serves, or nobody does (``host`` empty). ``networks``: by name; a machine
    whose network is not known is under the empty name."""

    title: str
    host: Verdict | None = None
    networks: dict[str, Verdict] = field(default_factory=dict)
    machines: dict[str, list[Verdict]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return sorted({*self.networks, *self.machines})

    def verdicts(self) -> Iterator[Verdict]:
        if self.host:
            yield self.host
        for name in self.names:
            if name in self.networks:
                yield self.networks[name]
            yield from self.machines.get(name, [])


def parts(host_name: str = "") -> list[Part]:
    """By the hosts' names, what nobody serves last. ``host_name``: that one alone."""
    hosts = BastionHost.objects.filter(verdicts__kind="host").order_by("name", "pk")
    if host_name:
        hosts = hosts.filter(name__iexact=host_name)
    found: dict[int | None, Part] = {host.pk: Part(host.name) for host in hosts.distinct()}
    if not host_name:
        found[None] = Part(NOT_SERVED)
    for verdict in Verdict.objects.order_by("rank").iterator(chunk_size=1000):
        part = found.get(verdict.host_id)
        if part is not None:
            _put(part, verdict)
    return [part for part in found.values() if part.host or part.names]


def lines(found: Iterable[Part]) -> Iterator[tuple[Level, str]]:
    """(how bad, the line)."""
    for part in found:
        yield from _titled(part)
        for name in part.names:
            yield from _of_network(part, name)


def as_json(found: Iterable[Part]) -> list[dict[str, Any]]:
    return [
        {
            "host": _told(part.host) if part.host else None,
            "networks": [
                {
                    "name": name,
                    "network": _told(part.networks[name]) if name in part.networks else None,
                    "machines": [_told(each) for each in part.machines.get(name, [])],
                }
                for name in part.names
            ],
        }
        for part in found
    ]


def tally(found: Iterable[Part]) -> dict[Level, int]:
    counts = dict.fromkeys(Level, 0)
    for part in found:
        for verdict in part.verdicts():
            counts[Level(verdict.level)] += 1
    return counts


def _put(part: Part, verdict: Verdict) -> None:
    if verdict.kind == "host":
        part.host = verdict
    elif verdict.kind == "network":
        part.networks[verdict.network] = verdict
    else:
        part.machines.setdefault(verdict.network, []).append(verdict)


def _titled(part: Part) -> Iterator[tuple[Level, str]]:
    if part.host is None:
        yield Level.UNKNOWN, part.title
        return
    yield Level(part.host.level), f"{part.title}  ({_summary(part.host)})"
    yield from _problems(part.host, indent=2)


def _of_network(part: Part, name: str) -> Iterator[tuple[Level, str]]:
    network, machines = part.networks.get(name), part.machines.get(name, [])
    level = Level(network.level) if network else Level.UNKNOWN
    yield level, f"  {name or 'network not known'}  ({len(machines)} machines)"
    if network:
        yield from _problems(network, indent=4)
    wrong = [each for each in machines if each.level != Level.PASS]
    for machine in wrong:
        yield Level(machine.level), f"    {machine.name}  ({_summary(machine)})"
        yield from _problems(machine, indent=6)
    if len(machines) > len(wrong):
        yield Level.PASS, f"    {len(machines) - len(wrong)} machines in order"


def _problems(verdict: Verdict, *, indent: int) -> Iterator[tuple[Level, str]]:
    space = " " * indent
    for check in _checks(verdict):
        if check.level is Level.PASS:
            continue
        yield check.level, f"{space}{check.key}: {check.evidence}"
        for command in check.remedies:
            yield check.level, f"{space}  $ {command}"


def _summary(verdict: Verdict) -> str:
    levels = [check.level for check in _checks(verdict) if check.level is not Level.PASS]
    return counted({Level.PASS: verdict.passes, **{each: levels.count(each) for each in levels}})


def _checks(verdict: Verdict) -> list[Check]:
    return [Check.from_json(kept) for kept in verdict.checks]


def _told(verdict: Verdict) -> dict[str, Any]:
    return {
        "id": verdict.resource_id,
        "name": verdict.name,
        "level": verdict.level,
        "passes": verdict.passes,
        "checks": verdict.checks,
    }
