"""Whether the Bastion may talk to an address while nobody has a window, and where a window's rule
has to go. Pure: facts in, answers out.

Microsoft documents that the tag VirtualNetwork holds what lies behind a gateway as well. So it
holds every address that a Bastion can reach outside Azure, and without a deny of somebody's own,
Azure's default rules let the Bastion through.
"""

from dataclasses import dataclass, replace
from ipaddress import IPv4Network

from jit.outside.marks import is_marked
from portal.azure.checks import mending
from portal.azure.checks.addresses import Networks, ipv4
from portal.azure.checks.facts import Nsg, Rule
from portal.azure.checks.nsg import (
    LAST_PRIORITY,
    OUTBOUND,
    Flow,
    Passage,
    first_free,
    free_ahead,
    is_custom,
    passage,
    without,
)

DENIES_FROM = 200  # what is ahead of it is left to windows


@dataclass(frozen=True)
class Way:
    """From the Bastion's subnet to one port of an address outside Azure."""

    source: IPv4Network
    address: IPv4Network
    port: int

    @property
    def flow(self) -> Flow:
        return Flow(OUTBOUND, self.source, self.address, self.port)

    @property
    def virtual_network(self) -> Networks:
        """As much of it as bears on this way."""
        return (self.source, self.address)

    @property
    def text(self) -> str:
        return f"{self.address.network_address}:{self.port}"

    def deny(self) -> Rule:
        """For the whole address: another port would be another way in."""
        to = str(self.address.network_address)
        name = f"DenyBastionTo-{to.replace('.', '-')}"
        return Rule(name, 0, OUTBOUND, "Deny", "*", (str(self.source),), ("*",), (to,), ("*",))


def way_of(source: str, address: str, port: int) -> Way | None:
    """``None`` when one of its ends is not known."""
    start, end = ipv4(source), ipv4(address)
    return Way(start, end, port) if start and end else None


def through(nsg: Nsg, way: Way) -> Passage:
    """What becomes of a session now."""
    return passage([nsg], way.flow, way.virtual_network)


def standing(nsg: Nsg, way: Way) -> Passage:
    """What would become of it without any window of anybody."""
    return through(without(nsg, lambda rule: is_custom(rule) and is_marked(rule.name)), way)


def kept_shut_by(nsg: Nsg, way: Way) -> str:
    """The rule that does, in words; empty where some of the way stands open."""
    found = standing(nsg, way)
    return "" if found.open else found.stopping[0].text


def priority_for(nsg: Nsg, way: Way, name: str) -> int | None:
    """Where the rule of that name takes effect: as closely as there is room ahead of whatever
    stops the way without it. ``None`` where there is no room."""
    others = without(nsg, lambda rule: is_custom(rule) and rule.name.lower() == name.lower())
    stopping = [ruling.rule.priority for ruling in through(others, way).stopping]
    return free_ahead(others, OUTBOUND, min([*stopping, LAST_PRIORITY + 1]))


def keep_shut(nsg: Nsg, way: Way) -> list[str]:
    """The commands after which nothing passes outside a window: a deny with room ahead of it, and
    whatever lets the way through moved behind that. Empty where there is no room."""
    number = first_free(nsg, OUTBOUND, DENIES_FROM)
    if number is None:
        return []
    commands, nsg = mending.add(nsg, replace(way.deny(), priority=number))
    for _ in range(len(nsg.rules)):
        ahead = [each.rule for each in standing(nsg, way).letting]
        behind = first_free(nsg, OUTBOUND, number + 1)
        if not ahead:
            return commands
        if behind is None:
            break
        more, nsg = mending.move(nsg, ahead[0], behind)
        commands += more
    return []
