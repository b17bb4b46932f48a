"""Azure Resource Graph, page by page: one question for all subscriptions, in bounded memory.

Facts this rests on (docs/azure.md): an answer says how many records match in all
(``totalRecords``) and carries a token for the next page; rows come in the order that is asked
for. A reading whose pages do not add up to the total is refused, for what it lacks would look
like something that was deleted.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from access.errors import Later
from portal.azure import door as azure
from portal.azure.roles import Identity

if TYPE_CHECKING:
    from azure.mgmt.resourcegraph import ResourceGraphClient

PAGE = 1000  # the most that Resource Graph gives at once
SUBSCRIPTIONS = 1000  # the most that one question may name
COLUMNS = "id, name, type, location, resourceGroup, subscriptionId, tags, sku, zones, properties"

BASTION_HOSTS = "microsoft.network/bastionhosts"
INTERFACES = "microsoft.network/networkinterfaces"
NETWORKS = "microsoft.network/virtualnetworks"
NSGS = "microsoft.network/networksecuritygroups"
PUBLIC_IPS = "microsoft.network/publicipaddresses"
VIRTUAL_MACHINES = "microsoft.compute/virtualmachines"

Row = dict[str, Any]


def question(kind: str) -> str:
    """All resources of one type. The order makes the pages' tokens dependable."""
    return f"resources | where type =~ '{kind}' | project {COLUMNS} | order by id asc"


def pages(kind: str, subscriptions: Sequence[str], *, size: int = PAGE) -> Iterator[list[Row]]:
    """Raises ``Later`` or ``Never``, also when the pages do not add up."""
    for start in range(0, len(subscriptions), SUBSCRIPTIONS):
        yield from _pages(question(kind), subscriptions[start : start + SUBSCRIPTIONS], size)


def _pages(query: str, subscriptions: Sequence[str], size: int) -> Iterator[list[Row]]:
    token, read, total = None, 0, None
    while True:
        answer = _ask(query, subscriptions, size, token)
        rows = list(answer.data)
        total = answer.total_records if total is None else total
        read += len(rows)
        if rows:
            yield rows
        token = answer.skip_token
        if not token:
            break
    if read != total:
        raise Later(f"Azure listed {read} of {total} resources; the rest may come later.")


def _ask(query: str, subscriptions: Sequence[str], size: int, token: str | None) -> Any:
    from azure.mgmt.resourcegraph.models import QueryRequest, QueryRequestOptions

    options = QueryRequestOptions(top=size, skip_token=token, result_format="objectArray")
    request = QueryRequest(query=query, subscriptions=list(subscriptions), options=options)
    with azure.calling():
        client: ResourceGraphClient = azure.graph(Identity.READER)
        return client.resources(request)
