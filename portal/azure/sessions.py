"""Live Bastion sessions: who is connected to which machine, and ending that.

Closing a window or deleting a link leaves connected sessions alone, so they are ended by name.
A session carries the VM's own user name, never the portal's person or the link.
"""

from collections.abc import Sequence

from django.conf import settings

from access.errors import Later, Receipt
from access.kinds import Door, DoorKey, Session
from portal.azure import door as azure

PORT_OF = {"ssh": 22, "rdp": 3389}
LIMIT = 50  # session ids in one call


def sessions_at(doors: Sequence[Door]) -> dict[DoorKey, tuple[Session, ...]]:
    """For each door, the live sessions to its machine by its protocol. Raises ``Later``."""
    found: dict[DoorKey, tuple[Session, ...]] = {}
    hosts = {d.machine.bastion.resource_id for d in doors if d.machine.bastion}
    live = {host: _live(host) for host in hosts}
    for door in doors:
        host = door.machine.bastion.resource_id if door.machine.bastion else ""
        found[door.key] = tuple(
            session for target, session in live.get(host, []) if _is_at(door, target, session)
        )
    return found


def disconnect(sessions: Sequence[Session]) -> list[Receipt]:
    """Ask each host to end its sessions; each row's state goes into the receipt."""
    by_host: dict[str, list[Session]] = {}
    for session in sessions:
        by_host.setdefault(session.bastion_id, []).append(session)
    receipts: list[Receipt] = []
    for host, its in by_host.items():
        for start in range(0, len(its), LIMIT):
            receipts += _disconnect(host, its[start : start + LIMIT])
    return receipts


def _live(bastion_id: str) -> list[tuple[str, Session]]:
    """(lower-cased target id, session) of one host; Azure answers this as an operation."""
    where = azure.parts(bastion_id)
    with azure.calling():
        client = azure.network(where["subscription"])
        poller = client.begin_get_active_sessions(where["resource_group"], where["name"])
        poller.wait(settings.AZURE_WAIT_SECONDS)
        if not poller.done():
            raise Later("Azure has not yet said who is connected.")
        return [
            (
                (row.target_resource_id or "").lower(),
                Session(
                    session_id=row.session_id or "",
                    bastion_id=bastion_id,
                    user_name=row.user_name or "",
                    protocol=azure.word(row.protocol).lower(),
                    since=str(row.start_time or ""),
                ),
            )
            for row in poller.result()
        ]


def _is_at(door: Door, target: str, session: Session) -> bool:
    if target != door.machine.resource_key:
        return False
    if door.port not in PORT_OF.values():
        return True  # a custom port: the protocol says nothing about it
    return PORT_OF.get(session.protocol, door.port) == door.port


def _disconnect(bastion_id: str, sessions: Sequence[Session]) -> list[Receipt]:
    where = azure.parts(bastion_id)
    with azure.calling() as receipts:
        client = azure.network(where["subscription"])
        body = {"sessionIds": [session.session_id for session in sessions]}
        rows = client.disconnect_active_sessions(where["resource_group"], where["name"], body)
        states = {row.session_id or "": row.state or "" for row in rows}
    return [{**receipt, "states": states} for receipt in receipts]
