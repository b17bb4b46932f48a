"""The way of a session from the Bastion's subnet to the machine, while a window is open."""

from dataclasses import dataclass
from ipaddress import IPv4Network

from access.preflight import Check
from portal.azure.checks import mending
from portal.azure.checks.addresses import ipv4
from portal.azure.checks.facts import Nsg, Rule, Site
from portal.azure.checks.ids import key_of
from portal.azure.checks.jit_rules import is_jit_deny, written_by_jit
from portal.azure.checks.nsg import (
    FIRST_PRIORITY,
    INBOUND,
    OUTBOUND,
    Flow,
    Passage,
    first_free,
    passage,
    virtual_network_at,
    with_rule,
    without,
)
from portal.azure.checks.question import Question

BEHIND_WINDOWS = 200  # Microsoft: a window's rule is usually at 100 to 110

ADMITTED = Question(
    "machine.admits_bastion",
    "The machine's security groups admit the Bastion while a window is open",
    "The window opens in Azure, and people still wait in vain: a rule ahead of it drops them.",
)
LET_OUT = Question(
    "machine.let_out",
    "The Bastion's own security group lets it go to this port",
    "The Bastion may not talk to the machine, and people wait in vain.",
)


@dataclass(frozen=True)
class Ends:
    """Between what a session goes: the Bastion's subnet, and the machine."""

    source: IPv4Network
    address: IPv4Network
    port: int

    @property
    def way_in(self) -> Flow:
        return Flow(INBOUND, self.source, self.address, self.port)

    @property
    def way_out(self) -> Flow:
        return Flow(OUTBOUND, self.source, self.address, self.port)

    @property
    def machine(self) -> str:
        """As a rule names it."""
        return str(self.address.network_address)

    def rule(self, name: str, direction: str, access: str = "Allow", priority: int = 0) -> Rule:
        """For this way and no other."""
        to, port = self.machine, str(self.port)
        source = str(self.source)
        return Rule(name, priority, direction, access, "*", (source,), ("*",), (to,), (port,))


def ends_of(site: Site, port: int) -> Ends | None:
    source, interface = ipv4(site.bastion_prefix), site.vm.interface
    address = ipv4(interface.address) if interface else None
    return Ends(source, address, port) if source and address else None


def admitted(site: Site, port: int) -> Check:
    """As it will be with the rule that JIT writes for a window, at the first free priority."""
    ends, guards, vm = ends_of(site, port), site.guards, site.vm
    if ends is None or guards is None or site.network is None:
        return ADMITTED.unknown(vm.id, f"what the Bastion meets on its way to {vm.name}.")
    found = _through(site, guards, ends)
    if found.whole:
        names = " and ".join(nsg.name for nsg in guards) or "no security group at all"
        evidence = f"{ends.source} would get to {vm.name}:{port}, through {names}."
        return ADMITTED.passes(vm.id, evidence)
    rules = ", ".join(dict.fromkeys(each.text for each in found.stopping))
    way = f"{ends.source} to {vm.name}:{port}"
    evidence = f"From {way}, window or not, sessions are dropped by {rules}."
    return ADMITTED.fails(vm.id, evidence, *_mend(site, guards, ends))


def let_out(site: Site, port: int) -> Check:
    ends, vm, subnet, home = ends_of(site, port), site.vm, site.bastion_subnet, site.home
    if ends is None or subnet is None or home is None or subnet.nsg is None:
        return LET_OUT.unknown(vm.id, f"whether the Bastion may talk to {vm.name}.")
    if not subnet.nsg:
        return LET_OUT.passes(vm.id, f"{subnet.name} has no security group.")
    nsg = site.nsgs.get(key_of(subnet.nsg))
    if nsg is None:
        return LET_OUT.unknown(vm.id, f"the rules of {subnet.nsg}.")
    found = passage([nsg], ends.way_out, virtual_network_at(home, site.networks))
    if found.whole:
        return LET_OUT.passes(vm.id, f"{nsg.name} lets {ends.source} to {vm.name}:{port}.")
    ruling = found.stopping[0]
    rule = ends.rule(f"AllowBastionTo{port}Outbound", OUTBOUND)
    commands, _ = mending.put_ahead(nsg, rule, ruling.rule)
    return LET_OUT.fails(
        vm.id, f"To {vm.name}:{port}, sessions are dropped by {ruling.text}.", *commands
    )


def _through(site: Site, guards: list[Nsg], ends: Ends) -> Passage:
    virtual_network = virtual_network_at(site.network, site.networks) if site.network else ()
    return passage(_with_window(guards, ends), ends.way_in, virtual_network)


def _with_window(guards: list[Nsg], ends: Ends) -> list[Nsg]:
    """JIT writes its allow ahead of its own deny, moving that if it must."""
    chosen = _jit_groups(guards, ends)
    return [_opened(nsg, ends) if nsg in chosen else nsg for nsg in guards]


def _jit_groups(guards: list[Nsg], ends: Ends) -> list[Nsg]:
    return written_by_jit(guards, ends.machine, ends.port)


def _opened(nsg: Nsg, ends: Ends) -> Nsg:
    cleared = without(nsg, is_jit_deny)
    priority = first_free(cleared, INBOUND) or FIRST_PRIORITY
    return with_rule(cleared, ends.rule("a window of JIT", INBOUND, priority=priority))


def _mend(site: Site, guards: list[Nsg], ends: Ends) -> list[str]:
    """What is ahead of the window moves behind it; elsewhere an allow of its own goes ahead."""
    commands: list[str] = []
    for _ in range(sum(len(nsg.rules) for nsg in guards) + 3):
        stopping = _through(site, guards, ends).stopping
        if not stopping:
            break
        blocker = stopping[0].rule
        nsg = next(each for each in guards if each.id == stopping[0].nsg.id)
        more, mended = _step(nsg, blocker, ends, is_jits=nsg in _jit_groups(guards, ends))
        guards = [mended if each.id == nsg.id else each for each in guards]
        commands += more
    return commands


def _step(nsg: Nsg, blocker: Rule, ends: Ends, *, is_jits: bool) -> mending.Mended:
    if is_jits:
        behind = first_free(nsg, INBOUND, BEHIND_WINDOWS)
        return mending.move(nsg, blocker, behind or BEHIND_WINDOWS)
    return mending.put_ahead(nsg, ends.rule(f"AllowBastion{ends.port}Inbound", INBOUND), blocker)
