"""``/_control/``: looking into simulated Azure, and disturbing it. Not part of Azure."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from portal.azure.simulator import budget, estate, faults, hand, jit_rules, roles, sessions, windows
from portal.azure.simulator.answers import Answer, Refused
from portal.azure.simulator.catalogue import Catalogue, Estate, Resource
from portal.azure.simulator.clock import parse
from portal.azure.simulator.world import CHOICES, SECONDS, World


@dataclass
class Order:
    method: str
    words: list[str]  # of the path, after /_control/
    query: dict[str, str]
    body: Any
    first: Estate  # what the process was started with

    @property
    def one(self) -> str:
        """The one thing of many that the path names."""
        return self.words[1] if len(self.words) > 1 else ""


def carry_out(world: World, order: Order) -> Answer:
    handler = HANDLERS.get((order.method, order.words[0], len(order.words)))
    if handler is None:
        raise Refused(404, "NoSuchControl", f"{order.method} {'/'.join(order.words)}")
    try:
        return handler(world, order)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Refused(400, "BadControl", repr(error)) from error


def check_sender(host: str, origin: str, remote: str) -> None:
    """This machine only, and no web page, whatever name it gave itself (DNS rebinding)."""
    name = urlsplit(f"//{host}").hostname or ""
    if origin or not is_loopback(name) or not is_loopback(remote):
        raise Refused(403, "NotForYou", "The control API is for this machine's own tools.")


def is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def load(world: World, wanted: Estate) -> None:
    """With the deny rules that its JIT policies write. Raises ``ValueError``."""
    catalogue = Catalogue(wanted)
    jit_rules.guard_all(catalogue, CHOICES["rule_generation"][0])
    world.load(catalogue.as_estate())


def _state(world: World, order: Order) -> Answer:
    told: Resource = {
        "clock": {"now": world.now(), "offset_seconds": world.clock.offset},
        "links": list(world.links),
        "windows": world.windows,
        "open_windows": windows.open_now(world),
        "sessions": world.sessions,
        "operations": list(world.operations.values()),
        "pending": [{"at": at, "what": what, **data} for at, _, what, data in world.due],
        "faults": world.faults,
        "roles": world.roles,
        "pace": {**world.pace, **world.choices},
    }
    if order.query.get("estate") != "no":
        told["estate"] = world.catalogue.as_estate()
    return Answer(told)


def _record(world: World, order: Order) -> Answer:
    since = int(order.query.get("since", "0"))
    return Answer({"record": world.record.rows[since:], "last": world.record.last})


def _calls(world: World, _order: Order) -> Answer:
    return Answer({"calls": dict(world.calls), **budget.counts(world)})


def _budget(world: World, _order: Order) -> Answer:
    return Answer(budget.shown(world))


def _limit(world: World, order: Order) -> Answer:
    return Answer(budget.script(world, order.body))


def _no_limit(world: World, _order: Order) -> Answer:
    return Answer(budget.script(world, None))


def _reset(world: World, order: Order) -> Answer:
    wanted = order.body.get("estate", order.first)
    load(world, estate.named(wanted) if isinstance(wanted, str) else wanted)
    return Answer({"resources": len(world.catalogue.resources)})


def _clock(world: World, order: Order) -> Answer:
    if "stop_at" in order.body:
        world.clock.stop(parse(order.body["stop_at"]))
    else:
        world.clock.advance(float(order.body["advance_seconds"]))
    world.changed = True
    return Answer({"now": world.now(), "offset_seconds": world.clock.offset})


def _pace(world: World, order: Order) -> Answer:
    for name, value in order.body.items():
        if name in CHOICES and value not in CHOICES[name]:
            raise ValueError(f"{name} is one of {', '.join(CHOICES[name])}")
        if name not in CHOICES and not (name in SECONDS and float(value) >= 0):
            raise ValueError(f"there is no pace {name}, or it is negative")
    for name, value in order.body.items():
        if name in CHOICES:
            world.choices[name] = value
        else:
            world.pace[name] = float(value)
    world.changed = True
    return Answer({**world.pace, **world.choices})


def _faults(world: World, order: Order) -> Answer:
    return Answer({"ids": faults.script(world, order.body)})


def _no_faults(world: World, order: Order) -> Answer:
    faults.drop(world, order.query.get("id", ""))
    return Answer({"faults": world.faults})


def _roles(world: World, _order: Order) -> Answer:
    return Answer({"roles": world.roles})


def _assign(world: World, order: Order) -> Answer:
    """Of the principals that are named; the others keep what they have."""
    for principal, held in roles.assigned(order.body).items():
        if held is None:
            world.roles.pop(principal, None)
        else:
            world.roles[principal] = held
    world.changed = True
    return _roles(world, order)


def _hand(world: World, order: Order) -> Answer:
    return Answer(hand.carry_out(world, order.body))


def _connect(world: World, order: Order) -> Answer:
    session = sessions.connect(world, order.body)
    sessions.note(world, "session.connected", session)
    return Answer(session, 201)


def _hang_up(world: World, order: Order) -> Answer:
    session = sessions.find(world, order.one)
    if session is None:
        raise Refused(404, "NoSuchSession", "There is no such session.")
    world.sessions.remove(session)
    sessions.note(world, "session.ended", session)
    return Answer({})


HANDLERS: dict[tuple[str, str, int], Callable[[World, Order], Answer]] = {
    ("GET", "state", 1): _state,
    ("GET", "record", 1): _record,
    ("GET", "calls", 1): _calls,
    ("POST", "reset", 1): _reset,
    ("POST", "clock", 1): _clock,
    ("POST", "pace", 1): _pace,
    ("POST", "faults", 1): _faults,
    ("DELETE", "faults", 1): _no_faults,
    ("GET", "budget", 1): _budget,
    ("POST", "budget", 1): _limit,
    ("DELETE", "budget", 1): _no_limit,
    ("GET", "roles", 1): _roles,
    ("POST", "roles", 1): _assign,
    ("POST", "hand", 1): _hand,
    ("POST", "sessions", 1): _connect,
    ("DELETE", "sessions", 2): _hang_up,
}
