"""The address of a link, sealed for the one moment in which it is handed over.

It is written when Azure shows the link open, by the worker that saw it, in the transaction that
writes that down; it is emptied in the one in which closing begins to be owed.
"""

import json
from collections.abc import Mapping, Sequence

from access.clock import db_now
from access.sealed import Unreadable, seal, unseal
from access.services.tokens import digest_of
from links.models import SealedLink


def keep(addresses: Mapping[int, str]) -> None:
    """By the numbers of their grants. One query where all are kept already. Another address for
    the same grant takes the place of the first: Azure made the link anew."""
    digests = {pk: digest_of(address) for pk, address in addresses.items() if address}
    known = SealedLink.objects.filter(grant__in=digests, purged_at__isnull=True)
    kept = dict(known.values_list("grant_id", "sha256"))
    rows = [
        SealedLink(grant_id=pk, sealed=_sealed(pk, addresses[pk]), sha256=digest, kept_at=db_now())
        for pk, digest in digests.items()
        if kept.get(pk) != digest
    ]
    changed = ["sealed", "sha256", "kept_at", "purged_at"]
    SealedLink.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["grant"], update_fields=changed
    )


def purge(grants: Sequence[int]) -> None:
    """Nobody can read them any more. Their digests stay: the ledger knows the links by them."""
    kept = SealedLink.objects.filter(grant__in=grants, purged_at__isnull=True)
    kept.update(sealed="", purged_at=db_now())


def reveal(kept: SealedLink) -> str:
    """For the hand-off alone. Raises ``Unreadable``, also for what was sealed for another grant and
    for what was purged."""
    if not kept.sealed:
        raise Unreadable("It was purged when its grant ended.")
    found = json.loads(unseal(kept.sealed))
    if found["grant"] != kept.grant_id:
        raise Unreadable("It was sealed for another grant.")
    address: str = found["address"]
    return address


def _sealed(grant_id: int, address: str) -> str:
    return seal(json.dumps({"grant": grant_id, "address": address}))
