"""Shareable links through the real network client."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.azure.simulator.doing import create_links, delete_links, error_of, links, vms
from tests.azure.simulator.service import BARE, BASTION, VM, VM2, Service, vm_id

FORM = r"https://bst-[0-9a-f-]{36}\.bastion\.azure\.com/api/shareable-url/[0-9a-f-]{36}"


def test_created_listed_and_deleted(cloud: Service) -> None:
    made = create_links(cloud, VM, VM2)
    assert [each.vm.id for each in made] == [VM, VM2]
    assert all(re.fullmatch(FORM, each.bsl) for each in made)
    assert [each.bsl for each in links(cloud)] == [each.bsl for each in made]
    assert [each.vm.id for each in links(cloud, VM2.upper())] == [VM2]
    delete_links(cloud, VM)
    assert [each.vm.id for each in links(cloud)] == [VM2]
    created, deleted = cloud.record("link.created"), cloud.record("link.deleted")
    assert [each["resource"] for each in created + deleted] == [VM, VM2, VM]


def test_the_creation_time_drifts_between_create_and_list(cloud: Service) -> None:
    (made,) = create_links(cloud, VM)
    (listed,) = links(cloud)
    assert made.created_at != listed.created_at
    drift = _moment(listed.created_at) - _moment(made.created_at)
    assert 0 < drift.total_seconds() < 5
    assert made.message is None


def _moment(text: str) -> datetime:
    assert re.search(r"\.\d{7}Z$", text)
    return datetime.fromisoformat(text)


def test_a_link_takes_its_time_and_so_does_its_end(cloud: Service) -> None:
    cloud.pace(link_create=60, link_delete=60)
    network = cloud.network()
    network.begin_put_bastion_shareable_link("rg-hub", "bastion-hub", vms(VM), polling=False)
    assert links(cloud) == []
    assert cloud.state()["pending"][0]["what"] == "link.create"
    cloud.advance(61)
    assert len(links(cloud)) == 1
    network.begin_delete_bastion_shareable_link("rg-hub", "bastion-hub", vms(VM), polling=False)
    assert len(links(cloud)) == 1
    cloud.advance(61)
    assert links(cloud) == []


def test_a_list_may_lag_behind_what_was_done(cloud: Service) -> None:
    (first,) = create_links(cloud, VM)
    cloud.pace(link_listed=60)
    cloud.advance(61)
    delete_links(cloud, VM)
    (shown,) = links(cloud)
    assert (shown.bsl, cloud.state()["links"]) == (first.bsl, [])
    create_links(cloud, VM)
    assert [row.bsl for row in links(cloud)] == [first.bsl]  # not both
    cloud.advance(61)
    (shown,) = links(cloud)
    assert shown.bsl == cloud.state()["links"][0]["bsl"] != first.bsl


def test_what_was_made_and_deleted_is_shown_that_late_too(cloud: Service) -> None:
    cloud.pace(link_listed=60)
    create_links(cloud, VM)
    cloud.advance(20)
    delete_links(cloud, VM)
    seen = []
    for _ in range(6):
        cloud.advance(15)
        seen.append(len(links(cloud)))
    assert seen == [0, 0, 1, 0, 0, 0]


def test_by_token_the_answer_is_a_location_only(cloud: Service) -> None:
    (made,) = create_links(cloud, VM)
    token = made.bsl.rsplit("/", 1)[1]
    body = {"tokens": [token]}
    status, headers, _ = cloud.raw(
        "POST", f"{BASTION}/deleteShareableLinksByToken?api-version=2026-03-01", {"tokens": []}
    )
    assert status == 202
    assert "location" in headers
    assert "azure-asyncoperation" not in headers
    poller = cloud.network().begin_delete_bastion_shareable_link_by_token(
        "rg-hub", "bastion-hub", body
    )
    poller.result(20)
    assert links(cloud) == []


def test_a_machine_has_one_link_and_a_second_create_gives_the_same(cloud: Service) -> None:
    (first,), (second,) = create_links(cloud, VM), create_links(cloud, VM)
    assert first.bsl == second.bsl
    assert len(links(cloud)) == 1
    assert len(cloud.record("link.created")) == 1


def test_or_a_new_one_that_ends_the_first(cloud: Service) -> None:
    cloud.pace(second_link="new")
    (first,), (second,) = create_links(cloud, VM), create_links(cloud, VM)
    (left,) = links(cloud)
    assert first.bsl != second.bsl == left.bsl
    assert len(cloud.record("link.deleted")) == 1


def test_or_a_message_in_its_row(cloud: Service) -> None:
    cloud.pace(second_link="message")
    create_links(cloud, VM)
    second, other = create_links(cloud, VM, VM2)
    assert (second.bsl, bool(second.message)) == (None, True)
    assert (bool(other.bsl), other.message) == (True, None)


def test_an_unreachable_machine_is_a_partial_failure(cloud: Service) -> None:
    good, bad = create_links(cloud, VM, vm_id("nobody"))
    assert good.bsl
    assert bad.bsl is None
    assert "reach" in bad.message
    assert len(links(cloud)) == 1


def test_fifty_may_be_under_way_and_five_hundred_held(cloud: Service) -> None:
    cloud.reset(_many_machines(cloud, 501))
    cloud.pace(link_create=3600)
    names = [vm_id(f"vm-{number}") for number in range(501)]
    network = cloud.network()
    network.begin_put_bastion_shareable_link(
        "rg-hub", "bastion-hub", vms(*names[:50]), polling=False
    )
    with pytest.raises(HttpResponseError) as info:
        network.begin_put_bastion_shareable_link("rg-hub", "bastion-hub", vms(names[50]))
    assert error_of(info) == (429, "TooManyShareableLinkRequests")
    assert info.value.response.headers["Retry-After"] == "10"
    cloud.advance(3601)
    cloud.pace(link_create=0)
    for start in range(50, 500, 50):
        create_links(cloud, *names[start : start + 50])
    with pytest.raises(HttpResponseError) as info:
        create_links(cloud, names[500])
    assert error_of(info) == (400, "ShareableLinkLimitReached")
    assert len(links(cloud)) == 500


def _many_machines(cloud: Service, count: int) -> dict[str, Any]:
    """The small estate with its first machine repeated."""
    estate = cloud.state()["estate"]
    vm = next(each for each in estate["resources"] if each["id"] == VM)
    copies = [
        {**vm, "name": f"vm-{number}", "id": vm_id(f"vm-{number}")} for number in range(count)
    ]
    return {**estate, "resources": estate["resources"] + copies}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sku": {"name": "Basic"}}, "BastionSkuDoesNotSupportShareableLink"),
        ({"links": False}, "BastionShareableLinkDisabled"),
    ],
)
def test_a_host_without_links_refuses(cloud: Service, change: Any, code: str) -> None:
    estate = cloud.state()["estate"]
    (host,) = [each for each in estate["resources"] if each["id"] == BASTION]
    host["sku"] = change.get("sku", host["sku"])
    host["properties"]["enableShareableLink"] = change.get("links", True)
    cloud.reset(estate)
    with pytest.raises(HttpResponseError) as info:
        create_links(cloud, VM)
    assert error_of(info) == (400, code)


def test_an_unknown_host_is_unknown_to_the_gateway(cloud: Service) -> None:
    with pytest.raises(ResourceNotFoundError) as info:
        cloud.network().get_bastion_shareable_link("rg-hub", "none", {"vms": []}).next()
    assert error_of(info) == (404, "ResourceNotFound")
    assert info.value.response.headers["x-ms-failure-cause"] == "gateway"


def test_a_link_stays_listed_when_its_machine_is_deleted(cloud: Service) -> None:
    create_links(cloud, BARE)
    cloud.control("POST", "hand", {"delete_vm": BARE})
    assert [each.vm.id for each in links(cloud)] == [BARE]


def test_the_202_is_null_with_two_long_addresses_that_change_with_each_poll(
    cloud: Service,
) -> None:
    cloud.pace(link_create=3)
    status, headers, body = cloud.raw(
        "POST", f"{BASTION}/createShareableLinks?api-version=2026-03-01", vms(VM)
    )
    assert (status, body, headers["content-length"]) == (202, None, "4")
    assert 1 <= int(headers["retry-after"]) <= 3
    assert 2500 < len(headers["location"]) < 4096
    assert 2500 < len(headers["azure-asyncoperation"]) < 4096
    path = headers["location"].removeprefix(cloud.url)
    status, again, body = cloud.raw("GET", path)
    assert (status, body) == (202, None)
    assert again["location"] != headers["location"]
    assert again["x-ms-request-id"] == headers["x-ms-request-id"]
    operation = headers["azure-asyncoperation"].removeprefix(cloud.url)
    assert cloud.raw("GET", operation)[2] == {"status": "InProgress"}
    cloud.advance(4)
    _, _, ended = cloud.raw("GET", operation)
    assert ended["properties"]["output"] == cloud.raw("GET", path)[2]


def test_a_deletes_result_is_200_null(cloud: Service) -> None:
    _, headers, _ = cloud.raw(
        "POST", f"{BASTION}/deleteShareableLinks?api-version=2026-03-01", vms(VM)
    )
    status, _, body = cloud.raw("GET", headers["location"].removeprefix(cloud.url))
    assert (status, body) == (200, None)
    operation = headers["azure-asyncoperation"].removeprefix(cloud.url)
    assert cloud.raw("GET", operation)[2] == {"status": "Succeeded", "properties": {}}


def test_listing_links_spends_writes(cloud: Service) -> None:
    _, headers, _ = cloud.raw(
        "POST", f"{BASTION}/getShareableLinks?api-version=2026-03-01", {"vms": []}
    )
    assert "x-ms-ratelimit-remaining-subscription-writes" in headers
    assert cloud.record() == []
    assert cloud.control("GET", "calls")["calls"]["link.list"] >= 1
