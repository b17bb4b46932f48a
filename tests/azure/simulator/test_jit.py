"""JIT through the real SecurityCenter client."""

from __future__ import annotations

import re
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.azure.simulator.doing import (
    allow_rules,
    error_of,
    initiate,
    policy,
    port,
    statuses,
)
from tests.azure.simulator.service import (
    BARE,
    NSG,
    POLICY,
    PREFIX,
    VM,
    VM2,
    WINDOWS,
    Service,
    vm_id,
)


def test_all_four_lists_and_get_show_the_policy(cloud: Service) -> None:
    policies = cloud.security().jit_network_access_policies
    found = [
        list(policies.list()),
        list(policies.list_by_region("westeurope")),
        list(policies.list_by_resource_group("RG-APP")),
        list(policies.list_by_resource_group_and_region("rg-app", "WestEurope")),
    ]
    assert [[each.name for each in rows] for rows in found] == [["default"]] * 4
    assert list(policies.list_by_region("eastus")) == []
    one = policies.get("Rg-App", "westeurope", "DEFAULT")
    assert one.id == POLICY
    assert [each.ports[0].number for each in one.virtual_machines] == [22, 22, 3389]
    assert one.virtual_machines[0].ports[0].max_request_access_duration == "PT3H"


def test_a_missing_policy_has_a_code_of_its_own(cloud: Service) -> None:
    with pytest.raises(ResourceNotFoundError) as info:
        cloud.security().jit_network_access_policies.get("rg-app", "westeurope", "other")
    assert error_of(info) == (404, "PolicyNotFound")
    with pytest.raises(ResourceNotFoundError) as info:
        cloud.security().jit_network_access_policies.initiate(
            "rg-app", "westeurope", "other", {"virtualMachines": []}
        )
    assert error_of(info) == (404, "PolicyNotFound")


def test_initiate_is_accepted_and_then_shows_in_policy_and_nsg(cloud: Service) -> None:
    cloud.pace(initiate=0.4)
    told = initiate(cloud, justification="BA-1 for alice")
    asked = told.virtual_machines[0].ports[0]
    assert (str(asked.status), str(asked.status_reason)) == ("Initiating", "UserRequested")
    assert (told.requestor, told.justification) == ("", "BA-1 for alice")
    assert statuses(cloud) == [("Initiating", "UserRequested")]
    assert allow_rules(cloud) == []
    cloud.advance(1)
    assert statuses(cloud) == [("Initiated", "UserRequested")]
    (rule,) = allow_rules(cloud)
    assert re.fullmatch(r"MicrosoftDefenderForCloud-JITRule--?\d+-[0-9A-F]{32}", rule.name)
    assert (rule.access, rule.priority, rule.source_address_prefix) == ("Allow", 100, PREFIX)
    assert (rule.destination_address_prefix, rule.destination_port_range) == ("10.0.1.4", "22")
    assert policy(cloud).requests[0].justification == "BA-1 for alice"


def test_at_its_end_the_window_is_revoked_and_the_rule_gone(cloud: Service) -> None:
    initiate(cloud, port(minutes=10))
    cloud.advance(11 * 60)
    assert statuses(cloud) == [("Revoked", "Expired")]
    assert allow_rules(cloud) == []
    (opened,), (expired,) = cloud.record("jit.opened"), cloud.record("jit.expired")
    assert opened["because"] == expired["because"] == cloud.record("jit.initiate")[0]["seq"]
    assert expired["at"] == expired["body"]["ends_at"]  # Azure's moment, not that of our look
    assert cloud.state()["open_windows"] == []


def test_overlapping_windows_both_run_each_to_its_own_end(cloud: Service) -> None:
    initiate(cloud, port(minutes=10))
    initiate(cloud, port(minutes=60))
    assert len(allow_rules(cloud)) == 2
    cloud.advance(11 * 60)
    assert sorted(statuses(cloud)) == [("Initiated", "UserRequested"), ("Revoked", "Expired")]
    assert len(allow_rules(cloud)) == 1


