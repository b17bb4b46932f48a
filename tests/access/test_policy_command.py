"""``manage.py policy``: dana tries a policy, sees what it would change, and proposes it."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from access.models import LedgerEntry, PolicyState, PolicyVersion, Role
from access.ruling import policy_in_force
from tests.support.cast import Cast, ask, person
from tests.support.estate import machine

LEADS = """\
# Leads decide.
version: 1
groups:
  leads: [test/bob, test/gina]
rules:
  - name: Web
    when: {machine: vm-web-*}
    allow: false
    why: The web servers are frozen.
  - name: All
    max_minutes: 60
    ticket: {required: true}
    approvals: [{from: [{group: leads}], label: Leads}]
"""
CASES = """\
policy: policy.yaml
given: {asks: test/alice, start: 2026-03-02 10:00 UTC, ticket: INC-1}
cases:
  - name: Alice asks the leads
    machine: {name: vm-app-01}
    expect: {rule: All, stages: [leads], approvers: [bob]}
  - name: A lead asks the other one, who has no account yet
    asks: bob
    machine: {name: vm-app-01}
    expect: {approvers: [[]], blocked: true}
  - name: Nobody gets to the web servers
    asks: {groups: leads}
    machine: {name: vm-web-01}
    expect: {allowed: false, why: frozen}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "tests.yaml").write_text(CASES)
    made = tmp_path / "policy.yaml"
    made.write_text(LEADS)
    return made


def run(*words: str | Path) -> str:
    out = StringIO()
    call_command("policy", *map(str, words), stdout=out)
    return out.getvalue()


class TestTesting:
    def test_who_would_approve_is_answered_with_people(self, cast: Cast, file: Path):
        told = run("test", file.with_name("tests.yaml"))
        assert "ok    Alice asks the leads" in told
        assert "3 tried, 3 as expected." in told

    def test_one_wrong_case_is_a_failure(self, cast: Cast, file: Path):
        person("Gina", Role.APPROVER)
        with pytest.raises(CommandError, match="2 not as expected"):
            run("test", file.with_name("tests.yaml"))

    def test_without_a_policy_of_its_own_the_one_in_force_is_tried(self, cast: Cast, file: Path):
        cases = file.with_name("in-force.yaml")
        cases.write_text(
            "cases: [{name: A, asks: alice, machine: {name: x}, expect: {rule: One approver}}]"
        )
        assert "1 tried, 1 as expected." in run("test", cases)

    def test_a_group_that_the_policy_does_not_have_fails_the_case(self, cast: Cast, file: Path):
        cases = file.with_name("more.yaml")
        cases.write_text(
            "cases: [{name: A, asks: {groups: x}, machine: {name: x}, expect: {allowed: true}}]"
        )
        with pytest.raises(CommandError):
            run("test", cases, "--policy", file)

    def test_what_cannot_be_read_is_told_in_full(self, cast: Cast, file: Path):
        file.write_text(LEADS.replace("version: 1", "version: 2").replace("allow", "alow"))
        with pytest.raises(CommandError) as refused:
            run("plan", file)
        assert "version: must be 1" in str(refused.value)
        assert "Did you mean allow?" in str(refused.value)
        with pytest.raises(CommandError, match="cannot be read"):
            run("plan", file.with_name("none.yaml"))


class TestPlanning:
    def test_what_changes_and_whom_it_would_touch(self, cast: Cast, file: Path):
        waiting = ask(machine("vm-db-07"), by=cast.alice)
        told = run("plan", file)
        assert "compared with the built-in policy" in told
        assert "- Rule “One approver”: removed" in told
        assert "+ Rule “Web”: added" in told
        assert "+ Group “leads”: added" in told
        assert (
            "Requests of the last 30 days: 1, of which 1 would be judged otherwise (1 more" in told
        )
        assert "Waiting to be decided or opened: 1, of which 1 would ask" in told
        assert f"{waiting.reference} Alice: needs 1 approval in stage Leads" in told
        assert not PolicyVersion.objects.exists()

    def test_the_same_changes_nothing(self, cast: Cast, file: Path):
        run("apply", file, "--first", "--note", "The first one")
        assert "Nothing changes: version 1 says the same." in run("plan", file)


class TestApplying:
    def test_a_proposal_waits_for_a_second_administrator(self, cast: Cast, file: Path):
        told = run("apply", file, "--by", "test/dana", "--note", "Leads decide")
        assert "Version 1 waits for a second administrator" in told
        version = PolicyVersion.objects.get()
        assert (version.state, version.proposed_by) == (PolicyState.PROPOSED, cast.dana)
        assert version.note == "From the command line: Leads decide"
        assert policy_in_force().number == 0

    @pytest.mark.parametrize("who", ["alice", "erin", "nobody"])
    def test_only_an_administrator_proposes(self, who: str, cast: Cast, file: Path):
        with pytest.raises(CommandError):
            run("apply", file, "--by", who, "--note", "Mine")
        assert not PolicyVersion.objects.exists()

    def test_the_first_is_in_force_at_once_and_no_other(self, cast: Cast, file: Path):
        assert "Version 1 is in force." in run("apply", file, "--first", "--note", "The first one")
        assert policy_in_force().number == 1
        line = LedgerEntry.objects.get(event="access_policy.in_force")
        assert "command line" in line.actor_name
        file.write_text(LEADS.replace("60", "120"))
        with pytest.raises(CommandError, match="in force already"):
            run("apply", file, "--first", "--note", "Another")
        assert policy_in_force().policy.rules[-1].verdict.max_minutes == 60


class TestExporting:
    def test_the_policy_in_force_comes_out_as_it_was_written(self, cast: Cast, file: Path):
        run("apply", file, "--first", "--note", "The first one")
        assert run("export") == LEADS
        assert run("export", "--version-number", "1") == LEADS
        with pytest.raises(CommandError, match="no version 2"):
            run("export", "--version-number", "2")

    def test_the_built_in_policy_is_a_document_too(self, cast: Cast, file: Path):
        file.write_text(run("export"))
        assert "Nothing changes: the built-in policy says the same." in run("plan", file)
