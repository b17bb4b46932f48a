"""What Resource Graph does not tell of the estate: subscriptions, and the JIT policies."""

from collections.abc import Iterator
from typing import Any

from azure.core.rest import HttpRequest
from django.conf import settings

from portal.azure import door as azure


def read_subscriptions() -> dict[str, str]:
    """Name by id of every subscription that the identity may see."""
    found: dict[str, str] = {}
    with azure.calling():
        page = f"{settings.AZURE_ENDPOINT}/subscriptions?api-version=2022-12-01"
        while page:
            answer = azure.plain().send_request(HttpRequest("GET", page))
            answer.raise_for_status()
            rows = answer.json()
            found |= {row["subscriptionId"]: row["displayName"] for row in rows["value"]}
            page = rows.get("nextLink") or ""
    return found


def read_policies(subscription_id: str) -> Iterator[Any]:
    """Each ``JitNetworkAccessPolicy`` of the SDK. Read by list calls: that Resource Graph holds
    these policies could not be established."""
    with azure.calling():
        yield from azure.security(subscription_id).jit_network_access_policies.list()
