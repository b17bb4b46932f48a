"""Live sessions of Bastion hosts: listed, disconnected, and begun by somebody in a story."""

import uuid
from typing import Any

from portal.azure.simulator import links, network, operations
from portal.azure.simulator.answers import Answer, Refused
from portal.azure.simulator.calls import Call, found, texts
from portal.azure.simulator.catalogue import Resource, address_of
from portal.azure.simulator.clock import seconds_between
from portal.azure.simulator.resource_ids import name_of, part, same
from portal.azure.simulator.world import World

PORTS = {"SSH": 22, "RDP": 3389}
OURS = frozenset({"bastion", "via", "stuck"})  # not told by Azure
MESSAGES = {
    "Disconnected": "The session was ended.",
    "Failed": "The session could not be ended.",
    "NotFound": "There is no such session.",
}


def listing(world: World, call: Call) -> Answer:
    host = found(world, call.resource_id)
    return operations.begin(world, call, host, pace="sessions", data={"host": host["id"]})


def listed(world: World, at: str, data: Resource) -> Resource:
    rows = [each for each in world.sessions if same(each["bastion"], data["host"])]
    return {"value": [_row(each, at) for each in rows]}


def disconnect(world: World, call: Call) -> Answer:
    host = found(world, call.resource_id)
    wanted = texts(call.body, "sessionIds")
    return Answer({"value": [_disconnect(world, call, host, each) for each in wanted]})


def connect(world: World, order: Resource) -> Resource:
    """Somebody tries to. Raises ``Refused`` where no door is open."""
    host, address = found(world, order["bastion"]), str(order.get("address", ""))
    protocol = str(order.get("protocol", "SSH")).upper()
    if protocol not in PORTS:
        raise Refused(400, "InvalidProtocol", f"{protocol} is neither SSH nor RDP.")
    if address:
        _check_way_out(world, host, address, protocol)
        session = _session_at(world, host, address, protocol, order)
    else:
        found(world, order["vm"])
        if not order.get("force"):
            _check_door(world, host, order["vm"], protocol, str(order.get("via", "")))
        session = _session(world, host, order["vm"], protocol, order)
    world.sessions.append(session)
    return session


def find(world: World, session_id: str) -> Resource | None:
    return next((each for each in world.sessions if each["sessionId"] == session_id), None)


def note(world: World, what: str, session: Resource) -> None:
    """Of what people do, as the record tells it."""
    body = {"sessionId": session["sessionId"], "userName": session["userName"]}
    world.record.by_hand(world.now(), what, session["targetResourceId"], body)
    world.changed = True


def _session(world: World, host: Resource, vm_id: str, protocol: str, order: Resource) -> Resource:
    nic = world.catalogue.nic_of(vm_id)
    return {
        "bastion": host["id"],
        "via": order.get("via", ""),
        "stuck": bool(order.get("stuck")),
        "sessionId": str(uuid.uuid4()),
        "startTime": world.now(),
        "targetSubscriptionId": part(vm_id, "subscriptions"),
        "resourceType": "VM",
        "targetHostName": name_of(vm_id),
        "targetResourceGroup": part(vm_id, "resourceGroups"),
        "userName": str(order.get("userName", "azureuser")),
        "targetIpAddress": address_of(nic) if nic else "",
        "protocol": protocol,
        "targetResourceId": vm_id,
    }


def _session_at(
    world: World, host: Resource, address: str, protocol: str, order: Resource
) -> Resource:
    """By address: there is no resource to name. What Azure says in its place was not seen."""
    return {
        "bastion": host["id"],
        "via": "address",
        "stuck": bool(order.get("stuck")),
        "sessionId": str(uuid.uuid4()),
        "startTime": world.now(),
        "targetSubscriptionId": "",
        "resourceType": "",
        "targetHostName": address,
        "targetResourceGroup": "",
        "userName": str(order.get("userName", "azureuser")),
        "targetIpAddress": address,
        "protocol": protocol,
        "targetResourceId": "",
    }


def _row(session: Resource, at: str) -> Resource:
    minutes = seconds_between(session["startTime"], at) / 60
    told = {key: value for key, value in session.items() if key not in OURS}
    return {**told, "sessionDurationInMins": max(0.0, round(minutes, 1))}


def _disconnect(world: World, call: Call, host: Resource, session_id: str) -> dict[str, Any]:
    session = find(world, session_id)
    if session is None or not same(session["bastion"], host["id"]):
        state = "NotFound"
    elif session["stuck"]:
        state = "Failed"
    else:
        state = "Disconnected"
        world.sessions.remove(session)
        target, body = session["targetResourceId"], {"sessionId": session_id}
        world.effect(world.now(), "session.disconnected", target, because=call.because, body=body)
    return {"sessionId": session_id, "message": MESSAGES[state], "state": state}


def _check_way_out(world: World, host: Resource, address: str, protocol: str) -> None:
    if not host["properties"].get("enableIpConnect"):
        raise Refused(409, "IpConnectDisabled", "The host does not connect to addresses.")
    if not network.lets_out(world.catalogue, host, address, PORTS[protocol]):
        raise Refused(409, "DoorClosed", "The host's own security group does not let it there.")


def _check_door(world: World, host: Resource, vm_id: str, protocol: str, via: str) -> None:
    if world.catalogue.resources[vm_id.lower()].get("_power", "running") != "running":
        raise Refused(409, "MachineNotRunning", "The machine does not run.")
    if not network.reaches(world.catalogue, host, vm_id):
        raise Refused(409, "MachineOutOfReach", "The host does not reach the machine's network.")
    port = via != "link" and network.admits(world.catalogue, host, vm_id, PORTS[protocol])
    link = via != "account" and links.find(world, host["id"], vm_id) is not None
    if not (port or link):
        raise Refused(409, "DoorClosed", "Neither the port is open nor is there a link.")
