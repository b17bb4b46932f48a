"""Live Bastion sessions: who is connected to which machine, and ending that.

Closing a window or deleting a link leaves connected sessions alone, so they are ended by name.
A session carries the VM's own user name, never the portal's person or the link.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from azure.core.exceptions import HttpResponseError

from access.clock import db_now
from access.errors import Later, Never, Receipt
from access.kinds import Door, DoorKey, Session, serves
from portal.azure import door as azure
from portal.azure.patience import StillAtWork, glance, is_under_way
from portal.azure.roles import Identity

LIMIT = 50  # session ids in one call


# Which doors were shut when a list was asked for that Azure still makes. Of this process alone:
# what is lost with it is simply asked again.
_asked_for: dict[str, frozenset[DoorKey]] = {}


def sessions_at(
    bastion_id: str, doors: Sequence[Door], *, asker: str = ""
) -> dict[DoorKey, tuple[Session, ...]]:
    """For each door, the live sessions through this host to its machine, by its protocol.

    Nothing waits here: while Azure makes the list, nothing is told of any door; of one that was not
    shut for the last time when the list was begun, nothing is told by it. ``asker``: lists of
    two do not mix. A host that is gone carries nobody. Raises ``Later`` or ``Never``.
    """
    if not bastion_id:
        return {door.key: () for door in doors}
    key = f"{asker} {bastion_id.lower()}"
    asked_for = _asked_for.setdefault(key, frozenset(door.key for door in doors))
    try:
        live, age = live_sessions(bastion_id, key)
    except StillAtWork:
        return {}
    except (Later, Never):
        if not is_under_way(key):
            _asked_for.pop(key, None)  # else it is heard later, and knows of these doors alone
        raise
    _asked_for.pop(key, None)
    begun = db_now() - timedelta(seconds=age)
    known = [door for door in doors if door.key in asked_for and _was_over(door, begun)]
    return {door.key: tuple(each for row, each in live if _is_at(door, row)) for door in known}


def _was_over(door: Door, begun: datetime) -> bool:
    """Else the list may have been begun for somebody before, and lack who came since."""
    return door.over_at is None or door.over_at <= begun


def live_sessions(bastion_id: str, key: str = "") -> tuple[list[tuple[Any, Session]], float]:
    """(the SDK's row, what is kept of it) for everybody on the host, and how many seconds ago the
    list was begun. Raises ``StillAtWork`` while
    Azure makes the list; it is heard of again under the same ``key``."""
    where = azure.parts(bastion_id)
    with azure.calling():
        client = azure.network(where["subscription"], Identity.READER)
        begin = partial(client.begin_get_active_sessions, where["resource_group"], where["name"])
        try:
            found, age = glance(key or bastion_id.lower(), begin)
            rows = list(found or ())
        except HttpResponseError as error:
            if not azure.is_gone(error):
                raise
            return [], 0.0
    return [(row, _session(row, bastion_id)) for row in rows], age


def disconnect(sessions: Sequence[Session]) -> list[Receipt]:
    """Ask each host to end its sessions; each row's state goes into the receipt.

    Raises ``Never`` when Azure says of a session that it could not be disconnected.
    """
    by_host: dict[str, list[Session]] = {}
    for session in sessions:
        by_host.setdefault(session.bastion_id, []).append(session)
    receipts: list[Receipt] = []
    for host, its in by_host.items():
        for start in range(0, len(its), LIMIT):
            receipts += _disconnect(host, its[start : start + LIMIT])
    return receipts


def _session(row: Any, bastion_id: str) -> Session:
    return Session(
        session_id=row.session_id or "",
        bastion_id=bastion_id,
        user_name=row.user_name or "",
        protocol=azure.word(row.protocol).lower(),
        since=str(row.start_time or ""),
    )


def _is_at(door: Door, row: Any) -> bool:
    """By the machine's id or, for who came by address, by the address."""
    target, address = (row.target_resource_id or "").lower(), row.target_ip_address or ""
    if target != door.machine.resource_key and (target or address != door.place.address):
        return False
    return serves(door.port, azure.word(row.protocol).lower())


def ask_to_end(bastion_id: str, session_ids: Sequence[str]) -> tuple[list[Any], list[Receipt]]:
    """(the SDK's row for each session, receipts). At most ``LIMIT`` ids. A row's ``state`` is
    its own: of one call some may be Disconnected, others Failed or NotFound."""
    where = azure.parts(bastion_id)
    with azure.calling() as receipts:
        client = azure.network(where["subscription"], Identity.CLOSER)
        body = {"sessionIds": list(session_ids)}
        rows = client.disconnect_active_sessions(where["resource_group"], where["name"], body)
        return list(rows), receipts


def _disconnect(bastion_id: str, sessions: Sequence[Session]) -> list[Receipt]:
    rows, receipts = ask_to_end(bastion_id, [session.session_id for session in sessions])
    states = {row.session_id or "": azure.word(row.state) for row in rows}
    told: list[Receipt] = [{**receipt, "states": states} for receipt in receipts]
    if stuck := [key for key, state in states.items() if state.lower() == "failed"]:
        text = f"Azure could not disconnect {len(stuck)} of {len(sessions)} sessions."
        raise Never(text, receipts=told)
    return told
