"""The commands that mend what the checks find, ready to paste: real names, quoted, and always
with the subscription, because people's command lines are seldom in the one they mean.

Options are those of azure-cli 2.91 and its bastion extension. A host's tier is set through the
generic ``--set``, which every version of that extension takes; of its own ``--sku`` some want
"Standard" and others "name=Standard".
"""

import shlex

from portal.azure.checks.facts import Host, Network, Nsg, Peering, Rule, Vm
from portal.azure.checks.ids import group_of, name_of, network_of, part, subscription_of


def az(*words: str) -> str:
    return shlex.join(("az", *words))


def place(resource_id: str) -> tuple[str, ...]:
    group = group_of(resource_id)
    return ("--subscription", subscription_of(resource_id), "--resource-group", group)


def update_host(host: Host, *options: str) -> str:
    """Azure takes up to ten minutes for it, and a change of scale cuts live sessions."""
    return az("network", "bastion", "update", *place(host.id), "--name", host.name, *options)


def raise_tier(sku: str) -> tuple[str, str]:
    """Options for ``update_host``."""
    return ("--set", f"sku.name={sku}")


def await_host(host: Host) -> str:
    """Returns when Azure has finished what it is doing."""
    return az("network", "bastion", "wait", *place(host.id), "--name", host.name, "--updated")


def delete_host(host: Host) -> str:
    return az("network", "bastion", "delete", *place(host.id), "--name", host.name)


def create_host(host: Host, *, public_ip: str = "", zones: tuple[str, ...] | None = None) -> str:
    """The same host again, with another address or other zones where they are given."""
    where = zones if zones is not None else host.zones or ()
    address = public_ip or host.public_ip or ""
    words = [
        *place(host.id), "--name", host.name, "--location", host.region, "--sku", host.sku,
        "--vnet-name", name_of(network_of(host.subnet)), "--public-ip-address", address,
    ]  # fmt: skip
    if host.scale_units and host.sku.lower() != "basic":
        words += ["--scale-units", str(host.scale_units)]
    for option, wanted in _switches(host):
        words += [option, "true"] if wanted else []
    return az("network", "bastion", "create", *words, *(["--zones", *where] if where else []))


def create_address(host: Host, name: str) -> str:
    """Beside the host: such as a Bastion accepts."""
    return az(
        "network", "public-ip", "create", *place(host.id), "--name", name,
        "--location", host.region, "--sku", "Standard", "--allocation-method", "Static",
    )  # fmt: skip


def set_ranges(network: Network, *prefixes: str) -> str:
    words = ("network", "vnet", "update", *place(network.id), "--name", network.name)
    return az(*words, "--address-prefixes", *prefixes)


def set_prefix(subnet_id: str, prefix: str) -> str:
    return _subnet("update", subnet_id, "--address-prefixes", prefix)


def list_members(subnet_id: str) -> str:
    """Mends nothing by itself: it names what has to move."""
    return _subnet("show", subnet_id, "--query", "ipConfigurations[].id", "--output", "tsv")


def create_rule(nsg_id: str, rule: Rule) -> str:
    return az(
        "network", "nsg", "rule", "create", *place(nsg_id), "--nsg-name", name_of(nsg_id),
        "--name", rule.name, "--priority", str(rule.priority), "--direction", rule.direction,
        "--access", rule.access, "--protocol", rule.protocol,
        "--source-address-prefixes", *rule.sources,
        "--source-port-ranges", *rule.source_ports,
        "--destination-address-prefixes", *rule.destinations,
        "--destination-port-ranges", *rule.ports,
    )  # fmt: skip


def move_rule(nsg: Nsg, rule: Rule, priority: int) -> str:
    return _rule("update", nsg, rule, "--priority", str(priority))


def delete_rule(nsg: Nsg, rule: Rule) -> str:
    return _rule("delete", nsg, rule)


def new_nsg(neighbour_id: str, name: str) -> str:
    """The id of a group that does not exist yet, in the resource group of ``neighbour_id``."""
    where = f"/subscriptions/{subscription_of(neighbour_id)}"
    group = f"{where}/resourceGroups/{group_of(neighbour_id)}"
    return f"{group}/providers/Microsoft.Network/networkSecurityGroups/{name}"


def create_nsg(nsg_id: str, region: str) -> str:
    return az(
        "network", "nsg", "create", *place(nsg_id), "--name", name_of(nsg_id),
        "--location", region,
    )  # fmt: skip


def guard_subnet(subnet_id: str, nsg_id: str) -> str:
    return _subnet("update", subnet_id, "--network-security-group", nsg_id)


def guard_interface(interface_id: str, nsg_id: str) -> str:
    return az(
        "network", "nic", "update", *place(interface_id), "--name", name_of(interface_id),
        "--network-security-group", nsg_id,
    )  # fmt: skip


def create_peering(network: Network, remote: Network) -> str:
    """One side. Azure needs both, and the address spaces must not overlap."""
    return az(
        "network", "vnet", "peering", "create", *place(network.id),
        "--vnet-name", network.name, "--name", f"{network.name}-to-{remote.name}",
        "--remote-vnet", remote.id,
        "--allow-vnet-access", "true", "--allow-forwarded-traffic", "true",
    )  # fmt: skip


def update_peering(network: Network, peering: Peering, *options: str) -> str:
    return _peering("update", network, peering, *options)


def delete_peering(network: Network, peering: Peering) -> str:
    return _peering("delete", network, peering)


def sync_peering(network: Network, peering: Peering) -> str:
    """Tells this side of changed ranges at the other."""
    return _peering("sync", network, peering)


def start_machine(vm: Vm) -> str:
    return az("vm", "start", *place(vm.id), "--name", vm.name)


def detach_address(interface_id: str, configuration_id: str) -> str:
    """``configuration_id``: of the IP configuration; without it the first one is meant."""
    where = place(interface_id)
    if not configuration_id:
        field = "ipConfigurations[0].publicIPAddress"
        name = name_of(interface_id)
        return az("network", "nic", "update", *where, "--name", name, "--remove", field)
    return az(
        "network", "nic", "ip-config", "update", *where, "--nic-name", name_of(interface_id),
        "--name", name_of(configuration_id), "--remove", "publicIPAddress",
    )  # fmt: skip


def _subnet(verb: str, subnet_id: str, *options: str) -> str:
    network = part(subnet_id, "virtualNetworks")
    return az(
        "network", "vnet", "subnet", verb, *place(subnet_id), "--vnet-name", network,
        "--name", name_of(subnet_id), *options,
    )  # fmt: skip


def _rule(verb: str, nsg: Nsg, rule: Rule, *options: str) -> str:
    return az(
        "network", "nsg", "rule", verb, *place(nsg.id), "--nsg-name", nsg.name,
        "--name", rule.name, *options,
    )  # fmt: skip


def _peering(verb: str, network: Network, peering: Peering, *options: str) -> str:
    return az(
        "network", "vnet", "peering", verb, *place(network.id), "--vnet-name", network.name,
        "--name", peering.name, *options,
    )  # fmt: skip


def _switches(host: Host) -> list[tuple[str, bool | None]]:
    return [
        ("--enable-tunneling", host.tunneling),
        ("--enable-shareable-link", host.shareable_links),
        ("--enable-ip-connect", host.ip_connect),
        ("--enable-file-copy", host.file_copy),
        ("--enable-kerberos", host.kerberos),
        ("--enable-session-recording", host.session_recording),
    ]
