"""What a policy document may say, and what is refused with which words."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.rules.document import BadPolicy, parse
from access.rules.patterns import glob_matches, ticket_matches
from tests.access.rules.makers import ONE, asked, policy, rule

FULL = """
version: 1
groups:
  leads: [test/bob, carol]
  security: [test/dana]
defaults:
  max_minutes: 240
  ticket: {required: true, pattern: "(INC|CHG)[0-9]{7}"}
rules:
  - name: Sandbox
    when: {production: false, tags: {environment: sandbox}}
    auto_approve: true
    ticket: {required: false}
  - name: Production at night
    when:
      production: true
      time: {days: [mon-fri], from: 22:00, to: 06:00, zone: Europe/Zurich}
    step_up: true
    end: soft
    grace_minutes: 15
    notice_minutes: 60
    scheduled: true
    extension: {most: 1, max_minutes: 60}
    break_glass: {who: [{group: leads}, {role: engineer}], max_minutes: 30}
    lapse_minutes: 120
    approvals:
      - {from: owner, label: Owner}
      - from: [{group: security}, {person: test/bob}]
        needed: 2
        escalate: {after: 30, to: [{role: approver}]}
  - name: No vendors
    when: {vendor_domain: "*"}
    allow: false
    why: Vendors come through the link.
  - name: Rest
    approvals: [{from: [manager, {role: approver}]}]
