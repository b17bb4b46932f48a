"""The demo's policy means what its test file says, for the demo's machines and people."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from access.models import PolicyState, PolicyVersion
from access.rules.cases import read_cases
from access.ruling import policy_in_force
from portal.embedded.people import seed_people
from portal.embedded.policy import FILE, seed_policy
from portal.sync import sync_estate
from tests.support.azure import SimulatedAzure

CASES = FILE.with_name("policy.tests.yaml")
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def demo(azure: SimulatedAzure) -> None:
    azure.control("POST", "reset", {"estate": "demo"})
    azure.pace(0)
    sync_estate()
    seed_people()


def run(*words: str | Path) -> str:
    out = StringIO()
    call_command("policy", *map(str, words), stdout=out)
    return out.getvalue()


def test_every_case_of_the_demo_is_as_expected(demo: None) -> None:
    cases = read_cases(CASES.read_text()).cases
    assert len(cases) >= 40
    assert f"{len(cases)} tried, {len(cases)} as expected." in run("test", CASES)


def test_every_rule_of_the_demo_has_a_case(demo: None) -> None:
    seed_policy()
    named = {name for c in read_cases(CASES.read_text()).cases for name in c.expect.get("rule", ())}
    assert named == {rule.name for rule in policy_in_force().policy.rules}


def test_a_wrong_expectation_fails_and_says_how(demo: None, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(
        """
cases:
  - name: Nobody is asked
    asks: engineer
    machine: vm-pay-api-01
    start: 2026-03-03T10:00+01:00
    expect:
      rule: Development, up to an hour
      auto_approve: true
      approvers: [[security], [payments-lead]]
  - {name: No such person, asks: nobody-here, machine: vm-dev-01, expect: {allowed: true}}
  - {name: No such machine, asks: engineer, machine: vm-none, expect: {allowed: true}}
"""
    )
    out = StringIO()
    with pytest.raises(CommandError, match="3 not as expected"):
        call_command("policy", "test", str(wrong), "--policy", str(FILE), stdout=out)
    told = out.getvalue()
    assert "rule: expected [Development, up to an hour], found [Production]" in told
    assert "up to an hour does not match vm-pay-api-01: resource group: rg-payments-weu" in told
    assert "auto_approve: expected yes, found no" in told
    assert "approvers: expected [[security], [payments-lead]]" in told
    assert "nobody here has the account nobody-here" in told
    assert "machine: none here is called vm-none" in told
    assert "3 tried, 0 as expected." in told


def test_the_demo_starts_with_its_policy_and_leaves_a_later_one_alone(demo: None) -> None:
    seed_policy()
    seed_policy()
    version = PolicyVersion.objects.get()
    assert version.state == PolicyState.ACTIVE
    version.state = PolicyState.RETIRED
    version.save()
    seed_policy()
    assert PolicyVersion.objects.count() == 1
