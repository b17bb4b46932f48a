"""Simulated ARM's token buckets, seen from the outside: who asks too often is refused, and counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from tests.azure.simulator.doing import create_links, error_of, links, policy, vms
from tests.azure.simulator.service import BASTION, SUB, VM, Service, running

LEFT = "x-ms-ratelimit-remaining-subscription-"


def limit(cloud: Service, **limits: Any) -> None:
    """Of those kinds that are named; the others are without one."""
    cloud.control("POST", "budget", {"reads": None, "writes": None, "deletes": None} | limits)


def refused(cloud: Service, principal: str = "tester") -> int:
    """Seconds after which it may be asked again; 0 when it was answered."""
    path = f"{BASTION}/getShareableLinks?api-version=2026-03-01"
    as_whom = {"Authorization": f"Bearer static:{principal}"}
    status, headers, _ = cloud.raw("POST", path, {"vms": []}, **as_whom)
    assert status in {200, 429}
    return int(headers["retry-after"]) if status == 429 else 0


def test_without_being_told_so_azure_takes_any_number(cloud: Service) -> None:
    assert not any(refused(cloud) for _ in range(250))


def test_a_bucket_that_is_empty_refuses_before_anything_happens(cloud: Service) -> None:
    limit(cloud, writes=[2, 0.25])
    create_links(cloud, VM)
    links(cloud)
    with pytest.raises(HttpResponseError) as info:
        cloud.network().begin_delete_bastion_shareable_link("rg-hub", "bastion-hub", vms(VM))
    assert error_of(info) == (429, "TooManyRequests")
    assert info.value.response.headers["Retry-After"] == "4"  # a whole second, rounded up
    assert info.value.response.headers[f"{LEFT}writes"] == "0"
    assert len(cloud.state()["links"]) == 1
    (row,) = cloud.record("link.delete")
    assert (row["status"], row["error"], row["fault"]) == (429, "TooManyRequests", None)


def test_it_fills_by_the_simulators_own_clock_and_no_higher_than_its_rim(cloud: Service) -> None:
    limit(cloud, writes=[3, 0.1])
    assert [refused(cloud) > 0 for _ in range(4)] == [False, False, False, True]
    cloud.advance(10)
    assert [refused(cloud) > 0 for _ in range(2)] == [False, True]
    cloud.advance(3600)
    assert [refused(cloud) > 0 for _ in range(4)] == [False, False, False, True]


def test_what_the_documents_say_is_what_it_takes_by_default(cloud: Service) -> None:
    told = cloud.control("POST", "budget", {})
    assert told["limits"] == {"reads": [250, 25], "writes": [200, 10], "deletes": [200, 10]}
    limit(cloud, writes=[200, 0.01])
    assert sum(refused(cloud) > 0 for _ in range(210)) == 10
    cloud.control("DELETE", "budget")
    assert refused(cloud) == 0


def test_each_principal_each_kind_and_each_subscription_has_its_own(cloud: Service) -> None:
    limit(cloud, reads=[1, 0.01], writes=[1, 0.01])
    assert refused(cloud, "one") == 0
    assert refused(cloud, "one") > 0
    assert refused(cloud, "two") == 0
    path = f"{BASTION}?api-version=2026-03-01"
    as_one = {"Authorization": "Bearer static:one"}
    assert cloud.raw("GET", path, **as_one)[0] == 200  # a read, though its writes are spent
    assert cloud.raw("GET", path, **as_one)[0] == 429
    assert cloud.raw("GET", "/subscriptions?api-version=2022-12-01", **as_one)[0] == 200
    left = cloud.control("GET", "budget")["left"]
    assert {key.rsplit("/", 1)[0] for key in left} == {f"{SUB}/one", f"{SUB}/two", "tenant/one"}


def test_tokens_and_the_control_api_cost_nothing(cloud: Service) -> None:
    limit(cloud, reads=[1, 0.01], writes=[1, 0.01])
    query = "api-version=2019-08-01&resource=https://management.azure.com"
    for _ in range(3):
        assert cloud.raw("GET", f"/msi/token?{query}", **{"X-IDENTITY-HEADER": "x"})[0] == 200
        assert cloud.state()
    assert cloud.raw("GET", f"{BASTION}?api-version=1", Authorization="none")[0] == 401
    policy(cloud)


def test_each_answer_says_what_is_left(cloud: Service) -> None:
    limit(cloud, reads=[9, 0.01], writes=[7, 0.01])
    path = f"{BASTION}/getShareableLinks?api-version=2026-03-01"
    assert cloud.raw("POST", path, {"vms": []})[1][f"{LEFT}writes"] == "6"
    assert cloud.raw("POST", path, {"vms": []})[1][f"{LEFT}writes"] == "5"
    assert cloud.raw("GET", f"{BASTION}?api-version=1")[1][f"{LEFT}reads"] == "8"


def test_who_comes_back_too_early_is_counted(cloud: Service) -> None:
    limit(cloud, writes=[1, 0.1])
    refused(cloud)
    assert refused(cloud) == 10
    cloud.advance(4)
    refused(cloud)
    cloud.advance(10)
    refused(cloud)
    calls = cloud.control("GET", "calls")
    assert [row["operation"] for row in calls["throttled"]] == ["link.list", "link.list"]
    (early,) = calls["early"]
    assert early["key"] == f"{SUB}/tester/writes"
    assert 4 <= early["after"] < 5


def test_a_scripted_429_counts_like_a_real_one_unless_something_is_left(cloud: Service) -> None:
    cloud.fault(operation="link.list", action="status", status=429, retry_after=60, times=1)
    assert refused(cloud) == 60
    refused(cloud)
    assert len(cloud.control("GET", "calls")["early"]) == 1
    cloud.reset()
    host_is_busy = {"status": 429, "retry_after": 60, "remaining": 50, "times": 1}
    cloud.fault(operation="link.list", action="status", **host_is_busy)
    assert refused(cloud) == 60
    refused(cloud)
    calls = cloud.control("GET", "calls")
    assert (len(calls["throttled"]), calls["early"]) == (1, [])


def test_a_bucket_that_makes_no_sense_is_refused(cloud: Service) -> None:
    for wanted in ({"writes": [0, 1]}, {"writes": 5}, {"posts": [1, 1]}, {"reads": [5, 0]}, [1]):
        assert cloud.raw("POST", "/_control/budget", wanted)[0] == 400, wanted
    assert cloud.control("GET", "budget")["limits"] is None


def test_a_restart_does_not_fill_the_bucket(tmp_path: Path) -> None:
    """Else killing the simulator would be a way around the limit that it is there to show."""
    state = ("--state", str(tmp_path / "state.json"))
    with running("--estate", "small", *state) as cloud:
        limit(cloud, writes=[2, 0.01])
        assert [refused(cloud) > 0 for _ in range(3)] == [False, False, True]
        cloud.process.kill()
    with running("--estate", "small", *state) as cloud:
        assert refused(cloud) > 0
        assert len(cloud.control("GET", "calls")["throttled"]) == 2
