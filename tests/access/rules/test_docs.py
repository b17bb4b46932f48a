"""What docs/policy.md shows is what the language reads, and it leaves no word out."""

import re

import pytest
from django.conf import settings

from access.rules import cases, reading_outcome, reading_when
from access.rules.cases import read_cases
from access.rules.document import parse

TEXT = (settings.ROOT / "docs" / "policy.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


def test_its_policy_is_one():
    assert [rule.name for rule in parse(EXAMPLES[0]).rules] == [
        "Payment databases", "Sandbox", "Everything else",
    ]  # fmt: skip


def test_its_time_and_its_stage_can_be_written_so():
    groups = "version: 1\ngroups: {security: [a, b]}\nrules:\n- name: R\n"
    when = EXAMPLES[1].replace("time:", "  when: {time:").rstrip() + "}\n"
    stage = "  approvals:\n" + "".join(f"  {line}\n" for line in EXAMPLES[2].splitlines())
    assert parse(groups + when + stage).rules[0].verdict.stages[0].needed == 2


def test_its_test_file_is_one():
    assert len(read_cases(EXAMPLES[-1]).cases) == 1


@pytest.mark.parametrize(
    "word", [*reading_when.KEYS, *reading_outcome.KEYS, *cases.ASKED, *cases.EXPECTED]
)
def test_every_key_is_explained(word: str):
    assert f"`{word}`" in TEXT
