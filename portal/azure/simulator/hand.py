"""What somebody does in Azure's own portal, past everybody else: orders of the control API."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from portal.azure.simulator import links, rules, windows
from portal.azure.simulator.answers import Refused
from portal.azure.simulator.calls import found
from portal.azure.simulator.catalogue import KINDS, Resource
from portal.azure.simulator.clock import stamp
from portal.azure.simulator.world import World

Order = Any
NOBODY = "person@example.test"


def carry_out(world: World, orders: Any) -> Resource:
    """One order: ``{"what": {…}}``. Raises ``ValueError``, ``KeyError`` or ``Refused``."""
    if not isinstance(orders, dict) or len(orders) != 1:
        raise ValueError(f"one of {', '.join(ORDERS)}")
    ((what, order),) = orders.items()
    target = ORDERS[what](world, order)
    row = world.record.by_hand(world.now(), f"hand.{what}", target, order)
    if what == "initiate":
        for window in [each for each in world.windows if each["because"] == row["seq"]]:
            world.schedule(world.now(), "jit.open", {"window": window["id"]})
    world.changed = True
    return {"done": what, "resource": target}


def _add_link(world: World, order: Order) -> str:
    host, vm_id = found(world, order["bastion"]), str(order["vm"])
    if links.find(world, host["id"], vm_id) is not None:
        raise Refused(409, "LinkExists", "The machine has a link.")
    links.add(world, world.now(), host, vm_id, principal="person")
    return vm_id


def _add_links(world: World, order: Order) -> str:
    """Many at once, for measuring: each as ``add_link`` has it."""
    for each in order:
        _add_link(world, each)
    return str(order[0]["bastion"])


def _delete_link(world: World, order: Order) -> str:
    link = links.find(world, order["bastion"], order["vm"])
    if link is None:
        raise Refused(404, "NoSuchLink", "The machine has no link.")
    links.remove(world, world.now(), link)
    return str(link["vm"])


def _delete_rule(world: World, rule_id: Order) -> str:
    if not rules.take_away(world.catalogue, str(rule_id)):
        raise Refused(404, "NoSuchRule", f"There is no rule {rule_id}.")
    return str(rule_id)


def _add_rule(world: World, order: Order) -> str:
    group, priority = found(world, order["nsg"]), int(order["priority"])
    rule = rules.add(
        group,
        str(order.get("name", f"by-hand-{priority}")),
        direction="Inbound",
        protocol="*",
        access="Deny" if order.get("access") == "Deny" else "Allow",
        priority=priority,
        sourceAddressPrefix=str(order.get("source", "*")),
        destinationAddressPrefix=str(order.get("destination", "*")),
        destinationPortRange=str(order.get("port", "*")),
    )
    return str(rule["id"])


def _initiate(world: World, order: Order) -> str:
    """Past the policy's own checks; without ``seconds`` for an hour."""
    policy, vm = found(world, order["policy"]), found(world, order["vm"])
    end = world.clock.now() + timedelta(seconds=float(order.get("seconds", 3600)))
    asked = {
        "number": int(order.get("port", 22)),
        "allowedSourceAddressPrefix": str(order.get("source", "*")),
        "endTimeUtc": stamp(end),
    }
    requestor, because = str(order.get("requestor", NOBODY)), world.record.last + 1
    windows.add(world, policy, [(vm["id"], asked)], because=because, requestor=requestor)
    return str(policy["id"])


def _stop_vm(world: World, vm_id: Order) -> str:
    _machine(world, vm_id)["_power"] = "deallocated"
    return str(vm_id)


def _delete_vm(world: World, vm_id: Order) -> str:
    """Its interface stays, and so does every link to it."""
    world.catalogue.remove(_machine(world, vm_id)["id"])
    return str(vm_id)


def _machine(world: World, vm_id: Order) -> Resource:
    vm = found(world, str(vm_id))
    if vm["type"] != KINDS["vm"]:
        raise ValueError(f"{vm_id} is no machine")
    return vm


ORDERS: dict[str, Callable[[World, Order], str]] = {
    "add_link": _add_link,
    "add_links": _add_links,
    "delete_link": _delete_link,
    "delete_rule": _delete_rule,
    "add_rule": _add_rule,
    "initiate": _initiate,
    "stop_vm": _stop_vm,
    "delete_vm": _delete_vm,
}
