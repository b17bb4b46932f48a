"""JIT policies: read, put as a whole, deleted with everything that hangs on them."""

from typing import Any

from portal.azure.simulator import jit_rules, policy_checks, windows
from portal.azure.simulator.answers import NOTHING, Answer, Refused
from portal.azure.simulator.calls import Call, objects
from portal.azure.simulator.catalogue import KINDS, Resource, policy_machines
from portal.azure.simulator.resource_ids import name_of, part
from portal.azure.simulator.world import World


def get(world: World, call: Call) -> Answer:
    return Answer(view(world, policy(world, call.resource_id)))


def put(world: World, call: Call) -> Answer:
    """The whole policy is replaced, except its history; merging is the caller's affair."""
    machines = objects(call.body.get("properties"), "virtualMachines")
    policy_checks.check(call.resource_id, machines)
    known = world.catalogue.find(call.resource_id)
    before = policy_machines(known) if known else []
    made = {
        "kind": call.body.get("kind", "Basic"),
        "properties": {
            "virtualMachines": machines,
            "provisioningState": "Updating",
            "appendMode": False,
        },
        "id": known["id"] if known else call.resource_id,
        "name": name_of(call.resource_id),
        "type": KINDS["jit"],
        "location": part(call.resource_id, "locations"),
    }
    world.catalogue.add(made)
    _guard(world, [*before, *machines])
    world.schedule(world.clock.after(world.pace["policy_update"]), "jit.put", {"id": made["id"]})
    return Answer(view(world, made))


def updated(world: World, _at: str, data: Resource) -> None:
    found = world.catalogue.find(data["id"])
    if found is not None:
        found["properties"]["provisioningState"] = "Succeeded"


def delete(world: World, call: Call) -> Answer:
    known = world.catalogue.find(call.resource_id)
    if known is None:
        return Answer(NOTHING, 204)
    world.catalogue.remove(known["id"])
    windows.forget(world, known["id"])
    _guard(world, policy_machines(known))
    return Answer(NOTHING, 200)


def initiate(world: World, call: Call) -> Answer:
    """202 without any operation to follow: the request is read back from the policy."""
    return windows.initiate(world, call, policy(world, call.resource_id))


def view(world: World, found: Resource) -> Resource:
    history = {"requests": windows.history(world, found["id"])}
    return {**found, "properties": {**found["properties"], **history}}


def policy(world: World, policy_id: str) -> Resource:
    """Defender has its own word for what is not there."""
    found = world.catalogue.find(policy_id)
    if found is None:
        raise Refused(404, "PolicyNotFound", f"There is no JIT policy {policy_id}.")
    return found


def _guard(world: World, machines: list[Any]) -> None:
    ids = [machine["id"] for machine in machines]
    jit_rules.guard(world.catalogue, ids, world.choices["rule_generation"])
    world.changed = True
