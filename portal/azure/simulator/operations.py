"""Long-running operations: begun with 202, then asked for at two addresses until they end."""

import math
import secrets
import uuid
from typing import Any

from portal.azure.simulator.answers import NOTHING, Answer, Refused
from portal.azure.simulator.calls import Call
from portal.azure.simulator.catalogue import Resource, place_of
from portal.azure.simulator.clock import seconds_between
from portal.azure.simulator.resource_ids import name_of, part
from portal.azure.simulator.world import World

SIGNATURE = 2700  # real addresses of operations have some 3,000 characters
MOST_PATIENT = 10  # seconds that Azure itself asks a caller to wait between looks
REMEMBERED = 1000  # operations that can still be asked for
FAILED = {"code": "InternalServerError", "message": "The operation failed."}


def begin(world: World, call: Call, at: Resource, *, pace: str, data: Resource) -> Answer:
    """``at``: the resource it is about. ``data``: what its effect will need (see ``due``)."""
    key, ends_at = str(uuid.uuid4()), world.clock.after(world.pace[pace])
    failure = call.failure
    world.operations[key] = {
        "id": key,
        "what": call.word,
        "place": place_of(at),
        "subscription": part(at["id"], "subscriptions"),
        "correlation_id": call.correlation_id,
        "ends_at": ends_at,
        "status": "InProgress",
        "result": None,
        "error": {**FAILED, **failure["error"]} if failure else None,
    }
    _forget_the_oldest(world)
    without = bool(failure) and not (failure or {}).get("effect")
    more = {"operation": key, "because": call.because, "without_effect": without}
    world.schedule(ends_at, call.word, data | more)
    return _accepted(world, call, world.operations[key])


def end(operation: Resource, result: Any) -> None:
    operation["status"] = "Failed" if operation["error"] else "Succeeded"
    operation["result"] = result


def status(world: World, call: Call) -> Answer:
    operation = _operation(world, call)
    if operation["status"] == "InProgress":
        return Answer({"status": "InProgress"}, headers=_retry_after(world, operation))
    if operation["status"] == "Failed":
        return Answer({"status": "Failed", "error": operation["error"]})
    output = {} if operation["result"] is None else {"output": operation["result"]}
    return Answer({"status": "Succeeded", "properties": output})


def result(world: World, call: Call) -> Answer:
    """The deletion of a rule ends with 204, that of links with 200 and ``null``."""
    operation = _operation(world, call)
    if operation["status"] == "InProgress":
        return _accepted(world, call, operation)
    if operation["status"] == "Failed":
        raise Refused(500, operation["error"]["code"], operation["error"]["message"])
    if operation["what"] in {"rule.delete", "bastion.delete"}:
        return Answer(NOTHING, 204)
    if operation["what"] == "vm.start":
        return Answer(NOTHING, 200)
    return Answer(operation["result"], headers=_headers(call, operation))


def _accepted(world: World, call: Call, operation: Resource) -> Answer:
    return Answer(None, 202, _headers(call, operation) | _retry_after(world, operation))


def _headers(call: Call, operation: Resource) -> dict[str, str]:
    headers = {
        "Location": _address(call, operation, "operationResults"),
        "Azure-AsyncOperation": _address(call, operation, "operations"),
        "azure-asyncnotification": "Enabled",
        "x-ms-request-id": operation["id"],
    }
    if operation["what"] == "link.delete_by_token":  # known to come with a location alone
        del headers["Azure-AsyncOperation"]
    return headers


def _address(call: Call, operation: Resource, kind: str) -> str:
    """Signed afresh each time; nobody checks the signature."""
    noise = secrets.token_urlsafe(SIGNATURE)[:SIGNATURE]
    provider = "Compute" if operation["what"].startswith("vm.") else "Network"
    where = f"subscriptions/{operation['subscription']}/providers/Microsoft.{provider}"
    path = f"{where}/locations/{operation['place']}/{kind}/{operation['id']}"
    times = f"t={secrets.randbelow(10**18):018d}&c=simulated"
    return f"{call.base_url}{path}?api-version={call.api_version}&{times}&s={noise}&h=none"


def _retry_after(world: World, operation: Resource) -> dict[str, str]:
    left = seconds_between(world.now(), operation["ends_at"])
    return {"Retry-After": str(max(0, min(math.ceil(left), MOST_PATIENT)))}


def _operation(world: World, call: Call) -> Resource:
    operation = world.operations.get(name_of(call.path))
    if operation is None:
        raise Refused(404, "OperationNotFound", "There is no such operation.")
    return operation


def _forget_the_oldest(world: World) -> None:
    ended = [key for key, each in world.operations.items() if each["status"] != "InProgress"]
    for key in ended[: max(0, len(ended) - REMEMBERED)]:
        del world.operations[key]
