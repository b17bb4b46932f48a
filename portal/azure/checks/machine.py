"""A machine: whether it runs, whether anything guards it, and whether it is also open elsewhere.

Microsoft documents that JIT needs a security group on the interface or its subnet, and that on
tiers below Standard a Bastion speaks SSH to Linux on 22 and RDP to Windows on 3389 only.
"""

from access.preflight import Check
from portal.azure.checks import remedies
from portal.azure.checks.addresses import INTERNET, ipv4
from portal.azure.checks.facts import Interface, Site
from portal.azure.checks.ids import key_of
from portal.azure.checks.nsg import INBOUND, Flow, passage, virtual_network_at
from portal.azure.checks.question import Question
from portal.azure.checks.skus import Feature, Sku, allows, needed, needs, sku_named

USUAL_SYSTEM = {22: "linux", 3389: "windows"}

POWER = Question(
    "machine.power",
    "The machine is running",
    "The window opens, and nothing answers behind it.",
    fleeting=True,
)
GUARDED = Question(
    "machine.nsg",
    "A security group guards the machine",
    "JIT cannot guard it: its ports stand open to the joined networks at all times.",
)
NO_ADDRESS = Question(
    "machine.public_ip",
    "The machine has no public address",
    "There is a way in past the Bastion, past approval and past the record.",
)
PORT = Question(
    "machine.port",
    "The Bastion's tier serves this port of this machine",
    "The port opens, and the Bastion offers no connection to it.",
)


def power(site: Site) -> Check:
    vm = site.vm
    if not vm.power:
        return POWER.unknown(vm.id, f"whether {vm.name} is running.")
    seen = f"{vm.name} is {vm.power}."
    if vm.power == "running":
        return POWER.passes(vm.id, seen)
    return POWER.fails(vm.id, seen, remedies.start_machine(vm))


def guarded(site: Site) -> Check:
    ids, vm = site.guard_ids, site.vm
    if ids is None:
        return GUARDED.unknown(vm.id, f"whether a security group guards {vm.name}.")
    if ids:
        names = " and ".join(each.rsplit("/", 1)[-1] for each in ids)
        return GUARDED.passes(vm.id, f"{vm.name} is guarded by {names}.")
    evidence = f"Neither the interface of {vm.name} nor its subnet has a security group."
    return GUARDED.fails(vm.id, evidence, *give_guard(site))


def give_guard(site: Site) -> list[str]:
    """On the interface, so that no other machine is touched."""
    interface = site.vm.interface.id if site.vm.interface else ""
    nsg_id = remedies.new_nsg(site.vm.id, f"nsg-{site.vm.name}")
    return [
        remedies.create_nsg(nsg_id, site.vm.region),
        remedies.guard_interface(interface, nsg_id),
    ]


def no_address(site: Site, port: int) -> Check:
    """A public address is a warning; one on which the internet reaches the port, a failure."""
    vm, interface = site.vm, site.vm.interface
    if interface is None or interface.public_ip is None:
        return NO_ADDRESS.unknown(vm.id, f"whether {vm.name} has a public address.")
    if not interface.public_ip:
        return NO_ADDRESS.passes(vm.id, f"{vm.name} is at {interface.address} only.")
    known = site.public_ips.get(key_of(interface.public_ip))
    name = f"{known.name} ({known.address})" if known else interface.public_ip
    attached = known.attached or "" if known else ""
    remedy = remedies.detach_address(interface.id, attached)
    evidence = f"{vm.name} has the public address {name}"
    if not _is_open_to_internet(site, interface, port):
        return NO_ADDRESS.warns(vm.id, f"{evidence}.", remedy)
    return NO_ADDRESS.fails(vm.id, f"{evidence}, and the internet reaches port {port}.", remedy)


def served(site: Site, port: int) -> Check:
    host, vm = site.host, site.vm
    if host is None or sku_named(host.sku) is None:
        return PORT.unknown(vm.id, f"the tier of the Bastion that serves {vm.name}.")
    seen = f"{host.name} is {host.sku}; {vm.name} runs {vm.os or 'an unknown system'}."
    usual = USUAL_SYSTEM.get(port)
    if allows(host.sku, Feature.CUSTOM_PORTS) or (vm.os and vm.os == usual):
        return PORT.passes(vm.id, seen)
    if usual and not vm.os:
        return PORT.unknown(vm.id, f"the system of {vm.name}.")
    evidence = f"{seen} For port {port} there the Bastion {needs(Feature.CUSTOM_PORTS)}."
    if sku_named(host.sku) is Sku.DEVELOPER:
        return PORT.fails(vm.id, evidence)
    tier = remedies.raise_tier(needed(Feature.CUSTOM_PORTS)[0])
    return PORT.fails(vm.id, evidence, remedies.update_host(host, *tier))


def _is_open_to_internet(site: Site, interface: Interface, port: int) -> bool:
    """Only what a rule for the whole internet opens; a range that somebody chose is not judged.

    Without any group a Standard address is closed, as Microsoft documents, so that is no failure.
    """
    address = ipv4(interface.address)
    if not site.guards or address is None or site.network is None:
        return False
    flow = Flow(INBOUND, INTERNET, address, port)
    return passage(site.guards, flow, virtual_network_at(site.network, site.networks)).open
