"""Shareable links of a Bastion host: list, create, delete.

Facts this rests on (docs/azure.md): the link's address is its only identity, its creation time
drifts between answers; a create or delete is answered 202 with the body ``null``, so the list is
read back. Azure takes at most 50 links under way at once.
"""

from collections.abc import Sequence
from typing import Any

from azure.core.exceptions import HttpResponseError
from django.conf import settings

from access.errors import Receipt
from access.kinds import Door, DoorKey, Seen, Stray
from access.services.tokens import digest_of
from links import deletions, missing
from portal.azure import door as azure
from portal.azure.roles import Identity

MOST = 50  # links of one call


def observe(bastion_id: str, doors: Sequence[Door]) -> dict[DoorKey, Seen]:
    """One call lists every link of the host. What is missing there is judged by ``missing``; a host
    that is gone has no links."""
    rows = links_of(bastion_id)
    if rows is None:
        return {door.key: Seen(open=False) for door in doors}
    by_machine = {row.vm.id.lower(): row for row in rows}
    shown = {door.key: by_machine.get(door.machine.resource_key) for door in doors}
    seen = {key: _seen(row) for key, row in shown.items() if row is not None}
    return seen | missing.judged(bastion_id, [d for d in doors if shown[d.key] is None])


def survey(bastion_id: str) -> list[Stray]:
    """Every link of the host. Azure keeps neither who made one nor what for."""
    return [
        Stray(
            row.vm.id, detail={"made_at": row.created_at or "", "link_sha256": digest_of(row.bsl)}
        )
        for row in links_of(bastion_id) or ()
        if row.bsl
    ]


def create(bastion_id: str, doors: Sequence[Door]) -> list[Receipt]:
    where = azure.parts(bastion_id)
    with azure.calling() as receipts:
        client = azure.network(where["subscription"], Identity.OPENER)
        for start in range(0, len(doors), _size()):
            keys = [door.machine.resource_id for door in doors[start : start + _size()]]
            client.begin_put_bastion_shareable_link(
                where["resource_group"], where["name"], _batch(keys), polling=False
            )
    return receipts


def delete(bastion_id: str, doors: Sequence[Door]) -> list[Receipt]:
    return remove(bastion_id, [door.machine.resource_id for door in doors])


def remove(bastion_id: str, machine_ids: Sequence[str]) -> list[Receipt]:
    where = azure.parts(bastion_id)
    with azure.calling() as receipts:
        client = azure.network(where["subscription"], Identity.CLOSER)
        for start in range(0, len(machine_ids), _size()):
            keys = machine_ids[start : start + _size()]
            noted = missing.Noted()  # type: ignore[no-untyped-call]
            client.begin_delete_bastion_shareable_link(
                where["resource_group"], where["name"], _batch(keys), polling=noted
            )
            deletions.note(bastion_id, keys, noted.address)
    return receipts


def links_of(bastion_id: str, machine_ids: Sequence[str] = ()) -> list[Any] | None:
    """Those of these machines, or all. ``None`` when the host is gone."""
    where = azure.parts(bastion_id)
    with azure.calling():
        client = azure.network(where["subscription"], Identity.READER)
        try:
            return list(
                client.get_bastion_shareable_link(
                    where["resource_group"], where["name"], _batch(machine_ids)
                )
            )
        except HttpResponseError as error:
            if not azure.is_gone(error):
                raise
            return None


def _size() -> int:
    return max(1, min(MOST, int(settings.ACCESS_CHUNK)))


def _batch(machine_ids: Sequence[str]) -> dict[str, Any]:
    return {"vms": [{"vm": {"id": key}} for key in machine_ids]}


def _seen(row: Any) -> Seen:
    if not row.bsl:
        return Seen(open=False, failed=row.message or "")
    return Seen(open=True, detail={"link_sha256": digest_of(row.bsl)}, secret=row.bsl)
