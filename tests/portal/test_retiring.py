"""Ways in past the Bastion: who is listed, and what comes next, by what was read of the estate."""

from __future__ import annotations

import csv
import io
import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from access.clock import db_now
from access.models import EstateItem, LedgerEntry, Machine
from portal.capacity.retiring import Retiring, candidates, retiring
from portal.sync import sync_estate
from tests.support import estate
from tests.support.azure import SimulatedAzure
from tests.support.browsers import Browser
from tests.support.cast import Cast
from tests.support.sessions import connected

pytestmark = pytest.mark.django_db
SHOP = "vm-shop-web-05"
DETACH = "--remove 'ipConfigurations[0].publicIPAddress'"


@pytest.fixture
def demo(azure: SimulatedAzure, db: None) -> SimulatedAzure:
    """The demo's estate, as read from Azure."""
    azure.control("POST", "reset", {"estate": "demo"})
    azure.pace(0)
    sync_estate()
    return azure


def found() -> dict[str, Retiring]:
    now = db_now()
    rows = list(candidates(now).order_by("name"))
    return {each.machine.name: each for each in retiring(rows, now)}


def titles(each: Retiring) -> list[tuple[str, bool]]:
    return [(step.title, step.done) for step in each.checklist.steps]


def shown(client: Client) -> str:
    answer = client.get("/capacity/retiring/")
    assert answer.status_code == 200
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def rename(name: str, other: str) -> Machine:
    Machine.objects.filter(name=name).update(name=other)
    return Machine.objects.get(name=other)


def let_in(nsg: str, source: str, port: str = "22") -> None:
    """A rule that somebody made by hand, as the next reading finds it."""
    item = EstateItem.objects.get(kind="nsg", name=nsg)
    rule = {
        "name": "AllowFromOutside",
        "priority": 110,
        "direction": "Inbound",
        "access": "Allow",
        "protocol": "Tcp",
        "sources": [source],
        "destinations": ["*"],
        "ports": [port],
    }
    item.facts["rules"].append(rule)
    item.save(update_fields=["facts"])


class TestPublicAddress:
    def test_the_machine_that_has_one_is_listed_and_waits_for_people(
        self, demo: SimulatedAzure, cast: Cast, browser: Browser
    ):
        listed = found()
        assert list(listed) == [SHOP]
        assert titles(listed[SHOP]) == [
            ("A Bastion reaches it", True),
            ("JIT guards its port 22", True),
            ("People were seen to come through the Bastion", False),
            ("No rule lets the internet in", True),
            ("It has no public address any more", False),
        ]
        text = shown(browser(cast.dana))
        assert f"No session to {SHOP} in the last 30 days" in text
        assert "203.0.113.99" in text
        assert "az " not in text  # nobody is told to take anything away yet

    def test_once_people_were_seen_the_address_goes(
        self, demo: SimulatedAzure, cast: Cast, browser: Browser
    ):
        vm = Machine.objects.get(name=SHOP)
        connected(vm, user_name="ops", ended_at=db_now())
        connected(vm, user_name="ops")
        (each,) = found().values()
        step = each.checklist.next
        assert step is not None
        assert step.title == "It has no public address any more"
        text = shown(browser(cast.dana))
        assert f"2 sessions to {SHOP} in the last 30 days, as ops." in text
        assert text.count(DETACH) == 1

    def test_long_ago_is_not_lately(self, demo: SimulatedAzure, db: None):
        vm = Machine.objects.get(name=SHOP)
        long_ago = 31 * 24 * 60
        session = connected(vm, minutes=long_ago + 5)
        session.ended_at = session.first_seen_at
        session.save()
        assert titles(found()[SHOP])[2][1] is False

    def test_a_session_elsewhere_says_nothing_of_this_machine(self, demo: SimulatedAzure):
        connected(Machine.objects.get(name="vm-shop-web-04"))
        assert titles(found()[SHOP])[2][1] is False

    @pytest.mark.parametrize("source", ["*", "Internet", "198.51.100.0/24"])
    def test_a_rule_that_lets_the_internet_in_goes_first(self, source: str, demo: SimulatedAzure):
        connected(Machine.objects.get(name=SHOP))
        let_in("nsg-shop-neu", source)
        each = found()[SHOP]
        step = each.checklist.next
        assert step is not None
        assert step.title == "No rule lets the internet in"
        assert "AllowFromOutside (priority 110) in nsg-shop-neu" in step.evidence
        assert [c for c in step.commands if c.startswith("az network nsg rule delete")]
        assert "the internet gets to port 22" in each.why
        assert len(each.checklist.steps) == 7  # by that it is a jump box

    def test_a_rule_for_the_own_network_is_none_of_the_internet(self, demo: SimulatedAzure):
        let_in("nsg-shop-neu", "10.0.0.0/8")
        assert len(found()[SHOP].checklist.steps) == 5

    def test_no_bastion_no_further(self, demo: SimulatedAzure):
        """Whatever else is done: first there is a way in."""
        connected(Machine.objects.get(name=SHOP))
        Machine.objects.filter(name=SHOP).update(bastion=None)
        EstateItem.objects.filter(kind="network", name="vnet-shop-neu").delete()
        step = found()[SHOP].checklist.next
        assert step is not None
        assert step.title == "A Bastion reaches it"
        assert not [c for c in step.commands if DETACH in c]


