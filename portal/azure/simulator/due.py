"""What takes time: each kind of effect, carried out at its own moment when somebody looks."""

from collections.abc import Callable
from typing import Any

from portal.azure.simulator import changes, jit, links, operations, rules, sessions, windows
from portal.azure.simulator.catalogue import Resource
from portal.azure.simulator.world import World

Effect = Callable[[World, str, Resource], Any]
CHANGED = ("nic", "nsg", "vnet", "subnet", "peering", "bastion")
EFFECTS: dict[str, Effect] = {
    "link.create": links.created,
    "link.delete": links.deleted,
    "link.delete_by_token": links.deleted,
    "rule.delete": rules.deleted,
    "vm.start": changes.started,
    "bastion.delete": changes.deleted,
    **{f"{part}.put": changes.settled for part in CHANGED},
    "session.list": sessions.listed,
    "jit.put": jit.updated,
    "jit.open": windows.opened,
    "jit.expire": windows.expired,
}


def settle(world: World) -> None:
    """Everything that has fallen due, in its order. One effect may bring about another."""
    while (due := world.next_due()) is not None:
        moment, _, what, data = due
        result = None if data.get("without_effect") else EFFECTS[what](world, moment, data)
        operation = world.operations.get(data.get("operation", ""))
        if operation is not None:
            operations.end(operation, result)
