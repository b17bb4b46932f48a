"""What owners change: security groups, interfaces, networks with their parts and Bastion hosts are
put as a whole, hosts are deleted, machines started. No more of it than mending an estate needs.

As ARM has it, what is put replaces what was there, the answer carries the resource at once, and
``provisioningState`` says when Azure has finished.
"""

import uuid
from ipaddress import ip_network
from typing import Any

from portal.azure.simulator import operations
from portal.azure.simulator.answers import NOTHING, Answer, Refused, malformed
from portal.azure.simulator.calls import Call, found, objects, texts
from portal.azure.simulator.catalogue import KINDS, Catalogue, Resource, home_subnet_id
from portal.azure.simulator.resource_ids import name_of, owner_of, same
from portal.azure.simulator.world import World

BASTION_SUBNET, SMALLEST = "azurebastionsubnet", 26
SENT = ("location", "tags", "sku", "zones")  # beside the properties
PARTS = {
    "nsg": ("securityRules",),
    "nic": (),
    "vnet": ("subnets", "virtualNetworkPeerings"),
    "bastion": (),
}


def put(world: World, call: Call) -> Answer:
    """A security group, an interface, a network or a host."""
    kind, known = call.word.removesuffix(".put"), world.catalogue.find(call.resource_id)
    properties = _properties(call)
    made = {
        **{name: value for name, value in (known or {}).items() if name.startswith("_")},
        "id": known["id"] if known else call.resource_id,
        "name": name_of(call.resource_id),
        "type": KINDS[kind],
        **{name: call.body[name] for name in SENT if call.body.get(name) is not None},
    }
    if not isinstance(made.get("location"), str):
        raise Refused(400, "LocationRequired", "The location is missing.")
    _check(kind, world.catalogue, made["id"], properties, known)
    made["properties"] = _whole(kind, made["id"], properties, known)
    world.catalogue.add(made)
    return _begun(world, call, made, at=made, is_new=known is None)


def put_subnet(world: World, call: Call) -> Answer:
    network, name = found(world, owner_of(call.resource_id)), name_of(call.resource_id)
    properties = _properties(call)
    known = world.catalogue.find(call.resource_id)
    _check_subnet(world.catalogue, network, known, name, properties)
    made = _part(network, "subnets", name, properties)
    return _begun(world, call, made, at=network, is_new=known is None)


def put_peering(world: World, call: Call) -> Answer:
    """Connected as soon as there are two sides; until then the one that is there has begun it."""
    network, name = found(world, owner_of(call.resource_id)), name_of(call.resource_id)
    properties = _properties(call)
    remote = found(world, _reference(properties, "remoteVirtualNetwork"))
    back = [each for each in _peerings(remote) if _leads_to(each, network["id"])]
    for each in back:
        each["properties"]["peeringState"] = "Connected"
    state = "Connected" if back else "Initiated"
    known = world.catalogue.find(call.resource_id)
    made = _part(network, "virtualNetworkPeerings", name, properties | {"peeringState": state})
    return _begun(world, call, made, at=network, is_new=known is None)


def delete(world: World, call: Call) -> Answer:
    """A Bastion host, with its links and sessions."""
    host = world.catalogue.find(call.resource_id)
    if host is None:
        return Answer(NOTHING, 204)
    accepted = operations.begin(world, call, host, pace="host_change", data={"id": host["id"]})
    return Answer(NOTHING, accepted.status, accepted.headers)


def start(world: World, call: Call) -> Answer:
    machine = found(world, call.resource_id)
    accepted = operations.begin(world, call, machine, pace="start", data={"id": machine["id"]})
    return Answer(NOTHING, accepted.status, accepted.headers)


def settled(world: World, _at: str, data: Resource) -> None:
    """Azure has finished what was put."""
    changed = world.catalogue.find(data["id"])
    if changed is not None:
        changed["properties"]["provisioningState"] = "Succeeded"


def deleted(world: World, at: str, data: Resource) -> None:
    if world.catalogue.find(data["id"]) is None:
        return
    world.catalogue.remove(data["id"])
    world.links.forget_host(data["id"])
    world.sessions = [each for each in world.sessions if not same(each["bastion"], data["id"])]
    world.effect(at, "bastion.deleted", data["id"], because=data["because"])


def started(world: World, at: str, data: Resource) -> None:
    machine = world.catalogue.find(data["id"])
    if machine is not None:
        machine["_power"] = "running"
        world.effect(at, "vm.started", data["id"], because=data["because"])


def _properties(call: Call) -> Resource:
    properties = call.body.get("properties", {})
    if not isinstance(properties, dict):
        raise malformed("The properties of a resource are an object.")
    return properties


