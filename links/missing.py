"""Links that Azure's list does not show: gone, not gone yet, or left out by a list with holes?

A list may come back empty or with a part of its rows, and bears no sign of it (R-20). So a link is
called gone only where something else bears it out: Azure carried out a deletion that was ordered
since its end. An order of which nobody knows whether Azure took it is sent again when its time is
over. Only of one that it took, and tells nothing more of, is it asked by name: a second answer with
holes would bear out the first.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from azure.core.polling import NoPolling

from access.clock import db_now
from access.kinds import Door, DoorKey, Seen
from links import deletions
from links.models import Deletion, Fate

REFUSALS = 3  # of its deletion, until Azure is asked by name instead
NOT_WHOLE = "Azure's list of links was not whole."


class Noted(NoPolling[Any]):
    """Waits for nothing, and knows where the operation can be asked for."""

    address = ""

    def initialize(
        self, client: Any, initial_response: Any, deserialization_callback: Callable[[Any], Any]
    ) -> None:
        super().initialize(client, initial_response, deserialization_callback)
        headers = getattr(getattr(initial_response, "http_response", None), "headers", {})
        self.address = headers.get("Azure-AsyncOperation", "")


def judged(bastion_id: str, doors: Sequence[Door]) -> dict[DoorKey, Seen]:
    """What each of the doors is that the list of all links of the host does not show."""
    found = {door.key: Seen(open=False) for door in doors}
    stood = [door for door in doors if door.stood]
    ended = [door for door in doors if door.ending and door.until is None]
    now, by_name = db_now(), list(stood)
    fates = _fates(bastion_id, [door for door in ended if door.sent_at is not None], now)
    for door in ended:
        fate, was_taken = fates.get(door.key), door.key in fates
        recent = door.sent_at is not None and door.sent_at >= now - deletions.ITS_TIME
        if _is_always_refused(door) or (was_taken and fate is None and not recent):
            by_name.append(door)
        elif fate == Fate.AT_WORK or (fate is None and recent):
            found[door.key] = Seen(open=False, settling=True)
        elif fate != Fate.DONE:
            found[door.key] = Seen(open=False, doubtful=True)
    still = _shown_by_name(bastion_id, by_name)
    for door in by_name:
        if door.machine.resource_key in still:
            found[door.key] = Seen(open=False, unknown=NOT_WHOLE)
        elif door.stood:
            found[door.key] = Seen(open=False, doubtful=True)
    return found


def carried_out(bastion_id: str, doors: Sequence[Door]) -> frozenset[DoorKey]:
    """Those whose deletion was heard to be over."""
    orders = _orders_for(bastion_id, doors)
    return frozenset(key for key, order in orders.items() if order.fate != Fate.AT_WORK)


def _is_always_refused(door: Door) -> bool:
    """Azure may take no order for a link that is not there, and none would ever be carried out."""
    return door.sent_at is None and door.in_vain >= REFUSALS


def _fates(bastion_id: str, doors: Sequence[Door], now: datetime) -> dict[DoorKey, Fate | None]:
    """Of those whose order Azure took, each order asked once; ``None`` where it does not tell."""
    fates: dict[DoorKey, Fate | None] = {}
    asked: dict[str, Fate | None] = {}
    for key, order in _orders_for(bastion_id, doors).items():
        if order.address not in asked:
            asked[order.address] = _fate(order, now)
        fates[key] = asked[order.address]
    return fates


def _fate(order: Deletion, now: datetime) -> Fate | None:
    if order.fate != Fate.AT_WORK:
        return Fate(order.fate)
    never_ends = order.at < now - deletions.REMEMBERED
    return None if never_ends else deletions.ask(order)


def _orders_for(bastion_id: str, doors: Sequence[Door]) -> dict[DoorKey, Deletion]:
    """The latest for each, where it counts. One that is older than what was sent last was for a
    link of before."""
    if not doors:
        return {}
    orders = deletions.of_host(bastion_id)
    latest = {machine: order for order in orders for machine in order.machines}
    known = ((door, latest.get(door.machine.resource_key)) for door in doors)
    return {door.key: order for door, order in known if order and _counts(order, door)}


def _counts(order: Deletion, door: Door) -> bool:
    return door.sent_at is not None and order.at >= door.sent_at


def _shown_by_name(bastion_id: str, doors: Sequence[Door]) -> set[str]:
    """The same question, asked differently: about these machines alone."""
    from links.bastion import links_of

    if not doors:
        return set()
    rows = links_of(bastion_id, [door.machine.resource_id for door in doors])
    return {row.vm.id.lower() for row in rows or ()}
