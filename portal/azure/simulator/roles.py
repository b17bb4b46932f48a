"""Who may do what: role assignments for each principal, and Azure's answer to who may not.

A principal without an entry may do everything, so that whoever does not care about roles need
not. Azure derives the action from the address of a call, and so does this; what is told
otherwise is in ``INSTEAD``. No deny assignments, no conditions, no groups.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from portal.azure.simulator.answers import Answer, Refused
from portal.azure.simulator.calls import Call
from portal.azure.simulator.catalogue import Resource
from portal.azure.simulator.world import World

LISTS = ("actions", "notActions", "dataActions", "notDataActions")
VERBS = {"GET": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
SUBSCRIPTIONS = "Microsoft.Resources/subscriptions/read"
GRAPH = "Microsoft.ResourceGraph/resources/read"
INSTEAD = {
    # Azure's list of operations has no action of this name; the other one is used for it.
    "microsoft.security/jitnetworkaccesspolicies/read": (
        "Microsoft.Security/locations/jitNetworkAccessPolicies/read"
    ),
}
# Lists of what the caller may see, rather than refusals.
FILTERED = frozenset({"token.get", "subscription.list"})


def check(world: World, call: Call) -> None:
    """Raises ``Refused`` as Azure does for whoever lacks the action."""
    if call.principal not in world.roles or call.word in FILTERED:
        return
    if call.word == "graph.query":
        scope, action, allowed = "/", GRAPH, _anywhere(world, call.principal, GRAPH)
    else:
        scope, action = _scope_of(call), action_of(call.method, call.path)
        allowed = may(world, call.principal, action, scope)
    if not allowed:
        text = (
            f"The client '{call.principal}' with object id '{call.principal}' does not have "
            f"authorization to perform action '{action}' over scope '{scope}' or the scope is "
            "invalid. If access was recently granted, please refresh your credentials."
        )
        raise Refused(403, "AuthorizationFailed", text)


def may(world: World, principal: str, action: str, scope: str) -> bool:
    """``scope``: the id of what it is about."""
    held = world.roles.get(principal)
    return held is None or any(
        _reaches(role, scope) and _grants(role, action.lower()) for role in held
    )


def action_of(method: str, path: str) -> str:
    """``…/providers/NS/type/name/…`` with the names left out, and the verb."""
    words = re.split("/providers/", path, flags=re.IGNORECASE)[-1].strip("/").split("/")
    verb = VERBS.get(method, "action")  # of a POST, after the word of what is done
    action = "/".join([words[0], *words[1::2], verb])
    return INSTEAD.get(action.lower(), action)


def permissions(world: World, call: Call) -> Answer:
    """What the caller may do at a scope; of somebody without an entry: everything."""
    scope, held = _scope_of(call), world.roles.get(call.principal)
    if held is None:
        return Answer({"value": [_role(["*"])]})
    rows = [{name: role[name] for name in LISTS} for role in held if _reaches(role, scope)]
    return Answer({"value": rows})


def assigned(wanted: Any) -> dict[str, list[Resource] | None]:
    """By principal, from JSON: a list of actions, of roles, or ``null`` for no entry at all.
    Raises ``ValueError`` or ``TypeError``."""
    if not isinstance(wanted, dict):
        raise TypeError("roles are told for each principal")
    return {str(name): _roles(rows) for name, rows in wanted.items()}


def from_files(told: list[str]) -> dict[str, list[Resource]]:
    """``PRINCIPAL=FILE`` each, the file a role definition as ``az role definition create`` takes
    it. A principal may have several. Raises ``OSError`` or ``ValueError``."""
    found: dict[str, list[Resource]] = {}
    for each in told:
        principal, is_told, file = each.partition("=")
        if not (principal and is_told and file):
            raise ValueError(f"{each} is not PRINCIPAL=FILE")
        definition = json.loads(Path(file).read_text(encoding="utf-8"))
        found.setdefault(principal, []).append(_as_role(definition))
    return found


def _roles(rows: Any) -> list[Resource] | None:
    if rows is None:
        return None
    if not isinstance(rows, list):
        raise TypeError("a principal has a list of actions or of roles")
    actions = [each for each in rows if isinstance(each, str)]
    roles = [_as_role(each) for each in rows if not isinstance(each, str)]
    return [*([_role(actions)] if actions else []), *roles]


def _as_role(told: Any) -> Resource:
    """In the words of ARM or of ``az``, which begin with a capital; ``scope`` is optional."""
    if not isinstance(told, dict):
        raise TypeError("a role is an object")
    by_name = {name.lower(): value for name, value in told.items()}
    role = {name: by_name.get(name.lower(), []) for name in LISTS}
    if not all(isinstance(each, list) for each in role.values()) or "actions" not in by_name:
        raise ValueError(f"a role has lists of {', '.join(LISTS)}")
    return {**role, "scope": str(by_name.get("scope", "/"))}


def _role(actions: list[str]) -> Resource:
    return {"scope": "/", **{name: [] for name in LISTS}, "actions": actions}


def _reaches(role: Resource, scope: str) -> bool:
    top = role["scope"].lower().rstrip("/")
    return f"{scope.lower()}/".startswith(f"{top}/")


def _grants(role: Resource, action: str) -> bool:
    """``notActions`` narrow their own role and no other."""
    return any(_fits(each, action) for each in role["actions"]) and not any(
        _fits(each, action) for each in role["notActions"]
    )


def _anywhere(world: World, principal: str, action: str) -> bool:
    return any(_grants(role, action.lower()) for role in world.roles[principal])


def _scope_of(call: Call) -> str:
    """What a call is about; of a list, the subscription or group that it is a list of."""
    start = call.path.lower().rfind("/providers/")
    is_list = call.path[start:].count("/") == len(("", "providers", "namespace"))
    return (call.path[:start] if is_list else call.resource_id) or "/"


@cache
def _fits(pattern: str, action: str) -> bool:
    """A star is any text, slashes too."""
    parts = [re.escape(part) for part in pattern.lower().split("*")]
    return re.fullmatch(".*".join(parts), action, re.DOTALL) is not None
