"""Scripted trouble, seen from the outside."""

from __future__ import annotations

import http.client
import time
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ServiceResponseError

from tests.azure.simulator.doing import (
    connect,
    create_links,
    error_of,
    initiate,
    links,
    policy,
    sessions,
    vms,
)
from tests.azure.simulator.service import BASTION, POLICY, VM, VM2, Service


def test_a_status_with_its_code_and_how_long_to_wait(cloud: Service) -> None:
    cloud.fault(operation="jit.initiate", action="status", status=429, retry_after=60, times=1)
    with pytest.raises(HttpResponseError) as info:
        initiate(cloud)
    assert error_of(info) == (429, "TooManyRequests")
    assert info.value.response.headers["Retry-After"] == "60"
    (row,) = cloud.record("jit.initiate")
    assert row["fault"] is not None
    initiate(cloud)  # used up
    assert len(cloud.state()["open_windows"]) == 1


def test_an_error_may_come_after_the_effect(cloud: Service) -> None:
    cloud.fault(operation="jit.initiate", action="status", status=500, when="after", times=1)
    with pytest.raises(HttpResponseError):
        initiate(cloud)
    assert len(cloud.state()["open_windows"]) == 1


def test_a_connection_reset_before_the_effect(cloud: Service) -> None:
    cloud.fault(operation="jit.initiate", action="reset_before", times=1)
    with pytest.raises(ServiceResponseError):
        initiate(cloud)
    assert cloud.state()["windows"] == cloud.record() == []
    assert cloud.control("GET", "calls")["calls"]["jit.initiate"] == 1


def test_a_connection_reset_after_the_effect(cloud: Service) -> None:
    cloud.fault(operation="jit.initiate", action="reset_after", times=1)
    with pytest.raises(ServiceResponseError):
        initiate(cloud)
    assert len(cloud.state()["open_windows"]) == 1
    assert len(cloud.record("jit.initiate")) == 1


def test_the_reset_is_a_reset_not_an_orderly_end(cloud: Service) -> None:
    cloud.fault(operation="jit.get", action="reset_before", times=1)
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=5)
    connection.request(
        "GET", f"{POLICY}?api-version=1", headers={"Authorization": "Bearer static:x"}
    )
    with pytest.raises(ConnectionResetError) as info:
        connection.getresponse()
    connection.close()
    assert type(info.value) is ConnectionResetError


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_slow_answer_does_not_slow_the_others(cloud: Service, when: str) -> None:
    cloud.fault(operation="jit.get", action="slow", seconds=0.5, when=when, times=1)
    began = time.monotonic()
    policy(cloud)
    assert time.monotonic() - began >= 0.5
    began = time.monotonic()
    policy(cloud)
    assert time.monotonic() - began < 0.4


@pytest.mark.parametrize(("effect", "made"), [(False, 0), (True, 1)])
def test_an_operation_that_fails_says_so_with_200(cloud: Service, effect: bool, made: int) -> None:
    cloud.fault(operation="link.create", action="lro_failed", code="Broken", effect=effect, times=1)
    with pytest.raises(HttpResponseError) as info:
        create_links(cloud, VM)
    assert error_of(info) == (200, "Broken")
    assert len(cloud.state()["links"]) == made


def test_lists_that_say_less_than_is_true(cloud: Service) -> None:
    create_links(cloud, VM, VM2)
    cloud.fault(operation="link.list", action="partial_page", times=1)
    cloud.fault(operation="link.list", action="empty_page", times=1)
    assert [len(links(cloud)) for _ in range(3)] == [1, 0, 2]
    connect(cloud, force=True)
    cloud.fault(operation="operation.result", action="empty_page", times=1)
    assert [len(sessions(cloud)) for _ in range(2)] == [0, 1]


@pytest.mark.parametrize(
    ("match", "meets"),
    [
        ({"operation": "link.*"}, True),
        ({"operation": "jit.*"}, False),
        ({"method": "post"}, True),
        ({"method": "GET"}, False),
        ({"path": "*/BASTION-HUB/*"}, True),
        ({"path": "*/bastion-other/*"}, False),
        ({"principal": "test*"}, True),
        ({"principal": "closer"}, False),
        ({"operation": "link.list", "principal": "closer"}, False),
    ],
)
def test_which_calls_meet_a_fault(cloud: Service, match: dict[str, str], meets: bool) -> None:
    cloud.fault(**match, action="status", status=418)
    if meets:
        with pytest.raises(HttpResponseError) as info:
            links(cloud)
        assert error_of(info) == (418, "ScriptedFault")
    else:
        assert links(cloud) == []


def test_a_call_is_met_for_one_of_the_machines_that_it_names(cloud: Service) -> None:
    for operation in ("link.create", "jit.initiate"):
        cloud.fault(operation=operation, action="status", status=500, vm=VM2.upper())
    with pytest.raises(HttpResponseError):
        create_links(cloud, VM, VM2)
    create_links(cloud, VM)
    initiate(cloud)
    assert [row["status"] for row in cloud.record("link.create")] == [500, 202]


def test_faults_are_dropped_all_or_one(cloud: Service) -> None:
    first = cloud.fault(operation="link.list", action="status", status=503)
    cloud.fault(operation="jit.get", action="status", status=503)
    cloud.control("DELETE", f"faults?id={first}")
    assert links(cloud) == []
    with pytest.raises(HttpResponseError):
        policy(cloud)
    cloud.control("DELETE", "faults")
    assert policy(cloud)


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "explode"},
        {"action": "status"},
        {"action": "slow", "secnods": 5},
        {"operation": "jit.get"},
    ],
)
def test_a_misspelt_fault_is_refused(cloud: Service, fault: dict[str, Any]) -> None:
    assert cloud.raw("POST", "/_control/faults", [fault])[0] == 400
    assert cloud.state()["faults"] == []


def test_the_sdk_would_send_a_post_four_times(cloud: Service) -> None:
    """Why the portal turns the SDK's own retries off."""
    cloud.fault(operation="link.create", action="status", status=503)
    path = f"{BASTION}/createShareableLinks?api-version=2026-03-01"
    assert cloud.raw("POST", path, vms(VM))[0] == 503
    client = cloud.network()
    with pytest.raises(HttpResponseError):
        client.begin_put_bastion_shareable_link(
            "rg-hub", "bastion-hub", vms(VM), retry_total=3, retry_backoff_factor=0
        )
    assert len(cloud.record("link.create")) == 5
