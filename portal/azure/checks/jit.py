"""A JIT policy, and whether what it guards is really shut while no window is open.

Microsoft documents that a window lasts from 5 minutes to a day and no longer than the policy's
maximum for the port, and that the names of policy and machine together have at most 56
characters. Users report that the source of a request has to be the policy's own text, so a wider
range does not do. Microsoft's pages and other people's exports disagree on where JIT puts its deny
among other rules: nothing is assumed, the rules are read.
"""

from dataclasses import replace

from access.preflight import Check
from portal.azure.checks import mending, policies
from portal.azure.checks.addresses import EVERYTHING, ipv4s
from portal.azure.checks.facts import JitPort, Nsg, Rule, Site
from portal.azure.checks.ids import same
from portal.azure.checks.jit_rules import is_jit_allow, jit_denies, written_by_jit
from portal.azure.checks.machine import give_guard
from portal.azure.checks.nsg import (
    INBOUND,
    Passage,
    is_custom,
    passage,
    virtual_network_at,
    without,
)
from portal.azure.checks.question import Question
from portal.azure.checks.way import BEHIND_WINDOWS, Ends, ends_of

SHORTEST, LONGEST = 5, 24 * 60  # minutes
NAME_ROOM = 56

POLICY = Question(
    "jit.policy",
    "A JIT policy guards the machine",
    "There is nothing that could open a port for a time and shut it again.",
)
PORT = Question(
    "jit.port",
    "The JIT policy guards this port",
    "Azure refuses the window.",
)
LENGTH = Question(
    "jit.duration",
    "The JIT policy allows a window of this length",
    "Azure refuses the window.",
)
NAMES = Question(
    "jit.names",
    "The names of policy and machine fit together",
    "Azure refuses the policy for this machine, or the window.",
)
SOURCE = Question(
    "jit.source",
    "The JIT policy admits the Bastion's subnet and nobody else",
    "Windows are refused, or may be opened from elsewhere than the Bastion.",
)
SHUT = Question(
    "jit.shut",
    "The port is shut to the Bastion while no window is open",
    "The window means nothing: whoever may use the Bastion gets in at any time.",
)


def policy(site: Site, port: int) -> Check:
    vm = site.vm
    names = ", ".join(dict.fromkeys(each.policy_name for each in site.jit_ports))
    if names:
        return POLICY.passes(vm.id, f"{vm.name} is in {names}.")
    return POLICY.fails(vm.id, f"No JIT policy names {vm.name}.", *_enrol(site, port))


def covers(site: Site, port: int) -> Check:
    numbers = ", ".join(str(each.number) for each in site.jit_ports)
    evidence = f"{site.jit_ports[0].policy_name} guards port {numbers} of {site.vm.name}"
    if site.jit_port(port):
        return PORT.passes(site.vm.id, f"{evidence}.")
    return PORT.fails(site.vm.id, f"{evidence}, not {port}.", *_enrol(site, port))


def length(site: Site, found: JitPort, minutes: int) -> Check:
    limit, subject = found.max_minutes, found.policy_id
    if limit is None:
        return LENGTH.unknown(subject, f"how long {found.policy_name} allows for {found.number}.")
    seen = f"{found.policy_name} allows {limit} minutes on port {found.number}; asked: {minutes}."
    if minutes < SHORTEST or minutes > LONGEST:
        evidence = f"{seen} Azure opens for {SHORTEST} to {LONGEST} minutes."
        return LENGTH.fails(subject, evidence)
    if minutes <= limit:
        return LENGTH.passes(subject, seen)
    return LENGTH.fails(subject, seen, _changed(site, replace(found, max_minutes=minutes)))


def names(site: Site, found: JitPort) -> Check:
    """No command renames a policy; the machine has to be put into another one."""
    together = len(found.policy_name) + len(site.vm.name)
    evidence = f"{found.policy_name} and {site.vm.name} have {together} characters of {NAME_ROOM}."
    if together <= NAME_ROOM:
        return NAMES.passes(found.policy_id, evidence)
    return NAMES.fails(found.policy_id, evidence)


