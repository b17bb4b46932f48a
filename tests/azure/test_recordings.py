"""Recordings of real Azure, through our client code.

That the simulator answers like them is proved in tests/azure/simulator.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from access.kinds import Door
from access.models import BastionHost, Machine
from tests.azure import recorded
from tests.azure.replay import Replay, original, replaying
from tests.azure.simulator.test_recordings import ORIGINALS, REFERENCE, needs_reference
from tests.support.estate import host, machine


@contextmanager
def azure_that_said(settings: Any, *entries: recorded.Entry) -> Iterator[Replay]:
    """The portal pointed at a server that repeats these answers."""
    from portal.azure import door

    with replaying(*entries) as (replay, port):
        os.environ["IDENTITY_ENDPOINT"] = f"http://127.0.0.1:{port}/msi/token"
        os.environ["IDENTITY_HEADER"] = "replay"
        settings.AZURE_ENDPOINT = f"http://127.0.0.1:{port}"
        door.forget_clients()
        yield replay
    door.forget_clients()


@pytest.fixture
def vm(db: None) -> Machine:
    return machine("vm-app-01", nsg_ids=[])


def door_of(vm: Machine, **more: Any) -> Door:
    return Door(
        vm, 22, until=datetime(2029, 12, 31, tzinfo=UTC), on_behalf="BA-000001 Alice", **more
    )


def test_a_link_is_created_by_a_null_answer_and_read_back(vm: Machine, settings: Any) -> None:
    from links import bastion

    entries = (recorded.LINK_CREATED, recorded.LINKS_READ)
    with azure_that_said(settings, *entries) as replay:
        (receipt,) = bastion.create(recorded.HOST, [door_of(vm)])
        seen = bastion.observe(recorded.HOST, [door_of(vm)])[(vm.pk, 22)]
    assert receipt["status"] == 202
    assert replay.seen[0][1] == {"vms": [{"vm": {"id": vm.resource_id}}]}
    assert seen.open
    assert recorded.LINK not in str(seen.detail)


def test_a_deleted_link_is_gone_when_the_list_is_empty(vm: Machine, settings: Any) -> None:
    from links import bastion

    with azure_that_said(settings, recorded.LINK_DELETED, recorded.LINKS_GONE):
        bastion.delete(recorded.HOST, [door_of(vm)])
        assert not bastion.observe(recorded.HOST, [door_of(vm)])[(vm.pk, 22)].open


def test_a_host_that_is_gone_has_no_links(vm: Machine, settings: Any) -> None:
    from links import bastion

    with azure_that_said(settings, recorded.HOST_MISSING):
        assert not bastion.observe(recorded.HOST, [door_of(vm)])[(vm.pk, 22)].open


def test_initiate_is_sent_with_the_subnet_and_answered_without_an_operation(
    vm: Machine, settings: Any
) -> None:
    from jit import defender

    with azure_that_said(settings, recorded.INITIATED) as replay:
        defender.initiate(recorded.POLICY, [door_of(vm)])
    (_, sent) = replay.seen[0]
    port = sent["virtualMachines"][0]["ports"][0]
    assert port["allowedSourceAddressPrefix"] == "10.0.255.0/26"
    assert port["endTimeUtc"].endswith("Z")
    assert sent["justification"].startswith("BA-000001")


def test_a_policy_is_matched_without_ids_and_whatever_the_case(vm: Machine, settings: Any) -> None:
    """The revoked request with the later end must not count."""
    from jit import defender

    with azure_that_said(settings, recorded.POLICY_READ):
        seen = defender.observe(recorded.POLICY, [door_of(vm)])[(vm.pk, 22)]
    assert seen.until == datetime(2030, 1, 1, tzinfo=UTC)
    assert not seen.open  # no NSG rule was seen: the policy alone proves nothing


def test_a_policy_that_is_gone_is_not_an_error(vm: Machine, settings: Any) -> None:
    from jit import defender

    with azure_that_said(settings, recorded.POLICY_MISSING):
        assert not defender.observe(recorded.POLICY, [door_of(vm)])[(vm.pk, 22)].open


@needs_reference
@pytest.mark.parametrize("name", ORIGINALS)
def test_the_originals_pass_through_our_client_code(name: str, vm: Machine, settings: Any) -> None:
    """Every JIT and link answer of the recording is read by the code that workers run."""
    entries = json.loads((Path(REFERENCE) / "recordings" / f"{name}.json").read_text())["Entries"]
    checked = [replay_original(original(entry), settings) for entry in entries]
    print(f"{name}: {len([c for c in checked if c])} of {len(entries)} answers replayed:", checked)
    assert any(checked)


def replay_original(entry: dict[str, Any], settings: Any) -> str:
    """What the answer was read as; empty where it is no answer that our code asks for."""
    from jit import defender
    from links import bastion

    path = entry["path"]
    word = path.rsplit("/", 1)[1]
    with azure_that_said(settings, entry):
        if word in {"createShareableLinks", "deleteShareableLinks"}:
            send = bastion.create if word.startswith("create") else bastion.delete
            (receipt,) = send(
                path.rsplit("/", 1)[0],
                [
                    door_of(
                        known(entry["sent"]["vms"][0]["vm"]["id"])
                        if entry["sent"]
                        else known(recorded.VM)
                    )
                ],
            )
            assert receipt["status"] == entry["status"]
        elif word == "getShareableLinks":
            rows = entry["body"]["value"]
            vm = known(rows[0]["vm"]["id"]) if rows else known(recorded.VM)
            seen = bastion.observe(path.rsplit("/", 1)[0], [door_of(vm)])
            assert seen[(vm.pk, 22)].open == bool(rows)
        elif word == "initiate":
            vm = known(entry["body"]["virtualMachines"][0]["id"])
            (receipt,) = defender.initiate(path.rsplit("/", 1)[0], [door_of(vm)])
            assert receipt["status"] == 202
        elif (
            path.lower().rsplit("/", 2)[1] == "jitnetworkaccesspolicies"
            and entry["method"] == "GET"
        ):
            vm = known(entry["body"]["properties"]["virtualMachines"][0]["id"])
            defender.observe(path, [door_of(vm)])
        else:
            return ""
    return word


def known(resource_id: str) -> Machine:
    found = Machine.objects.filter(resource_key=resource_id.lower()).first()
    if found is not None:
        return found
    made = machine(
        f"vm-{Machine.objects.count()}", nsg_ids=[], bastion=BastionHost.objects.first() or host()
    )
    Machine.objects.filter(pk=made.pk).update(
        resource_id=resource_id, resource_key=resource_id.lower()
    )
    made.refresh_from_db()
    return made
