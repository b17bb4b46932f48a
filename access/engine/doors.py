"""Grants on the same machine and port share a door, which lasts for the longest of them."""

from collections.abc import Iterable, Sequence

from access.kinds import Door, DoorKey
from access.models import Grant
from access.states import GrantState

WANTING_NOW = (GrantState.OPENING, GrantState.OPEN)


def by_door(grants: Iterable[Grant]) -> dict[DoorKey, list[Grant]]:
    groups: dict[DoorKey, list[Grant]] = {}
    for grant in grants:
        groups.setdefault((grant.machine_id, grant.port), []).append(grant)
    return groups


def door_for(group: Sequence[Grant]) -> Door:
    """The door that these grants share; ``group`` is never empty."""
    wanting = [grant for grant in group if grant.state in WANTING_NOW]
    return Door(
        machine=group[0].machine,
        port=group[0].port,
        until=max((grant.ends_at for grant in wanting), default=None),
        on_behalf="; ".join(_on_behalf(grant) for grant in wanting),
        ending=any(grant.state == GrantState.CLOSING for grant in group),
    )


def _on_behalf(grant: Grant) -> str:
    asked = grant.access_request
    approver = asked.decided_by.display_name if asked.decided_by else "nobody"
    mail = f" <{asked.requester.mail}>" if asked.requester.mail else ""
    return f"{asked.reference} {asked.requester.display_name}{mail}, approved by {approver}"
