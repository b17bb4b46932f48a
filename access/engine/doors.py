"""Grants on the same machine and port share a door, which lasts for the longest of them."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from access.kinds import Door, DoorKey, Place
from access.models import Grant
from access.states import WANTING_NOW, GrantState


def by_door(grants: Iterable[Grant]) -> dict[DoorKey, list[Grant]]:
    groups: dict[DoorKey, list[Grant]] = {}
    for grant in grants:
        groups.setdefault((grant.machine_id, grant.port), []).append(grant)
    return groups


def door_for(group: Sequence[Grant]) -> Door:
    """The door that these grants share; ``group`` is never empty."""
    wanting = [grant for grant in group if grant.state in WANTING_NOW]
    closing = [grant for grant in group if grant.state == GrantState.CLOSING]
    places = [Place.from_json(grant.place) for grant in group if grant.place]
    return Door(
        machine=group[0].machine,
        port=group[0].port,
        places=tuple(dict.fromkeys(places)),
        until=max((grant.ends_at for grant in wanting), default=None),
        on_behalf="; ".join(_on_behalf(grant) for grant in wanting),
        ending=any(was_asked_for(grant) for grant in group if grant.state == GrantState.CLOSING),
        stood=any(grant.state == GrantState.OPEN for grant in wanting),
        sent_at=max((grant.sent_at for grant in closing if grant.sent_at), default=None),
        over_at=max((grant.due_at for grant in closing if grant.due_at), default=None),
        in_vain=max((grant.tries for grant in closing), default=0),
        erred=max((grant.erred for grant in closing), default=0),
        shut_at=_shut_at(closing),
        shown=all(_was_shown(grant) for grant in group),
    )


def _was_shown(grant: Grant) -> bool:
    """No order to open it is on its way any more: a deletion might overtake it."""
    asked, shown = grant.asked_at, grant.shown_at
    return shown is not None and (asked is None or shown >= asked)


def _shut_at(closing: Sequence[Grant]) -> datetime | None:
    moments = [grant.shut_at for grant in closing if grant.shut_at]
    return min(moments) if moments and len(moments) == len(closing) else None


def was_asked_for(grant: Grant) -> bool:
    """Azure was told of it at least once. What never was leaves nothing behind to be shut."""
    return grant.asked_at is not None or grant.opened_at is not None


def _on_behalf(grant: Grant) -> str:
    asked = grant.access_request
    approver = asked.decided_by.display_name if asked.decided_by else "nobody"
    mail = f" <{asked.requester.mail}>" if asked.requester.mail else ""
    return f"{asked.reference} {asked.requester.display_name}{mail}, approved by {approver}"