def test_or_the_newer_replaces_the_older_even_if_it_is_shorter(cloud: Service) -> None:
    cloud.pace(overlap="newer_replaces")
    initiate(cloud, port(minutes=60))
    initiate(cloud, port(minutes=10))
    assert sorted(statuses(cloud)) == [
        ("Initiated", "UserRequested"),
        ("Revoked", "NewerRequestInitiated"),
    ]
    (rule,) = allow_rules(cloud)
    (window,) = cloud.state()["open_windows"]
    assert window["rule_id"] == rule.id
    assert len(cloud.record("jit.replaced")) == 1


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"vm": BARE}, "VirtualMachineNotInPolicy"),
        ({"vm": vm_id("nobody")}, "VirtualMachineNotInPolicy"),
        ({"port": port(3389)}, "PortNotInPolicy"),
        ({"port": port(source="10.0.255.0/27")}, "SourceNotAllowed"),
        ({"port": port(source="10.0.255.4")}, "SourceNotAllowed"),
        ({"port": port(source=None)}, "SourceNotAllowed"),
        ({"port": port(minutes=400)}, "RequestDurationTooLong"),
        ({"port": port(minutes=-1)}, "EndTimeInPast"),
    ],
)
def test_what_the_policy_does_not_admit_is_refused_and_recorded(
    cloud: Service, asked: dict[str, Any], code: str
) -> None:
    with pytest.raises(HttpResponseError) as info:
        initiate(cloud, asked.get("port", port()), vm=asked.get("vm", VM))
    assert error_of(info) == (400, code)
    (row,) = cloud.record()
    assert (row["operation"], row["status"], row["error"]) == ("jit.initiate", 400, code)
    assert policy(cloud).requests == []


@pytest.mark.parametrize(
    "end", [{"endTimeUtc": "tomorrow"}, {"endTimeUtc": "2030-01-01"}, {"duration": "PT1H"}]
)
def test_an_end_that_is_no_moment_is_refused(cloud: Service, end: dict[str, str]) -> None:
    """The specification's own example sends a duration; its model has only the end."""
    asked = {"number": 22, "allowedSourceAddressPrefix": PREFIX, **end}
    body = {"virtualMachines": [{"id": VM, "ports": [asked]}]}
    status, _, told = cloud.raw("POST", f"{POLICY}/initiate?api-version=2020-01-01", body)
    assert (status, told["error"]["code"]) == (400, "InvalidEndTime")


def test_one_bad_port_refuses_the_whole_request(cloud: Service) -> None:
    with pytest.raises(HttpResponseError):
        initiate(cloud, port(), port(23))
    assert cloud.state()["windows"] == []


def test_a_policy_of_any_source_admits_the_callers_own_address(cloud: Service) -> None:
    """The trap: without a prefix the worker's address is opened, not the Bastion subnet."""
    _put(cloud, [{"id": VM, "ports": [_rule(allowedSourceAddressPrefix="*")]}])
    told = initiate(cloud, port(source=None))
    assert told.virtual_machines[0].ports[0].allowed_source_address_prefix == "127.0.0.1"
    assert allow_rules(cloud)[0].source_address_prefix == "127.0.0.1"


def test_one_of_several_prefixes_is_admitted(cloud: Service) -> None:
    rule = _rule(allowedSourceAddressPrefixes=["192.0.2.1", PREFIX])
    _put(cloud, [{"id": VM, "ports": [rule]}])
    initiate(cloud)
    assert len(allow_rules(cloud)) == 1


def test_ids_are_compared_without_case_and_echoed_as_given(cloud: Service) -> None:
    told = initiate(cloud, vm=VM.upper())
    assert told.virtual_machines[0].id == VM.upper()
    assert statuses(cloud) == [("Initiated", "UserRequested")]


def test_the_older_generation_of_rule_names(cloud: Service) -> None:
    cloud.pace(rule_generation="SecurityCenter")
    initiate(cloud)
    (rule,) = allow_rules(cloud)
    assert rule.name.startswith("SecurityCenter-JITRule-")
    assert rule.description.startswith("ASC JIT Network Access rule created by")


def test_deleting_the_rule_by_hand_does_not_change_the_history(cloud: Service) -> None:
    initiate(cloud)
    (window,) = cloud.state()["open_windows"]
    cloud.control("POST", "hand", {"delete_rule": window["rule_id"]})
    assert statuses(cloud) == [("Initiated", "UserRequested")]
    assert cloud.state()["open_windows"] == []
    cloud.advance(2 * 3600)
    assert statuses(cloud) == [("Revoked", "Expired")]


