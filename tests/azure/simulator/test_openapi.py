"""What the simulator answers and what the SDK sends, against Microsoft's own documents.

They are not part of this repository: AZURE_REFERENCE names a directory that has them in
``spec/network`` and ``spec/security``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
from azure.core.exceptions import ResourceNotFoundError

from tests.azure.simulator.doing import connect, initiate, policy, port, vms
from tests.azure.simulator.openapi import EXCEPTIONS, Documents
from tests.azure.simulator.service import BASTION, POLICY, PREFIX, VM, Service
from tests.azure.simulator.test_recordings import REFERENCE, needs_reference

pytestmark = needs_reference
CHECKED: list[str] = []


@pytest.fixture(scope="module")
def documents() -> Iterator[Documents]:
    yield Documents(Path(REFERENCE) / "spec")
    print("\nchecked against OpenAPI:", *sorted(set(CHECKED)), sep="\n  ")
    print("excused:", *(f"{name}: {why}" for name, why in EXCEPTIONS.items()), sep="\n  ")


ANY_PORT = {
    "number": 22,
    "protocol": "TCP",
    "allowedSourceAddressPrefix": PREFIX,
    "maxRequestAccessDuration": "PT3H",
}
POLICY_BODY = {
    "kind": "Basic",
    "properties": {"virtualMachines": [{"id": VM, "ports": [ANY_PORT]}]},
}


def initiate_body() -> dict[str, Any]:
    end = (datetime.now(UTC) + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    asked = {"number": 22, "allowedSourceAddressPrefix": PREFIX, "endTimeUtc": end}
    return {"virtualMachines": [{"id": VM, "ports": [asked]}], "justification": "a reason"}


SUBSCRIPTION, GROUP = BASTION.split("/resourceGroups/")[0], BASTION.split("/providers/")[0]
JIT_LIST = "providers/Microsoft.Security/jitNetworkAccessPolicies"
APP_GROUP = POLICY.split("/providers/")[0]
READS = [
    BASTION,
    f"{GROUP}/providers/Microsoft.Network/bastionHosts",
    f"{SUBSCRIPTION}/providers/Microsoft.Network/bastionHosts",
    POLICY,
    f"{SUBSCRIPTION}/{JIT_LIST}",
    f"{APP_GROUP}/{JIT_LIST}",
    POLICY.rsplit("/", 1)[0],
    f"{SUBSCRIPTION}/{POLICY.rsplit('/', 1)[0].split('/', 5)[5]}",
]
WRITES: list[tuple[str, str, Any]] = [
    ("PUT", POLICY, POLICY_BODY),
    ("DELETE", POLICY, None),
    ("POST", f"{BASTION}/createShareableLinks", vms(VM)),
    ("POST", f"{BASTION}/getShareableLinks", {"vms": []}),
    ("POST", f"{BASTION}/deleteShareableLinks", vms(VM)),
    ("POST", f"{BASTION}/getActiveSessions", None),
    ("POST", f"{BASTION}/disconnectActiveSessions", {"sessionIds": ["none"]}),
]


@pytest.mark.parametrize("path", READS)
def test_reads(cloud: Service, documents: Documents, path: str) -> None:
    initiate(cloud)
    status, _, body = cloud.raw("GET", f"{path}?api-version=2026-03-01")
    assert status == 200
    assert body.get("value", [body]), "an empty list proves nothing"
    CHECKED.append(documents.check_answer("GET", path, status, body))


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_writes(cloud: Service, documents: Documents, method: str, path: str, body: Any) -> None:
    cloud.control("POST", "hand", {"add_link": {"bastion": BASTION, "vm": VM}})
    status, _, answered = cloud.raw(method, f"{path}?api-version=2026-03-01", body)
    CHECKED.append(documents.check_answer(method, path, status, answered))
    CHECKED.append(documents.check_request(method, path, body))


def test_initiate(cloud: Service, documents: Documents) -> None:
    path, body = f"{POLICY}/initiate", initiate_body()
    status, _, answered = cloud.raw("POST", f"{path}?api-version=2020-01-01", body)
    assert answered["virtualMachines"][0]["ports"][0]["status"] == "Initiating"
    CHECKED.append(documents.check_answer("POST", path, status, answered))


@pytest.mark.parametrize("word", ["createShareableLinks", "getActiveSessions"])
def test_results_of_operations_are_what_200_would_have_been(
    cloud: Service, documents: Documents, word: str
) -> None:
    connect(cloud, force=True)
    path = f"{BASTION}/{word}"
    _, headers, _ = cloud.raw("POST", f"{path}?api-version=2026-03-01", vms(VM))
    _, _, body = cloud.raw("GET", headers["location"].removeprefix(cloud.url))
    assert body["value"]
    CHECKED.append(documents.check_answer("POST", path, 200, body) + " (result)")


def test_what_the_sdk_sends(cloud: Service, documents: Documents) -> None:
    """The record keeps each write's body as it arrived."""
    initiate(cloud, port(), justification="a reason")
    cloud.security().jit_network_access_policies.create_or_update(
        "rg-app", "westeurope", "default", policy(cloud)
    )
    network = cloud.network()
    network.begin_put_bastion_shareable_link("rg-hub", "bastion-hub", vms(VM)).result(20)
    network.begin_delete_bastion_shareable_link("rg-hub", "bastion-hub", vms(VM)).result(20)
    list(network.disconnect_active_sessions("rg-hub", "bastion-hub", {"sessionIds": ["none"]}))
    paths = {
        "jit.initiate": ("POST", f"{POLICY}/initiate"),
        "jit.put": ("PUT", POLICY),
        "link.create": ("POST", f"{BASTION}/createShareableLinks"),
        "link.delete": ("POST", f"{BASTION}/deleteShareableLinks"),
        "session.disconnect": ("POST", f"{BASTION}/disconnectActiveSessions"),
    }
    for operation, (method, path) in paths.items():
        (row,) = cloud.record(operation)
        CHECKED.append(documents.check_request(method, path, row["body"]) + " (by the SDK)")


def test_a_missing_policy_is_told_as_an_error(cloud: Service) -> None:
    with pytest.raises(ResourceNotFoundError) as info:
        cloud.security().jit_network_access_policies.get("rg-app", "westeurope", "none")
    assert urlsplit(info.value.response.request.url).query == "api-version=2020-01-01"


def test_the_check_can_fail(documents: Documents) -> None:
    for body in ({"value": [{"bsl": 5}]}, {"values": []}, {"value": [{"vm": {}, "expiry": "x"}]}):
        with pytest.raises(jsonschema.ValidationError):
            documents.check_answer("POST", f"{BASTION}/getShareableLinks", 200, body)
    with pytest.raises(jsonschema.ValidationError):
        documents.check_request("POST", f"{POLICY}/initiate", {"virtualMachines": [{"id": VM}]})
    with pytest.raises(AssertionError):
        documents.check_answer("POST", f"{BASTION}/inventLinks", 200, {})


def test_the_reference_is_where_it_was_said(documents: Documents) -> None:
    assert os.environ["AZURE_REFERENCE"]
    assert len(documents.documents) == 2
