"""Resource Graph through its real client: one question, all subscriptions, page by page."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.resourcegraph import ResourceGraphClient

from tests.azure.simulator.doing import error_of
from tests.azure.simulator.service import (
    NSG,
    SCOPE,
    SUB,
    VM,
    Credential,
    LoopbackAuthentication,
    Service,
)

MACHINES = "resources | where type =~ 'Microsoft.Compute/virtualMachines'"


def ask(cloud: Service, query: str, **more: Any) -> Any:
    credential = Credential("reader")
    client = ResourceGraphClient(
        credential,
        base_url=cloud.url,
        credential_scopes=[SCOPE],
        authentication_policy=LoopbackAuthentication(credential, SCOPE),
        retry_total=0,
    )
    options = {"resultFormat": "objectArray", **more}
    return client.resources({"subscriptions": [SUB], "query": query, "options": options})


def test_machines_with_their_power_and_in_lower_case(cloud: Service) -> None:
    cloud.control("POST", "hand", {"stop_vm": VM})
    found = ask(cloud, f"{MACHINES} | order by id asc")
    assert (found.total_records, found.count, found.skip_token) == (4, 4, None)
    first = found.data[0]
    assert (first["id"], first["type"]) == (VM, "microsoft.compute/virtualmachines")
    power = first["properties"]["extended"]["instanceView"]["powerState"]["code"]
    assert power == "PowerState/deallocated"
    assert "_power" not in first


def test_page_by_page(cloud: Service) -> None:
    names, token = [], None
    while True:
        options = {"$top": 3, **({"$skipToken": token} if token else {})}
        found = ask(cloud, f"{MACHINES} | project name | order by id asc", **options)
        names += [row["name"] for row in found.data]
        assert found.total_records == 4
        token = found.skip_token
        if not token:
            break
    assert names == ["vm-app-01", "vm-app-02", "vm-bare-01", "vm-win-01"]


def test_groups_have_their_default_rules_and_policies_are_elsewhere(cloud: Service) -> None:
    (group,) = ask(
        cloud, "resources | where type == 'microsoft.network/networksecuritygroups'"
    ).data
    assert group["id"] == NSG
    assert len(group["properties"]["defaultSecurityRules"]) == 6
    assert not [row for row in ask(cloud, "resources").data if "jit" in row["type"]]


def test_another_subscription_has_nothing(cloud: Service) -> None:
    body = {"subscriptions": ["22222222-2222-2222-2222-222222222222"], "query": "resources"}
    path = "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01"
    status, headers, found = cloud.raw("POST", path, body)
    assert (status, found["totalRecords"], found["data"]) == (200, 0, [])
    assert int(headers["x-ms-user-quota-remaining"]) > 0
    assert cloud.record() == []


def test_a_page_that_lacks_rows_still_tells_how_many_there_are(cloud: Service) -> None:
    cloud.fault(operation="graph.query", action="partial_page", times=1)
    found = ask(cloud, MACHINES)
    assert (found.total_records, len(found.data)) == (4, 2)


@pytest.mark.parametrize(
    "query", ["", "machines", "resources | take 5", "resources | where name == 'x'"]
)
def test_what_is_not_imitated_is_refused(cloud: Service, query: str) -> None:
    with pytest.raises(HttpResponseError) as info:
        ask(cloud, query)
    assert error_of(info) == (400, "InvalidQuery")