def _begun(world: World, call: Call, made: Resource, *, at: Resource, is_new: bool) -> Answer:
    made["properties"]["provisioningState"] = "Updating"
    pace = "host_change" if call.word.startswith("bastion.") else "change"
    accepted = operations.begin(world, call, at, pace=pace, data={"id": made["id"]})
    headers = {name: value for name, value in accepted.headers.items() if name != "Location"}
    return Answer(made, 201 if is_new else 200, headers)


def _whole(kind: str, key: str, properties: Resource, known: Resource | None) -> Resource:
    """With the parts by their own ids, and what only Azure sets."""
    whole = {name: value for name, value in properties.items() if name != "defaultSecurityRules"}
    for field in PARTS[kind]:
        rows = objects(properties, field)
        whole[field] = [_row(key, KINDS[kind], field, row.get("name"), row) for row in rows]
    if kind == "bastion":
        own = known["properties"].get("dnsName") if known else None
        whole["dnsName"] = own or f"bst-{uuid.uuid4()}.bastion.azure.com"
    return whole


def _part(owner: Resource, field: str, name: str, properties: Resource) -> Resource:
    """Put in place of an earlier one of that name."""
    rows: list[Resource] = owner["properties"].setdefault(field, [])
    made = _row(owner["id"], owner["type"], field, name, {"properties": properties})
    rows[:] = [row for row in rows if not same(row["name"], name)]
    rows.append(made)
    return made


def _row(key: str, kind: str, field: str, name: Any, row: Resource) -> Resource:
    properties = {"provisioningState": "Succeeded", **(row.get("properties") or {})}
    told = {"id": f"{key}/{field}/{name}", "name": str(name), "properties": properties}
    return told | ({"type": f"{kind}/{field}"} if field == "securityRules" else {})


def _check(
    kind: str, catalogue: Catalogue, key: str, properties: Resource, known: Resource | None
) -> None:
    if kind in {"nic", "bastion"}:
        if not (configurations := objects(properties, "ipConfigurations")):
            raise malformed("It has an IP configuration.")
        for each in configurations:
            subnet = _reference(each.get("properties"), "subnet")
            if catalogue.find(subnet) is None:
                raise Refused(400, "InvalidResourceReference", f"There is no subnet {subnet}.")
            if kind == "bastion" and known is None:
                _check_room(catalogue.find(subnet) or {})
    if kind == "vnet":
        if not texts(properties.get("addressSpace", {}), "addressPrefixes"):
            raise malformed("A network has an address space.")
        _check_kept(catalogue, key, objects(properties, "subnets"))


def _check_room(subnet: Resource) -> None:
    """Only of a host that is made: those that are there stay."""
    prefix = ip_network(subnet["properties"]["addressPrefix"])
    if subnet["name"].lower() != BASTION_SUBNET or prefix.prefixlen > SMALLEST:
        text = f"A Bastion needs a subnet {BASTION_SUBNET} of /{SMALLEST} or larger."
        raise Refused(400, "BastionSubnetNotAllowed", text)


def _check_kept(catalogue: Catalogue, key: str, subnets: list[Resource]) -> None:
    kept = {str(each.get("name")).lower() for each in subnets}
    for host in catalogue.of_kind("bastion"):
        home = home_subnet_id(host)
        if same(owner_of(home), key) and name_of(home).lower() not in kept:
            raise Refused(400, "InUseSubnetCannotBeDeleted", f"{name_of(home)} is in use.")


def _check_subnet(
    catalogue: Catalogue, network: Resource, known: Resource | None, name: str, wanted: Resource
) -> None:
    try:
        prefix = ip_network(str(wanted.get("addressPrefix")))
    except ValueError as error:
        raise malformed("A subnet has an address prefix.") from error
    ranges = network["properties"]["addressSpace"]["addressPrefixes"]
    if not any(_within(prefix, each) for each in ranges):
        text = f"Subnet '{name}' is not valid in virtual network '{network['name']}'."
        raise Refused(400, "NetcfgInvalidSubnet", text)
    changed = known is not None and known["properties"]["addressPrefix"] != str(prefix)
    homes = [home_subnet_id(host) for host in catalogue.of_kind("bastion")]
    if changed and any(same(home, f"{network['id']}/subnets/{name}") for home in homes):
        raise Refused(400, "InUseSubnetCannotBeUpdated", f"Subnet {name} is in use.")


def _within(prefix: Any, outer: str) -> bool:
    room = ip_network(outer)
    return bool(prefix.version == room.version and prefix.subnet_of(room))


def _reference(holder: Any, name: str) -> str:
    """The id that is named there; empty for whatever is none."""
    inner = holder.get(name) if isinstance(holder, dict) else None
    return str(inner.get("id") or "") if isinstance(inner, dict) else ""


def _peerings(network: Resource) -> list[Resource]:
    rows: list[Resource] = network["properties"].get("virtualNetworkPeerings", [])
    return rows


def _leads_to(peering: Resource, network_id: str) -> bool:
    return same(peering["properties"]["remoteVirtualNetwork"]["id"], network_id)
