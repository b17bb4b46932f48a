"""Small builders of ARM resources, from which estates are put together."""

import uuid
from typing import Any

from portal.azure.simulator.catalogue import KINDS, Catalogue, Estate, Resource
from portal.azure.simulator.jit_rules import guard_all
from portal.azure.simulator.rules import add
from portal.azure.simulator.world import CHOICES

VIRTUAL_NETWORK = "VirtualNetwork"
BASTION_SUBNET = "AzureBastionSubnet"
# Name, priority, source, destination, ports.
BASTION_RULES = [
    ("AllowHttpsInbound", 120, "Internet", "*", ["443"]),
    ("AllowGatewayManagerInbound", 130, "GatewayManager", "*", ["443"]),
    ("AllowAzureLoadBalancerInbound", 140, "AzureLoadBalancer", "*", ["443"]),
    ("AllowBastionCommunicationInbound", 150, VIRTUAL_NETWORK, VIRTUAL_NETWORK, ["8080", "5701"]),
    ("AllowSshRdpOutbound", 300, "*", VIRTUAL_NETWORK, ["22", "3389"]),
    ("AllowAzureCloudOutbound", 310, "*", "AzureCloud", ["443"]),
    ("AllowBastionCommunicationOutbound", 320, VIRTUAL_NETWORK, VIRTUAL_NETWORK, ["8080", "5701"]),
    ("AllowHttpOutbound", 330, "*", "Internet", ["80"]),
]


def stable_id(text: str) -> str:
    """The same text gives the same id, on every machine."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"bastion-access:{text}"))


def group(subscription: str, name: str) -> str:
    return f"/subscriptions/{subscription}/resourceGroups/{name}"


def resource(where: str, kind: str, name: str, location: str, **properties: Any) -> Resource:
    """``where``: the id of a resource group. ``kind``: a word of ``KINDS``."""
    return {
        "id": f"{where}/providers/{KINDS[kind]}/{name}",
        "name": name,
        "type": KINDS[kind],
        "location": location,
        "properties": {"provisioningState": "Succeeded", **properties},
    }


def vnet(where: str, name: str, location: str, subnets: dict[str, str]) -> Resource:
    """``subnets``: prefix by name."""
    made = resource(where, "vnet", name, location)
    made["properties"] |= {
        "addressSpace": {"addressPrefixes": list(subnets.values())},
        "subnets": [
            {
                "id": f"{made['id']}/subnets/{key}",
                "name": key,
                "properties": {"addressPrefix": prefix, "provisioningState": "Succeeded"},
            }
            for key, prefix in subnets.items()
        ],
        "virtualNetworkPeerings": [],
    }
    return made


def subnet_of(network: Resource, name: str) -> Resource:
    rows: list[Resource] = network["properties"]["subnets"]
    return next(row for row in rows if row["name"] == name)


def peer(
    one: Resource, other: Resource, *, forwarded: bool = True, state: str = "Connected"
) -> None:
    """One side only; call it twice for a peering that works."""
    name = f"to-{other['name']}"
    one["properties"]["virtualNetworkPeerings"].append(
        {
            "id": f"{one['id']}/virtualNetworkPeerings/{name}",
            "name": name,
            "properties": {
                "allowVirtualNetworkAccess": True,
                "allowForwardedTraffic": forwarded,
                "peeringState": state,
                "provisioningState": "Succeeded",
                "remoteVirtualNetwork": {"id": other["id"]},
            },
        }
    )


def nsg(where: str, name: str, location: str) -> Resource:
    return resource(where, "nsg", name, location, securityRules=[])


def bastion_nsg(where: str, name: str, location: str) -> Resource:
    """With the eight rules that Microsoft asks for where a group guards a Bastion's subnet."""
    made = nsg(where, name, location)
    for rule, priority, source, to, ports in BASTION_RULES:
        add(
            made,
            rule,
            access="Allow",
            direction="Outbound" if rule.endswith("Outbound") else "Inbound",
            priority=priority,
            protocol="Tcp" if ports == ["443"] else "*",
            sourceAddressPrefix=source,
            destinationAddressPrefix=to,
            destinationPortRanges=ports,
        )
    return made


