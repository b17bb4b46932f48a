"""Test files of a policy: what they may say, and how what is found is compared."""

from datetime import UTC, datetime

import pytest

from access.rules.cases import Facts, Somebody, differences, read_cases
from access.rules.document import BadPolicy

FILE = """
policy: policy.yaml
given: {asks: test/alice, minutes: 30, start: 2026-03-02 10:00 Europe/Zurich}
cases:
  - name: By name
    machine: vm-1
    expect: {rule: Web, approvers: [bob], needed: 1, stages: [leads]}
  - name: By facts
    asks: {groups: leads, roles: [engineer, approver]}
    machine: [{name: vm-2, os: windows, tags: {environment: dev}}, vm-1]
    start: 2026-03-02T10:00Z
    port: 3389
    expect: {allowed: false, why: frozen}
"""


def problems(text: str) -> list[str]:
    with pytest.raises(BadPolicy) as refused:
        read_cases(text)
    return refused.value.problems


def test_a_file_is_read_with_what_is_given_for_all():
    file = read_cases(FILE)
    first, second = file.cases
    assert file.policy == "policy.yaml"
    assert (first.asks, first.machines, first.minutes) == ("test/alice", ("vm-1",), 30)
    assert first.start == datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    assert first.expect == {
        "rule": ["Web"], "approvers": [["bob"]], "needed": [1], "stages": [["leads"]],
    }  # fmt: skip
    assert second.asks == Somebody(("leads",), ("engineer", "approver"))
    assert second.machines[0] == Facts(name="vm-2", os="windows", tags={"environment": "dev"})
    assert second.start == datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must be a mapping"),
        ("cases: []", "cases is missing or empty"),
        ("cases: [{name: A}]", "cases[0]: needs asks"),
        (FILE.replace("minutes: 30", "minuets: 30"), "given.minuets: is not a key here"),
        (FILE.replace("needed: 1", "need: 1"), "Did you mean needed?"),
        (FILE.replace("2026-03-02T10:00Z", "2026-03-02T10:00"), "a moment with its zone"),
        (FILE.replace("2026-03-02T10:00Z", "soon UTC"), "a moment with its zone"),
        (FILE.replace("{allowed: false, why: frozen}", "{}"), "must say something"),
        (FILE.replace("os: windows", "os: mac"), "must be one of"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, words: str):
    assert any(words in line for line in problems(text))


FOUND = {
    "allowed": True, "why": "", "rule": ["Web"], "approvers": [["test/bob", "test/gina"]],
    "refused": [], "max_minutes": 60, "auto_approve": False,
}  # fmt: skip


def test_what_is_as_expected_differs_in_nothing():
    assert differences({"rule": ["Web"], "approvers": [["bob", "test/gina"]]}, FOUND) == []


@pytest.mark.parametrize(
    ("expect", "found", "line"),
    [
        ({"max_minutes": 30}, {}, "max_minutes: expected 30, found 60"),
        ({"auto_approve": True}, {}, "auto_approve: expected yes, found no"),
        (
            {"approvers": [["bob"]]},
            {},
            "approvers: expected [[bob]], found [[test/bob, test/gina]]",
        ),
        ({"approvers": [["bob"], ["gina"]]}, {}, "approvers: expected [[bob], [gina]]"),
        ({"approvers": [["other/bob", "gina"]]}, {}, "approvers: expected [[other/bob, gina]]"),
        ({"rule": ["Web"]}, {"refused": ["ticket"]}, "refused: expected [], found [ticket]"),
        ({"rule": ["Web"]}, {"allowed": False}, "allowed: expected yes, found no"),
        ({"allowed": False}, {}, "allowed: expected no, found yes"),
        (
            {"allowed": False, "why": "frozen"},
            {"allowed": False, "why": "Not here."},
            "why: expected frozen, found Not here.",
        ),
    ],
)
def test_what_is_otherwise_is_one_line(expect, found, line):
    told = differences(expect, FOUND | found)
    assert len(told) == 1
    assert told[0].startswith(line)


def test_a_refusal_needs_no_more_than_to_be_one():
    refused = FOUND | {"allowed": False, "why": "It is frozen.", "refused": ["policy"]}
    assert differences({"allowed": False, "why": "FROZEN"}, refused) == []
