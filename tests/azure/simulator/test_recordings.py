"""Recorded answers of real Azure, in both directions.

The SDK reads them as we expect; and the simulator, asked the same in the same order, answers
alike (``replaying.HEADERS`` says what is compared). The transcriptions in ``recorded/`` hold the
facts under our own ids. With AZURE_REFERENCE naming a directory that has ``recordings/``, the
originals are replayed too.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError

from portal.azure.simulator import resource_ids
from portal.azure.simulator.estate import small
from tests.azure.simulator.replaying import Entry, differences, original, served, transcribed
from tests.azure.simulator.service import AT_ONCE, SUB, Service

REFERENCE = os.environ.get("AZURE_REFERENCE", "")
needs_reference = pytest.mark.skipif(
    not REFERENCE, reason="AZURE_REFERENCE does not name a directory with recordings/ and spec/"
)
OURS = ["shareable-links", "jit-initiate", "jit-policy-get"]
ORIGINALS = [
    "shareable-links-2024",
    "jit-initiate-2022",
    "jit-initiate-2018",
    "jit-policy-get-2018",
]
# Differences between the years of Azure that were recorded; the simulator follows the latest.
KNOWN = {
    "jit-initiate-2018": frozenset({"empty x-ms-request-id"}),  # empty only since 2022
    # In 2018 the id was filled too, and a policy did not yet have appendMode.
    "jit-policy-get-2018": frozenset({"empty x-ms-request-id", "appendMode"}),
}


def entries_of(name: str) -> list[Entry]:
    if name in OURS:
        return transcribed(name)
    found = original(Path(REFERENCE) / "recordings" / f"{name}.json")
    # Switching Defender's plan on is no part of what we imitate.
    return [entry for entry in found if "/pricings/" not in entry.path]


names = pytest.mark.parametrize(
    "name", [*OURS, *(pytest.param(name, marks=needs_reference) for name in ORIGINALS)]
)


class Replayed(Service):
    """The SDK clients of ``Service``, pointed at the recorded answers."""

    def __init__(self, url: str) -> None:
        self.base = url

    @property
    def url(self) -> str:
        return self.base


@names
def test_the_sdk_reads_what_azure_answered(name: str) -> None:
    entries = entries_of(name)
    with served(entries) as url:
        for entry in entries:
            if not entry.polls:
                read(Replayed(url), entry, entries)


def read(azure: Service, entry: Entry, entries: list[Entry]) -> None:
    path = entry.plain_path
    sub, group = (resource_ids.part(path, word) for word in ("subscriptions", "resourceGroups"))
    if "/bastionHosts/" in path:
        host = resource_ids.part(path, "bastionHosts")
        read_links(azure.network(sub=sub), group, host, entry, entries)
    else:
        place = (group, resource_ids.part(path, "locations"))
        read_jit(azure.security(sub=sub).jit_network_access_policies, place, entry)


def read_links(network: Any, group: str, host: str, entry: Entry, entries: list[Entry]) -> None:
    if entry.word == "createShareableLinks":
        rows = network.begin_put_bastion_shareable_link(group, host, entry.request).result(20)
        result = next(each for each in entries if each.polls == "operationResults")
        assert [each.as_dict() for each in rows] == result.body["value"]
    elif entry.word == "getShareableLinks":
        rows = network.get_bastion_shareable_link(group, host, entry.request)
        assert [each.as_dict() for each in rows] == entry.body["value"]
    elif entry.word == "deleteShareableLinks":
        body = entry.request or {"vms": []}
        assert network.begin_delete_bastion_shareable_link(group, host, body).result(20) is None
    else:
        with pytest.raises(ResourceNotFoundError) as info:
            network.bastion_hosts.get(group, host)
        assert info.value.error is not None
        assert info.value.error.code == "ResourceNotFound"


def read_jit(policies: Any, place: tuple[str, str], entry: Entry) -> None:
    if entry.word == "initiate":
        told = policies.initiate(*place, "default", entry.request)
        port = told.virtual_machines[0].ports[0]
        assert (port.status, port.status_reason) == ("Initiating", "UserRequested")
        assert told.requestor == ""
    elif entry.method == "PUT":
        told = policies.create_or_update(*place, "default", entry.request)
        assert told.provisioning_state == "Updating"
    elif entry.status == 404:
        with pytest.raises(ResourceNotFoundError) as info:
            policies.get(*place, entry.word)
        assert info.value.error.code == "PolicyNotFound"
    else:
        told = policies.get(*place, "default")
        read_ports = [_told(r.virtual_machines[0].ports[0]) for r in told.requests]
        assert read_ports == [_recorded(r) for r in entry.body["properties"]["requests"]]


def _told(port: Any) -> tuple[str, str]:
    return str(port.status), str(port.status_reason)


def _recorded(request: dict[str, Any]) -> tuple[str, str]:
    port = request["virtualMachines"][0]["ports"][0]
    return port["status"], port["statusReason"]


@names
def test_the_simulator_answers_the_same_sequence_alike(name: str, cloud: Service) -> None:
    entries = entries_of(name)
    cloud.reset(estate_for(entries))
    cloud.pace(**AT_ONCE | {"policy_update": 5 if entries[0].method == "PUT" else 0})
    move_clock(cloud, entries)
    if entries[0].method == "GET":
        make_history(cloud, entries[0])
    last: dict[str, str] = {}
    found = {}
    for number, entry in enumerate(entries):
        body = {"vms": []} if entry.method == "POST" and entry.request is None else entry.request
        path = last[entry.polls] if entry.polls else entry.path
        status, headers, answered = cloud.raw(entry.method, path, body)
        if "azure-asyncoperation" in headers:
            last["operations"] = headers["azure-asyncoperation"].removeprefix(cloud.url)
            last["operationResults"] = headers["location"].removeprefix(cloud.url)
        known = KNOWN.get(name, frozenset())
        wrong = differences(entry, (status, headers, answered), known=known)
        if wrong:
            found[f"{number} {entry.method} {entry.word}"] = wrong
    assert found == {}
    print(f"{name}: {len(entries)} recorded answers compared")


def estate_for(entries: list[Entry]) -> dict[str, Any]:
    """The small estate under the recorded names, so that the same requests make sense."""
    path = entries[0].plain_path
    text = json.dumps(small())
    sub, group = resource_ids.part(path, "subscriptions"), resource_ids.part(path, "resourceGroups")
    if host := resource_ids.part(path, "bastionHosts"):
        vm = resource_ids.name_of(entries[0].request["vms"][0]["vm"]["id"])
        app = resource_ids.part(entries[0].request["vms"][0]["vm"]["id"], "resourceGroups")
        text = text.replace("bastion-hub", host).replace("rg-hub", group).replace("rg-app", app)
    else:
        vm = resource_ids.name_of(_machine(entries[0]))
        region = resource_ids.part(path, "locations")
        text = text.replace("rg-app", group).replace("westeurope", region)
    estate: dict[str, Any] = json.loads(text.replace("vm-app-01", vm).replace(SUB, sub))
    for resource in estate["resources"]:
        if resource["type"].endswith("jitNetworkAccessPolicies"):
            resource["properties"]["virtualMachines"] = [_guarded(entries[0])]
    return estate


def _machine(entry: Entry) -> str:
    holder = entry.request or entry.body
    holder = holder.get("properties", holder)
    return str(holder["virtualMachines"][0]["id"])


def _guarded(entry: Entry) -> dict[str, Any]:
    """The recorded policy's own words where there are any, else any source on all ports."""
    properties = (entry.body or {}).get("properties") or {}
    if "virtualMachines" in properties:
        found: dict[str, Any] = properties["virtualMachines"][0]
        return found
    ports = [
        {
            "number": number,
            "protocol": "*",
            "allowedSourceAddressPrefix": "*",
            "maxRequestAccessDuration": "PT3H",
        }
        for number in (22, 3389)
    ]
    vm = _machine(entry) if "jitNetwork" in entry.path else "/none"
    return {"id": vm, "ports": ports}


