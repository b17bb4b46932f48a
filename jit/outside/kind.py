"""A window to an address: one port of a machine outside Azure, for an approved time.

Like a port window it belongs to the door and not to a person, for all come from the same subnet:
it lasts for the longest of the grants on it and is shut when the last one ends.
"""

from collections.abc import Mapping, Sequence

from django.conf import settings

from access.errors import Receipt
from access.kinds import Command, Door, DoorKey, Offer, Seen, Session, Stray, Unconcerned, Visit
from access.models import BastionHost, Gate, Machine
from access.preflight import Check
from access.sites import Site
from jit.connect import commands_for
from jit.outside.preflight import judge
from jit.outside.words import NOT_KNOWN, advisory
from portal.azure.checks import facts
from portal.azure.checks.skus import Feature, allows, needs


class AddressWindow(Unconcerned):
    name = "address"
    label = "Address window"
    exclusive = False
    opens_port = False  # of what a link would need: links lead to Azure's own machines
    needs_open_port = False
    settle_seconds = 20.0  # a rule is answered at once and in force within seconds
    observes = 500  # one call reads the group with all its rules

    def offers(self, machine: Machine) -> list[Offer]:
        if machine.in_azure:
            return []
        why, longest = refusal(machine, machine.bastion), settings.ACCESS_MAX_MINUTES
        gate_id = None if why else machine.outside.gate_id
        return [Offer(self.name, port, gate_id, longest, why) for port in machine.outside.ports]

    def caveat(self, machine: Machine, port: int) -> str:
        if machine.in_azure:
            return ""
        kept_shut_by = machine.outside.kept_shut_by.get(str(port))
        if kept_shut_by is None:
            return NOT_KNOWN
        host = machine.bastion.name if machine.bastion else "its Bastion"
        return "" if kept_shut_by else advisory(host, str(machine.private_ip))

    def preflight(self, site: Site, *, port: int, minutes: int | None) -> list[Check]:  # noqa: ARG002
        return judge(facts.Site.from_json(site.facts), site.machine, port)

    def observe(self, gate: Gate, doors: Sequence[Door]) -> Mapping[DoorKey, Seen]:
        from jit.outside import rules

        return rules.observe(gate.resource_id, doors)

    def open(self, gate: Gate, doors: Sequence[Door]) -> list[Receipt]:
        from jit.outside import rules

        return rules.put(gate.resource_id, doors)

    def close(self, gate: Gate, doors: Sequence[Door]) -> list[Receipt]:
        from jit.outside import rules

        return rules.take_away(gate.resource_id, doors)

    def sessions(self, gate: Gate, doors: Sequence[Door]) -> Mapping[DoorKey, tuple[Session, ...]]:
        """Azure names the address they went to, for there is no resource to name."""
        from portal.azure.sessions import sessions_at

        found: dict[DoorKey, tuple[Session, ...]] = {}
        for host in dict.fromkeys(door.place.bastion_id for door in doors):
            mine = [door for door in doors if door.place.bastion_id == host]
            found |= sessions_at(host, mine, asker=f"gate {gate.pk}")
        return found

    def disconnect(self, sessions: Sequence[Session]) -> list[Receipt]:
        from portal.azure.sessions import disconnect

        return disconnect(sessions)

    def survey(self, gate: Gate) -> list[Stray]:
        from jit.outside import rules

        return rules.survey(gate.resource_id)

    def remove(self, gate: Gate, strays: Sequence[Stray]) -> list[Receipt]:  # noqa: ARG002
        from jit import strays as found

        return found.remove(strays)

    def commands(self, visit: Visit) -> list[Command]:
        return commands_for(visit)


def refusal(machine: Machine, host: BastionHost | None) -> str:
    """What the host lacks, with the tier or the switch that would give it; empty when nothing."""
    if host is None or host.gone_at is not None:
        return f"The Bastion host that reached {machine.name} is gone from Azure."
    if not allows(host.sku, Feature.IP_CONNECT):
        return (
            f"{host.name}, which reaches {machine.name}, is {host.sku}. For {Feature.IP_CONNECT} "
            f"it {needs(Feature.IP_CONNECT)}."
        )
    if not host.ip_connect:
        return (
            f"{host.name} is {host.sku}, but {Feature.IP_CONNECT} are switched off there "
            "(enableIpConnect). An administrator can allow them."
        )
    if machine.outside.gate_id is None:
        return (
            f"The subnet of {host.name} has no security group, in which a window to {machine.name} "
            "could be opened and shut. An administrator can give it one."
        )
    return ""
