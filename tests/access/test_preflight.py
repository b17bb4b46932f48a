"""An approver is never asked for what cannot work, and it is checked again before opening."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.test.utils import CaptureQueriesContext

from access import judging, services, sites
from access.clock import db_now
from access.errors import Invalid
from access.kinds import kind_named
from access.models import BastionHost, EstateItem, LedgerEntry, Machine
from access.offers import offers_for
from access.preflight import Check, Level, worst
from access.presenters.preflight import preflight_of
from access.states import GrantState
from jit.models import JitPort
from portal.sync import sync_estate
from tests.support import estate as made
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, approved, ask, be_seen, run_engine

pytestmark = pytest.mark.django_db(transaction=True)
PREFIX = "10.0.255.0/26"


@pytest.fixture
def cloud(live_estate: SimulatedAzure) -> SimulatedAzure:
    """The small estate, read."""
    return live_estate


def vm(name: str = "vm-app-01") -> Machine:
    return Machine.objects.select_related("bastion").get(name=name)


def judged(machine: Machine, *, kind: str = "window", minutes: int = 30) -> dict[str, Check]:
    found = judging.preflight(machine, [(kind, 22)], asked=kind, minutes=minutes)
    return {check.key: check for check in found}


def stand_in_the_way(cloud: SimulatedAzure, **rule: Any) -> None:
    """Somebody adds a rule to the machine's security group, and the estate is read."""
    order = {"nsg": vm().nsg_ids[0], "source": PREFIX, "port": "22"} | rule
    cloud.control("POST", "hand", {"add_rule": order})
    sync_estate()


def browse(who: Any) -> Client:
    client = Client()
    client.force_login(who, backend="portal.signin.backend.VouchedFor")
    return client


