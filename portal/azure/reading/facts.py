"""Resource Graph's rows as the few facts that the portal keeps. Pure; tolerant of what is absent.

The shapes of ``facts`` are those that ``portal.azure.checks.facts`` reads.
"""

from collections.abc import Iterator
from typing import Any

from portal.azure.reading.graph import Row

BASTION_SUBNET = "azurebastionsubnet"


def base(row: Row) -> Row:
    """What every kept resource has. Azure writes regions and groups in more than one case."""
    return {
        "resource_id": row["id"],
        "name": row["name"],
        "subscription_id": row["subscriptionId"],
        "resource_group": row["id"].split("/")[4],  # its own column is lower-cased
        "region": (row.get("location") or "").lower(),
    }


def network(row: Row) -> Row:
    properties = row.get("properties") or {}
    facts = {
        "prefixes": (properties.get("addressSpace") or {}).get("addressPrefixes") or [],
        "subnets": [_subnet(subnet) for subnet in properties.get("subnets") or []],
        "peerings": [_peering(one) for one in properties.get("virtualNetworkPeerings") or []],
    }
    return {**base(row), "kind": "network", "facts": facts}


def nsg(row: Row) -> Row:
    return {**base(row), "kind": "nsg", "facts": guard(row)}


def guard(row: Row) -> Row:
    """Of a security group, whether Resource Graph or the group itself was asked."""
    properties = row.get("properties") or {}
    rules = [
        *(properties.get("securityRules") or []),
        *(properties.get("defaultSecurityRules") or []),
    ]
    return {"rules": [_rule(rule) for rule in rules]}


def public_ip(row: Row) -> Row:
    properties = row.get("properties") or {}
    facts = {
        "sku": (row.get("sku") or {}).get("name") or "Basic",
        "method": properties.get("publicIPAllocationMethod") or "",
        "address": properties.get("ipAddress") or "",
        "attached": _id(properties.get("ipConfiguration")),
    }
    return {**base(row), "kind": "public-ip", "facts": facts}


def interface(row: Row) -> Row:
    properties = row.get("properties") or {}
    first = _primary(properties.get("ipConfigurations") or [])
    facts = {
        "subnet": _id(first.get("subnet")),
        "address": first.get("privateIPAddress") or "",
        "nsg": _id(properties.get("networkSecurityGroup")),
        "public_ip": _id(first.get("publicIPAddress")),
        "vm": _id(properties.get("virtualMachine")),
    }
    return {**base(row), "kind": "interface", "facts": facts}


def host(row: Row) -> Row:
    """Without the prefix of its subnet, which is its network's to say."""
    properties = row.get("properties") or {}
    sku = (row.get("sku") or {}).get("name") or "Basic"
    configurations = properties.get("ipConfigurations") or []
    first = (configurations[0].get("properties") or {}) if configurations else {}
    facts = {
        "sku": sku,
        "provisioning_state": properties.get("provisioningState") or "",
        "scale_units": properties.get("scaleUnits") or 2,
        "zones": row.get("zones") or [],
        "tunneling": bool(properties.get("enableTunneling")),
        "shareable_links": bool(properties.get("enableShareableLink")),
        "ip_connect": bool(properties.get("enableIpConnect")),
        "file_copy": bool(properties.get("enableFileCopy")),
        "kerberos": bool(properties.get("enableKerberos")),
        "session_recording": bool(properties.get("enableSessionRecording")),
        "private_only": bool(properties.get("enablePrivateOnlyBastion")),
        "dns_name": properties.get("dnsName") or "",
        "subnet": _id(first.get("subnet")),
        "public_ip": _id(first.get("publicIPAddress")),
    }
    columns = ("sku", "scale_units", "tunneling", "shareable_links", "ip_connect")
    return {**base(row), **{name: facts[name] for name in columns}, "facts": facts}


def machine(row: Row) -> Row:
    """Without what its interface says. See ``portal.azure.reading.machines``."""
    properties = row.get("properties") or {}
    tags = {str(key): str(value) for key, value in (row.get("tags") or {}).items()}
    lowered = {key.lower(): value for key, value in tags.items()}
    disk = (properties.get("storageProfile") or {}).get("osDisk") or {}
    return {
        **base(row),
        "vm_id": properties.get("vmId") or "",
        "os": "windows" if str(disk.get("osType")).lower() == "windows" else "linux",
        "tags": tags,
        "environment": lowered.get("environment", "")[:64],
        "owner": lowered.get("owner", "")[:64],
        "facts": {"power": _power(properties), "interface": primary_interface(row)},
    }


def primary_interface(row: Row) -> str:
    """The id of the interface that Bastion connects to; empty when there is none."""
    profile = (row.get("properties") or {}).get("networkProfile") or {}
    listed = profile.get("networkInterfaces") or []
    ranked = sorted(listed, key=lambda one: not (one.get("properties") or {}).get("primary"))
    return str(ranked[0]["id"]) if ranked else ""


def _power(properties: Row) -> str:
    """``running``, ``stopped``, ``deallocated`` …; empty when Azure does not say."""
    extended = (properties.get("extended") or {}).get("instanceView") or {}
    code = (extended.get("powerState") or {}).get("code") or ""
    return str(code).rsplit("/", 1)[-1].lower()


def _primary(configurations: list[Row]) -> Row:
    ranked = [one.get("properties") or {} for one in configurations]
    ranked.sort(key=lambda one: not one.get("primary"))
    return ranked[0] if ranked else {}


def _subnet(subnet: Row) -> Row:
    properties = subnet.get("properties") or {}
    prefixes = properties.get("addressPrefixes") or []
    return {
        "id": subnet.get("id") or "",
        "name": subnet.get("name") or "",
        "prefix": properties.get("addressPrefix") or next(iter(prefixes), ""),
        "nsg": _id(properties.get("networkSecurityGroup")),
        "members": sum(1 for one in _ids(properties.get("ipConfigurations")) if _foreign(one)),
    }


def _foreign(configuration_id: str) -> bool:
    return "/bastionhosts/" not in configuration_id.lower()


def _peering(peering: Row) -> Row:
    properties = peering.get("properties") or {}
    return {
        "name": peering.get("name") or "",
        "remote": _id(properties.get("remoteVirtualNetwork")),
        "state": properties.get("peeringState") or "",
        "forwarded": bool(properties.get("allowForwardedTraffic")),
        "access": properties.get("allowVirtualNetworkAccess", True) is not False,
    }


def _rule(rule: Row) -> Row:
    properties = rule.get("properties") or {}
    return {
        "name": rule.get("name") or "",
        "priority": properties.get("priority") or 0,
        "direction": properties.get("direction") or "",
        "access": properties.get("access") or "",
        "protocol": properties.get("protocol") or "*",
        "sources": _either(properties, "sourceAddressPrefix", "sourceAddressPrefixes"),
        "source_ports": _either(properties, "sourcePortRange", "sourcePortRanges"),
        "destinations": _either(
            properties, "destinationAddressPrefix", "destinationAddressPrefixes"
        ),
        "ports": _either(properties, "destinationPortRange", "destinationPortRanges"),
    }


def _either(properties: Row, one: str, many: str) -> list[str]:
    return [str(value) for value in properties.get(many) or [properties.get(one) or ""] if value]


def _id(reference: Any) -> str:
    return str(reference.get("id") or "") if isinstance(reference, dict) else ""


def _ids(references: Any) -> Iterator[str]:
    for reference in references or []:
        yield _id(reference)