def test_put_replaces_the_whole_policy_and_writes_deny_rules(cloud: Service) -> None:
    cloud.pace(policy_update=5)
    made = _put(cloud, [{"id": BARE, "ports": [_rule(22), _rule(8022)]}])
    assert made.provisioning_state == "Updating"
    assert policy(cloud).provisioning_state == "Updating"
    cloud.advance(6)
    assert policy(cloud).provisioning_state == "Succeeded"
    assert [each.id for each in policy(cloud).virtual_machines] == [BARE]
    rules = cloud.network().security_rules.list("rg-app", "nsg-app")
    told = {(each.destination_address_prefix, each.destination_port_range) for each in rules}
    assert told == {("10.0.1.7", "22"), ("10.0.1.7", "8022")}


def test_deny_rules_have_their_own_name_form_and_the_last_priorities(cloud: Service) -> None:
    rules = list(cloud.network().security_rules.list("rg-app", "nsg-app"))
    assert [each.priority for each in rules] == [4096, 4095, 4094]
    form = r"MicrosoftDefenderForCloud-JITRule_-?\d+_[0-9A-F]{32}"
    assert all(re.fullmatch(form, each.name) for each in rules)
    assert rules[0].description == (
        "MDC JIT Network Access rule for policy 'default' of VM 'vm-app-01'."
    )
    assert rules[2].destination_port_range == "3389"


@pytest.mark.parametrize(
    "rule",
    [
        {"number": 70000},
        {"allowedSourceAddressPrefixes": ["10.0.0.1"]},
        {"maxRequestAccessDuration": "3:00:00"},
        {"maxRequestAccessDuration": "PT1M"},
        {"maxRequestAccessDuration": "P2D"},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(cloud: Service, rule: dict[str, Any]) -> None:
    """A timedelta is sent as "3:00:00" by the SDK without an error of its own."""
    with pytest.raises(HttpResponseError) as info:
        _put(cloud, [{"id": VM, "ports": [_rule() | rule]}])
    assert info.value.status_code == 400
    assert len(policy(cloud).virtual_machines) == 3


def test_a_deleted_policy_takes_its_windows_and_rules_along(cloud: Service) -> None:
    initiate(cloud)
    policies = cloud.security().jit_network_access_policies
    policies.delete("rg-app", "westeurope", "default")
    with pytest.raises(ResourceNotFoundError):
        policy(cloud)
    assert list(cloud.network().security_rules.list("rg-app", "nsg-app")) == []
    policies.delete("rg-app", "westeurope", "default")  # 204: nothing was there


def test_jit_answers_carry_an_empty_request_id_and_no_operation(cloud: Service) -> None:
    _, read, _ = cloud.raw("GET", f"{POLICY}?api-version=2020-01-01")
    body = {"virtualMachines": [{"id": VM2, "ports": [port() | {"endTimeUtc": _soon()}]}]}
    status, headers, _ = cloud.raw("POST", f"{POLICY}/initiate?api-version=2020-01-01", body)
    assert (status, headers["x-ms-request-id"], read["x-ms-request-id"]) == (202, "", "")
    assert not {"location", "azure-asyncoperation", "retry-after"} & set(headers)
    assert "x-ms-ratelimit-remaining-subscription-resource-requests" in read
    assert "x-ms-ratelimit-remaining-subscription-writes" in headers


def test_a_machine_of_windows_opens_3389(cloud: Service) -> None:
    initiate(cloud, port(3389), vm=WINDOWS)
    assert allow_rules(cloud)[0].destination_port_range == "3389"
    assert cloud.state()["open_windows"][0]["rule_id"].startswith(NSG)


def _rule(number: int = 22, **changes: Any) -> dict[str, Any]:
    source = {} if changes else {"allowedSourceAddressPrefix": PREFIX}
    known = {"number": number, "protocol": "TCP", "maxRequestAccessDuration": "PT3H"}
    return known | source | changes


def _put(cloud: Service, machines: list[dict[str, Any]]) -> Any:
    return cloud.security().jit_network_access_policies.create_or_update(
        "rg-app",
        "westeurope",
        "default",
        {"kind": "Basic", "properties": {"virtualMachines": machines}},
    )


def _soon() -> str:
    from datetime import UTC, datetime, timedelta

    return (datetime.now(UTC) + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%S.1234567Z")
