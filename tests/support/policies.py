"""Orders for JIT policies, as the tests make them and carry them out."""

from __future__ import annotations

import json
import urllib.request
import uuid
from typing import Any

import pytest

from access.models import Machine
from jit import keeping, tasks
from jit.models import PolicyOrder
from jit.orders import Wanted, order, plan_for
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast

PREFIX = "10.0.255.0/26"
LIKE_ALL = {"protocol": "*", "allowedSourceAddressPrefix": PREFIX}


@pytest.fixture
def policed(live_estate: SimulatedAzure, monkeypatch: pytest.MonkeyPatch) -> SimulatedAzure:
    """A wake-up may be lost without harm; here all of them are."""
    monkeypatch.setattr("jit.tasks.carry_out.apply_async", lambda *_args, **_options: None)
    tasks.keep()
    return live_estate


@pytest.fixture
def dana(policed: SimulatedAzure, cast: Cast) -> Any:
    return cast.dana


def bare() -> Machine:
    return named("vm-bare-01")


def named(name: str) -> Machine:
    return Machine.objects.select_related("bastion").get(name=name)


def ordered(machine: Machine, *ports: tuple[int, int], by: Any, key: Any = None) -> PolicyOrder:
    wanted = Wanted(key or uuid.uuid4(), "It was never guarded", list(ports))
    return order(machine, wanted, shown=plan_for(machine).before, by=by)


def work(rounds: int = 8) -> None:
    for _ in range(rounds):
        PolicyOrder.objects.update(not_before=None)
        for pk in tasks.due_orders():
            keeping.carry_out(pk)


def step(made: PolicyOrder) -> PolicyOrder:
    PolicyOrder.objects.update(not_before=None)
    keeping.carry_out(made.pk)
    made.refresh_from_db()
    return made


def policy_in(azure: SimulatedAzure) -> dict[str, Any]:
    (found,) = [r for r in resources(azure) if "jitNetworkAccessPolicies" in r["id"]]
    return found


def resources(azure: SimulatedAzure) -> list[dict[str, Any]]:
    return list(azure.state()["estate"]["resources"])


def entries(azure: SimulatedAzure) -> dict[str, Any]:
    """By the machine's name."""
    listed = policy_in(azure)["properties"]["virtualMachines"]
    return {entry["id"].rsplit("/", 1)[-1]: entry for entry in listed}


def put_by_hand(azure: SimulatedAzure, change: Any) -> None:
    """Somebody in Azure's own portal changes the policy, knowing nothing of us."""
    found = policy_in(azure)
    machines = json.loads(json.dumps(found["properties"]["virtualMachines"]))
    change(machines)
    body = {"kind": "Basic", "properties": {"virtualMachines": machines}}
    request = urllib.request.Request(
        f"{azure.url}{found['id']}?api-version=2020-01-01",
        data=json.dumps(body).encode(),
        method="PUT",
        headers={"Content-Type": "application/json", "Authorization": "Bearer static:person"},
    )
    urllib.request.urlopen(request, timeout=10).read()


def shorten(name: str, length: str = "PT1H") -> Any:
    def change(machines: list[dict[str, Any]]) -> None:
        for entry in machines:
            if entry["id"].endswith(name):
                entry["ports"][0]["maxRequestAccessDuration"] = length

    return change


def ours(azure: SimulatedAzure) -> list[dict[str, Any]]:
    return [row for row in azure.record("jit.put") if row["principal"] == "portal-keeper"]
