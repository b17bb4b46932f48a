"""Who can reach whom: peerings, and the security groups that guard a network interface."""

from collections.abc import Iterator
from ipaddress import ip_network

from portal.azure.simulator.catalogue import (
    Catalogue,
    Resource,
    address_of,
    home_subnet_id,
    subnet_id_of,
)
from portal.azure.simulator.resource_ids import owner_of, same

ANY = {"*", "0.0.0.0/0"}
# Name, direction, priority, access, source, destination.
DEFAULT_RULES = [
    ("AllowVnetInBound", "Inbound", 65000, "Allow", "VirtualNetwork", "VirtualNetwork"),
    ("AllowAzureLoadBalancerInBound", "Inbound", 65001, "Allow", "AzureLoadBalancer", "*"),
    ("DenyAllInBound", "Inbound", 65500, "Deny", "*", "*"),
    ("AllowVnetOutBound", "Outbound", 65000, "Allow", "VirtualNetwork", "VirtualNetwork"),
    ("AllowInternetOutBound", "Outbound", 65001, "Allow", "*", "Internet"),
    ("DenyAllOutBound", "Outbound", 65500, "Deny", "*", "*"),
]


def reaches(catalogue: Catalogue, host: Resource, vm_id: str) -> bool:
    """In the host's own network, or in one that is peered with it from both sides."""
    nic = catalogue.nic_of(vm_id)
    if nic is None:
        return False
    home, away = owner_of(home_subnet_id(host)), owner_of(subnet_id_of(nic))
    return same(home, away) or (_peers(catalogue, home, away) and _peers(catalogue, away, home))


def guard_of(catalogue: Catalogue, vm_id: str) -> tuple[Resource | None, str]:
    """(the security group where JIT writes its rules, the machine's private address).

    That of the interface goes before that of the subnet.
    """
    nic = catalogue.nic_of(vm_id)
    if nic is None:
        return None, ""
    return next(iter(_groups(catalogue, nic)), None), address_of(nic)


def admits(catalogue: Catalogue, host: Resource, vm_id: str, port: int) -> bool:
    """Whether the security groups let the host's subnet reach the port. No group: they do."""
    nic = catalogue.nic_of(vm_id)
    subnet = catalogue.find(home_subnet_id(host))
    if nic is None or subnet is None:
        return False
    source = subnet["properties"]["addressPrefix"]
    return all(_decides(group, source, address_of(nic), port) for group in _groups(catalogue, nic))


def lets_out(catalogue: Catalogue, host: Resource, address: str, port: int) -> bool:
    """Whether the security group of the host's own subnet lets it to an address. No group: it
    does."""
    subnet = catalogue.find(home_subnet_id(host))
    if subnet is None:
        return False
    source, reference = subnet["properties"]["addressPrefix"], _reference(subnet)
    group = catalogue.find(reference) if reference else None
    return group is None or _decides(group, source, address, port, direction="Outbound")


def default_rules(group: Resource) -> list[Resource]:
    """What every security group ends with, in both directions."""
    return [
        {
            "id": f"{group['id']}/defaultSecurityRules/{name}",
            "name": name,
            "type": f"{group['type']}/defaultSecurityRules",
            "properties": {
                "provisioningState": "Succeeded",
                "protocol": "*",
                "sourcePortRange": "*",
                "destinationPortRange": "*",
                "sourceAddressPrefix": source,
                "destinationAddressPrefix": destination,
                "access": access,
                "priority": priority,
                "direction": direction,
            },
        }
        for name, direction, priority, access, source, destination in DEFAULT_RULES
    ]


def _groups(catalogue: Catalogue, nic: Resource) -> Iterator[Resource]:
    subnet = catalogue.find(subnet_id_of(nic))
    for holder in (nic, subnet):
        reference = _reference(holder) if holder else ""
        group = catalogue.find(reference) if reference else None
        if group is not None:
            yield group


def _reference(holder: Resource) -> str:
    """The id of the security group of an interface or a subnet; empty where there is none."""
    return str((holder["properties"].get("networkSecurityGroup") or {}).get("id") or "")


def _peers(catalogue: Catalogue, one: str, other: str) -> bool:
    network = catalogue.find(one)
    peerings = network["properties"].get("virtualNetworkPeerings", []) if network else []
    return any(
        same(each["properties"]["remoteVirtualNetwork"]["id"], other)
        and each["properties"]["peeringState"] == "Connected"
        for each in peerings
    )


def _decides(
    group: Resource, source: str, address: str, port: int, *, direction: str = "Inbound"
) -> bool:
    """The first rule that fits, by priority."""
    rules = [*group["properties"]["securityRules"], *default_rules(group)]
    rules = [rule for rule in rules if rule["properties"]["direction"] == direction]
    for rule in sorted(rules, key=lambda rule: int(rule["properties"]["priority"])):
        if _fits(rule["properties"], source, address, port):
            return bool(rule["properties"]["access"] == "Allow")
    return False


def _fits(rule: Resource, source: str, address: str, port: int) -> bool:
    return (
        rule["protocol"].lower() in {"*", "tcp"}
        and any(_has_port(text, port) for text in _all(rule, "destinationPortRange"))
        and any(_has_network(text, source) for text in _all(rule, "sourceAddressPrefix"))
        and any(_has_network(text, address) for text in _all(rule, "destinationAddressPrefix"))
    )


def _all(rule: Resource, name: str) -> list[str]:
    """A rule says one or several of most things, under two names."""
    several = f"{name}es" if name.endswith("x") else f"{name}s"
    return [text for text in [rule.get(name), *rule.get(several, [])] if text]


def _has_port(text: str, port: int) -> bool:
    first, _, last = text.partition("-")
    return text == "*" or int(first) <= port <= int(last or first)


def _has_network(text: str, inner: str) -> bool:
    """Service tags other than the network's own hold nothing of ours."""
    if text in ANY or text == "VirtualNetwork":
        return True
    try:
        outer = ip_network(text, strict=False)
    except ValueError:
        return False
    wanted = ip_network(inner, strict=False)
    return wanted[0] in outer and wanted[-1] in outer