def move_clock(cloud: Service, entries: list[Entry]) -> None:
    """To the time of the recording: its ends of windows are long past today."""
    text = json.dumps([[entry.request, entry.body] for entry in entries])
    if "startTimeUtc" not in text:
        return
    begun = max(part.split('"')[2] for part in text.split("startTimeUtc")[1:])
    moment = datetime.fromisoformat(begun[:19] + "+00:00")
    cloud.advance((moment - datetime.now(UTC)).total_seconds() - 3)


def make_history(cloud: Service, entry: Entry) -> None:
    """One window like each recorded one; those of the past end at once."""
    for request in entry.body["properties"]["requests"]:
        port = request["virtualMachines"][0]["ports"][0]
        order = {
            "policy": entry.plain_path,
            "vm": request["virtualMachines"][0]["id"],
            "port": port["number"],
            "source": port["allowedSourceAddressPrefix"],
            "seconds": 3600 if port["status"] == "Initiated" else -60,
            "requestor": request["requestor"],
        }
        cloud.control("POST", "hand", {"initiate": order})


def test_the_comparison_can_fail(cloud: Service) -> None:
    """Each kind of difference is found, so silence means likeness."""
    entry = transcribed("shareable-links")[0]
    alike = (202, dict.fromkeys(entry.headers, "x"), None)
    assert differences(entry, alike, known=frozenset()) == []
    without = {name: "x" for name in entry.headers if name != "location"}
    assert differences(entry, (202, without, None), known=frozenset()) != []
    assert differences(entry, (200, alike[1], None), known=frozenset()) != []
    assert differences(entry, (202, alike[1], {"value": []}), known=frozenset()) != []
    empty = alike[1] | {"x-ms-request-id": ""}
    assert differences(entry, (202, empty, None), known=frozenset()) != []
    initiated = transcribed("jit-initiate")[1]
    surplus = dict.fromkeys(initiated.headers, "") | {"location": "x"}
    assert differences(initiated, (202, surplus, initiated.body), known=frozenset()) != []
