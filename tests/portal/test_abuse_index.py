"""Every abuse that the product must withstand has a test that says its number.

The numbers are those of docs/threat-model.md. Who adds one adds its test, or says here why not.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
NUMBER = re.compile(r"X-(\d\d)")
SIGN_IN = range(26, 37)
VENDORS = range(37, 48)
OBJECTS_AND_WORDS = range(48, 66)
FURTHER = (1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 13, 14, 15, 16, 18, 21, 23, 24, 25, 75, 76, 81, 82)
NO_TEST = {
    33: "the number was never given out",
    35: "the number was never given out",
    43: "the number was never given out",
    53: "the number was never given out",
    54: "the number was never given out",
    59: "the number was never given out",
    64: "the number was never given out",
}


def named() -> dict[int, list[str]]:
    """By number, the tests whose docstring says it; a class or a module speaks for its tests."""
    found: dict[int, list[str]] = defaultdict(list)
    for file in [*sorted(TESTS.rglob("test_*.py")), TESTS / "access" / "contract.py"]:
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                name = getattr(node, "name", "")
                if not isinstance(node, ast.FunctionDef) or name.startswith("test_"):
                    for number in NUMBER.findall(ast.get_docstring(node) or ""):
                        found[int(number)].append(f"{file.relative_to(TESTS)}::{name}")
    return found


def test_every_number_has_a_test_that_says_it_or_a_reason() -> None:
    known = named()
    wanted = {*SIGN_IN, *VENDORS, *OBJECTS_AND_WORDS, *FURTHER}
    silent = sorted(number for number in wanted if not known[number] and number not in NO_TEST)
    assert silent == [], f"no test names X-{silent}"


def test_a_reason_does_not_outlive_its_cause() -> None:
    known = named()
    assert [number for number in NO_TEST if known[number]] == []


def test_what_the_threat_model_lists_is_what_the_tests_say() -> None:
    file = TESTS.parent / "docs" / "threat-model.md"
    listed = set(map(int, NUMBER.findall(file.read_text()))) if file.exists() else set()
    assert sorted(listed - set(named()) - set(NO_TEST)) == []
