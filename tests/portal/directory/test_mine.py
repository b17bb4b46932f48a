"""Groups that a token leaves out are asked of Graph as the person, and never guessed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from portal.directory.mine import Unknown, groups_of_token
from tests.support.graph import FakeGraph, oid

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def token(graph: FakeGraph) -> str:
    graph.user("bob")
    return graph.token_of("bob")


def test_more_than_two_hundred_groups_are_told_apart(graph: FakeGraph, token: str) -> None:
    """X-30: asked for twenty at a time, so none is left out."""
    inside = {graph.group(f"in-{n}", "bob") for n in range(210)}
    outside = {graph.group(f"out-{n}", "nora") for n in range(15)}
    graph.asked.clear()
    assert groups_of_token(token, inside | outside) == inside
    assert len(graph.asked) == 12


def test_by_way_of_another_group_counts(graph: FakeGraph, token: str) -> None:
    graph.group("inner", "bob")
    outer = graph.group("outer", "inner")
    assert groups_of_token(token, {outer.upper()}) == {outer}


def test_who_is_in_none_is_in_none(graph: FakeGraph, token: str) -> None:
    assert groups_of_token(token, {graph.group("others", "nora")}) == frozenset()
    assert groups_of_token(token, set()) == frozenset()


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 403, "code": "Authorization_RequestDenied"},
        {"status": 429, "headers": {"Retry-After": "1"}},
        {"status": 500},
        {"cut": True},
        {"body": b"{}"},
        {"body": b"[]"},
        {"body": b'{"value": ["no id"]}'},
        {"body": b'{"value": ["00000000-0000-4000-8000-000000000001"]}'},
        {"status": 302, "headers": {"Location": "https://graph.invalid/"}},
    ],
)
def test_what_is_not_known_is_not_taken_for_none(
    graph: FakeGraph, token: str, fault: dict[str, object]
) -> None:
    """X-30: not in the second batch either, when the first was answered."""
    groups = {graph.group(f"in-{n}", "bob") for n in range(25)}
    graph.say("checkMemberGroups", after=1, **fault)
    with pytest.raises(Unknown):
        groups_of_token(token, groups)


def test_a_token_that_is_no_longer_good_says_nothing(graph: FakeGraph) -> None:
    with pytest.raises(Unknown):
        groups_of_token("nobody's", {oid("a group")})


def test_a_group_without_a_proper_id_is_not_asked_for(graph: FakeGraph, token: str) -> None:
    with pytest.raises(Unknown):
        groups_of_token(token, {"approvers"})


def test_the_web_process_asks_without_azures_libraries() -> None:
    """X-75: what signs people in must not carry what workers call Azure with."""
    code = (
        "import django, sys; django.setup(); import portal.directory.mine, portal.directory.roles,"
        " portal.directory.standing; assert 'azure.identity' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60,
        check=False,
        env={"PATH": "/usr/bin", "DJANGO_SETTINGS_MODULE": "portal.settings.testing"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
