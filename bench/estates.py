"""Estates for the simulator: hosts with as many machines as Azure allows links of one host."""

from __future__ import annotations

from typing import Any

from portal.azure.simulator.estate import parts

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
PLACE = "westeurope"


def hosts(count: int, machines: int) -> dict[str, Any]:
    """``count`` Standard hosts, each with its network and ``machines`` in it, JIT nowhere."""
    made: list[dict[str, Any]] = []
    for number in range(count):
        made += _host(number, machines)
    return parts.estate_of({SUBSCRIPTION: "Bench"}, made)


def _host(number: int, machines: int) -> list[dict[str, Any]]:
    where, name = parts.group(SUBSCRIPTION, f"rg-{number:05}"), f"{number:05}"
    net = f"10.{number % 250}"
    subnets = {parts.BASTION_SUBNET: f"{net}.255.0/26", "snet": f"{net}.0.0/17"}
    network = parts.vnet(where, f"vnet-{name}", PLACE, subnets)
    address = parts.public_ip(where, f"pip-{name}", PLACE, f"203.0.{number // 250}.{number % 250}")
    host = parts.bastion(where, f"bastion-{name}", network, address, sku="Standard", links=True)
    subnet, guard = parts.subnet_of(network, "snet"), parts.nsg(where, f"nsg-{name}", PLACE)
    parts.guarded_by(subnet, guard)  # whose own rules let the network in
    made = [network, address, host, guard]
    tags = {"environment": "staging", "owner": "bench"}
    for each in range(machines):
        at = f"{net}.{each // 250}.{each % 250 + 4}"
        pair = parts.machine(where, f"vm-{name}-{each:03}", subnet, at, os="Linux", tags=tags)
        made += parts.placed(PLACE, list(pair))
    return made
