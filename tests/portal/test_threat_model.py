"""docs/threat-model.md claims no proof that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/threat-model.md").read_text()
CASE = re.compile(r"\bX-(\d\d)\b")


def tried() -> set[str]:
    """Numbers in docstrings and comments, and in the names of tests: ``test_x19_…``."""
    found = set()
    for path in (ROOT / "tests").rglob("*.py"):
        if path != Path(__file__):
            text = path.read_text()
            found |= set(CASE.findall(text)) | set(re.findall(r"def test_x(\d\d)_", text))
    return found


def test_each_abuse_case_that_it_names_is_tried():
    assert len(set(CASE.findall(PAGE))) > 40
    assert set(CASE.findall(PAGE)) - tried() == set()


@pytest.mark.parametrize("place", sorted(set(re.findall(r"`(tests/[\w/.]+)`", PAGE))))
def test_each_test_that_it_points_at_is_there(place: str):
    assert (ROOT / place).exists()


def test_each_page_that_it_leads_to_is_there():
    links = re.findall(r"\]\(([\w./-]+)(?:#[\w-]+)?\)", PAGE)
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