class TestWhatIsJudged:
    def test_everything_that_bears_on_it_is_known_and_in_order(self, cloud: SimulatedAzure) -> None:
        for kind in ("window", "link"):
            found = judged(vm(), kind=kind)
            assert {check.level for check in found.values()} == {Level.PASS}, kind
            assert {"peering.reach", "machine.power", "host.state"} <= set(found)
        assert {"jit.shut", "jit.source", "host.tunneling"} <= set(judged(vm()))
        assert {"host.shareable_links", "capacity.links"} <= set(judged(vm(), kind="link"))

    def test_it_costs_a_few_queries_for_one_and_for_many(self, cloud: SimulatedAzure) -> None:
        from django.db import connection

        machines = list(Machine.objects.select_related("bastion"))
        assert len(machines) > 2
        for some in (machines[:1], machines):
            with CaptureQueriesContext(connection) as seen:
                sites.Estate().add(some)
            assert len(seen) == 2

    def test_one_in_a_page_is_judged_as_it_is_alone(self, cloud: SimulatedAzure) -> None:
        estate = sites.Estate()
        estate.add(list(Machine.objects.select_related("bastion")))
        together = estate.site_of(vm())
        for kind in map(kind_named, ("window", "link")):
            alone = kind.preflight(sites.site_of(vm()), port=22, minutes=30)
            *same, room = alone  # who is on the host is asked for one machine only
            assert room.key == "capacity.sessions"
            assert kind.preflight(together, port=22, minutes=30) == same

    def test_what_nobody_has_read_is_not_known_and_refuses_nothing(self, cast: Cast) -> None:
        """Machines of an older reading have no facts."""
        machine = made.machine()
        found = judged(machine)
        assert worst(found.values()) is Level.UNKNOWN
        assert ask(machine, by=cast.alice).state == "pending"

    def test_a_link_has_room_as_long_as_the_host_has(
        self, cloud: SimulatedAzure, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        grant = approved(vm(), by=cast.alice, approver=cast.bob, kind="link")
        run_engine()
        grant.refresh_from_db()
        assert grant.state == GrantState.OPEN
        assert "has 1 of 500" in judged(vm("vm-app-02"), kind="link")["capacity.links"].evidence
        monkeypatch.setattr("portal.azure.checks.capacity.LINKS_PER_HOST", 1)
        with pytest.raises(Invalid, match="room for another shareable link"):
            ask(vm("vm-app-02"), by=cast.alice, kind="link")

    def test_a_vendors_window_need_not_be_as_long_as_the_link(
        self, cloud: SimulatedAzure, cast: Cast
    ) -> None:
        """It is renewed in steps of what the policy allows."""
        assert JitPort.objects.get(machine=vm()).max_minutes < 2880
        assert ask(vm(), by=cast.alice, kind="link", minutes=2880).doors.count() == 2


class TestAskingIsRefused:
    def test_when_it_would_not_work_with_the_check_and_its_remedy(
        self, cloud: SimulatedAzure, cast: Cast
    ) -> None:
        cloud.control("POST", "hand", {"stop_vm": vm().resource_id})
        sync_estate()
        with pytest.raises(Invalid) as refused:
            ask(vm(), by=cast.alice)
        said = refused.value.fields["kind"]
        assert "The machine is running" in said
        assert "vm-app-01 is deallocated" in said
        assert said.endswith("--resource-group rg-app --name vm-app-01")
        assert not LedgerEntry.objects.filter(event="request.submitted").exists()

    def test_a_machine_that_is_stopped_may_be_asked_for_later(
        self, cloud: SimulatedAzure, cast: Cast
    ) -> None:
        """It is switched off at night; in the morning somebody starts it."""
        cloud.control("POST", "hand", {"stop_vm": vm().resource_id})
        sync_estate()
        tomorrow = db_now() + timedelta(days=1)
        assert ask(vm(), by=cast.alice, start=tomorrow).state == "pending"

    def test_a_standing_rule_makes_the_window_meaningless_today_and_tomorrow(
        self, cloud: SimulatedAzure, cast: Cast
    ) -> None:
        stand_in_the_way(cloud, priority=200, access="Allow", name="AllowBastion")
        for start in (None, db_now() + timedelta(days=1)):
            with pytest.raises(Invalid, match="AllowBastion"):
                ask(vm(), by=cast.alice, start=start)

    def test_a_warning_refuses_nothing(self, cloud: SimulatedAzure, cast: Cast) -> None:
        JitPort.objects.filter(machine=vm()).update(source_prefixes=["*"])
        assert judged(vm())["jit.source"].level is Level.WARN
        assert ask(vm(), by=cast.alice).state == "pending"

    def test_what_is_wrong_in_the_form_itself_is_said_first(
        self, cloud: SimulatedAzure, cast: Cast
    ) -> None:
        with pytest.raises(Invalid) as refused:
            ask(vm(), by=cast.alice, minutes=600)
        assert list(refused.value.fields) == ["minutes"]

    def test_a_host_whose_subnet_is_small_lets_people_in_all_the_same(
        self, azure: SimulatedAzure, transactional_db: None, cast: Cast
    ) -> None:
        """That is its owner's matter, and stands on the Verify page."""
        azure.control("POST", "reset", {"estate": "demo"})
        sync_estate()
        machine = Machine.objects.get(name="vm-lab-01")
        assert machine.bastion.verdicts.get(kind="host").level == "fail"
        assert ask(machine, by=cast.alice).state == "pending"

    def test_over_the_api_too(self, cloud: SimulatedAzure, cast: Cast) -> None:
        stand_in_the_way(cloud, priority=200, access="Allow", name="AllowBastion")
        body = {"machine_id": vm().pk, "kind": "window", "port": 22, "minutes": 30, "reason": "x"}
        answer = browse(cast.alice).post("/api/v1/requests/", body, "application/json")
        assert answer.status_code == 400
        assert "AllowBastion" in answer.content.decode()


class TestAgainAtOpening:
    def test_what_broke_since_it_was_approved_is_not_opened(
        self, cloud: SimulatedAzure, cast: Cast
    ) -> None:
        grant = approved(vm(), by=cast.alice, approver=cast.bob)
        stand_in_the_way(cloud, priority=101, access="Deny", name="DenyAll", source="*")
        stand_in_the_way(cloud, priority=100, access="Deny", name="DenyMore", source="*")
        run_engine()
        grant.refresh_from_db()
        assert grant.never_opened
        assert "would not have worked" in grant.close_reason
        assert cloud.record("jit.initiate") == []
        line = LedgerEntry.objects.get(event="grant.refused")
        assert line.outcome == "denied"

    def test_a_machine_that_was_just_started_is_not_shut_out_by_an_old_reading(
        self, cloud: SimulatedAzure, cast: Cast
    ) -> None:
        grant = approved(vm(), by=cast.alice, approver=cast.bob)
        machine = vm()
        machine.facts["power"] = "deallocated"
        machine.save(update_fields=["facts"])
        run_engine()
        grant.refresh_from_db()
        assert grant.state == GrantState.OPEN

    def test_a_check_that_breaks_down_refuses_its_own_door_and_no_other(
        self, cloud: SimulatedAzure, cast: Cast
    ) -> None:
        """A fact of a shape that nobody foresaw must not keep a gate from closing."""
        hers = approved(vm(), by=cast.alice, approver=cast.bob)
        run_engine()
        services.end(hers, by=cast.alice)
        his = approved(vm("vm-app-02"), by=cast.alan, approver=cast.bob)
        facts = EstateItem.objects.get(name="nic-vm-app-02")
        facts.facts = {**facts.facts, "subnet": 5}
        facts.save(update_fields=["facts"])
        Machine.objects.filter(name="vm-app-02").update(facts={"interface": facts.resource_id})
        EstateItem.objects.filter(kind="network").update(facts={"subnets": 5, "peerings": 5})
        be_seen()
        run_engine()
        hers.refresh_from_db()
        his.refresh_from_db()
        assert hers.state == GrantState.CLOSED
        assert his.never_opened
        assert "could not be judged" in his.close_reason


class TestOffersSayWhatWouldAllowIt:
    def refusals(self, machine: Machine) -> dict[tuple[str, int], str]:
        return {(offer.kind, offer.port): offer.refusal for offer in offers_for(machine)}

    @pytest.mark.parametrize(
        ("host", "says"),
        [
            ({"sku": "Basic", "shareable_links": False}, "it needs Standard or Premium"),
            ({"sku": "Standard", "shareable_links": False}, "enableShareableLink"),
            ({"sku": "premium"}, ""),
        ],
    )
    def test_links(self, host: dict[str, Any], says: str, db: None) -> None:
        refusal = self.refusals(made.machine(bastion=made.host(**host)))["link", 22]
        assert says in refusal
        assert bool(refusal) == bool(says)

    @pytest.mark.parametrize(
        ("sku", "os", "port", "says"),
        [
            ("Basic", "linux", 22, ""),
            ("Basic", "windows", 3389, ""),
            ("Basic", "linux", 5432, "For port 5432 there it needs Standard or Premium"),
            ("Basic", "windows", 22, "it needs Standard or Premium"),
            ("Standard", "linux", 5432, ""),
            ("Developer", "linux", 22, "Basic or higher"),
            ("Galactic", "linux", 5432, ""),
        ],
    )
    def test_ports(self, sku: str, os: str, port: int, says: str, db: None) -> None:
        machine = made.machine(bastion=made.host(sku=sku), os=os)
        if port != machine.login_port:
            made.guard(machine, port=port)
        refusal = self.refusals(machine)["window", port]
        assert says in refusal
        assert bool(refusal) == bool(says)


def test_levels_are_counted_in_words() -> None:
    def check(level: Level) -> Check:
        return Check("key", "It is so", level, f"{level}.")

    assert preflight_of([]).summary == "nothing was checked"
    found = preflight_of(
        [check(Level.PASS), check(Level.WARN), check(Level.FAIL), check(Level.FAIL)]
    )
    assert found.summary == "1 passes, 2 fail, 1 warning"
    assert [line.check.level for line in found.problems] == ["fail", "fail", "warn"]
    assert found.fails
    assert Check.from_json(check(Level.WARN).as_json()) == check(Level.WARN)


def test_a_host_that_is_gone_serves_nobody(cloud: SimulatedAzure, cast: Cast) -> None:
    BastionHost.objects.update(gone_at=db_now())
    assert judged(vm())["peering.reach"].level is Level.FAIL
