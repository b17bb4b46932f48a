"""Retiring a way in that is not the Bastion, step by step, each step verified from the estate.

Pure. The order is the point: nobody is told to take an address away before people were seen to
come through the Bastion, so that nobody is locked out and there is a way back until then.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network

from access.preflight import Check, Level
from portal.azure.checks import check_spoke, jit, machine, remedies, way
from portal.azure.checks.addresses import INTERNET, NOT_PUBLIC, Space, ipv4, ipv4s
from portal.azure.checks.facts import Nsg, Site
from portal.azure.checks.ids import key_of
from portal.azure.checks.nsg import (
    INBOUND,
    Flow,
    Ruling,
    is_custom,
    passage,
    speaks_of_port,
    virtual_network_at,
)
from portal.azure.checks.sessions import check_serving_host

MANAGEMENT_PORTS = (22, 3389)
STOPPED = {"stopped", "deallocated"}
READ_AGAIN = "Have the estate read again."
WRONG = {Level.FAIL, Level.UNKNOWN}


@dataclass(frozen=True)
class Seen:
    """People who came through the Bastion lately. ``names``: as the machines know them."""

    count: int = 0
    names: tuple[str, ...] = ()
    to_itself: bool = True


@dataclass(frozen=True)
class Subject:
    """``jump_box``: people go through it to others, so that it goes as a whole in the end.
    ``port``: the one that people sign in through."""

    site: Site
    port: int
    jump_box: bool
    seen: Seen = field(default_factory=Seen)


@dataclass(frozen=True)
class Step:
    """``title``: what is so once it is done. ``advice``: what to do where no command does it."""

    title: str
    evidence: str
    commands: tuple[str, ...] = ()
    advice: str = ""
    done: bool = False


def done(title: str, evidence: str) -> Step:
    return Step(title, evidence, done=True)


def to_do(title: str, evidence: str, commands: tuple[str, ...] = (), advice: str = "") -> Step:
    return Step(title, evidence, commands, advice)


@dataclass(frozen=True)
class Checklist:
    steps: tuple[Step, ...]

    @property
    def next(self) -> Step | None:
        return next((step for step in self.steps if not step.done), None)

    @property
    def done(self) -> int:
        return sum(step.done for step in self.steps)


def checklist(subject: Subject) -> Checklist:
    steps: list[Callable[[Subject], Step]] = [_reached, _guarded, _used, _shut, _without_address]
    if subject.jump_box:
        steps += [_stopped, _gone]
    return Checklist(tuple(step(subject) for step in steps))


def gone() -> Checklist:
    """Of a machine that the estate has lost: whatever came before does not matter any more."""
    return Checklist((done("The machine is deleted", "It is not in Azure any more."),))


def open_to_internet(site: Site) -> dict[int, list[Ruling]]:
    """By management port: the rules that let the internet, or a public range of it, in."""
    address = ipv4(site.vm.interface.address) if site.vm.interface else None
    if address is None or site.network is None or not site.guards:
        return {}
    joined = virtual_network_at(site.network, site.networks)
    found: dict[int, list[Ruling]] = {}
    for port in MANAGEMENT_PORTS:
        for source in [INTERNET, *_public_sources(site.guards, port)]:
            passed = passage(site.guards, Flow(INBOUND, source, address, port), joined)
            if passed.open:
                found.setdefault(port, []).extend(passed.letting)
    return found


def _public_sources(guards: Sequence[Nsg], port: int) -> list[Space]:
    """Ranges that somebody let in by name, as an office's own."""
    rules = [rule for nsg in guards for rule in nsg.rules]
    wanted = [r for r in rules if r.allows and r.direction == INBOUND and speaks_of_port(r, port)]
    return [each for rule in wanted for each in ipv4s(rule.sources) if _is_public(each)]


def _is_public(network: IPv4Network) -> bool:
    return network.prefixlen > 0 and not any(network.overlaps(each) for each in NOT_PUBLIC)


def _reached(subject: Subject) -> Step:
    title, site, port = "A Bastion reaches it", subject.site, subject.port
    checks = [
        *check_spoke(site),
        *check_serving_host(site),
        machine.served(site, port),
        way.let_out(site, port),
        way.admitted(site, port),
    ]
    wrong = next((check for check in checks if check.level in WRONG), None)
    if wrong is not None:
        return _by(title, wrong)
    name = site.host.name if site.host else "A Bastion"
    return done(title, f"{name} reaches port {port} of {site.vm.name}.")


