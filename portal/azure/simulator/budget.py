"""ARM's token buckets: so many calls at once, and so many more each second. Off until switched on.

One bucket for each subscription (or the tenant), principal and kind of call. The kind is that of
the HTTP method: a POST that only reads spends writes. What is refused, and who came again before
the time that they were told, is written down for whoever judges callers.
"""

import math
from collections.abc import Mapping
from typing import Any

from portal.azure.simulator.answers import Answer, Refused
from portal.azure.simulator.calls import Call
from portal.azure.simulator.catalogue import Resource
from portal.azure.simulator.clock import parse, seconds_between
from portal.azure.simulator.resource_ids import part
from portal.azure.simulator.world import World

DOCUMENTED = {"reads": [250, 25], "writes": [200, 10], "deletes": [200, 10]}
KINDS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}
THROTTLED = 429
COUNTER = "x-ms-ratelimit-remaining"


def script(world: World, wanted: Any) -> Resource:
    """``None`` switches all off, ``{}`` is as documented; a kind with ``None`` is without limit.
    All buckets are full again. Raises ``ValueError`` or ``TypeError`` for what is misspelt."""
    limits = None if wanted is None else {**DOCUMENTED, **wanted}
    for kind, limit in (limits or {}).items():
        if kind not in DOCUMENTED or not (limit is None or _is_limit(limit)):
            raise ValueError(f"{kind} cannot be {limit!r}: reads, writes, deletes: [bucket, rate]")
    world.budget["limits"], world.budget["left"] = limits, {}
    world.changed = True
    return shown(world)


def shown(world: World) -> Resource:
    """The limits, and what is left by ``subscription/principal/kind``."""
    left = {key: _refilled(world, key) for key in world.budget["left"]}
    return {"limits": world.budget["limits"], "left": left}


def spend(world: World, call: Call) -> Refused | None:
    """One token, or the refusal. Who has no token of Entra's is refused for that, later on."""
    if call.word == "token.get" or not call.principal:
        return None
    _note_early(world, call)
    key = _key(call)
    if _limit(world, key) is None:
        return None
    left = _refilled(world, key)
    has = left >= 1
    world.budget["left"][key] = [left - has, world.now()]
    world.changed = True
    return None if has else _refusal(world, key, left)


def heard(world: World, call: Call, answer: Answer, fault: Resource) -> Answer:
    """The answer with what is left in its headers, and noted if it asks to wait."""
    if answer.status == THROTTLED:
        _note_throttled(world, call, answer, fault)
    return Answer(answer.body, answer.status, _counters(world, call, answer, fault))


def counts(world: World) -> Resource:
    """``throttled``: each 429. ``early``: each call that arrived before the time was over that a
    429 had told its sender, with how many seconds after that 429 it came."""
    return {name: world.budget[name] for name in ("throttled", "early")}


def _is_limit(limit: Any) -> bool:
    return (
        isinstance(limit, list)
        and len(limit) == 2  # noqa: PLR2004 - the bucket, and what flows into it each second
        and all(isinstance(part, int | float) and part > 0 for part in limit)
        and limit[0] >= 1
    )


def _key(call: Call) -> str:
    """``tenant`` where the path names no subscription."""
    subscription = part(call.path, "subscriptions").lower() or "tenant"
    return f"{subscription}/{call.principal}/{KINDS.get(call.method, 'writes')}"


def _limit(world: World, key: str) -> list[float] | None:
    limits: Mapping[str, list[float] | None] = world.budget["limits"] or {}
    return limits.get(key.rsplit("/", 1)[1])


def _refilled(world: World, key: str) -> float:
    bucket, rate = _limit(world, key) or [math.inf, 0.0]
    left, since = world.budget["left"].get(key, [bucket, world.now()])
    return float(min(bucket, left + rate * max(0.0, seconds_between(since, world.now()))))


def _refusal(world: World, key: str, left: float) -> Refused:
    rate = (_limit(world, key) or [0.0, 1.0])[1]
    wait = max(1, math.ceil((1 - left) / rate))
    text = f"The number of {key.rsplit('/', 1)[1]} exceeded the limit. Try again after {wait} s."
    return Refused(THROTTLED, "TooManyRequests", text, {"Retry-After": str(wait)})


def _note_throttled(world: World, call: Call, answer: Answer, fault: Resource) -> None:
    """A host's own limit (a fault with ``remaining``) says nothing about other calls."""
    wait = float(answer.headers.get("Retry-After") or 0)
    row = {"at": world.now(), "key": _key(call), "operation": call.word, "retry_after": wait}
    world.budget["throttled"].append(row)
    if not fault.get("remaining"):
        until = world.clock.after(wait)
        told = world.budget["told"].get(row["key"], ["", ""])
        world.budget["told"][row["key"]] = max([until, row["at"]], told)
    world.changed = True


def _note_early(world: World, call: Call) -> None:
    until, since = world.budget["told"].get(_key(call), ["", ""])
    now = world.now()
    if until and parse(now) < parse(until):
        after = round(seconds_between(since, now), 3)
        row = {"at": now, "key": _key(call), "operation": call.word, "after": after}
        world.budget["early"].append(row)
        world.changed = True


def _counters(world: World, call: Call, answer: Answer, fault: Resource) -> dict[str, str]:
    """Of a 429 that was scripted: nothing is left, unless the fault says so."""
    subscription, _, kind = _key(call).split("/")
    scope = "tenant" if subscription == "tenant" else "subscription"
    left: int | None = None
    if _limit(world, _key(call)) is not None:
        left = int(_refilled(world, _key(call)))
    if answer.status == THROTTLED and fault:
        left = fault.get("remaining", 0)
    if left is None or not call.principal or call.word == "token.get":
        return answer.headers
    return answer.headers | {f"{COUNTER}-{scope}-{kind}": str(left)}
