"""Wildcards of role definitions, as Azure documents them."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import example as case
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.azure.patterns import Permission, allows, example, matches

patterns = st.text("ab/*", max_size=5)
actions = st.text("ab/", max_size=6)
lists = st.lists(patterns, max_size=3)
ALL = ["".join(letters) for size in range(6) for letters in product("ab/", repeat=size)]


def means(pattern: str, action: str) -> bool:
    """The plainest reading there is, of one character after the other."""
    if not pattern:
        return not action
    if pattern[0] == "*":
        return means(pattern[1:], action) or (bool(action) and means(pattern, action[1:]))
    return action[:1] == pattern[0] and means(pattern[1:], action[1:])


@given(patterns, actions)
def test_a_star_is_any_text(pattern: str, action: str) -> None:
    assert matches(pattern, action) == means(pattern, action)


@pytest.mark.parametrize(
    ("pattern", "action", "fits"),
    [
        ("*", "Microsoft.Network/bastionHosts/read", True),
        ("*/read", "Microsoft.Network/networkSecurityGroups/securityRules/read", True),
        ("Microsoft.Network/*", "microsoft.network/bastionHosts/getShareableLinks/action", True),
        ("Microsoft.CostManagement/*/query/*", "Microsoft.CostManagement/a/query/b", True),
        ("Microsoft.Network/networkInterfaces/*/read", "Microsoft.Network/networkInterfaces/read", False),
        ("Microsoft.Network", "Microsoft.Network/bastionHosts/read", False),
        ("MicrosoftxNetwork/*", "Microsoft.Network/a", False),
    ],
)  # fmt: skip
def test_as_documented(pattern: str, action: str, fits: bool) -> None:
    assert matches(pattern, action) == fits


@settings(deadline=None)
@given(lists.filter(bool), lists)
@case(["*"], ["*"])
@case(["a*", "*b"], ["*a*b*b"])
def test_an_example_is_one_and_where_there_is_none_there_is_none(
    inside: list[str], outside: list[str]
) -> None:
    found = example(inside, outside)
    fitting = [
        text
        for text in ALL
        if all(matches(each, text) for each in inside)
        and not any(matches(each, text) for each in outside)
    ]
    if found is None:
        assert fitting == []
    else:
        assert all(matches(each, found) for each in inside)
        assert not any(matches(each, found) for each in outside)
        assert not fitting or len(found) <= len(fitting[0])


@settings(deadline=None)
@given(lists, lists, actions)
def test_a_role_gives_its_actions_without_its_not_actions(
    given_: list[str], taken: list[str], action: str
) -> None:
    role = Permission(tuple(given_), tuple(taken))
    wanted = any(means(p, action) for p in given_) and not any(means(p, action) for p in taken)
    assert role.grants(action) == wanted


@settings(deadline=None)
@given(lists, lists, lists, lists, actions)
def test_what_one_role_takes_away_another_may_give(
    one: list[str], less: list[str], other: list[str], less_of_other: list[str], action: str
) -> None:
    first, second = (
        Permission(tuple(one), tuple(less)),
        Permission(tuple(other), tuple(less_of_other)),
    )
    assert allows([first, second], action) == (first.grants(action) or second.grants(action))


@settings(deadline=None)
@given(lists, lists, patterns)
def test_a_role_that_gives_a_pattern_gives_all_that_it_means(
    given_: list[str], taken: list[str], pattern: str
) -> None:
    role = Permission(tuple(given_), tuple(taken))
    if role.grants(pattern):
        assert all(role.grants(text) for text in ALL[:121] if means(pattern, text))
