"""Ways into several machines with one decision: what all of them have in common."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from access.kinds import all_kinds
from access.lockdowns import in_force
from access.models import Machine
from access.presenters.ways import Way, label_of, ways_into

OWN_PORT = 0  # stands for the login port of each machine, where they differ
Into = Mapping[int, list[Way]]  # machine to its ways of one kind


def ways_for(machines: Sequence[Machine]) -> list[Way]:
    """One kind for all of them: through one port that all have, or through the login port of
    each. What fails for one of them is refused with that one's name."""
    shut = in_force()
    if len(machines) == 1:
        return ways_into(machines[0], shut)
    by_kind: dict[str, dict[int, list[Way]]] = defaultdict(dict)
    for machine in machines:
        for way in ways_into(machine, shut):
            by_kind[way.kind].setdefault(machine.pk, []).append(way)
    there = [kind for kind in all_kinds() if kind in by_kind]
    return [way for kind in there for way in _ways(kind, machines, by_kind[kind])]


def _ways(kind: str, machines: Sequence[Machine], into: Into) -> list[Way]:
    usable = {m.pk: [w for w in into.get(m.pk, []) if not w.refusal] for m in machines}
    if not all(usable.values()):
        return [_refused(kind, machines, into)]
    ports = [{way.port for way in ways} for ways in usable.values()]
    common = sorted(set.intersection(*ports))
    own = {m.pk: _own_port(m, usable[m.pk]) for m in machines}
    found = [_shared(kind, port, dict.fromkeys(own, port), machines, usable) for port in common]
    if len(set(own.values())) > 1:
        found.insert(0, _shared(kind, OWN_PORT, own, machines, usable))
    return found


def _own_port(machine: Machine, ways: Sequence[Way]) -> int:
    ports = [way.port for way in ways]
    return machine.login_port if machine.login_port in ports else ports[0]


def _shared(
    kind: str,
    port: int,
    ports: Mapping[int, int],
    machines: Sequence[Machine],
    usable: Into,
) -> Way:
    ways = {pk: next(w for w in usable[pk] if w.port == number) for pk, number in ports.items()}
    caveats = [f"{m.name}: {ways[m.pk].caveat}" for m in machines if ways[m.pk].caveat]
    first = next(iter(ways.values()))
    return Way(
        kind=kind,
        port=port,
        label=label_of(kind, port) if port else f"{_name(kind)}, the login port of each",
        refusal="",
        max_minutes=min(way.max_minutes for way in ways.values()),
        for_vendor=first.for_vendor,
        caveat=" ".join(caveats),
        ports=dict(ports),
    )


def _refused(kind: str, machines: Sequence[Machine], into: Into) -> Way:
    why = []
    for machine in machines:
        ways = into.get(machine.pk, [])
        if not any(not way.refusal for way in ways):
            reason = ways[0].refusal if ways else "It cannot be reached this way."
            why.append(f"{machine.name}: {reason}")
    return Way(
        kind=kind,
        port=OWN_PORT,
        label=_name(kind),
        refusal=" ".join(why),
        max_minutes=0,
        for_vendor=False,
    )


def _name(kind: str) -> str:
    found = all_kinds().get(kind)
    return found.label if found else kind
