"""Live Bastion sessions: who is connected to which machine, and ending that.

Closing a window or deleting a link leaves connected sessions alone, so they are ended by name.
A session carries the VM's own user name, never the portal's person or the link.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from azure.core.exceptions import HttpResponseError

from access.errors import Never, Receipt
from access.kinds import PORT_OF, Door, DoorKey, Session
from portal.azure import door as azure
from portal.azure.patience import result_of
from portal.azure.roles import Identity

LIMIT = 50  # session ids in one call


def sessions_at(bastion_id: str, doors: Sequence[Door]) -> dict[DoorKey, tuple[Session, ...]]:
    """For each door, the live sessions through this host to its machine, by its protocol.

    A host that is gone carries nobody. Raises ``Later`` or ``Never``.
    """
    live = live_sessions(bastion_id) if bastion_id else []
    return {door.key: tuple(each for row, each in live if _is_at(door, row)) for door in doors}


def live_sessions(bastion_id: str) -> list[tuple[Any, Session]]:
    """(the SDK's row, what is kept of it) for everybody on the host."""
    where = azure.parts(bastion_id)
    with azure.calling():
        client = azure.network(where["subscription"], Identity.READER)
        begin = partial(client.begin_get_active_sessions, where["resource_group"], where["name"])
        try:
            rows = list(result_of(bastion_id.lower(), begin))
        except HttpResponseError as error:
            if not azure.is_gone(error):
                raise
            return []
    return [(row, _session(row, bastion_id)) for row in rows]


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
    if door.port not in PORT_OF.values():
        return True  # a custom port: the protocol says nothing about it
    return PORT_OF.get(azure.word(row.protocol).lower(), door.port) == door.port


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
