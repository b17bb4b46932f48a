"""The real Azure command line, asked what it sees in simulated Azure.

The SDK clients of the other tests are the ones that the portal uses; ``az`` brings its own: older
ones for Defender, generated ones (``aaz``) for machines and networks, and its own sign-in.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.azure.simulator.doing import initiate
from tests.azure.simulator.service import (
    BARE,
    NSG,
    POLICY,
    PREFIX,
    ROOT,
    SUB,
    VM,
    VM2,
    WINDOWS,
    Service,
    running,
)
from tests.witness.command_line import CommandLine, Said, installed
from tests.witness.front import TENANT, Front, standing

pytestmark = [
    pytest.mark.witness,
    pytest.mark.skipif(
        not os.environ.get("AZ_WITNESS"),
        reason="set AZ_WITNESS=1: installs azure-cli (750 MB) into a folder of its own,"
        " which AZ_WITNESS_HOME keeps for the next time",
    ),
    pytest.mark.timeout(900),  # the first one installs
]
READER = "portal-reader"  # may do what docs/roles/reader.json says
ANYBODY = "somebody"  # whom no role confines
IN_GROUP = ("--resource-group", "rg-app", "--nsg-name", "nsg-app")
SignIn = Callable[[str], CommandLine]


@pytest.fixture(scope="module")
def python() -> Iterator[Path]:
    home = os.environ.get("AZ_WITNESS_HOME")
    if home:
        yield installed(Path(home).resolve())
        return
    with tempfile.TemporaryDirectory(prefix="az-witness-") as passing:
        yield installed(Path(passing))


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    roles = ROOT / "docs" / "roles"
    reader = f"{READER}={roles / 'reader.json'}"
    with running("--estate", "small", "--role", reader) as service:
        yield service


@pytest.fixture
def cloud(service: Service) -> Service:
    service.reset()
    return service


@pytest.fixture(scope="module")
def front(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with standing(service.port, tmp_path_factory.mktemp("front")) as front:
        yield front


@pytest.fixture
def sign_in(python: Path, front: Front, cloud: Service, tmp_path: Path) -> SignIn:
    def signed_in(principal: str) -> CommandLine:
        az = CommandLine(python, front, tmp_path / principal)
        az.folder.mkdir()
        az.sign_in(principal)
        front.calls.clear()
        return az

    return signed_in


def test_signing_in_finds_the_subscription(sign_in: SignIn) -> None:
    (account,) = sign_in(READER)("account", "list")
    assert (account["id"], account["name"], account["state"]) == (SUB, "Test", "Enabled")
    assert account["tenantId"] == TENANT
    assert account["user"]["assignedIdentityInfo"] == f"MSIClient-{READER}"


def test_it_lists_the_policy_of_the_small_estate(cloud: Service, sign_in: SignIn) -> None:
    az = sign_in(READER)
    (listed,) = az("security", "jit-policy", "list")
    assert (listed["id"], listed["name"], listed["location"]) == (POLICY, "default", "westeurope")
    assert listed["resourceGroup"] == "rg-app"
    assert listed["provisioningState"] == "Succeeded"
    assert _guarded(listed) == [
        (VM, [(22, "TCP", PREFIX, "PT3H")]),
        (VM2, [(22, "TCP", PREFIX, "PT3H")]),
        (WINDOWS, [(3389, "TCP", PREFIX, "PT3H")]),
    ]
    (read,) = cloud.security().jit_network_access_policies.list()
    assert (read.id, read.name, read.location) == (POLICY, "default", "westeurope")
    assert _guarded(listed) == _guarded_by_sdk(read)


@pytest.mark.parametrize(
    "where",
    [
        ("--location", "westeurope"),
        ("--resource-group", "rg-app"),
        ("--resource-group", "rg-app", "--location", "westeurope"),
    ],
)
def test_it_lists_the_policy_by_place_and_group(sign_in: SignIn, where: tuple[str, ...]) -> None:
    assert [row["id"] for row in sign_in(READER)("security", "jit-policy", "list", *where)] == [
        POLICY
    ]


def test_it_shows_a_policy_and_the_window_asked_for(cloud: Service, sign_in: SignIn) -> None:
    initiate(cloud)
    shown = sign_in(READER)(*_show("default"))
    (read,) = cloud.security().jit_network_access_policies.list()
    assert _guarded(shown) == _guarded_by_sdk(read)
    ((machine,),) = (request["virtualMachines"] for request in shown["requests"])
    (port,) = machine["ports"]
    assert (machine["id"], port["number"], port["allowedSourceAddressPrefix"]) == (VM, 22, PREFIX)
    assert (port["status"], port["statusReason"]) == ("Initiated", "UserRequested")
    end = read.requests[0].virtual_machines[0].ports[0].end_time_utc
    assert datetime.fromisoformat(port["endTimeUtc"]) == end


def test_it_understands_that_a_policy_is_not_there(sign_in: SignIn) -> None:
    with pytest.raises(Said, match=r"\(PolicyNotFound\)"):
        sign_in(READER)(*_show("other"))


def test_it_understands_what_a_role_lacks(cloud: Service, sign_in: SignIn) -> None:
    rule = next(iter(cloud.network().security_rules.list("rg-app", "nsg-app"))).name
    with pytest.raises(Said, match=r"\(AuthorizationFailed\).*securityRules/delete'"):
        sign_in(READER)("network", "nsg", "rule", "delete", *IN_GROUP, "--name", rule)
    assert [(row["principal"], row["status"]) for row in cloud.record("rule.delete")] == [
        (READER, 403)
    ]


def test_it_lists_the_machines(cloud: Service, sign_in: SignIn) -> None:
    listed = sign_in(READER)("vm", "list")
    assert [row["id"] for row in listed] == [VM, VM2, BARE, WINDOWS]
    assert [_machine(row) for row in listed] == [
        (each.id, each.location, each.vm_id, each.storage_profile.os_disk.os_type, each.tags)
        for each in cloud.compute().virtual_machines.list_all()
    ]


def test_it_follows_a_list_to_its_next_page(cloud: Service, sign_in: SignIn) -> None:
    """To an address that the answer names, and that must begin with https: see ``front``."""
    estate = {"subscriptions": {SUB: "Test"}, "resources": _many_machines(cloud)}
    cloud.reset(estate)
    az = sign_in(READER)
    listed = az("vm", "list")
    assert len(listed) == 120
    pages = [call for call in az.front.calls if call[0].endswith("/virtualMachines")]
    assert len(pages) == 3
    read = cloud.compute().virtual_machines.list_all()
    assert [row["id"] for row in listed] == [each.id for each in read]


def test_it_lists_rules_of_ours_and_of_azure(cloud: Service, sign_in: SignIn) -> None:
    listed = sign_in(READER)("network", "nsg", "rule", "list", *IN_GROUP, "--include-default")
    group = cloud.network().network_security_groups.get("rg-app", "nsg-app")
    read = [*group.security_rules, *group.default_security_rules]
    assert sorted(map(_rule, listed)) == sorted(
        (
            each.name,
            each.priority,
            each.access,
            each.direction,
            each.source_address_prefix,
            each.destination_address_prefix,
            each.destination_port_range,
        )
        for each in read
    )
    jit = {row["destinationPortRange"] for row in listed if "JITRule" in row["name"]}
    assert jit == {"22", "3389"}


def test_it_lists_peerings(cloud: Service, sign_in: SignIn) -> None:
    cloud.reset("demo")
    az = sign_in(ANYBODY)
    sub = next(row["id"] for row in az("account", "list") if row["name"] == "Production")
    network = cloud.network(sub=sub)
    for group, name in (("rg-hub-weu", "vnet-hub-weu"), ("rg-legacy-weu", "vnet-legacy-weu")):
        where = ("--resource-group", group, "--vnet-name", name, "--subscription", sub)
        listed = az("network", "vnet", "peering", "list", *where)
        assert listed
        assert [_peering(row) for row in listed] == [
            (
                each.name,
                each.peering_state,
                each.allow_forwarded_traffic,
                each.remote_virtual_network.id,
            )
            for each in network.virtual_network_peerings.list(group, name)
        ]


def test_it_opens_a_window_and_closes_it(cloud: Service, sign_in: SignIn) -> None:
    """By its plain call, as it has no command for it; the end is an operation that it follows."""
    az = sign_in(ANYBODY)
    cloud.pace(rule_delete=1)
    end = datetime.now(UTC) + timedelta(hours=1)
    asked = {"number": 22, "allowedSourceAddressPrefix": PREFIX, "endTimeUtc": end.isoformat()}
    body = json.dumps({"virtualMachines": [{"id": VM, "ports": [asked]}]})
    url = f"{POLICY}/initiate?api-version=2020-01-01"
    made = az("rest", "--method", "post", "--url", url, "--body", body)
    assert made["virtualMachines"][0]["ports"][0]["status"] == "Initiating"
    (rule,) = _allowed(az)
    assert (rule["sourceAddressPrefix"], rule["destinationPortRange"]) == (PREFIX, "22")
    az("network", "nsg", "rule", "delete", *IN_GROUP, "--name", rule["name"])
    assert _allowed(az) == []
    (asked_for,) = cloud.record("rule.delete")
    assert asked_for["principal"] == ANYBODY
    assert asked_for["resource"] == f"{NSG}/securityRules/{rule['name']}"
    assert any("/operations/" in call for call, _ in az.front.calls)


def _show(name: str) -> tuple[str, ...]:
    where = ("--resource-group", "rg-app", "--location", "westeurope", "--name", name)
    return ("security", "jit-policy", "show", *where)


def _guarded(policy: Any) -> list[Any]:
    return [
        (
            machine["id"],
            [
                (
                    port["number"],
                    port["protocol"],
                    port["allowedSourceAddressPrefix"],
                    port["maxRequestAccessDuration"],
                )
                for port in machine["ports"]
            ],
        )
        for machine in policy["virtualMachines"]
    ]


def _guarded_by_sdk(policy: Any) -> list[Any]:
    return [
        (
            machine.id,
            [
                (
                    port.number,
                    port.protocol,
                    port.allowed_source_address_prefix,
                    port.max_request_access_duration,
                )
                for port in machine.ports
            ],
        )
        for machine in policy.virtual_machines
    ]


def _machine(row: Any) -> tuple[Any, ...]:
    disk = row["storageProfile"]["osDisk"]
    return (row["id"], row["location"], row["vmId"], disk["osType"], row["tags"])


def _many_machines(cloud: Service) -> list[Any]:
    (one,) = (row for row in cloud.state()["estate"]["resources"] if row["id"] == BARE)
    names = [f"vm-many-{number:03}" for number in range(120)]
    return [{**one, "name": name, "id": BARE.replace("vm-bare-01", name)} for name in names]


def _rule(row: Any) -> tuple[Any, ...]:
    names = (
        *("name", "priority", "access", "direction", "sourceAddressPrefix"),
        *("destinationAddressPrefix", "destinationPortRange"),
    )
    return tuple(row[name] for name in names)


def _peering(row: Any) -> tuple[Any, ...]:
    names = ("name", "peeringState", "allowForwardedTraffic")
    return (*(row[name] for name in names), row["remoteVirtualNetwork"]["id"])


def _allowed(az: CommandLine) -> list[Any]:
    rules = az("network", "nsg", "rule", "list", *IN_GROUP)
    return [row for row in rules if row["access"] == "Allow"]
