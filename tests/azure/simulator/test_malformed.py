"""Bodies that make no sense are refused with 400 and change nothing; none breaks the simulator."""

from __future__ import annotations

from itertools import product
from typing import Any

from tests.azure.simulator.service import BASTION, NSG, POLICY, VM, Service

SENSELESS: list[Any] = [5, "x", [5], {"id": 5}, [{"a": None}]]
NAMES = {
    "POST": [
        (f"{BASTION}/createShareableLinks", "vms"),
        (f"{BASTION}/deleteShareableLinks", "vms"),
        (f"{BASTION}/getShareableLinks", "vms"),
        (f"{BASTION}/deleteShareableLinksByToken", "tokens"),
        (f"{BASTION}/disconnectActiveSessions", "sessionIds"),
        (f"{POLICY}/initiate", "virtualMachines"),
    ],
    "PUT": [(f"{NSG}/securityRules/x", "properties")],
}


def test_writes(cloud: Service) -> None:
    before = cloud.state()["estate"]
    for method, rows in NAMES.items():
        for (path, name), value in product(rows, SENSELESS):
            status, _, body = cloud.raw(method, f"{path}?api-version=1", {name: value})
            assert (status, body["error"]["code"]) == (400, "InvalidRequestContent"), (path, value)
    after = cloud.state()
    assert after["estate"] == before
    assert after["links"] == after["windows"] == after["pending"] == []


def test_no_json_and_no_object(cloud: Service) -> None:
    assert cloud.raw("POST", f"{POLICY}/initiate?api-version=1", [1])[0] == 400
    assert cloud.raw("POST", f"{POLICY}/initiate?api-version=1", "x")[0] == 400


def test_a_policy_and_its_ports(cloud: Service) -> None:
    for value in SENSELESS:
        body = {"properties": {"virtualMachines": value}}
        assert cloud.raw("PUT", f"{POLICY}?api-version=1", body)[0] == 400
        machine = {"id": VM, "ports": value}
        body = {"properties": {"virtualMachines": [machine]}}
        assert cloud.raw("PUT", f"{POLICY}?api-version=1", body)[0] == 400
        assert cloud.raw("POST", f"{POLICY}/initiate?api-version=1", body["properties"])[0] == 400
