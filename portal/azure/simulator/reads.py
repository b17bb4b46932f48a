"""Reading what exists: one by one, and in lists of a group or a subscription, in pages."""

from urllib.parse import quote

from portal.azure.simulator import jit, network, roles
from portal.azure.simulator.answers import Answer, Refused
from portal.azure.simulator.calls import Call, found
from portal.azure.simulator.catalogue import Resource, place_of
from portal.azure.simulator.resource_ids import name_of, owner_of, part, same
from portal.azure.simulator.world import World

PAGE = 50


def subscriptions(world: World, call: Call) -> Answer:
    rows = [
        {"id": f"/subscriptions/{key}", "subscriptionId": key, "displayName": name,
         "state": "Enabled"}
        for key, name in world.catalogue.subscriptions.items()
        if roles.may(world, call.principal, roles.SUBSCRIPTIONS, f"/subscriptions/{key}")
    ]  # fmt: skip
    return _page(call, rows)


def get(world: World, call: Call) -> Answer:
    return Answer(_view(found(world, call.resource_id), call))


def listing(world: World, call: Call) -> Answer:
    """Resources of a kind, in the scope that the path names before its provider."""
    kind = call.word.split(".", maxsplit=1)[0]
    rows = world.catalogue.of_kind(kind, scope=call.path.split("/providers/", maxsplit=1)[0])
    return _page(call, [_view(row, call) for row in rows])


def policies(world: World, call: Call) -> Answer:
    scope, place = call.path.split("/providers/", maxsplit=1)[0], part(call.path, "locations")
    rows = world.catalogue.of_kind("jit", scope=scope)
    rows = [row for row in rows if not place or same(place_of(row), place)]
    return _page(call, [jit.view(world, row) for row in rows])


def part_of(world: World, call: Call) -> Answer:
    """A subnet, a peering, a rule: known to its owner, not to the gateway."""
    found(world, owner_of(call.resource_id))
    row = world.catalogue.find(call.resource_id)
    if row is None:
        raise Refused(404, "NotFound", f"There is no {name_of(call.resource_id)}.")
    return Answer(row)


def parts_of(world: World, call: Call) -> Answer:
    owner_id, word = call.resource_id.rsplit("/", 1)
    rows = found(world, owner_id)["properties"]
    named = {name.lower(): name for name in rows}
    return _page(call, rows.get(named.get(word.lower(), ""), []))


def instance_view(world: World, call: Call) -> Answer:
    return Answer(_instance_view(found(world, call.resource_id)))


def _view(resource: Resource, call: Call) -> Resource:
    """What is not kept but follows from the rest."""
    if call.word.startswith("nsg."):
        more: Resource = {"defaultSecurityRules": network.default_rules(resource)}
    elif call.word == "vm.get" and call.query.get("$expand", "").lower() == "instanceview":
        more = {"instanceView": _instance_view(resource)}
    else:
        return resource
    return {**resource, "properties": {**resource["properties"], **more}}


def _instance_view(vm: Resource) -> Resource:
    codes = ("ProvisioningState/succeeded", f"PowerState/{vm.get('_power', 'running')}")
    return {"statuses": [{"code": code, "level": "Info"} for code in codes]}


def _page(call: Call, rows: list[Resource]) -> Answer:
    token = call.query.get("$skiptoken", "0")
    start = int(token) if token.isdigit() else 0
    body: Resource = {"value": rows[start : start + PAGE]}
    if start + PAGE < len(rows):
        query = f"api-version={quote(call.api_version)}&$skiptoken={start + PAGE}"
        body["nextLink"] = f"{call.base_url}{call.path.removeprefix('/')}?{query}"
    return Answer(body)
