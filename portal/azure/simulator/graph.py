"""Resource Graph: one question for many subscriptions, as far as its language is imitated.

That is a pipe of ``resources``, ``where type =~ '…'``, ``project …`` and ``order by id asc``.
"""

import re
from functools import cache
from typing import Any

from portal.azure.simulator import network, roles
from portal.azure.simulator.answers import Answer, Refused
from portal.azure.simulator.calls import Call, texts
from portal.azure.simulator.catalogue import KINDS, Resource
from portal.azure.simulator.resource_ids import part, same
from portal.azure.simulator.world import World

MOST = 1000  # rows of one page
QUOTA = {"x-ms-user-quota-remaining": "14", "x-ms-user-quota-resets-after": "00:00:05"}
TYPE_IS = re.compile(r"where type (?:=~|==) '([^']+)'", re.IGNORECASE)
PROJECT = re.compile(r"project ([\w, ]+)", re.IGNORECASE)
ORDER = re.compile(r"order by id asc", re.IGNORECASE)


def query(world: World, call: Call) -> Answer:
    rows = _readable(world, call.principal, _rows(world, texts(call.body, "subscriptions")))
    for step in _steps(call.body.get("query")):
        rows = _narrowed(rows, step)
    start, top = _place(call.body.get("options") or {})
    page = rows[start : start + top]
    more = start + top < len(rows)
    told: Resource = {
        "totalRecords": len(rows),
        "count": len(page),
        "resultTruncated": "false",
        "facets": [],
        "data": page,
    }
    if more:
        told["$skipToken"] = f"simulated-{start + top}"
    return Answer(told, headers=dict(QUOTA))


def _rows(world: World, subscriptions: list[str]) -> list[Resource]:
    """No subscriptions mean all. JIT policies are in another table."""
    wanted = {each.lower() for each in subscriptions or world.catalogue.subscriptions}
    found = [each for kind in KINDS if kind != "jit" for each in world.catalogue.of_kind(kind)]
    rows = [_row(each) for each in found]
    rows = [row for row in rows if row["subscriptionId"].lower() in wanted]
    return sorted(rows, key=lambda row: str(row["id"]).lower())


def _readable(world: World, principal: str, rows: list[Resource]) -> list[Resource]:
    """What the caller may not read is left out without a word, as if it were not there. Roles
    that were assigned below a resource group do not count here."""

    @cache
    def may(kind: str, group: str) -> bool:
        return roles.may(world, principal, f"{kind}/read", group)

    return [row for row in rows if may(row["type"], _group_of(row["id"]))]


def _group_of(resource_id: str) -> str:
    return resource_id[: resource_id.lower().rfind("/providers/")]


def _row(resource: Resource) -> Resource:
    """Types and groups are told in lower case here."""
    return {
        "id": resource["id"],
        "name": resource["name"],
        "type": resource["type"].lower(),
        "kind": resource.get("kind", ""),
        "location": resource.get("location", ""),
        "resourceGroup": part(resource["id"], "resourceGroups").lower(),
        "subscriptionId": part(resource["id"], "subscriptions"),
        "tags": resource.get("tags"),
        "sku": resource.get("sku"),
        "zones": resource.get("zones"),
        "properties": {**resource["properties"], **_more(resource)},
    }


def _more(resource: Resource) -> Resource:
    if resource["type"] == KINDS["nsg"]:
        return {"defaultSecurityRules": network.default_rules(resource)}
    if resource["type"] == KINDS["vm"]:
        code = f"PowerState/{resource.get('_power', 'running')}"
        return {"extended": {"instanceView": {"powerState": {"code": code, "level": "Info"}}}}
    return {}


def _steps(text: Any) -> list[str]:
    steps = [step.strip() for step in text.split("|")] if isinstance(text, str) else []
    if not steps or not same(steps[0], "resources"):
        raise _not_imitated(text)
    return steps[1:]


def _narrowed(rows: list[Resource], step: str) -> list[Resource]:
    if found := TYPE_IS.fullmatch(step):
        return [row for row in rows if same(row["type"], found[1])]
    if found := PROJECT.fullmatch(step):
        names = [name.strip() for name in found[1].split(",")]
        return [{name: row.get(name) for name in names} for row in rows]
    if ORDER.fullmatch(step):
        return rows  # they are already
    raise _not_imitated(step)


def _place(options: Any) -> tuple[int, int]:
    """(first row, number of rows)."""
    options = options if isinstance(options, dict) else {}
    token, top = str(options.get("$skipToken") or "simulated-0"), options.get("$top")
    start = token.removeprefix("simulated-")
    if not start.isdigit():
        raise Refused(400, "InvalidSkipToken", "This token was not given out here.")
    return int(start), min(top, MOST) if isinstance(top, int) and top > 0 else MOST


def _not_imitated(text: Any) -> Refused:
    return Refused(400, "InvalidQuery", f"The simulator does not understand {text}.")
