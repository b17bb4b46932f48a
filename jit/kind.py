"""A port window: one port of one machine, open to the AzureBastionSubnet for an approved time.

Every engineer comes from the same Bastion subnet, so a window belongs to the door and not to a
person: it lasts for the longest of the grants on it and is shut when the last one ends.
"""

from collections.abc import Mapping, Sequence

from access.errors import Receipt
from access.kinds import Command, Door, DoorKey, Offer, Seen, Session, Stray, Unconcerned, Visit
from access.models import BastionHost, Gate, Machine
from access.preflight import Check
from access.sites import Site
from jit.connect import commands_for
from jit.models import JitPort
from jit.preflight import judge
from portal.azure.checks.machine import USUAL_SYSTEM
from portal.azure.checks.skus import Feature, Sku, allows, needs, sku_named


class PortWindow(Unconcerned):
    name = "window"
    label = "Port window"
    exclusive = False
    opens_port = True
    needs_open_port = False
    settle_seconds = 12.0  # an accepted initiate showed within 3 s in every recording
    observes = 25  # each door may have a security group of its own to be read

    def offers(self, machine: Machine) -> list[Offer]:
        if not machine.in_azure:
            return []
        ports = list(machine.jit_ports.all())
        if not ports:
            why = (
                f"No JIT policy covers {machine.name}, so its ports are not guarded. "
                "An administrator can have it guarded."
            )
            return [Offer(self.name, machine.login_port, None, 0, why)]
        return [self._offer(machine, port) for port in ports]

    def caveat(self, machine: Machine, port: int) -> str:  # noqa: ARG002
        return ""

    def preflight(self, site: Site, *, port: int, minutes: int | None) -> list[Check]:
        return judge(site, port=port, minutes=minutes)

    def observe(self, gate: Gate, doors: Sequence[Door]) -> Mapping[DoorKey, Seen]:
        from jit import defender

        return defender.observe(gate.resource_id, doors)

    def open(self, gate: Gate, doors: Sequence[Door]) -> list[Receipt]:
        from jit import defender

        return defender.initiate(gate.resource_id, doors)

    def close(self, gate: Gate, doors: Sequence[Door]) -> list[Receipt]:  # noqa: ARG002
        from jit import defender

        return defender.remove_rules(doors)

    def sessions(self, gate: Gate, doors: Sequence[Door]) -> Mapping[DoorKey, tuple[Session, ...]]:
        from portal.azure.sessions import sessions_at

        hosts = dict.fromkeys(door.place.bastion_id for door in doors)
        found: dict[DoorKey, tuple[Session, ...]] = {}
        for host in hosts:
            mine = [door for door in doors if door.place.bastion_id == host]
            found |= sessions_at(host, mine, asker=f"gate {gate.pk}")
        return found

    def disconnect(self, sessions: Sequence[Session]) -> list[Receipt]:
        from portal.azure.sessions import disconnect

        return disconnect(sessions)

    def survey(self, gate: Gate) -> list[Stray]:
        from jit import strays

        return strays.survey(gate.resource_id)

    def remove(self, gate: Gate, strays: Sequence[Stray]) -> list[Receipt]:  # noqa: ARG002
        from jit import strays as found

        return found.remove(strays)

    def commands(self, visit: Visit) -> list[Command]:
        return commands_for(visit)

    def _offer(self, machine: Machine, port: JitPort) -> Offer:
        return Offer(
            self.name, port.number, port.gate_id, port.max_minutes, self._refusal(machine, port)
        )

    def _refusal(self, machine: Machine, port: JitPort) -> str:
        if machine.bastion is None:
            return f"No Bastion host reaches {machine.name}: its network is not peered with one."
        if not machine.nsg_ids:
            return f"{machine.name} has no network security group, so JIT cannot guard it."
        if unserved := _unserved(machine.bastion, machine, port.number):
            return unserved
        prefix = machine.bastion.subnet_prefix
        if prefix not in port.source_prefixes and "*" not in port.source_prefixes:
            return (
                f"The JIT policy of {machine.name} does not admit {prefix}, the subnet of "
                f"{machine.bastion.name}. An administrator must add it to the policy."
            )
        return ""


def _unserved(host: BastionHost, machine: Machine, port: int) -> str:
    """What the host's tier withholds, and which one has it. Tiers that nobody knows may do it."""
    sku = sku_named(host.sku)
    if sku is Sku.DEVELOPER:
        return (
            f"{host.name}, which reaches {machine.name}, is Developer: shared, so no port can be "
            "opened to it alone. A Bastion of Basic or higher has to be made in its place."
        )
    if sku and not allows(sku, Feature.CUSTOM_PORTS) and USUAL_SYSTEM.get(port) != machine.os:
        return (
            f"{host.name}, which reaches {machine.name}, is {host.sku}. For port {port} there it "
            f"{needs(Feature.CUSTOM_PORTS)}."
        )
    return ""
