"""Security rules of network security groups: put, deleted, and taken away by others."""

from typing import Any

from portal.azure.simulator import operations
from portal.azure.simulator.answers import NOTHING, Answer, Refused, malformed
from portal.azure.simulator.calls import Call, found, texts
from portal.azure.simulator.catalogue import KINDS, Catalogue, Resource
from portal.azure.simulator.resource_ids import name_of, owner_of, same
from portal.azure.simulator.world import World

DIRECTIONS = ("Inbound", "Outbound")


def put(world: World, call: Call) -> Answer:
    """In force at once."""
    group, name = found(world, owner_of(call.resource_id)), name_of(call.resource_id)
    wanted = _properties(call.body)
    _check_priority(group, name, wanted)
    known = world.catalogue.find(call.resource_id) is not None
    rule = add(group, name, **wanted)
    world.changed = True
    return Answer(rule, 200 if known else 201)


def delete(world: World, call: Call) -> Answer:
    group = found(world, owner_of(call.resource_id))
    rule = world.catalogue.find(call.resource_id)
    if rule is None:
        return Answer(NOTHING, 204)
    accepted = operations.begin(world, call, group, pace="rule_delete", data={"rule": rule["id"]})
    return Answer(NOTHING, accepted.status, accepted.headers)


def deleted(world: World, at: str, data: Resource) -> None:
    if take_away(world.catalogue, data["rule"]):
        window = next((each for each in world.windows if each["rule_id"] == data["rule"]), None)
        body = {"window": window["id"] if window else None}
        world.effect(at, "rule.deleted", data["rule"], because=data["because"], body=body)


def add(group: Resource, name: str, **properties: Any) -> Resource:
    """Puts a rule of this name in place of an earlier one."""
    rows = group["properties"]["securityRules"]
    rule = {
        "id": f"{group['id']}/securityRules/{name}",
        "name": name,
        "type": f"{KINDS['nsg']}/securityRules",
        "properties": {"provisioningState": "Succeeded", "sourcePortRange": "*", **properties},
    }
    rows[:] = [row for row in rows if not same(row["name"], name)]
    rows.append(rule)
    return rule


def take_away(catalogue: Catalogue, rule_id: str) -> bool:
    """Whether it was there."""
    group, rule = catalogue.find(owner_of(rule_id)), catalogue.find(rule_id)
    if group is None or rule is None:
        return False
    group["properties"]["securityRules"].remove(rule)
    return True


def free_priority(group: Resource, wanted: range) -> int:
    rows = [row["properties"] for row in group["properties"]["securityRules"]]
    used = {int(row["priority"]) for row in rows if row["direction"] == "Inbound"}
    return next(number for number in wanted if number not in used)


def _properties(body: Resource) -> Resource:
    found = body.get("properties")
    if not isinstance(found, dict) or not isinstance(found.get("priority"), int):
        raise malformed("A rule has properties, and its priority is a number.")
    if found.get("access") not in ("Allow", "Deny") or found.get("direction") not in DIRECTIONS:
        raise malformed("A rule allows or denies, inbound or outbound.")
    for name, value in found.items():
        if name.endswith(("Prefix", "PortRange")):
            _check_text(name, value)
        elif name.endswith(("Prefixes", "PortRanges")):
            texts(found, name)
    _check_text("protocol", found.get("protocol"))
    return found


def _check_text(name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise malformed(f"{name} must be a text.")


def _check_priority(group: Resource, name: str, wanted: Resource) -> None:
    for row in group["properties"]["securityRules"]:
        known = row["properties"]
        alike = all(known[key] == wanted[key] for key in ("priority", "direction"))
        if alike and not same(row["name"], name):
            text = f"The rule {row['name']} has the same priority and direction."
            raise Refused(400, "SecurityRuleConflict", text)
