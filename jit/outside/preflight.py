"""Whether a window to an address would open, let its session through, and mean anything."""

from access.models import Machine
from access.preflight import Check
from jit.outside.guard import Way, keep_shut, priority_for, standing, way_of
from jit.outside.marks import rule_name
from jit.outside.words import UNGUARDED
from portal.azure.checks.facts import Nsg, Site
from portal.azure.checks.guard import guard
from portal.azure.checks.host import IP_CONNECT, capability
from portal.azure.checks.ids import key_of
from portal.azure.checks.question import Question
from portal.azure.checks.sessions import check_serving_host

NATIVE_CLIENT = "host.tunneling"  # a warning: without it the browser is left

REGISTERED = Question(
    "outside.registered",
    "The machine outside Azure is registered, and a Bastion host reaches it",
    "Nothing is opened for a machine that an administrator has retired.",
)
GATE = Question(
    "outside.gate",
    "The Bastion's subnet has a security group",
    "A window is a rule in it: without one there is nothing to open, and nothing to shut.",
)
KEPT_SHUT = Question(
    "outside.kept_shut",
    "Outside the window, a rule keeps the Bastion from this address",
    "Whoever may use the Bastion reaches the machine at any time, approved or not.",
)
ROOM = Question(
    "outside.room",
    "A window's rule has room ahead of the rule that keeps the address shut",
    "The rule would come too late to let anybody through.",
)


def judge(site: Site, machine: Machine, port: int) -> list[Check]:
    """By the stored facts of the host and its subnet: of the machine itself Azure knows nothing."""
    if site.host is None or machine.gone_at is not None:
        retired = machine.gone_at is not None
        why = f"{machine.name} was retired." if retired else f"No Bastion reaches {machine.name}."
        return [REGISTERED.fails(machine.resource_id, why)]
    return [
        capability(site.host, IP_CONNECT),
        *_rules(site, machine, port),
        *check_serving_host(site, NATIVE_CLIENT),
    ]


def gate_of(site: Site) -> str | None:
    """The id of the security group; empty where the subnet has none, ``None`` while not known."""
    return site.bastion_subnet.nsg if site.bastion_subnet else None


def rules_of(site: Site) -> Nsg | None:
    """``None`` also while its rules are not known."""
    return site.nsgs.get(key_of(gate_of(site) or ""))


def _rules(site: Site, machine: Machine, port: int) -> list[Check]:
    gate, nsg = gate_of(site), rules_of(site)
    way = way_of(site.bastion_prefix, machine.private_ip or "", port)
    subject = f"{machine.resource_id}:{port}"
    if gate == "":
        return [_no_gate(site, machine)]
    if nsg is None or way is None:
        return [KEPT_SHUT.unknown(subject, f"what keeps the Bastion from {machine.name}.")]
    gated = GATE.passes(machine.resource_id, f"{nsg.name} guards the subnet of the Bastion.")
    return [gated, _kept_shut(nsg, way, subject), _room(nsg, way, machine, subject)]


def _no_gate(site: Site, machine: Machine) -> Check:
    """With what the host's own check says mends it."""
    found = guard(site.host, site.networks, site.nsgs) if site.host else []
    remedies = [line for check in found[:1] for line in check.remedies]
    name = site.host.name if site.host else "the Bastion"
    return GATE.fails(machine.resource_id, f"The subnet of {name} has none.", *remedies)


def _kept_shut(nsg: Nsg, way: Way, subject: str) -> Check:
    found = standing(nsg, way)
    if not found.open:
        return KEPT_SHUT.passes(subject, f"{found.stopping[0].text} keeps {way.text} shut.")
    letting = found.letting[0].text
    evidence = f"{UNGUARDED} {letting} lets {way.source} to {way.text} at any time."
    return KEPT_SHUT.warns(subject, evidence, *keep_shut(nsg, way))


def _room(nsg: Nsg, way: Way, machine: Machine, subject: str) -> Check:
    number = priority_for(nsg, way, rule_name(machine, way.port))
    if number is None:
        return ROOM.fails(
            subject, f"{nsg.name} has no priority left ahead of what keeps {way.text} shut."
        )
    return ROOM.passes(subject, f"Priority {number} of {nsg.name} is free and takes effect.")
