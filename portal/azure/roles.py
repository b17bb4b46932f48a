"""The portal's identities in Azure: what each may do, and why. Nothing else says so.

The role definitions in docs/roles, the table in docs/azure.md and ``verify_identities`` come from
here. Action strings are written as Azure's list of operations writes them.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from portal.azure.patterns import Permission, allows, example

FILES = Path(__file__).resolve().parents[2] / "docs" / "roles"
ANY_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"  # to be replaced: see azure_roles
NETWORK, HOSTS = "Microsoft.Network", "Microsoft.Network/bastionHosts"
JIT_POLICIES = "Microsoft.Security/locations/jitNetworkAccessPolicies"
# Nobody's but for what is named below. ``permissions/read`` is the one thing under Authorization.
FORBIDDEN = ("*/write", "*/delete", "*/action", "Microsoft.Authorization/*")


class Identity(StrEnum):
    """As whom Azure is called. Each call takes the one that may do least beside it."""

    READER = "reader"
    OPENER = "opener"
    CLOSER = "closer"
    KEEPER = "keeper"
    SECOND_CLOSER = "second-closer"


# Without one of its own nobody is the keeper or the second closer: neither is ever the identity
# that serves as the others.
OPTIONAL = frozenset({Identity.KEEPER, Identity.SECOND_CLOSER})


@dataclass(frozen=True)
class Action:
    name: str  # may have wildcards
    why: str


OWN_PERMISSIONS = Action(
    "Microsoft.Authorization/permissions/read", "to say what it may do (verify_identities)"
)
PURPOSES = {
    Identity.READER: "Reads the estate, JIT policies, links and sessions; changes nothing.",
    Identity.OPENER: "Opens windows and makes shareable links; takes nothing away.",
    Identity.CLOSER: "Removes JIT rules, links and sessions; opens nothing.",
    Identity.KEEPER: "Optional. Changes which ports JIT policies guard; opens nothing by itself.",
    Identity.SECOND_CLOSER: "Optional. Removes what the closer forgot; opens nothing.",
}
NEEDED = {
    Identity.READER: (
        Action("Microsoft.Resources/subscriptions/read", "which subscriptions there are"),
        Action("Microsoft.ResourceGraph/resources/read", "one question for all subscriptions"),
        Action("Microsoft.Compute/virtualMachines/read", "the machines, and whether they run"),
        Action(f"{NETWORK}/networkInterfaces/read", "their addresses and security groups"),
        Action(f"{NETWORK}/virtualNetworks/read", "subnets and peerings: which host reaches what"),
        Action(f"{NETWORK}/publicIPAddresses/read", "machines and hosts with a public address"),
        Action(f"{NETWORK}/networkSecurityGroups/read", "whether a port is open, and by what rule"),
        Action(f"{HOSTS}/read", "the hosts and their features"),
        Action(f"{JIT_POLICIES}/read", "which ports are guarded, and the windows asked for"),
        Action(f"{HOSTS}/getShareableLinks/action", "which links there are; a POST, not in Reader"),
        Action(f"{HOSTS}/getactivesessions/action", "who is connected; a POST, not in Reader"),
        Action(f"{NETWORK}/locations/operations/read", "whether the list of sessions is ready"),
        Action(f"{NETWORK}/locations/operationResults/read", "the list of sessions itself"),
        OWN_PERMISSIONS,
    ),
    Identity.OPENER: (
        Action(f"{JIT_POLICIES}/initiate/action", "asks for a window"),
        Action(f"{JIT_POLICIES}/read", "documented as needed to ask for a window"),
        Action("Microsoft.Compute/virtualMachines/read", "documented as needed likewise"),
        Action(f"{NETWORK}/networkInterfaces/read", "documented as needed likewise"),
        Action(f"{NETWORK}/networkInterfaces/*/read", "documented as needed likewise"),
        Action(f"{NETWORK}/publicIPAddresses/read", "documented as needed likewise"),
        Action(f"{HOSTS}/createShareableLinks/action", "makes a link"),
        Action(
            f"{NETWORK}/networkSecurityGroups/securityRules/write",
            "lets a Bastion to an address outside Azure; wanted on the group of its subnet alone",
        ),
        OWN_PERMISSIONS,
    ),
    Identity.CLOSER: (
        Action(f"{NETWORK}/networkSecurityGroups/read", "finds the rule of a window"),
        Action(f"{NETWORK}/networkSecurityGroups/securityRules/delete", "ends a window early"),
        Action(f"{HOSTS}/deleteShareableLinks/action", "deletes a link"),
        Action(f"{HOSTS}/disconnectactivesessions/action", "ends who is still connected"),
        OWN_PERMISSIONS,
    ),
    # The strongest of the four, for the right to write machines: Azure asks for it where JIT is
    # configured. Who does without it changes policies by the commands that the pages show.
    Identity.KEEPER: (
        Action(f"{JIT_POLICIES}/read", "a policy is put as a whole, so it is read before"),
        Action(f"{JIT_POLICIES}/write", "enrols a machine, changes its ports"),
        Action("Microsoft.Compute/virtualMachines/read", "documented as needed to configure JIT"),
        Action("Microsoft.Compute/virtualMachines/write", "documented as needed likewise"),
        OWN_PERMISSIONS,
    ),
    # Alone in its process, so it looks as well as removes, and sees no more of the estate.
    Identity.SECOND_CLOSER: (
        Action(f"{HOSTS}/getShareableLinks/action", "which links there still are"),
        Action(f"{HOSTS}/deleteShareableLinks/action", "deletes a link that was forgotten"),
        Action(f"{JIT_POLICIES}/read", "whether a window is still being opened"),
        Action(f"{NETWORK}/networkSecurityGroups/read", "finds the rule of a window"),
        Action(f"{NETWORK}/networkSecurityGroups/securityRules/delete", "ends a window"),
        Action(f"{HOSTS}/getactivesessions/action", "who is still connected"),
        Action(f"{HOSTS}/disconnectactivesessions/action", "ends who is still connected"),
        Action(f"{NETWORK}/locations/operations/read", "whether the list of sessions is ready"),
        Action(f"{NETWORK}/locations/operationResults/read", "the list of sessions itself"),
        OWN_PERMISSIONS,
    ),
}


def needed_by(identities: Iterable[Identity]) -> list[Action]:
    """Of several, where one principal serves as all of them: each action once."""
    found = {action.name: action for identity in identities for action in NEEDED[identity]}
    return list(found.values())


def missing(identities: Iterable[Identity], held: Sequence[Permission]) -> list[Action]:
    """What they need and these permissions do not give."""
    return [action for action in needed_by(identities) if not allows(held, action.name)]


@dataclass(frozen=True)
class Excess:
    """``given`` is the grant by which something ``forbidden`` is possible, both as patterns."""

    given: str
    forbidden: str


def excess(identities: Iterable[Identity], held: Sequence[Permission]) -> list[Excess]:
    """What these permissions give beyond what is needed, of that which nobody of ours may have.
    Reading more than needed is none of it, except who may do what; data of any sort is."""
    needed = [action.name for action in needed_by(identities)]
    found = [
        Excess(given, forbidden)
        for permission in held
        for given in permission.actions
        for forbidden in FORBIDDEN
        if example([given, forbidden], [*permission.not_actions, *needed]) is not None
    ]
    found += [
        Excess(given, "any data action")
        for permission in held
        for given in permission.data_actions
        if example([given], permission.not_data_actions) is not None
    ]
    return list(dict.fromkeys(found))


def file_of(identity: Identity) -> Path:
    return FILES / f"{identity}.json"


def definition(identity: Identity, subscriptions: Sequence[str] = ()) -> dict[str, Any]:
    """A custom role as ``az role definition create --role-definition`` takes it."""
    return {
        "Name": f"Bastion Access {identity}",
        "IsCustom": True,
        "Description": PURPOSES[identity],
        "Actions": [action.name for action in NEEDED[identity]],
        "NotActions": [],
        "DataActions": [],
        "NotDataActions": [],
        "AssignableScopes": [
            f"/subscriptions/{each}" for each in subscriptions or [ANY_SUBSCRIPTION]
        ],
    }


def as_text(identity: Identity, subscriptions: Sequence[str] = ()) -> str:
    """The content of its file."""
    return json.dumps(definition(identity, subscriptions), indent=2) + "\n"


def table() -> str:
    """For docs/azure.md."""
    rows = [
        f"| {identity} | `{action.name}` | {action.why} |"
        for identity in Identity
        for action in NEEDED[identity]
    ]
    return "\n".join(["| identity | action | why |", "|---|---|---|", *rows])
