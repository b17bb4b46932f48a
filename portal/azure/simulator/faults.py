"""Scripted faults: what goes wrong, for whom, how often.

A fault names what it matches and one action; ``ACTIONS`` has what each action wants to be told.
Without ``times`` it stays until it is dropped.
"""

from fnmatch import fnmatchcase
from typing import Any

from portal.azure.simulator.answers import NOTHING, Answer, Refused
from portal.azure.simulator.calls import Call, objects
from portal.azure.simulator.catalogue import Resource
from portal.azure.simulator.world import World

MATCHES = ("operation", "method", "path", "principal")
NAMED = "vm"  # beside those: one of the machines that the call's body names
# Words by action: those it needs, and those it takes.
ACTIONS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "status": (
        frozenset({"status"}),
        frozenset({"code", "message", "retry_after", "remaining", "when"}),
    ),
    "reset_before": (frozenset(), frozenset()),
    "reset_after": (frozenset(), frozenset()),
    "slow": (frozenset({"seconds"}), frozenset({"when"})),
    "lro_failed": (frozenset(), frozenset({"code", "message", "effect"})),
    "empty_page": (frozenset(), frozenset()),
    "partial_page": (frozenset(), frozenset()),
}
TYPES: dict[str, tuple[type, ...]] = {
    "status": (int,), "times": (int,), "retry_after": (int,), "seconds": (int, float),
    "effect": (bool,), "remaining": (int,),
}  # fmt: skip
CODES = {
    403: "AuthorizationFailed",
    429: "TooManyRequests",
    500: "InternalServerError",
    503: "ServiceUnavailable",
}
ONCE_DONE = "after"


def script(world: World, wanted: Any) -> list[int]:
    """Adds all of them, or none. Raises ``ValueError`` or ``TypeError`` for what is misspelt."""
    if not isinstance(wanted, list):
        raise TypeError("faults come in a list")
    for fault in wanted:
        _check(fault)
    made = [{**fault, "id": world.number("faults")} for fault in wanted]
    world.faults += made
    world.changed = True
    return [fault["id"] for fault in made]


def drop(world: World, key: str) -> None:
    """One by its id, or all if ``key`` is empty."""
    world.faults = [each for each in world.faults if key and str(each["id"]) != key]
    world.changed = True


def met(world: World, call: Call) -> Resource:
    """The first fault that matches, or nothing (``{}``); one of its ``times`` is spent."""
    for fault in world.faults:
        if not _matches(fault, call):
            continue
        if "times" in fault:
            fault["times"] -= 1
            world.faults = [each for each in world.faults if each.get("times", 1) > 0]
            world.changed = True
        return fault
    return {}


def is_before(fault: Resource, action: str) -> bool:
    return fault.get("action") == action and fault.get("when") != ONCE_DONE


def is_after(fault: Resource, action: str) -> bool:
    return fault.get("action") == action and fault.get("when") == ONCE_DONE


def refusal(fault: Resource) -> Refused:
    status = fault["status"]
    after = fault.get("retry_after")
    headers = {} if after is None else {"Retry-After": str(after)}
    code = fault.get("code") or CODES.get(status, "ScriptedFault")
    return Refused(status, code, fault.get("message", "A scripted fault."), headers)


def failure(fault: Resource) -> Resource | None:
    """How an operation that is begun now is to end."""
    if fault.get("action") != "lro_failed":
        return None
    error = {name: fault[name] for name in ("code", "message") if name in fault}
    return {"error": error, "effect": fault.get("effect", False)}


def torn(answer: Answer, fault: Resource) -> Answer:
    """A list of which nothing is shown, or only a part, and no sign of it."""
    action, body = fault.get("action"), answer.body
    if action not in {"empty_page", "partial_page"} or body is NOTHING:
        return answer
    name = "data" if isinstance(body, dict) and "data" in body else "value"  # Resource Graph's
    if not isinstance(body, dict) or not isinstance(body.get(name), list):
        return answer
    kept = 0 if action == "empty_page" else len(body[name]) // 2
    told = {key: each for key, each in body.items() if key not in {"nextLink", "$skipToken"}}
    return Answer({**told, name: body[name][:kept]}, answer.status, answer.headers)


def _matches(fault: Resource, call: Call) -> bool:
    asked = (call.word, call.method, call.path, call.principal)
    fits = all(
        fnmatchcase(given.lower(), str(fault.get(name, "*")).lower())
        for name, given in zip(MATCHES, asked, strict=True)
    )
    return fits and (NAMED not in fault or _names(call, fault[NAMED].lower()))


def _names(call: Call, machine: str) -> bool:
    links = [row.get("vm") for row in objects(call.body, "vms")]
    rows = [*links, *objects(call.body, "virtualMachines")]
    named = [str(row.get("id")) for row in rows if isinstance(row, dict)]
    return any(fnmatchcase(each.lower(), machine) for each in named)


def _check(fault: Any) -> None:
    action = fault.get("action") if isinstance(fault, dict) else None
    if action not in ACTIONS:
        raise ValueError(f"action is one of {', '.join(ACTIONS)}")
    needed, taken = ACTIONS[action]
    if missing := needed - fault.keys():
        raise ValueError(f"{action} needs {', '.join(missing)}")
    if unknown := fault.keys() - needed - taken - {"action", "times", NAMED, *MATCHES}:
        raise ValueError(f"{action} does not know {', '.join(unknown)}")
    for name, value in fault.items():
        if not isinstance(value, TYPES.get(name, (str,))):
            raise TypeError(f"{name} cannot be {value!r}")
    if fault.get("when", ONCE_DONE) not in {"before", ONCE_DONE}:
        raise ValueError("when is before or after")
