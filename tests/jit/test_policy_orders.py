"""Dana enrols machines into JIT and changes their ports: ordered in the browser, carried out by a
worker against simulated Azure, over HTTP."""

from __future__ import annotations

import json
import urllib.request
from datetime import timedelta
from typing import Any

import pytest

from access import ledger
from access.clock import db_now
from access.models import Gate, LedgerEntry
from jit import policies
from jit.models import JitPort, PolicyOrder
from jit.orders import plan_for
from tests.support.azure import SUBSCRIPTION, SimulatedAzure
from tests.support.cast import Cast, approved, run_engine
from tests.support.policies import (
    LIKE_ALL,
    PREFIX,
    bare,
    dana,
    entries,
    named,
    ordered,
    ours,
    policed,
    policy_in,
    put_by_hand,
    step,
    work,
)

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["dana", "policed"]


class TestEnrolling:
    def test_a_bare_machine_is_enrolled_and_every_other_stays_byte_for_byte(
        self, policed: SimulatedAzure, dana: Any
    ) -> None:
        before = entries(policed)
        made = ordered(bare(), (22, 90), (8443, 1440), by=dana)
        work()
        made.refresh_from_db()
        assert (made.done_at is not None, made.problem) == (True, "")
        after = entries(policed)
        assert {name: json.dumps(after[name]) for name in before} == {
            name: json.dumps(entry) for name, entry in before.items()
        }
        assert after["vm-bare-01"] == {
            "id": bare().resource_id,
            "ports": [
                {"number": 22, **LIKE_ALL, "maxRequestAccessDuration": "PT90M"},
                {"number": 8443, **LIKE_ALL, "maxRequestAccessDuration": "PT24H"},
            ],
        }

    def test_it_can_be_asked_for_at_once_and_opens(
        self, policed: SimulatedAzure, dana: Any, cast: Cast
    ) -> None:
        """Not only after the next reading of the estate."""
        ordered(bare(), (22, 60), by=dana)
        work()
        port = JitPort.objects.get(machine=bare())
        assert (port.number, port.source_prefixes, port.max_minutes) == (22, [PREFIX], 60)
        grant = approved(bare(), by=cast.alice, approver=cast.bob)
        run_engine()
        grant.refresh_from_db()
        assert grant.state == "open"

    def test_the_deny_rule_is_looked_for_and_said(self, policed: SimulatedAzure, dana: Any) -> None:
        made = ordered(bare(), (22, 60), by=dana)
        work()
        made.refresh_from_db()
        assert "JIT's deny rule is there for port 22" in made.remark

    def test_a_deny_rule_of_the_older_generation_is_recognised(
        self, policed: SimulatedAzure, dana: Any
    ) -> None:
        policed.control("POST", "pace", {"rule_generation": "SecurityCenter"})
        made = ordered(bare(), (22, 60), by=dana)
        work()
        made.refresh_from_db()
        assert "JIT's deny rule is there for port 22" in made.remark

    def test_a_deny_rule_that_is_missing_is_said_too(
        self, policed: SimulatedAzure, dana: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(policies.Guards, "undenied", lambda *_: [22])
        made = ordered(bare(), (22, 60), by=dana)
        work()
        assert not PolicyOrder.objects.get(pk=made.pk).done_at  # it is waited for, for a while
        PolicyOrder.objects.update(sent_at=db_now() - timedelta(minutes=2))
        work()
        assert "No JIT deny rule is there for port 22" in PolicyOrder.objects.get(pk=made.pk).remark

    def test_it_counts_only_when_azure_is_through_with_it(
        self, policed: SimulatedAzure, dana: Any
    ) -> None:
        policed.pace(30)
        made = step(step(ordered(bare(), (22, 60), by=dana)))
        assert (made.sent_at is not None, made.done_at) == (True, None)
        assert not JitPort.objects.filter(machine=bare()).exists()
        policed.advance(31)
        assert step(made).done_at is not None
        assert len(ours(policed)) == 1

    def test_where_no_policy_is_one_called_default_is_made(
        self, policed: SimulatedAzure, dana: Any
    ) -> None:
        resource = policy_in(policed)["id"]
        request = urllib.request.Request(
            f"{policed.url}{resource}?api-version=2020-01-01", method="DELETE",
            headers={"Authorization": "Bearer static:person"},
        )  # fmt: skip
        urllib.request.urlopen(request, timeout=10).read()
        JitPort.objects.all().delete()
        Gate.objects.filter(kind="window").delete()
        plan = plan_for(bare())
        assert (plan.gate, plan.policy_name, plan.others) == (None, "default", 0)
        ordered(bare(), (22, 60), by=dana)
        work()
        assert list(entries(policed)) == ["vm-bare-01"]
        assert PolicyOrder.objects.get().done_at is not None
        assert JitPort.objects.get().gate.resource_key == plan.policy_id.lower()

    def test_a_policy_beside_it_without_room_for_its_name_is_passed_over(
        self, policed: SimulatedAzure, dana: Any
    ) -> None:
        there = policy_in(policed)["id"].rsplit("/", 1)[0]
        Gate.objects.filter(kind="window").update(
            resource_id=f"{there}/{'x' * 47}", resource_key=f"{there}/{'x' * 47}".lower()
        )
        assert plan_for(bare()).policy_name == "default"

    def test_the_ledger_tells_who_what_and_what_became_of_it(
        self, policed: SimulatedAzure, dana: Any
    ) -> None:
        ordered(bare(), (22, 60), by=dana)
        work()
        rows = LedgerEntry.objects.filter(event__startswith="policy.").order_by("seq")
        assert [(row.event, row.actor_name) for row in rows] == [
            ("policy.change_ordered", "Dana"),
            ("policy.change_sent", "worker"),
            ("policy.changed", "worker"),
        ]
        assert rows[0].data["ports"] == [[22, [PREFIX], 60]]
        assert rows[1].data["calls"][0]["status"] == 200
        assert ledger.verify()[1] is None


class TestChanging:
    def test_ports_are_changed_and_what_nobody_ordered_is_kept(
        self, policed: SimulatedAzure, dana: Any
    ) -> None:
        """A field that no specification names, and a protocol that somebody chose."""

        def odd(machines: list[dict[str, Any]]) -> None:
            for entry in machines:
                if entry["id"].endswith("vm-app-01"):
                    entry["newField"] = {"kept": True}
                    entry["ports"][0] |= {"protocol": "TCP", "also": 1}
                    entry["id"] = entry["id"].upper()

        put_by_hand(policed, odd)
        vm = named("vm-app-01")
        ordered(vm, (22, 60), (5432, 30), by=dana)
        work()
        assert PolicyOrder.objects.get().done_at is not None
        entry = entries(policed)["VM-APP-01"]
        assert (entry["newField"], len(entry["ports"])) == ({"kept": True}, 2)
        assert entry["ports"][0] == {
            "number": 22, "protocol": "TCP", "also": 1,
            "allowedSourceAddressPrefix": PREFIX, "maxRequestAccessDuration": "PT1H",
        }  # fmt: skip
        assert len(entries(policed)) == 3

    def test_what_is_put_has_all_that_was_read_but_not_azures_own(
        self, policed: SimulatedAzure, dana: Any, cast: Cast
    ) -> None:
        """The history of requests is Azure's: sent back, it could open again what was shut."""
        approved(named("vm-app-01"), by=cast.alice, approver=cast.bob)
        run_engine()
        ordered(bare(), (22, 60), by=dana)
        work()
        (sent,) = ours(policed)
        assert sent["body"]["properties"]["appendMode"] is False
        assert not {"requests", "provisioningState"} & set(sent["body"]["properties"])
        assert len(policed.state()["open_windows"]) == 1

    def test_a_source_that_is_anywhere_becomes_the_bastions_subnet(
        self, policed: SimulatedAzure, dana: Any
    ) -> None:
        vm = named("vm-app-01")
        JitPort.objects.filter(machine=vm).update(source_prefixes=["*"])

        def anywhere(machines: list[dict[str, Any]]) -> None:
            machines[0]["ports"][0]["allowedSourceAddressPrefix"] = "*"

        put_by_hand(policed, anywhere)
        ordered(vm, (22, 180), by=dana)
        work()
        assert entries(policed)[vm.name]["ports"][0]["allowedSourceAddressPrefix"] == PREFIX

    def test_a_machine_is_taken_out(self, policed: SimulatedAzure, dana: Any) -> None:
        ordered(named("vm-app-02"), by=dana)
        work()
        assert PolicyOrder.objects.get().done_at is not None
        assert set(entries(policed)) == {"vm-app-01", "vm-win-01"}
        assert not JitPort.objects.filter(machine__name="vm-app-02").exists()


def test_the_estates_reading_finds_what_was_ordered(policed: SimulatedAzure, dana: Any) -> None:
    from portal.sync import sync_estate

    ordered(bare(), (22, 60), by=dana)
    work()
    before = list(JitPort.objects.filter(machine=bare()).values("number", "max_minutes"))
    sync_estate()
    assert list(JitPort.objects.filter(machine=bare()).values("number", "max_minutes")) == before
    assert SUBSCRIPTION in JitPort.objects.get(machine=bare()).gate.resource_id
