"""JIT windows: asked for, opened, ended; and the history that a policy tells of them.

A window is one port of one machine. Its allow rule and the history are two things: whoever
deletes the rule leaves the history as it is.
"""

import uuid
from typing import Any

from portal.azure.simulator import jit_rules, network, policy_checks, rules
from portal.azure.simulator.answers import Answer, Refused, malformed
from portal.azure.simulator.calls import Call, id_in, objects
from portal.azure.simulator.catalogue import Resource
from portal.azure.simulator.clock import parse, stamp
from portal.azure.simulator.resource_ids import same
from portal.azure.simulator.world import World


def initiate(world: World, call: Call, policy: Resource) -> Answer:
    """One port that the policy does not admit refuses the whole request."""
    wanted = _wanted(call)
    for vm_id, asked in wanted:
        policy_checks.check_request(policy, vm_id, asked, now=world.clock.now())
        if network.guard_of(world.catalogue, vm_id)[0] is None:
            text = f"{vm_id} has no network security group."
            raise Refused(400, "VirtualMachineNotSupported", text)
    justification = call.body.get("justification")
    made = add(
        world, policy, wanted, because=call.because, requestor="", justification=justification
    )
    for window in made:
        opens_at = world.clock.after(world.pace["initiate"])
        world.schedule(opens_at, "jit.open", {"window": window["id"]})
    return Answer(_request(made), 202)


def add(
    world: World,
    policy: Resource,
    wanted: list[tuple[str, Resource]],
    *,
    because: int,
    requestor: str,
    justification: str | None = None,
) -> list[Resource]:
    """Asked for together, and not yet open."""
    together = {
        "request": str(uuid.uuid4()),
        "policy": policy["id"],
        "starts_at": world.now(),
        "because": because,
        "requestor": requestor,
        "justification": justification,
    }
    made = [{**together, **_window(vm_id, asked)} for vm_id, asked in wanted]
    world.windows += made
    world.changed = True
    return made


def opened(world: World, at: str, data: Resource) -> None:
    window = _find(world, data["window"])
    if window is None:  # its policy was deleted meanwhile
        return
    window["status"] = "Initiated"
    if world.choices["overlap"] == "newer_replaces":
        _replace_older(world, at, window)
    window["rule_id"] = jit_rules.allow(world.catalogue, window, world.choices["rule_generation"])
    _tell(world, at, "jit.opened", window, window["because"])
    world.schedule(max(at, window["ends_at"]), "jit.expire", data)


def expired(world: World, at: str, data: Resource) -> None:
    window = _find(world, data["window"])
    if window is not None and window["status"] == "Initiated":
        _revoke(world, window, "Expired")
        _tell(world, at, "jit.expired", window, window["because"])


def history(world: World, policy_id: str) -> list[Resource]:
    """Requests by their random keys: in no useful order, as Azure tells them."""
    requests: dict[str, list[Resource]] = {}
    for window in world.windows:
        if same(window["policy"], policy_id):
            requests.setdefault(window["request"], []).append(window)
    return [_request(requests[key]) for key in sorted(requests)]


def open_now(world: World) -> list[Resource]:
    """Windows whose allow rule stands, whatever the history says."""
    return [
        window
        for window in world.windows
        if window["rule_id"] and world.catalogue.find(window["rule_id"]) is not None
    ]


def forget(world: World, policy_id: str) -> None:
    """With their rules, and without any trace in the history."""
    for window in [each for each in world.windows if same(each["policy"], policy_id)]:
        rules.take_away(world.catalogue, window["rule_id"])
        world.windows.remove(window)


def _wanted(call: Call) -> list[tuple[str, Resource]]:
    """(machine, port). Without a prefix the caller's own address is meant."""
    wanted = [
        (id_in(machine), {"allowedSourceAddressPrefix": call.remote, **port})
        for machine in objects(call.body, "virtualMachines")
        for port in objects(machine, "ports")
    ]
    if not wanted:
        raise malformed("A request names a port of a machine.")
    return wanted


def _window(vm_id: str, asked: Resource) -> Resource:
    return {
        "id": str(uuid.uuid4()),
        "vm": vm_id,
        "port": asked["number"],
        "source": asked["allowedSourceAddressPrefix"],
        "asked_end": asked["endTimeUtc"],
        "ends_at": stamp(parse(asked["endTimeUtc"])),
        "status": "Initiating",
        "reason": "UserRequested",
        "rule_id": "",
    }


def _request(windows: list[Resource]) -> Resource:
    ports: dict[str, list[Any]] = {}
    for window in windows:
        ports.setdefault(window["vm"], []).append(
            {
                "number": window["port"],
                "allowedSourceAddressPrefix": window["source"],
                "endTimeUtc": window["asked_end"],
                "status": window["status"],
                "statusReason": window["reason"],
            }
        )
    one = windows[0]
    told = {
        "virtualMachines": [{"id": vm, "ports": rows} for vm, rows in ports.items()],
        "startTimeUtc": one["starts_at"],
        "requestor": one["requestor"],
    }
    given = one["justification"]
    return told if given is None else {**told, "justification": given}


def _find(world: World, key: str) -> Resource | None:
    return next((each for each in world.windows if each["id"] == key), None)


def _replace_older(world: World, at: str, newer: Resource) -> None:
    for window in world.windows:
        alike = same(window["vm"], newer["vm"]) and window["port"] == newer["port"]
        if alike and window is not newer and window["status"] == "Initiated":
            _revoke(world, window, "NewerRequestInitiated")
            _tell(world, at, "jit.replaced", window, newer["because"])


def _revoke(world: World, window: Resource, reason: str) -> None:
    window["status"], window["reason"] = "Revoked", reason
    rules.take_away(world.catalogue, window["rule_id"])


def _tell(world: World, at: str, what: str, window: Resource, because: int) -> None:
    names = ("port", "source", "ends_at", "rule_id")
    body = {"window": window["id"], **{name: window[name] for name in names}}
    world.effect(at, what, window["vm"], because=because, body=body)
