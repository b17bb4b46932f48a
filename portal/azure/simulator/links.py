"""Shareable links of Bastion hosts: no end, no owner, no status; one for a machine and host."""

import uuid
from datetime import timedelta
from typing import Any

from portal.azure.simulator import network, operations
from portal.azure.simulator.answers import Answer, Refused
from portal.azure.simulator.calls import Call, found, id_in, objects, texts
from portal.azure.simulator.catalogue import Resource
from portal.azure.simulator.clock import parse, stamp
from portal.azure.simulator.resource_ids import name_of, same
from portal.azure.simulator.world import World

LINKS_OF_A_HOST, UNDER_WAY = 500, 50
# Azure tells one creation time with the operation and another, later one in its list.
DRIFT = timedelta(seconds=2.437)
UNREACHABLE = "The virtual machine is not within reach of this Bastion host."
ALREADY = "The virtual machine has a shareable link already."


def create(world: World, call: Call) -> Answer:
    host, vms = found(world, call.resource_id), _vms(call)
    _check_host(host)
    _check_under_way(world, host, len(vms))
    _check_count(world, host, vms)
    data = {"host": host["id"], "vms": vms, "principal": call.principal}
    return operations.begin(world, call, host, pace="link_create", data=data)


def created(world: World, at: str, data: Resource) -> Resource:
    """Decided now, not at the call: meanwhile another may have made or deleted one."""
    host = world.catalogue.find(data["host"])
    rows = [_made(world, at, host, vm, data) for vm in data["vms"]] if host else []
    return {"value": rows}


def listing(world: World, call: Call) -> Answer:
    host, lag = found(world, call.resource_id), world.pace["link_listed"]
    wanted, shown = {vm.lower() for vm in _vms(call)}, of_host(world, host["id"])
    if lag:
        shown = world.links.listed(host["id"], world.now(), world.clock.after(-lag))
    rows = [
        {"vm": {"id": link["vm"]}, "bsl": link["bsl"], "createdAt": link["listed_created_at"]}
        for link in shown
        if not wanted or link["vm"].lower() in wanted
    ]
    return Answer({"value": rows})


def delete(world: World, call: Call) -> Answer:
    return _delete(world, call, _vms(call))


def delete_by_token(world: World, call: Call) -> Answer:
    tokens = set(texts(call.body, "tokens"))
    links = of_host(world, call.resource_id)
    return _delete(world, call, [each["vm"] for each in links if name_of(each["bsl"]) in tokens])


def deleted(world: World, at: str, data: Resource) -> None:
    for vm in data["vms"]:
        link = find(world, data["host"], vm)
        if link is not None:
            _end(world, at, link, data["because"])


def of_host(world: World, host_id: str) -> list[Resource]:
    return world.links.of_host(host_id)


def find(world: World, host_id: str, vm_id: str) -> Resource | None:
    return world.links.find(host_id, vm_id)


def add(world: World, at: str, host: Resource, vm_id: str, *, principal: str) -> Resource:
    link = {
        "bastion": host["id"],
        "vm": vm_id,
        "bsl": f"https://{host['properties']['dnsName']}/api/shareable-url/{uuid.uuid4()}",
        "created_at": at,
        "listed_created_at": stamp(parse(at) + DRIFT),
        "principal": principal,
    }
    world.links.append(link)
    return link


def remove(world: World, at: str, link: Resource) -> None:
    until = stamp(parse(at) + timedelta(seconds=world.pace["link_listed"]))
    world.links.remove(link, at, listed_until=until)


def _made(world: World, at: str, host: Resource, vm: str, data: Resource) -> Resource:
    if not network.reaches(world.catalogue, host, vm):
        return {"vm": {"id": vm}, "message": UNREACHABLE}
    link, way = find(world, host["id"], vm), world.choices["second_link"]
    if link is not None and way == "message":
        return {"vm": {"id": vm}, "message": ALREADY}
    if link is not None and way == "new":
        _end(world, at, link, data["because"])
        link = None
    if link is None:
        link = add(world, at, host, vm, principal=data["principal"])
        body = {"bastion": host["id"], "principal": data["principal"]}
        world.effect(at, "link.created", vm, because=data["because"], body=body)
    return {"vm": {"id": vm}, "bsl": link["bsl"], "createdAt": link["created_at"]}


def _delete(world: World, call: Call, vms: list[str]) -> Answer:
    host = found(world, call.resource_id)
    _check_under_way(world, host, len(vms))
    data = {"host": host["id"], "vms": vms}
    return operations.begin(world, call, host, pace="link_delete", data=data)


def _end(world: World, at: str, link: Resource, because: int) -> None:
    remove(world, at, link)
    body = {"bastion": link["bastion"]}
    world.effect(at, "link.deleted", link["vm"], because=because, body=body)


def _vms(call: Call) -> list[str]:
    return [id_in(row.get("vm")) for row in objects(call.body, "vms")]


def _check_host(host: Resource) -> None:
    if host["sku"]["name"] not in {"Standard", "Premium"}:
        text = "Shareable links need a Bastion host of the SKU Standard or Premium."
        raise Refused(400, "BastionSkuDoesNotSupportShareableLink", text)
    if not host["properties"].get("enableShareableLink"):
        text = "Shareable links are switched off on this Bastion host."
        raise Refused(400, "BastionShareableLinkDisabled", text)


def _check_under_way(world: World, host: Resource, more: int) -> None:
    if sum(len(vms) for vms in _under_way(world, host, "link.")) + more > UNDER_WAY:
        text = f"At most {UNDER_WAY} shareable links are created or deleted at a time."
        raise Refused(429, "TooManyShareableLinkRequests", text, {"Retry-After": "10"})


def _check_count(world: World, host: Resource, vms: list[str]) -> None:
    held = {link["vm"].lower() for link in of_host(world, host["id"])}
    for waiting in _under_way(world, host, "link.create"):
        held |= {vm.lower() for vm in waiting}
    if len(held | {vm.lower() for vm in vms}) > LINKS_OF_A_HOST:
        text = f"A Bastion host holds at most {LINKS_OF_A_HOST} shareable links."
        raise Refused(400, "ShareableLinkLimitReached", text)


def _under_way(world: World, host: Resource, what: str) -> list[Any]:
    return [
        data["vms"]
        for _, _, kind, data in world.due
        if kind.startswith(what) and same(data["host"], host["id"])
    ]
