"""Estates for tests: one host with four machines, or nothing at all."""

from portal.azure.simulator.catalogue import Estate
from portal.azure.simulator.estate import parts

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
PREFIX = "10.0.255.0/26"
PLACE = "westeurope"
MACHINES = {
    "vm-app-01": "Linux",
    "vm-app-02": "Linux",
    "vm-win-01": "Windows",
    "vm-bare-01": "Linux",
}


def empty() -> Estate:
    return {"subscriptions": {SUBSCRIPTION: "Test"}, "resources": []}


def small() -> Estate:
    """One Standard host and four machines in its own network; JIT guards all but the bare one."""
    hub, group = (parts.group(SUBSCRIPTION, name) for name in ("rg-hub", "rg-app"))
    subnets = {parts.BASTION_SUBNET: PREFIX, "snet-app": "10.0.1.0/24"}
    network = parts.vnet(hub, "vnet-hub", PLACE, subnets)
    address = parts.public_ip(hub, "pip-bastion-hub", PLACE, "203.0.113.10")
    host = parts.bastion(hub, "bastion-hub", network, address, sku="Standard", links=True)
    security_group = parts.nsg(group, "nsg-app", PLACE)
    subnet = parts.subnet_of(network, "snet-app")
    parts.guarded_by(subnet, security_group)
    made = [network, address, host, security_group]
    guarded = []
    for number, (name, os) in enumerate(MACHINES.items(), start=4):
        tags = {"environment": "staging", "owner": "payments"}
        pair = parts.machine(group, name, subnet, f"10.0.1.{number}", os=os, tags=tags)
        made += parts.placed(PLACE, list(pair))
        if name != "vm-bare-01":
            guarded.append(parts.guarded(pair[0], PREFIX))
    made.append(parts.jit_policy(group, PLACE, guarded))
    return parts.estate_of({SUBSCRIPTION: "Test"}, made)
