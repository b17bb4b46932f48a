"""What exists in the estate: ARM resources by id, and the parts that live inside of them.

An estate is ``{"subscriptions": {id: name}, "resources": [ARM resource]}``. Names that start with
an underscore are the simulator's own and never leave through ARM.
"""

from copy import deepcopy
from typing import Any

from portal.azure.simulator.resource_ids import name_of, owner_of, part, same

Resource = dict[str, Any]
Estate = dict[str, Any]

KINDS = {
    "vm": "Microsoft.Compute/virtualMachines",
    "nic": "Microsoft.Network/networkInterfaces",
    "vnet": "Microsoft.Network/virtualNetworks",
    "public_ip": "Microsoft.Network/publicIPAddresses",
    "nsg": "Microsoft.Network/networkSecurityGroups",
    "bastion": "Microsoft.Network/bastionHosts",
    "jit": "Microsoft.Security/locations/jitNetworkAccessPolicies",
}
NESTED = {
    "subnets": "subnets",
    "virtualnetworkpeerings": "virtualNetworkPeerings",
    "securityrules": "securityRules",
}


class Catalogue:
    """Raises ``ValueError`` for what is no estate."""

    def __init__(self, estate: Estate) -> None:
        subscriptions, resources = _checked(estate)
        self.subscriptions = {str(key): str(name) for key, name in subscriptions.items()}
        # Copies: whoever gave the estate may give it once more, as it was.
        self.resources: dict[str, Resource] = {
            each["id"].lower(): deepcopy(each) for each in resources
        }

    def as_estate(self) -> Estate:
        return {"subscriptions": self.subscriptions, "resources": list(self.resources.values())}

    def find(self, resource_id: str) -> Resource | None:
        """A resource, or a part of one: a subnet, a peering, a rule."""
        found = self.resources.get(resource_id.lower())
        return found if found is not None else self._nested(resource_id)

    def of_kind(self, kind: str, scope: str = "") -> list[Resource]:
        """``scope``: the id of a subscription or resource group. In the order of ids."""
        prefix = f"{scope.lower()}/" if scope else ""
        wanted = KINDS[kind]
        found = [key for key, each in self.resources.items() if each["type"] == wanted]
        return [self.resources[key] for key in sorted(found) if key.startswith(prefix)]

    def add(self, made: Resource) -> None:
        self.resources[made["id"].lower()] = made

    def remove(self, resource_id: str) -> None:
        del self.resources[resource_id.lower()]

    def has_subscription(self, subscription: str) -> bool:
        return any(same(subscription, each) for each in self.subscriptions)

    def has_group(self, subscription: str, group: str) -> bool:
        prefix = f"/subscriptions/{subscription}/resourcegroups/{group}/".lower()
        return any(key.startswith(prefix) for key in self.resources)

    def nic_of(self, vm_id: str) -> Resource | None:
        vm = self.find(vm_id)
        if vm is None:
            return None
        return self.find(vm["properties"]["networkProfile"]["networkInterfaces"][0]["id"])

    def _nested(self, resource_id: str) -> Resource | None:
        words = resource_id.rsplit("/", 2)
        field = NESTED.get(words[1].lower()) if len(words) > 2 else None  # noqa: PLR2004
        owner = self.resources.get(owner_of(resource_id).lower())
        if field is None or owner is None:
            return None
        rows: list[Resource] = owner["properties"].get(field, [])
        return next((row for row in rows if same(row["name"], words[2])), None)


def address_of(nic: Resource) -> str:
    return str(_configuration(nic)["privateIPAddress"])


def subnet_id_of(nic: Resource) -> str:
    return str(_configuration(nic)["subnet"]["id"])


def home_subnet_id(host: Resource) -> str:
    """The AzureBastionSubnet that a host lives in."""
    return str(_configuration(host)["subnet"]["id"])


def policy_machines(policy: Resource) -> list[Resource]:
    rows: list[Resource] = policy["properties"]["virtualMachines"]
    return rows


def visible(thing: Any) -> Any:
    """Without the simulator's own fields."""
    if isinstance(thing, dict):
        return {key: visible(each) for key, each in thing.items() if not key.startswith("_")}
    if isinstance(thing, list):
        return [visible(each) for each in thing]
    return thing


def place_of(resource: Resource) -> str:
    return str(resource.get("location") or part(resource["id"], "locations"))


def _configuration(resource: Resource) -> Resource:
    found: Resource = resource["properties"]["ipConfigurations"][0]["properties"]
    return found


def _checked(estate: Any) -> tuple[dict[str, str], list[Resource]]:
    known = isinstance(estate, dict) and estate.keys() >= {"subscriptions", "resources"}
    if not known or not isinstance(estate["subscriptions"], dict):
        raise ValueError("an estate has subscriptions and resources")
    resources = estate["resources"]
    if not isinstance(resources, list) or not all(_is_resource(each) for each in resources):
        raise ValueError("each resource has id, name, type and properties")
    return estate["subscriptions"], resources


def _is_resource(each: Any) -> bool:
    return (
        isinstance(each, dict)
        and all(isinstance(each.get(name), str) for name in ("id", "name", "type"))
        and isinstance(each.get("properties"), dict)
        and name_of(each["id"]) == each["name"]
    )
