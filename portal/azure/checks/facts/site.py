"""Everything that bears on one machine: where it is, who reaches it, what guards it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from portal.azure.checks import reading
from portal.azure.checks.facts.host import Host, PublicIp
from portal.azure.checks.facts.machine import JitPort, Vm
from portal.azure.checks.facts.network import Network, Nsg, Subnet
from portal.azure.checks.ids import key_of, network_of
from portal.azure.checks.reading import Json


@dataclass(frozen=True)
class Site:
    """``host``: the one that serves the machine, ``None`` when none does. ``hosts``: all that are
    known, to say who is how far away. The mappings are by lower-cased id."""

    vm: Vm
    host: Host | None = None
    networks: Mapping[str, Network] = field(default_factory=dict)
    nsgs: Mapping[str, Nsg] = field(default_factory=dict)
    public_ips: Mapping[str, PublicIp] = field(default_factory=dict)
    jit_ports: Sequence[JitPort] = ()
    hosts: Sequence[Host] = ()

    @classmethod
    def from_json(cls, row: Json) -> Self:
        host = row.get("host")
        return cls(
            vm=Vm.from_json(row.get("vm") or {}),
            host=Host.from_json(host) if host else None,
            networks={key_of(x.id): x for x in map(Network.from_json, _values(row, "networks"))},
            nsgs={key_of(x.id): x for x in map(Nsg.from_json, _values(row, "nsgs"))},
            public_ips={
                key_of(x.id): x for x in map(PublicIp.from_json, _values(row, "public_ips"))
            },
            jit_ports=[JitPort.from_json(each) for each in reading.rows(row, "jit_ports")],
            hosts=[Host.from_json(each) for each in reading.rows(row, "hosts")],
        )

    @property
    def network(self) -> Network | None:
        """The machine's own network."""
        interface = self.vm.interface
        return self.networks.get(key_of(network_of(interface.subnet))) if interface else None

    @property
    def subnet(self) -> Subnet | None:
        """The machine's own subnet."""
        interface, network = self.vm.interface, self.network
        return network.subnet(interface.subnet) if interface and network else None

    @property
    def home(self) -> Network | None:
        """The network of the Bastion host."""
        return home_of(self.host, self.networks) if self.host else None

    @property
    def bastion_subnet(self) -> Subnet | None:
        return self.home.subnet(self.host.subnet) if self.home and self.host else None

    @property
    def bastion_prefix(self) -> str:
        """Where all sessions come from; empty when not known."""
        return self.bastion_subnet.prefix if self.bastion_subnet else ""

    @property
    def guard_ids(self) -> list[str] | None:
        """The security groups on the way in, in Azure's order: the subnet's, then the interface's.

        ``None`` when it is not known whether there are any.
        """
        interface, subnet = self.vm.interface, self.subnet
        if interface is None or subnet is None or interface.nsg is None or subnet.nsg is None:
            return None
        both = {key_of(each): each for each in (subnet.nsg, interface.nsg) if each}
        return list(both.values())

    @property
    def guards(self) -> list[Nsg] | None:
        """``None`` also when the rules of one of them are not known."""
        found = [self.nsgs.get(key_of(each)) for each in self.guard_ids or []]
        known = [each for each in found if each is not None]
        return None if self.guard_ids is None or len(known) < len(found) else known

    def jit_port(self, number: int) -> JitPort | None:
        return next((each for each in self.jit_ports if each.number == number), None)


def home_of(host: Host, networks: Mapping[str, Network]) -> Network | None:
    return networks.get(key_of(network_of(host.subnet))) if host.subnet else None


def _values(row: Json, key: str) -> list[Any]:
    """Of a mapping by id, or of a plain list: either is what a JSON column may hold."""
    value = row.get(key) or {}
    return list(value.values()) if isinstance(value, Mapping) else list(value)