def _guarded(subject: Subject) -> Step:
    title = f"JIT guards its port {subject.port}"
    found = jit.policy(subject.site, subject.port)
    if found.level is Level.PASS:
        found = jit.covers(subject.site, subject.port)
    step = _by(title, found)
    return replace(step, evidence=f"The JIT policy {step.evidence}") if step.done else step


def _used(subject: Subject) -> Step:
    seen, name = subject.seen, subject.site.vm.name
    title = "People were seen to come through the Bastion"
    if not seen.count:
        behind = f"to {name} or a machine behind it" if subject.jump_box else f"to {name}"
        advice = (
            "Have those who use it ask for access here and connect through the Bastion. Until "
            "they were seen, it stays as it is: it is the way back."
        )
        return to_do(title, f"No session {behind} in the last 30 days.", advice=advice)
    sessions = "1 session" if seen.count == 1 else f"{seen.count} sessions"
    where = name if seen.to_itself else f"machines behind {name}"
    people = ", ".join(seen.names) or "a user whose name Azure did not tell"
    return done(title, f"{sessions} to {where} in the last 30 days, as {people}.")


def _shut(subject: Subject) -> Step:
    title, site = "No rule lets the internet in", subject.site
    if site.guards is None or site.network is None or site.vm.interface is None:
        return to_do(title, f"Not known: what guards {site.vm.name}.", advice=READ_AGAIN)
    if not site.guards:
        return _by(title, machine.guarded(site))
    letting = open_to_internet(site)
    if not letting:
        names = " and ".join(nsg.name for nsg in site.guards)
        return done(title, f"{names}: nothing public gets to port 22 or 3389.")
    rulings = {(each.nsg.id, each.rule.name): each for rules in letting.values() for each in rules}
    ports = " and ".join(map(str, letting))
    evidence = (
        f"The internet gets to port {ports} by {', '.join(r.text for r in rulings.values())}."
    )
    custom = [each for each in rulings.values() if is_custom(each.rule)]
    commands = tuple(remedies.delete_rule(each.nsg, each.rule) for each in custom)
    return to_do(title, evidence, commands, _others_too(custom))


def _others_too(rulings: Sequence[Ruling]) -> str:
    """A rule of a shared group is not this machine's alone."""
    if not rulings:
        return ""
    return "The rule may serve others too: look at what else its security group guards."


def _without_address(subject: Subject) -> Step:
    title, site = "It has no public address any more", subject.site
    interface = site.vm.interface
    if interface is None or interface.public_ip is None:
        return to_do(title, f"Not known: whether {site.vm.name} has one.", advice=READ_AGAIN)
    if not interface.public_ip:
        return done(title, f"{site.vm.name} is at {interface.address} only.")
    known = site.public_ips.get(key_of(interface.public_ip))
    name = f"{known.name} ({known.address})" if known else interface.public_ip
    command = remedies.detach_address(interface.id, known.attached or "" if known else "")
    advice = "The address itself stays, and can be put back, until somebody deletes it."
    return to_do(title, f"{site.vm.name} has {name}.", (command,), advice)


def _stopped(subject: Subject) -> Step:
    title, vm = "It is stopped", subject.site.vm
    command = remedies.az("vm", "deallocate", *remedies.place(vm.id), "--name", vm.name)
    if vm.power not in STOPPED:
        state = vm.power or "in a state that nobody has told"
        return to_do(title, f"{vm.name} is {state}.", (command,))
    paid = ", and still paid for" if vm.power == "stopped" else ""
    return done(title, f"{vm.name} is {vm.power}{paid}.")


def _gone(subject: Subject) -> Step:
    vm = subject.site.vm
    command = remedies.az("vm", "delete", *remedies.place(vm.id), "--name", vm.name)
    advice = (
        "Wait until nobody has missed it. Deleting cannot be undone; its disks, interface and "
        "address stay and are paid for until they are deleted as well."
    )
    return to_do("The machine is deleted", f"{vm.name} is in Azure.", (command,), advice)


def _by(title: str, check: Check) -> Step:
    if check.level not in WRONG:
        return done(title, check.evidence)
    return to_do(title, check.evidence, tuple(check.remedies))
