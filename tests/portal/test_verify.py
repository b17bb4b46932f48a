"""The whole estate verified: everything that is wrong is found, and what is printed mends it."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command

from access.models import Machine, SyncRun, Verdict
from access.preflight import Check, Level
from portal.azure.simulator.estate.demo import MISCONFIGURED
from portal.estate.judging import judge_estate
from portal.sync import sync_estate, sync_estate_task
from tests.support.az import CommandLine
from tests.support.azure import SimulatedAzure

pytestmark = pytest.mark.django_db(transaction=True)
# What is wrong on purpose, with the checks that must say so.
FINDINGS = {
    "vm-plat-k8s-05": {"jit.policy"},
    "vm-dev-06": {"machine.nsg", "jit.policy", "jit.shut"},
    "vm-shop-web-05": {"machine.public_ip"},
    "vm-web-stg-05": {"jit.source"},
    "vm-pay-win-02": {"jit.shut"},
    "vm-data-spark-06": {"machine.power"},
    "vnet-legacy-weu": {"peering.reach"},
    "vnet-partner-weu": {"peering.forwarded"},
    "vnet-archive-neu": {"peering.reach"},
    "bastion-hub-lab-neu": {"subnet.size"},
    "bastion-hub-dev-weu": {"host.shareable_links"},
}


@pytest.fixture
def demo(azure: SimulatedAzure) -> SimulatedAzure:
    azure.control("POST", "reset", {"estate": "demo"})
    azure.pace(0)
    sync_estate()
    return azure


@pytest.fixture
def small(azure: SimulatedAzure) -> SimulatedAzure:
    sync_estate()
    return azure


def checks_of(name: str) -> dict[str, Check]:
    """Those of one subject that do not pass, by their keys."""
    found = [Check.from_json(kept) for kept in Verdict.objects.get(name=name).checks]
    return {check.key: check for check in found if check.level is not Level.PASS}


class TestTheDemoEstate:
    def test_the_list_here_is_the_list_of_what_is_wrong(self) -> None:
        assert set(FINDINGS) == set(MISCONFIGURED)

    def test_everything_that_is_wrong_is_found_with_a_remedy(self, demo: SimulatedAzure) -> None:
        for name, keys in FINDINGS.items():
            found = checks_of(name)
            assert keys <= set(found), name
            assert all(found[key].remedy and found[key].why for key in keys), name

    def test_what_is_right_is_not_called_wrong(self, demo: SimulatedAzure) -> None:
        wrong = Verdict.objects.exclude(level__in=["pass", "unknown"]).exclude(kind="host")
        assert set(wrong.values_list("name", flat=True)) <= set(FINDINGS)
        unreached = Verdict.objects.filter(level="unknown")
        assert set(unreached.values_list("network", flat=True)) == {
            "vnet-legacy-weu", "vnet-archive-neu"
        }  # fmt: skip

    def test_a_machine_behind_a_second_hop_is_told_by_name(self, demo: SimulatedAzure) -> None:
        said = checks_of("vnet-archive-neu")["peering.reach"].evidence
        assert "behind vnet-data-neu" in said
        assert "bastion-hub-neu" in said

    @pytest.mark.parametrize("name", FINDINGS)
    def test_what_is_printed_mends_it(self, name: str, demo: SimulatedAzure) -> None:
        """By the calls that the command line makes, and then as Azure tells it."""
        az = CommandLine(demo)
        for _ in range(len(FINDINGS[name])):  # one thing mended may show the next
            found = checks_of(name)
            for key in sorted(FINDINGS[name] & set(found), key=list(found).index):
                az.run(found[key].remedy)
                sync_estate()
                break
        assert FINDINGS[name] & set(checks_of(name)) == set()

    def test_when_all_of_it_is_mended_nothing_fails(self, demo: SimulatedAzure) -> None:
        az = CommandLine(demo)
        for _ in range(20):
            first = Verdict.objects.filter(level="fail").order_by("rank").first()
            if first is None:
                break
            (check, *_) = [each for each in checks_of(first.name).values() if each.remedy]
            az.run(check.remedy)
            sync_estate()
        assert not Verdict.objects.filter(level="fail").exists()
        call_command("verify_azure", "--no-sync")


class TestVerdictsFollowTheEstate:
    def test_each_reading_judges_anew(self, small: SimulatedAzure) -> None:
        machine = Machine.objects.get(name="vm-app-01")
        assert machine.verdict.level == "pass"
        small.control("POST", "hand", {"stop_vm": machine.resource_id})
        sync_estate()
        machine.verdict.refresh_from_db()
        assert machine.verdict.level == "fail"

    def test_a_second_judgement_of_the_same_writes_nothing(self, small: SimulatedAzure) -> None:
        assert judge_estate(SyncRun.objects.latest("pk").pk) == 0

    def test_what_is_gone_has_no_verdict(self, small: SimulatedAzure) -> None:
        machine = Machine.objects.get(name="vm-app-02")
        small.control("POST", "hand", {"delete_vm": machine.resource_id})
        sync_estate()
        sync_estate()
        assert not Verdict.objects.filter(name="vm-app-02").exists()
        assert Verdict.objects.filter(name="vm-app-01").exists()

    def test_pages_of_machines_are_judged_as_one_would_be(
        self, small: SimulatedAzure, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = dict(Verdict.objects.values_list("name", "digest"))
        monkeypatch.setattr("portal.estate.judging.PAGE", 1)
        judge_estate(SyncRun.objects.latest("pk").pk + 1)
        assert dict(Verdict.objects.values_list("name", "digest")) == before

    def test_an_order_has_it_read_although_it_is_not_due(self, small: SimulatedAzure) -> None:
        sync_estate_task()
        assert SyncRun.objects.count() == 1
        sync_estate_task(force=True)
        assert SyncRun.objects.count() == 2


class TestTheCommand:
    def test_it_reads_anew_and_fails_when_something_does(
        self, demo: SimulatedAzure, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            call_command("verify_azure")
        assert ended.value.code == 1
        assert SyncRun.objects.count() == 2
        out = capsys.readouterr().out
        assert "FAIL        vm-pay-win-02" in out
        assert "$ az network nsg rule delete" in out
        assert (
            out.index("bastion-hub-weu  (") < out.index("vnet-payments-weu") < out.index("win-02")
        )
        assert "12 machines in order" in out
        assert "No Bastion serves these" in out

    def test_without_reading_it_asks_azure_nothing(
        self, small: SimulatedAzure, capsys: pytest.CaptureFixture[str]
    ) -> None:
        calls = small.control("GET", "calls")
        Verdict.objects.all().delete()
        with pytest.raises(SystemExit):  # vm-bare-01 has no JIT policy
            call_command("verify_azure", "--no-sync")
        assert small.control("GET", "calls") == calls
        assert "bastion-hub" in capsys.readouterr().out
        assert Verdict.objects.exists()

    def test_as_json_it_has_every_check_of_every_host(
        self, demo: SimulatedAzure, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit):
            call_command("verify_azure", "--json", "--no-sync")
        told = json.loads(capsys.readouterr().out)
        assert set(told) == {"read_at", "counts", "hosts", "identities"}
        by_name = {each["host"]["name"]: each for each in told["hosts"] if each["host"]}
        assert len(by_name) == 5
        lab = {each["key"]: each for each in by_name["bastion-hub-lab-neu"]["host"]["checks"]}
        assert (lab["subnet.size"]["level"], lab["host.sku"]["level"]) == ("fail", "pass")
        (unserved,) = [each for each in told["hosts"] if each["host"] is None]
        assert [each["name"] for each in unserved["networks"]] == [
            "vnet-archive-neu", "vnet-legacy-weu"
        ]  # fmt: skip

    def test_one_host_alone(self, demo: SimulatedAzure, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("verify_azure", "--no-sync", "--host", "bastion-hub-eus")
        out = capsys.readouterr().out
        assert "vnet-erp-eus" in out
        assert "bastion-hub-weu" not in out

    def test_what_cannot_be_read_or_found_is_told_apart_from_what_fails(
        self, small: SimulatedAzure
    ) -> None:
        with pytest.raises(CommandError) as unknown:
            call_command("verify_azure", "--no-sync", "--host", "nowhere")
        assert unknown.value.returncode == 2
        small.fault(operation="graph.query", action="status", status=503)
        with pytest.raises(CommandError) as unread:
            call_command("verify_azure")
        assert unread.value.returncode == 2