"""


def problems(source: Any) -> list[str]:
    with pytest.raises(BadPolicy) as refused:
        parse(source)
    return refused.value.problems


def wrong(*rules: dict[str, Any], **top: Any) -> list[str]:
    return problems({"version": 1, "rules": list(rules)} | top)


def test_a_full_document_survives_being_written_out_and_read_again():
    once = parse(FULL)
    again = parse(once.document)
    assert again.document == once.document
    assert again.digest == once.digest
    assert again.rules == once.rules


def test_what_stands_in_another_order_or_case_is_the_same_policy():
    one = policy(rule(when={"port": [22, 23], "os": "linux"}), groups={"a": ["x", "y"]})
    other = policy(rule(when={"os": ["Linux"], "port": [23, 22]}), groups={"a": ["y", "x"]})
    assert one.digest == other.digest


def test_times_and_words_are_no_numbers_or_truths():
    """YAML 1.1 reads 22:00 as 1320 and no as false; here both are what they look like."""
    assert parse(FULL).document["rules"][1]["when"]["time"]["from"] == "22:00"
    assert policy(rule(when={"region": "no"})).judge(asked(region="no")).allowed
    assert "rules[0].when.production: must be true or false." in problems(
        "version: 1\nrules: [{name: A, when: {production: yes}, approvals: [{from: owner}]}]"
    )


def test_everything_wrong_is_told_at_once_with_its_place():
    told = problems(
        """
        version: 2
        rules:
          - name: One
            wen: {port: 22}
            when: {prot: 22, port: 99999, subscription: []}
            approvals: [{from: [{group: ledas}], needed: 0}]
        groups: {leads: [test/bob]}
        """
    )
    assert told == [
        "version: must be 1, the only one there is.",
        "rules[0].wen: is not a key here. Did you mean when?",
        "rules[0].when.prot: is not a key here. Did you mean port?",
        "rules[0].when.subscription: must name at least one.",
        "rules[0].when.port: must be a whole number from 1 to 65535.",
        (
            "rules[0].approvals[0].from[0].group: no group is called ledas; "
            "add it under groups. Did you mean leads?"
        ),
        "rules[0].approvals[0].needed: must be a whole number from 1 to 10.",
    ]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"when": {"production": True}, "approvals": None}, "must be a list"),
        ({"auto_approve": True}, "both approvals and auto_approve"),
        ({"why": "x"}, "goes with allow: false only"),
        ({"allow": False}, "means nothing beside allow: false"),
        ({"end": "soft"}, "needs grace_minutes"),
        ({"grace_minutes": 5}, "goes with end: soft only"),
        ({"end": "soft", "grace_minutes": 121}, "from 1 to 120"),
        ({"approvals": []}, "at least one stage"),
        ({"approvals": [{"from": []}]}, "at least one"),
        ({"approvals": [{"needed": 1}]}, "needs from"),
        ({"approvals": [{"from": ["ownr"]}]}, "Did you mean owner?"),
        ({"approvals": [{"from": [{"role": "boss"}]}]}, "must be one of"),
        ({"approvals": [{"from": [{"group": "empty"}]}]}, "has no members"),
        ({"approvals": [{"from": [{"person": "a"}], "needed": 2}]}, "2 approvals of 1 people"),
        ({"approvals": [{"from": "owner", "escalate": {"after": 5}}]}, "needs after"),
        ({"ticket": {"pattern": "(?=INC)"}}, "RE2"),
        ({"ticket": {"pattern": r"(a)\1"}}, "RE2"),
        ({"break_glass": {"who": ["owner"]}}, "roles, groups or people"),
        ({"max_minutes": True}, "whole number"),
        ({"max_minutes": "60"}, "whole number"),
        ({"when": {"time": {"from": "08:00", "to": "08:00", "zone": "UTC"}}}, "are the same"),
        ({"when": {"time": {"from": "08:00", "to": "9", "zone": "UTC"}}}, "time of day"),
        ({"when": {"time": {"from": "08:00", "to": "18:00"}}}, "needs a zone"),
        ({"when": {"time": {"days": "mon", "zone": "Europe/Zurch"}}}, "Europe/Zurich?"),
        ({"when": {"time": {"days": "monday", "zone": "UTC"}}}, "must be a day"),
        ({"when": {"minutes": {"at_least": 9, "at_most": 5}}}, "nothing could match"),
        ({"when": {"tags": {"A": "x", "a": "y"}}}, "twice"),
        ({"when": {"os": "linus"}}, "Did you mean linux?"),
    ],
)
def test_refused(bad: dict[str, Any], words: str):
    assert any(words in line for line in wrong(rule() | bad, groups={"empty": []}))


def test_nothing_that_may_be_production_is_approved_by_a_rule():
    auto = {"name": "Auto", "auto_approve": True}
    assert any("production: false" in line for line in wrong(auto))
    assert any("production: false" in line for line in wrong(auto | {"when": {"port": 22}}))
    tagged = auto | {"when": {"tags": {"environment": "dev"}}}
    assert any("production: false" in line for line in wrong(tagged))
    as_default = wrong(rule(when={"production": False}), defaults={"auto_approve": True})
    assert any("belongs to a rule" in line for line in as_default)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({}, {"port": 22}),
        ({"port": 22}, {"port": 22}),
        ({"port": "1-1024"}, {"port": [22, "80-90"], "os": "linux"}),
        ({"machine": "vm-*"}, {"machine": "VM-pay-*"}),
        ({"tags": {"tier": "*"}}, {"tags": {"Tier": ["a", "b*"], "x": "y"}}),
        ({"minutes": {"at_most": 60}}, {"minutes": {"at_least": 5, "at_most": 30}}),
        ({"production": True}, {"production": True, "region": "x"}),
        ({"role": ["engineer", "admin"]}, {"role": "admin"}),
    ],
)
def test_a_rule_that_nothing_could_reach_is_refused(earlier: Any, later: Any):
    told = wrong(rule("First", when=earlier), rule("Second", when=later))
    assert any('never reached: "First" stands before it' in line for line in told)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"port": 22}, {}),
        ({"port": 22, "os": "linux"}, {"port": 22}),
        ({"machine": "vm-pay-*"}, {"machine": "vm-*"}),
        ({"minutes": {"at_least": 60}}, {"minutes": {"at_most": 90}}),
        ({"production": True}, {"production": False}),
    ],
)
def test_a_rule_that_something_reaches_is_not(earlier: Any, later: Any):
    policy(rule("First", when=earlier), rule("Second", when=later))


def test_names_are_used_once():
    told = wrong(rule("Web", when={"port": 80}), rule("web", when={"port": 81}))
    assert any("another rule is called web" in line for line in told)
    twice = problems(
        "version: 1\ngroups: {a: [x], A: [y]}\nrules: [{name: R, approvals: [{from: owner}]}]"
    )
    assert any("but for its case" in line for line in twice)


BOMB = "a: &a [x, x]\n" + "\n".join(
    f"{c}: &{c} [*{p}, *{p}]" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (BOMB, "anchors"),
        ("version: 1\nrules: [{name: A, when: {machine: *prod}}]", "must stand in quotes"),
        ("a: !!python/object/apply:os.system [ls]", "tags such as"),
        ("!!set {a, b}", "tags such as"),
        ("[" * 150_000, "levels deep"),
        ("- " * 90_000 + "x", "levels deep"),
        ("version: 1\nversion: 1", "line 2: version stands here a second time"),
        ("? [a]\n: b", "a key must be a text"),
        ('"a\\0b": 1', "line 1: a key must be one line"),
        ('"a\\ud800": 1', "line 1: a key must be one line"),
        ("a: b: c", "line 1"),
        ("--- 1\n--- 2", "another document"),
        ("x: \x07", "does not allow"),
        ("é" * 150_000, "longer than"),
        ("", "empty"),
        ("just words", "must be a mapping"),
        ("- a", "must be a mapping"),
        ("version: 1", "rules is missing"),
    ],
)  # fmt: skip
def test_hostile_or_broken_yaml_is_refused_quickly(source: str, words: str):
    begun = time.monotonic()
    assert any(words in line for line in problems(source))
    assert time.monotonic() - begun < 5


@given(st.text(max_size=200) | st.text(alphabet="[]{}:-&*!|> \n\tab\"'#", max_size=60))
def test_any_text_is_read_or_refused_with_words(text: str):
    assert all(problems(text))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["when", "from", "approvals", "time", "tags", "group", "x"]),
                inner,
                max_size=3,
            )
        ),
        max_leaves=12,
    ),
    st.sampled_from(["groups", "defaults", "rules", "version"]),
)
def test_any_data_is_read_or_refused_with_words(anything: Any, place: str):
    refused_or_read({"version": 1, "rules": [rule()]} | {place: anything})
    refused_or_read({"version": 1, "rules": [anything]})


def refused_or_read(document: dict[str, Any]) -> None:
    try:
        again = parse(document)
    except BadPolicy as refused:
        told = refused.problems
    else:
        told = [again.digest]
    assert all(told)


@given(st.text(alphabet="ab*", max_size=8), st.text(alphabet="abB", max_size=10))
def test_globs_agree_with_the_standard_library(glob: str, text: str):
    from fnmatch import fnmatchcase

    assert glob_matches(glob, text) is fnmatchcase(text.lower(), glob)


def test_a_pattern_matches_the_whole_ticket_and_in_linear_time():
    assert ticket_matches("INC[0-9]{7}", "INC1234567")
    assert not ticket_matches("INC[0-9]{7}", "see INC1234567")
    assert not ticket_matches("INC[0-9]{7}", "INC1234567\n")
    assert not ticket_matches("(", "(")
    begun = time.monotonic()
    assert not ticket_matches("(a|aa|a*)*b", "a" * 50_000)
    assert time.monotonic() - begun < 2


def test_a_policy_of_many_rules_and_people_is_read_in_reasonable_time():
    groups = {f"g{n}": [f"t/{n}-{m}" for m in range(20)] for n in range(50)}
    rules = [
        rule(f"R{n}", when={"machine": f"vm-{n}-*", "requester": f"g{n % 50}"}) for n in range(200)
    ]
    begun = time.monotonic()
    big = parse({"version": 1, "groups": groups, "rules": rules})
    assert not big.judge(asked()).allowed
    assert time.monotonic() - begun < 3
    assert big.document["rules"][0]["approvals"][0]["from"] == ONE[0]["from"]
