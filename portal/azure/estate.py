"""What Resource Graph does not tell of the estate: subscriptions, and the JIT policies."""

from collections.abc import Iterator
from typing import Any

from portal.azure import door as azure
from portal.azure.listing import rows_of
from portal.azure.roles import Identity


def read_subscriptions() -> dict[str, str]:
    """Name by id of every subscription that the identity may see."""
    rows = rows_of("/subscriptions", "2022-12-01", Identity.READER)
    return {row["subscriptionId"]: row["displayName"] for row in rows}


def read_policies(subscription_id: str) -> Iterator[Any]:
    """Each ``JitNetworkAccessPolicy`` of the SDK. Read by list calls: that Resource Graph holds
    these policies could not be established."""
    with azure.calling():
        client = azure.security(subscription_id, Identity.READER)
        yield from client.jit_network_access_policies.list()
