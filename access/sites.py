"""What machines are judged by, read from the database: the machine, what guards it, its network
and the neighbours, the Bastion that serves it and where that lives.

A handful of queries, for one machine as for a page of them. The core understands none of it: the
shapes are those that ``portal.azure.checks.facts`` reads, and the kinds judge.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from access.crowds import crowd_on
from access.models import BastionHost, EstateItem, Machine
from access.models.estate import Synced
from access.preflight import Crowd

Facts = dict[str, Any]
ByKey = dict[str, Facts]


@dataclass(frozen=True)
class Site:
    """One machine with everything around it that is known."""

    machine: Machine
    facts: Facts
    crowd: Crowd | None = None  # on its host; only where one machine is asked for


@dataclass
class Estate:
    """Stored facts by lower-cased id; hosts by their row. ``asked``: what was looked for, there
    or not."""

    hosts: dict[int, Facts] = field(default_factory=dict)
    interfaces: ByKey = field(default_factory=dict)
    networks: ByKey = field(default_factory=dict)
    nsgs: ByKey = field(default_factory=dict)
    public_ips: ByKey = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    def add(self, machines: Sequence[Machine]) -> None:
        """Read what these are judged by, in two queries. Where a machine has no host, two more
        tell how far away the nearest one is. Needs bastion loaded, or asks for each."""
        self._add_hosts(machines)
        interfaces = [_key(machine.facts.get("interface")) for machine in machines]
        own = {_network_of(machine.facts.get("subnet")) for machine in machines}
        homes = {_network_of(host["subnet"]) for host in self.hosts.values() if "subnet" in host}
        self.read([*interfaces, *own, *homes])
        used = {machine.bastion_id or 0 for machine in machines}
        near = own | {_network_of(self.hosts[pk].get("subnet")) for pk in used & self.hosts.keys()}
        self.read([*self._peers_of(near), *self._guards(interfaces, near), *self._addresses()])
        if not used <= self.hosts.keys():
            self.read(self._peers_of(self.networks))

    def add_all_hosts(self) -> None:
        there = BastionHost.objects.filter(gone_at__isnull=True)
        self.hosts = {host.pk: _facts(host) for host in there.order_by("pk")}

    def add_surroundings_of_hosts(self) -> None:
        homes = {_network_of(host.get("subnet")) for host in self.hosts.values()}
        self.read(homes)
        self.read([*self._peers_of(homes), *self._guards([], homes), *self._addresses()])

    def forget_machines(self) -> None:
        """Before the next page: what only machines have, so that memory does not grow."""
        for kept in (self.interfaces, self.nsgs, self.public_ips):
            self.asked -= kept.keys()
            kept.clear()

    def read(self, ids: Iterable[str]) -> None:
        wanted = {key for key in map(_key, ids) if key} - self.asked
        self.asked |= wanted
        kept = {
            "interface": self.interfaces,
            "network": self.networks,
            "nsg": self.nsgs,
            "public-ip": self.public_ips,
        }
        if wanted:
            for item in EstateItem.objects.filter(resource_key__in=wanted, gone_at__isnull=True):
                kept[item.kind][item.resource_key] = _facts(item)

    def site_of(self, machine: Machine) -> Site:
        """Of a machine that was added."""
        facts = {
            "vm": self.vm_of(machine),
            "host": self.hosts.get(machine.bastion_id or 0),
            "networks": self.networks,
            "nsgs": self.nsgs,
            "public_ips": self.public_ips,
            "hosts": list(self.hosts.values()),
        }
        return Site(machine, facts)

    def vm_of(self, machine: Machine) -> Facts:
        return {**_facts(machine), "os": machine.os, "interface": self._interface(machine)}

    def _add_hosts(self, machines: Sequence[Machine]) -> None:
        hosts = [machine.bastion for machine in machines]
        there = [host for host in hosts if host is not None and host.gone_at is None]
        self.hosts |= {host.pk: _facts(host) for host in there if host.pk not in self.hosts}
        if len(there) < len(hosts):
            self.add_all_hosts()

    def _interface(self, machine: Machine) -> Facts | None:
        """``None`` while nobody has read it."""
        return self.interfaces.get(_key(machine.facts.get("interface")))

    def _peers_of(self, keys: Iterable[str]) -> list[str]:
        known = [self.networks[key] for key in keys if key in self.networks]
        return [peering["remote"] for network in known for peering in network.get("peerings", [])]

    def _guards(self, interfaces: Iterable[str], networks: Iterable[str]) -> list[str]:
        """The security groups of these interfaces, and of all subnets of these networks."""
        own = [self.interfaces[key].get("nsg") for key in interfaces if key in self.interfaces]
        near = [self.networks[key] for key in networks if key in self.networks]
        subnets = [subnet.get("nsg") for each in near for subnet in each.get("subnets", [])]
        return [key for key in (*own, *subnets) if key]

    def _addresses(self) -> list[str]:
        holders = [*self.interfaces.values(), *self.hosts.values()]
        return [each["public_ip"] for each in holders if each.get("public_ip")]


def site_of(machine: Machine) -> Site:
    """Everything that bears on one machine, in three queries; four where no host serves it."""
    estate = Estate()
    estate.add([machine])
    crowd = crowd_on(machine.bastion_id) if machine.bastion_id else None
    return replace(estate.site_of(machine), crowd=crowd)


def _facts(row: Synced) -> Facts:
    own: Facts = {
        "id": row.resource_id,
        "name": row.name,
        "resource_group": row.resource_group,
        "subscription_id": row.subscription_id,
        "region": row.region,
    }
    return {**own, **row.facts}


def _key(resource_id: Any) -> str:
    return str(resource_id or "").rstrip("/").lower()


def _network_of(subnet_id: Any) -> str:
    return _key(subnet_id).rpartition("/subnets/")[0]
