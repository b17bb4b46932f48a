"""Writing down the estate as it was read. Says what is there; decides nothing.

Rows are added and refreshed, never deleted here: a machine that a page did not list may still
hold grants that must be closed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from access.models import BastionHost, Gate, Machine


@dataclass(frozen=True)
class HostFacts:
    resource_id: str
    name: str
    subscription_id: str
    resource_group: str
    region: str
    sku: str
    scale_units: int
    tunneling: bool
    shareable_links: bool
    ip_connect: bool
    subnet_prefix: str


@dataclass(frozen=True)
class MachineFacts:
    """``bastion_id`` is empty when no host's network is joined to the machine's."""

    resource_id: str
    name: str
    vm_id: str
    subscription_id: str
    subscription_name: str
    resource_group: str
    region: str
    os: str
    private_ip: str | None
    nsg_ids: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    bastion_id: str = ""


def store_hosts(hosts: Iterable[HostFacts], *, at: datetime) -> dict[str, BastionHost]:
    """Hosts by resource key."""
    return {facts.resource_id.lower(): _store_host(facts, at) for facts in hosts}


def store_machines(
    machines: Iterable[MachineFacts], hosts: dict[str, BastionHost], *, at: datetime
) -> dict[str, Machine]:
    """Machines by resource key."""
    return {facts.resource_id.lower(): _store_machine(facts, hosts, at) for facts in machines}


def gate_for(*, kind: str, resource_id: str, name: str) -> Gate:
    """The gate of a kind at an Azure resource; made when it is first seen."""
    gate, _ = Gate.objects.get_or_create(
        kind=kind,
        resource_key=resource_id.lower(),
        defaults={"resource_id": resource_id, "name": name},
    )
    return gate


def _store_host(facts: HostFacts, at: datetime) -> BastionHost:
    host, _ = BastionHost.objects.update_or_create(
        resource_key=facts.resource_id.lower(), defaults={**vars(facts), "synced_at": at}
    )
    return host


def _store_machine(facts: MachineFacts, hosts: dict[str, BastionHost], at: datetime) -> Machine:
    values = {key: value for key, value in vars(facts).items() if key != "bastion_id"}
    tags = {key.lower(): value for key, value in facts.tags.items()}
    machine, _ = Machine.objects.update_or_create(
        resource_key=facts.resource_id.lower(),
        defaults={
            **values,
            "bastion": hosts.get(facts.bastion_id.lower()),
            "environment": tags.get("environment", "")[:64],
            "owner": tags.get("owner", "")[:64],
            "synced_at": at,
        },
    )
    return machine
