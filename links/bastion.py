"""Shareable links of a Bastion host: list, create, delete.

Facts this rests on (docs/azure.md): the link's address is its only identity, its creation time
drifts between answers; a create or delete is answered 202 with the body ``null``, so the list is
read back. Azure takes at most 50 links under way at once.
"""

from collections.abc import Sequence
from typing import Any

from azure.core.exceptions import HttpResponseError

from access.errors import Receipt
from access.kinds import Door, DoorKey, Seen, Stray
from access.services.tokens import digest_of
from portal.azure import door as azure
from portal.azure.roles import Identity

BATCH = 50


def observe(bastion_id: str, doors: Sequence[Door]) -> dict[DoorKey, Seen]:
    """One call lists every link of the host."""
    by_machine = {row.vm.id.lower(): row for row in _links(bastion_id)}
    return {door.key: _seen(by_machine.get(door.machine.resource_key)) for door in doors}


def survey(bastion_id: str) -> list[Stray]:
    """Every link of the host. Azure keeps neither who made one nor what for."""
    return [
        Stray(
            row.vm.id, detail={"made_at": row.created_at or "", "link_sha256": digest_of(row.bsl)}
        )
        for row in _links(bastion_id)
        if row.bsl
    ]


def create(bastion_id: str, doors: Sequence[Door]) -> list[Receipt]:
    where = azure.parts(bastion_id)
    with azure.calling() as receipts:
        client = azure.network(where["subscription"], Identity.OPENER)
        for batch in _batches([door.machine.resource_id for door in doors]):
            client.begin_put_bastion_shareable_link(
                where["resource_group"], where["name"], batch, polling=False
            )
    return receipts


def delete(bastion_id: str, doors: Sequence[Door]) -> list[Receipt]:
    return remove(bastion_id, [door.machine.resource_id for door in doors])


def remove(bastion_id: str, machine_ids: Sequence[str]) -> list[Receipt]:
    where = azure.parts(bastion_id)
    with azure.calling() as receipts:
        client = azure.network(where["subscription"], Identity.CLOSER)
        for batch in _batches(machine_ids):
            client.begin_delete_bastion_shareable_link(
                where["resource_group"], where["name"], batch, polling=False
            )
    return receipts


def _links(bastion_id: str) -> list[Any]:
    where = azure.parts(bastion_id)
    with azure.calling():
        client = azure.network(where["subscription"], Identity.READER)
        try:
            return list(
                client.get_bastion_shareable_link(
                    where["resource_group"], where["name"], {"vms": []}
                )
            )
        except HttpResponseError as error:
            if not azure.is_gone(error):
                raise
            return []  # a host that is gone has no links


def _batches(machine_ids: Sequence[str]) -> list[dict[str, Any]]:
    vms = [{"vm": {"id": key}} for key in machine_ids]
    return [{"vms": vms[start : start + BATCH]} for start in range(0, len(vms), BATCH)]


def _seen(row: Any) -> Seen:
    if row is None:
        return Seen(open=False)
    if not row.bsl:
        return Seen(open=False, failed=row.message or "")
    return Seen(open=True, detail={"link_sha256": digest_of(row.bsl)}, secret=row.bsl)