class TestJumpBox:
    def test_by_its_name_and_a_shop_is_none(self, demo: SimulatedAzure):
        rename("vm-dev-01", "vm-Jump-01")
        rename("vm-dev-02", "vm-hop")
        assert set(found()) == {SHOP, "vm-Jump-01", "vm-hop"}

    def test_by_its_tags(self, demo: SimulatedAzure):
        Machine.objects.filter(name="vm-dev-03").update(tags={"role": "Jumpbox"})
        assert "vm-dev-03" in found()

    def test_by_what_the_setting_says(self, demo: SimulatedAzure, settings: Any):
        settings.BASTION_JUMP_BOXES = r"^vm-erp-db-02$"
        assert set(found()) == {SHOP, "vm-erp-db-02"}

    def test_it_goes_as_a_whole(self, demo: SimulatedAzure):
        vm = rename("vm-dev-01", "vm-jump-01")
        assert titles(found()[vm.name])[2][1] is False
        connected(Machine.objects.get(name="vm-dev-02"), user_name="ada")  # behind it
        each = found()[vm.name]
        assert titles(each) == [
            ("A Bastion reaches it", True),
            ("JIT guards its port 22", True),
            ("People were seen to come through the Bastion", True),
            ("No rule lets the internet in", True),
            ("It has no public address any more", True),
            ("It is stopped", False),
            ("The machine is deleted", False),
        ]
        assert "1 session to machines behind vm-jump-01" in each.checklist.steps[2].evidence
        step = each.checklist.next
        assert step is not None
        assert step.commands[0].startswith("az vm deallocate")

    def test_stopped_then_deleted(self, demo: SimulatedAzure):
        vm = rename("vm-dev-01", "vm-jump-01")
        connected(vm)
        vm.facts["power"] = "deallocated"
        vm.save(update_fields=["facts"])
        step = found()[vm.name].checklist.next
        assert step is not None
        assert step.commands[0].startswith("az vm delete")
        Machine.objects.filter(pk=vm.pk).update(gone_at=db_now())
        assert found()[vm.name].checklist.next is None


class TestExport:
    def test_every_step_is_a_row(self, demo: SimulatedAzure, cast: Cast, browser: Browser):
        answer = browser(cast.bob).post("/capacity/retiring.csv")
        rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
        assert [row["done"] for row in rows] == ["done", "done", "not done", "done", "not done"]
        assert {row["machine"] for row in rows} == {SHOP}
        assert LedgerEntry.objects.get(event="capacity.exported").data["rows"] == 5


def test_none_left_says_so(cast: Cast, browser: Browser):
    assert "None left." in shown(browser(cast.erin))


def test_as_many_queries_for_one_as_for_a_page(cast: Cast, browser: Browser):
    client, host = browser(cast.erin), estate.host()
    counts = []
    for number in range(25):
        estate.machine(f"vm-jump-{number:02d}", bastion=host)
        client.get("/capacity/retiring/")
        with CaptureQueriesContext(connection) as seen:
            assert client.get("/capacity/retiring/").status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[-1] <= 12
