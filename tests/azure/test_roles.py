"""The roles of the identities: what each needs, and how what one has is judged."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from portal.azure.patterns import Permission
from portal.azure.roles import (
    FORBIDDEN,
    NEEDED,
    Identity,
    as_text,
    definition,
    excess,
    file_of,
    missing,
    table,
)

ROOT = Path(__file__).resolve().parents[2]
READER, OPENER, CLOSER, KEEPER, SECOND = Identity
EXACT = {one: Permission(tuple(action.name for action in NEEDED[one])) for one in Identity}
AT_REST = Permission(("*/read",), ("Microsoft.Authorization/*",))
GROUP_WRITE = "Microsoft.Network/networkSecurityGroups/write"
NSG_WRITE = "Microsoft.Network/networkSecurityGroups/securityRules/write"
POLICY_WRITE = "Microsoft.Security/locations/jitNetworkAccessPolicies/write"
VM_WRITE = "Microsoft.Compute/virtualMachines/write"
INITIATE = "Microsoft.Security/locations/jitNetworkAccessPolicies/initiate/action"
CREATE_LINKS = "Microsoft.Network/bastionHosts/createShareableLinks/action"
DELETE_LINKS = "Microsoft.Network/bastionHosts/deleteShareableLinks/action"
DELETE_RULE = "Microsoft.Network/networkSecurityGroups/securityRules/delete"
OWN = "Microsoft.Authorization/permissions/read"


@pytest.mark.parametrize("one", Identity)
def test_the_role_files_are_what_the_code_says(one: Identity) -> None:
    """If not: manage.py azure_roles"""
    assert file_of(one).read_text() == as_text(one)


def test_the_documentation_is_what_the_code_says() -> None:
    """If not: manage.py azure_roles --table"""
    assert table() in (ROOT / "docs/azure.md").read_text()


@pytest.mark.parametrize("one", Identity)
def test_a_role_gives_all_that_is_needed_and_nothing_forbidden(one: Identity) -> None:
    assert missing([one], [EXACT[one]]) == []
    assert excess([one], [EXACT[one]]) == []


@pytest.mark.parametrize("one", Identity)
def test_no_role_has_a_wildcard_that_could_grow(one: Identity) -> None:
    """Azure adds actions; a role of ours must not come to have them."""
    for action in NEEDED[one]:
        assert "*" not in action.name or action.name.endswith("/*/read")
        assert action.why


def test_the_reader_changes_nothing() -> None:
    told = {action.name.rsplit("/", 1)[1] for action in NEEDED[READER]}
    assert told == {"read", "action"}
    assert {a.name for a in NEEDED[READER] if a.name.endswith("/action")} == {
        "Microsoft.Network/bastionHosts/getShareableLinks/action",
        "Microsoft.Network/bastionHosts/getactivesessions/action",
    }


def test_what_opens_cannot_close_and_what_closes_cannot_open() -> None:
    """X-76"""
    may = {one: {action.name for action in NEEDED[one]} for one in Identity}
    assert {INITIATE, CREATE_LINKS} <= may[OPENER]
    assert {DELETE_RULE, DELETE_LINKS} <= may[CLOSER]
    assert not {INITIATE, CREATE_LINKS} & (may[CLOSER] | may[READER])
    assert not {DELETE_RULE, DELETE_LINKS} & (may[OPENER] | may[READER])
    assert NSG_WRITE in may[OPENER]  # the rule of a window to an address outside Azure
    assert NSG_WRITE not in may[READER] | may[CLOSER]
    assert POLICY_WRITE not in may[READER] | may[OPENER] | may[CLOSER]
    assert {name for name in may[KEEPER] if not name.endswith("/read")} == {POLICY_WRITE, VM_WRITE}


def test_the_second_closer_sees_and_takes_away_and_nothing_else() -> None:
    may = {action.name for action in NEEDED[SECOND]}
    assert {DELETE_RULE, DELETE_LINKS} <= may
    assert not {INITIATE, CREATE_LINKS, NSG_WRITE, POLICY_WRITE, VM_WRITE} & may
    assert not {name for name in may if "virtualMachines" in name or "subscriptions" in name}


def test_the_definitions_name_the_subscriptions_asked_for(tmp_path: Path) -> None:
    call_command("azure_roles", "--subscription", "one", "--subscription", "two",
                 "--directory", str(tmp_path), stdout=StringIO())  # fmt: skip
    for one in Identity:
        told = json.loads((tmp_path / f"{one}.json").read_text())
        assert told == definition(one, ["one", "two"])
        assert told["AssignableScopes"] == ["/subscriptions/one", "/subscriptions/two"]


@pytest.mark.parametrize("one", Identity)
def test_without_a_role_everything_is_missing(one: Identity) -> None:
    assert missing([one], []) == list(NEEDED[one])
    assert excess([one], []) == []


@pytest.mark.parametrize("one", Identity)
def test_reader_of_azure_is_no_excess_but_not_enough(one: Identity) -> None:
    lacks = {action.name for action in missing([one], [AT_REST])}
    assert lacks == {a.name for a in NEEDED[one] if not a.name.endswith("/read")} | {OWN}
    assert excess([one], [AT_REST]) == []


@pytest.mark.parametrize("one", Identity)
@pytest.mark.parametrize("given", ["*", "Microsoft.Network/*", "*/write", GROUP_WRITE])
def test_writing_is_nobodys(one: Identity, given: str) -> None:
    found = excess([one], [EXACT[one], Permission((given,))])
    assert "*/write" in {each.forbidden for each in found}
    assert {each.given for each in found} == {given}


@pytest.mark.parametrize(
    ("one", "given"),
    [
        (OPENER, POLICY_WRITE), (OPENER, DELETE_RULE), (OPENER, DELETE_LINKS),
        (SECOND, CREATE_LINKS), (SECOND, INITIATE), (SECOND, NSG_WRITE),
        (CLOSER, NSG_WRITE), (READER, NSG_WRITE), (CLOSER, CREATE_LINKS), (CLOSER, INITIATE),
        (KEEPER, INITIATE), (KEEPER, NSG_WRITE), (KEEPER, DELETE_RULE),
        (KEEPER, "Microsoft.Security/locations/jitNetworkAccessPolicies/delete"),
        (READER, CREATE_LINKS), (READER, DELETE_LINKS), (READER, INITIATE),
        (CLOSER, "Microsoft.Network/networkSecurityGroups/delete"),
        (CLOSER, "Microsoft.Network/bastionHosts/*/action"),
        (READER, "Microsoft.Authorization/roleAssignments/read"),
        (OPENER, "Microsoft.Compute/virtualMachines/runCommand/action"),
    ],
)  # fmt: skip
def test_what_another_may_this_one_may_not(one: Identity, given: str) -> None:
    assert [each.given for each in excess([one], [EXACT[one], Permission((given,))])] == [given]


def test_contributor_is_too_much_in_every_way() -> None:
    contributor = Permission(
        ("*",), ("Microsoft.Authorization/*/Write", "Microsoft.Authorization/*/Delete")
    )
    for one in Identity:
        assert missing([one], [contributor]) == []
        assert {each.forbidden for each in excess([one], [contributor])} == set(FORBIDDEN)


def test_what_not_actions_take_away_is_no_excess() -> None:
    tamed = Permission(("*",), FORBIDDEN)
    assert excess([CLOSER], [tamed, EXACT[CLOSER]]) == []
    assert missing([CLOSER], [tamed, EXACT[CLOSER]]) == []


def test_any_data_action_is_too_much() -> None:
    login = Permission(data_actions=("Microsoft.Compute/virtualMachines/login/action",))
    (found,) = excess([OPENER], [EXACT[OPENER], login])
    assert found.forbidden == "any data action"
    taken = Permission(data_actions=("*",), not_data_actions=("*",))
    assert excess([OPENER], [EXACT[OPENER], taken]) == []


def test_one_principal_that_serves_as_all_needs_all() -> None:
    assert missing(Identity, list(EXACT.values())) == []
    assert excess(Identity, list(EXACT.values())) == []
    assert CREATE_LINKS in {action.name for action in missing(Identity, [EXACT[CLOSER]])}
