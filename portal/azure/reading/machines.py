"""Machines joined with what their interfaces say: address, security groups, the host in reach."""

from collections.abc import Iterable, Mapping

from portal.azure.reading import facts
from portal.azure.reading.graph import Row
from portal.azure.reading.reach import network_of

NOWHERE: Row = {"subnet": "", "address": "", "nsg": "", "public_ip": "", "vm": ""}


def with_interfaces(
    rows: Iterable[Row],
    interfaces: Mapping[str, Row],
    bastions: Mapping[str, int | None],
    subnet_nsg: Mapping[str, str],
    subscriptions: Mapping[str, str],
) -> list[Row]:
    """``interfaces``: facts by lower-cased id; ``bastions``: the host's row by network key."""
    return [_joined(row, interfaces, bastions, subnet_nsg, subscriptions) for row in rows]


def _joined(
    row: Row,
    interfaces: Mapping[str, Row],
    bastions: Mapping[str, int | None],
    subnet_nsg: Mapping[str, str],
    subscriptions: Mapping[str, str],
) -> Row:
    machine = facts.machine(row)
    nic = interfaces.get(machine["facts"]["interface"].lower(), NOWHERE)
    groups = [nic["nsg"], subnet_nsg.get(nic["subnet"].lower(), "")]
    return {
        **machine,
        "subscription_name": subscriptions.get(machine["subscription_id"], ""),
        "private_ip": nic["address"] or None,
        "nsg_ids": [key for key in dict.fromkeys(groups) if key],
        "bastion_id": bastions.get(network_of(nic["subnet"])),
        "facts": {**machine["facts"], "public_ip": nic["public_ip"], "subnet": nic["subnet"]},
    }
