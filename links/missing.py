"""Links that Azure's list does not show: gone, not gone yet, or left out by a list with holes?

A list may come back empty or with a part of its rows, and bears no sign of it (R-20). So a link is
called gone only where something else bears it out: Azure carried out a deletion that was ordered
since its end. Nothing of an order is stored: where this process knows of none, as after a restart,
the deletion is given its time, and then Azure is asked by name.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from azure.core.polling import NoPolling
from azure.core.rest import HttpRequest
from django.conf import settings

from access.clock import db_now
from access.errors import Later, Never
from access.kinds import Door, DoorKey, Seen
from portal.azure import door as azure
from portal.azure.roles import Identity

ITS_TIME = timedelta(seconds=20)  # a deletion took about 12 s in the recordings
REMEMBERED = 300.0  # seconds
REFUSALS = 3  # of its deletion, until Azure is asked by name instead
CLOCKS = 1.0  # the database's and ours need not go equally fast
NOT_WHOLE = "Azure's list of links was not whole."


class Fate(Enum):
    DONE = "done"
    AT_WORK = "at work"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Noted(NoPolling[Any]):
    """Waits for nothing, and knows where the operation can be asked for."""

    address = ""

    def initialize(
        self, client: Any, initial_response: Any, deserialization_callback: Callable[[Any], Any]
    ) -> None:
        super().initialize(client, initial_response, deserialization_callback)
        headers = getattr(getattr(initial_response, "http_response", None), "headers", {})
        self.address = headers.get("Azure-AsyncOperation", "")


@dataclass
class Order:
    """One deletion of several machines' links of a host."""

    address: str
    machines: frozenset[str]
    at: float
    fate: Fate = Fate.AT_WORK


_orders: dict[str, list[Order]] = {}
_lock = threading.Lock()


def note(bastion_id: str, machine_ids: Sequence[str], address: str) -> None:
    """A deletion that Azure took on. Only with an address on Azure itself is it heard of again."""
    if not address.startswith(f"{settings.AZURE_ENDPOINT.rstrip('/')}/"):
        return
    made = Order(address, frozenset(each.lower() for each in machine_ids), time.monotonic())
    with _lock:
        kept = [o for o in _orders.get(bastion_id.lower(), []) if o.at > made.at - REMEMBERED]
        _orders[bastion_id.lower()] = [*kept, made]


def judged(bastion_id: str, doors: Sequence[Door]) -> dict[DoorKey, Seen]:
    """What each of the doors is that the list of all links of the host does not show."""
    found = {door.key: Seen(open=False) for door in doors}
    stood = [door for door in doors if door.stood]
    ended = [door for door in doors if door.ending and door.until is None]
    now, by_name = db_now(), list(stood)
    fates = _fates(bastion_id, [door for door in ended if door.sent_at is not None], now)
    for door in ended:
        fate = fates.get(door.key, Fate.FAILED)
        given_time = door.sent_at is not None and door.sent_at < now - ITS_TIME
        if (fate is Fate.UNKNOWN and given_time) or _is_always_refused(door):
            by_name.append(door)
        elif fate in {Fate.AT_WORK, Fate.UNKNOWN}:
            found[door.key] = Seen(open=False, settling=True)
        elif fate is Fate.FAILED:
            found[door.key] = Seen(open=False, doubtful=True)
    still = _shown_by_name(bastion_id, by_name)
    for door in by_name:
        if door.machine.resource_key in still:
            found[door.key] = Seen(open=False, unknown=NOT_WHOLE)
        elif door.stood:
            found[door.key] = Seen(open=False, doubtful=True)
    return found


def _is_always_refused(door: Door) -> bool:
    """Azure may take no order for a link that is not there, and none would ever be carried out."""
    return door.sent_at is None and door.in_vain >= REFUSALS


def _fates(bastion_id: str, doors: Sequence[Door], now: datetime) -> dict[DoorKey, Fate]:
    """By the latest order for each, each order asked once. One that is older than what was sent
    last, as by another process, was for a link of before; one that never ends tells nothing."""
    if not doors:
        return {}
    with _lock:
        orders = list(_orders.get(bastion_id.lower(), []))
    latest = {machine: order for order in orders for machine in order.machines}
    fates = {}
    for door in doors:
        order = latest.get(door.machine.resource_key)
        if order is not None and not _counts(order, door, now):
            order = None
        if order is not None and order.fate is Fate.AT_WORK:
            order.fate = _ask(order)
        fates[door.key] = order.fate if order else Fate.UNKNOWN
        if order is not None and order.fate is Fate.UNKNOWN:
            order.fate = Fate.AT_WORK  # it could not be asked now; perhaps at the next look
    return fates


def _counts(order: Order, door: Door, now: datetime) -> bool:
    age = time.monotonic() - order.at
    if order.fate is Fate.AT_WORK and age > REMEMBERED:
        return False
    return door.sent_at is not None and age <= (now - door.sent_at).total_seconds() + CLOCKS


def _ask(order: Order) -> Fate:
    try:
        with azure.calling():
            answer = azure.plain(Identity.READER).send_request(HttpRequest("GET", order.address))
            answer.raise_for_status()
            status = str(answer.json().get("status", ""))
    except (Later, Never, ValueError):  # the last: what came was no JSON
        return Fate.UNKNOWN
    return {"Succeeded": Fate.DONE, "Failed": Fate.FAILED, "Canceled": Fate.FAILED}.get(
        status, Fate.AT_WORK
    )


def _shown_by_name(bastion_id: str, doors: Sequence[Door]) -> set[str]:
    """The same question, asked differently: about these machines alone."""
    from links.bastion import links_of

    if not doors:
        return set()
    rows = links_of(bastion_id, [door.machine.resource_id for door in doors])
    return {row.vm.id.lower() for row in rows or ()}


def forget() -> None:
    """For tests: as if the process had been started anew."""
    with _lock:
        _orders.clear()
