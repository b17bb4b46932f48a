"""Shareable links of a Bastion host: list, create, delete.

Facts this rests on (docs/azure.md): the link's address is its only identity, its creation time
drifts between answers; a create or delete is answered 202 with the body ``null``, so the list is
read back. Azure takes at most 50 links under way at once.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from azure.core.exceptions import HttpResponseError

from access.errors import Receipt
from access.kinds import Door, DoorKey, Seen
from portal.azure import door as azure

BATCH = 50


def observe(bastion_id: str, doors: Sequence[Door]) -> dict[DoorKey, Seen]:
    """One call lists every link of the host."""
    where = azure.parts(bastion_id)
    with azure.calling():
        client = azure.network(where["subscription"])
        try:
            rows = list(
                client.get_bastion_shareable_link(
                    where["resource_group"], where["name"], {"vms": []}
                )
            )
        except HttpResponseError as error:
            if not azure.is_gone(error):
                raise
            rows = []  # a host that is gone has no links
    by_machine = {row.vm.id.lower(): row for row in rows}
    return {door.key: _seen(by_machine.get(door.machine.resource_key)) for door in doors}


def create(bastion_id: str, doors: Sequence[Door]) -> list[Receipt]:
    where = azure.parts(bastion_id)
    with azure.calling() as receipts:
        client = azure.network(where["subscription"])
        for batch in _batches(doors):
            client.begin_put_bastion_shareable_link(
                where["resource_group"], where["name"], batch, polling=False
            )
    return receipts


def delete(bastion_id: str, doors: Sequence[Door]) -> list[Receipt]:
    where = azure.parts(bastion_id)
    with azure.calling() as receipts:
        client = azure.network(where["subscription"])
        for batch in _batches(doors):
            client.begin_delete_bastion_shareable_link(
                where["resource_group"], where["name"], batch, polling=False
            )
    return receipts


def _batches(doors: Sequence[Door]) -> list[dict[str, Any]]:
    vms = [{"vm": {"id": door.machine.resource_id}} for door in doors]
    return [{"vms": vms[start : start + BATCH]} for start in range(0, len(vms), BATCH)]


def _seen(row: Any) -> Seen:
    if row is None:
        return Seen(open=False)
    if not row.bsl:
        return Seen(open=False, failed=row.message or "")
    return Seen(open=True, detail={"link_sha256": hashlib.sha256(row.bsl.encode()).hexdigest()})