def guarded_by(holder: Resource, security_group: Resource) -> None:
    """``holder``: an interface or a subnet."""
    holder["properties"]["networkSecurityGroup"] = {"id": security_group["id"]}


def public_ip(where: str, name: str, location: str, address: str) -> Resource:
    made = resource(where, "public_ip", name, location)
    made["sku"] = {"name": "Standard"}
    made["properties"] |= {"publicIPAllocationMethod": "Static", "ipAddress": address}
    return made


def bastion(
    where: str, name: str, hub: Resource, address: Resource, *, sku: str, links: bool
) -> Resource:
    made = resource(where, "bastion", name, hub["location"])
    able = sku in {"Standard", "Premium"}
    made["sku"] = {"name": sku}
    made["properties"] |= {
        "dnsName": f"bst-{stable_id(made['id'])}.bastion.azure.com",
        "scaleUnits": 4 if able else 2,
        "enableTunneling": able,
        "enableShareableLink": links,
        "enableIpConnect": able,
        "enableFileCopy": able,
        "enableSessionRecording": sku == "Premium",
        "ipConfigurations": [
            _configuration(
                f"{made['id']}/bastionHostIpConfigurations/ipconf",
                subnet={"id": subnet_of(hub, BASTION_SUBNET)["id"]},
                publicIPAddress={"id": address["id"]},
                provisioningState="Succeeded",
            )
        ],
    }
    return made


def machine(
    where: str, name: str, subnet: Resource, address: str, *, os: str, tags: dict[str, str]
) -> tuple[Resource, Resource]:
    """(the machine, its interface), without a location: see ``placed``."""
    nic, vm = resource(where, "nic", f"nic-{name}", ""), resource(where, "vm", name, "")
    nic["properties"] |= {
        "virtualMachine": {"id": vm["id"]},
        "primary": True,
        "ipConfigurations": [
            _configuration(
                f"{nic['id']}/ipConfigurations/ipconfig1",
                subnet={"id": subnet["id"]},
                privateIPAddress=address,
                primary=True,
            )
        ],
    }
    vm["tags"] = tags
    vm["properties"] |= {
        "vmId": stable_id(vm["id"]),
        "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
        "storageProfile": {"osDisk": {"osType": os, "createOption": "FromImage"}},
        "networkProfile": {
            "networkInterfaces": [{"id": nic["id"], "properties": {"primary": True}}]
        },
    }
    return vm, nic


def _configuration(key: str, **properties: Any) -> Resource:
    more = {"privateIPAllocationMethod": "Dynamic", **properties}
    return {"id": key, "name": key.rsplit("/", 1)[1], "properties": more}


def placed(location: str, made: list[Resource]) -> list[Resource]:
    for each in made:
        each["location"] = location
    return made


def jit_policy(where: str, location: str, machines: list[Resource]) -> Resource:
    """``machines``: as a policy lists them, see ``guarded``."""
    return {
        "kind": "Basic",
        "id": f"{where}/providers/Microsoft.Security/locations/{location}"
        "/jitNetworkAccessPolicies/default",
        "name": "default",
        "type": KINDS["jit"],
        "location": location,
        "properties": {
            "virtualMachines": machines,
            "provisioningState": "Succeeded",
            "appendMode": False,
        },
    }


def guarded(vm: Resource, source: str, longest: str = "PT3H") -> Resource:
    """A machine as a JIT policy lists it: port 22, or 3389 on Windows."""
    windows = vm["properties"]["storageProfile"]["osDisk"]["osType"] == "Windows"
    return {
        "id": vm["id"],
        "ports": [
            {
                "number": 3389 if windows else 22,
                "protocol": "TCP",
                "allowedSourceAddressPrefix": source,
                "maxRequestAccessDuration": longest,
            }
        ],
    }


def estate_of(subscriptions: dict[str, str], made: list[Resource]) -> Estate:
    """With the deny rules that the policies write."""
    catalogue = Catalogue({"subscriptions": subscriptions, "resources": made})
    guard_all(catalogue, CHOICES["rule_generation"][0])
    return catalogue.as_estate()