def source(site: Site, found: JitPort) -> Check:
    """``*`` warns: the portal asks for the Bastion's subnet only, but others need not."""
    wanted, sources, subject = site.bastion_prefix, found.source_prefixes, found.policy_id
    if sources is None or not wanted:
        return SOURCE.unknown(subject, "the policy's sources, or the Bastion's subnet.")
    evidence = (
        f"{found.policy_name} admits {', '.join(sources) or 'nobody'} to port {found.number}; "
        f"the Bastion's subnet is {wanted}."
    )
    if sources == (wanted,):
        return SOURCE.passes(subject, evidence)
    remedy = _changed(site, replace(found, source_prefixes=(wanted,)))
    if wanted in sources or EVERYTHING & set(sources):
        return SOURCE.warns(subject, evidence, remedy)
    return SOURCE.fails(subject, evidence, remedy)


def shut(site: Site, port: int) -> Check:
    """Without the allow rules of windows that happen to be open."""
    ends, guards, vm = ends_of(site, port), site.guards, site.vm
    if ends is None or guards is None or site.network is None:
        return SHUT.unknown(vm.id, f"what lets the Bastion to {vm.name}:{port}.")
    if not guards:
        evidence = f"No security group guards {vm.name}, so port {port} is always open to it."
        return SHUT.fails(vm.id, evidence, *give_guard(site))
    found = _without_windows(site, guards, ends)
    if not found.open:
        rules = ", ".join(dict.fromkeys(each.text for each in found.stopping))
        return SHUT.passes(vm.id, f"{vm.name}:{port} is shut to {ends.source} by {rules}.")
    rules = ", ".join(dict.fromkeys(each.text for each in found.letting))
    evidence = f"{ends.source} gets to {vm.name}:{port} without a window, by {rules}"
    if not any(jit_denies(nsg, ends.machine, port) for nsg in guards):
        evidence += "; JIT has no deny for it"
    return SHUT.fails(vm.id, f"{evidence}.", *_close(site, guards, ends))


def _without_windows(site: Site, guards: list[Nsg], ends: Ends) -> Passage:
    virtual_network = virtual_network_at(site.network, site.networks) if site.network else ()
    shut_groups = [without(nsg, is_jit_allow) for nsg in guards]
    return passage(shut_groups, ends.way_in, virtual_network)


def _close(site: Site, guards: list[Nsg], ends: Ends) -> list[str]:
    """In the group where JIT opens, or no window would open any more."""
    chosen = written_by_jit(guards, ends.machine, ends.port)[0]
    commands: list[str] = []
    for _ in range(len(chosen.rules) + 3):
        found = _without_windows(site, [chosen], ends)
        if not found.open:
            break
        more, chosen = _step(chosen, found.letting[0].rule, ends)
        commands += more
    return commands


def _step(nsg: Nsg, letting: Rule, ends: Ends) -> mending.Mended:
    """A rule for just this access goes; a wider one stays, behind a deny for just this access."""
    if is_custom(letting) and _is_for_this_only(letting, ends):
        return mending.delete(nsg, letting)
    deny = ends.rule(f"DenyBastion{ends.port}OutsideWindows", INBOUND, "Deny")
    return mending.put_ahead(nsg, deny, letting, first=BEHIND_WINDOWS)


def _is_for_this_only(rule: Rule, ends: Ends) -> bool:
    sources = ipv4s(rule.sources)
    inside = len(sources) == len(rule.sources) and all(s.subnet_of(ends.source) for s in sources)
    return inside and set(rule.ports) == {str(ends.port)}


def _enrol(site: Site, port: int) -> list[str]:
    """Nothing to say while the Bastion's subnet is not known: the policy would admit anybody."""
    if not site.bastion_prefix:
        return []
    policy_id = site.jit_ports[0].policy_id if site.jit_ports else policies.policy_for(site.vm)
    name = policy_id.rsplit("/", 1)[-1]
    mine = JitPort(policy_id, name, port, (site.bastion_prefix,), policies.DEFAULT_MINUTES)
    return [_changed(site, mine)]


def _changed(site: Site, changed: JitPort) -> str:
    """The machine's ports in that policy, with this one as it ought to be."""
    ports = [each for each in site.jit_ports if same(each.policy_id, changed.policy_id)]
    others = [each for each in ports if each.number != changed.number]
    ordered = sorted([*others, changed], key=lambda each: each.number)
    return policies.put_machine(changed.policy_id, site.vm, ordered)
