"""``manage.py verify_identities`` asks Azure, as each identity, what it may do."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from portal.azure import door as azure_door
from portal.azure.permissions import read_permissions
from portal.azure.roles import NEEDED, Identity, definition
from tests.support.azure import SUBSCRIPTION, SimulatedAzure

pytestmark = pytest.mark.django_db  # calls are paid for there
READER, OPENER, CLOSER, KEEPER, SECOND = Identity
DELETE_RULE = "Microsoft.Network/networkSecurityGroups/securityRules/delete"


def verified(*words: str) -> tuple[bool, str]:
    """(whether it ends well, what it says)."""
    out = StringIO()
    try:
        call_command("verify_identities", *words, stdout=out)
    except CommandError:
        return False, out.getvalue()
    return True, out.getvalue()


def test_the_demos_identities_are_as_they_ought_to_be(azure: SimulatedAzure) -> None:
    azure.control("POST", "reset", {"estate": "demo"})
    good, told = verified()
    assert good
    assert told.count("ok ") == 5 * 2  # in each of two subscriptions
    assert "WRONG" not in told


def test_a_missing_action_is_named_with_its_reason(azure: SimulatedAzure) -> None:
    less = definition(CLOSER)
    less["Actions"].remove(DELETE_RULE)
    azure.control("POST", "roles", {"portal-closer": [less]})
    good, told = verified()
    assert not good
    assert f"needs {DELETE_RULE}: ends a window early" in told
    assert told.count("WRONG") == 1


def test_too_much_is_named_with_the_grant_that_gives_it(azure: SimulatedAzure) -> None:
    more = [definition(OPENER), {"actions": ["Microsoft.Network/*"]}]
    azure.control("POST", "roles", {"portal-opener": more})
    good, told = verified("--json")
    assert not good
    (wrong,) = [row for row in json.loads(told)["verdicts"] if not row["ok"]]
    assert wrong["identities"] == ["opener"]
    assert wrong["missing"] == []
    assert {"given": "Microsoft.Network/*", "forbidden": "*/write"} in wrong["excess"]


def test_a_role_that_lacks_in_one_subscription_is_seen(azure: SimulatedAzure) -> None:
    azure.control("POST", "reset", {"estate": "demo"})
    first, second = sorted(azure.state()["estate"]["subscriptions"])
    here = {**definition(OPENER), "scope": f"/subscriptions/{first}"}
    azure.control("POST", "roles", {"portal-opener": [here]})
    good, told = verified("--json")
    assert not good
    (wrong,) = [row for row in json.loads(told)["verdicts"] if not row["ok"]]
    assert (wrong["identities"], wrong["subscription"]) == (["opener"], second)
    assert "Microsoft.Authorization/permissions/read" in wrong["problem"]


def test_who_may_do_everything_is_wrong_everywhere(azure: SimulatedAzure, settings: Any) -> None:
    """An owner as the only identity: it works, and it is told that it is too much."""
    for one in Identity:
        setattr(settings, f"AZURE_{one.name}_CLIENT_ID", "")
    azure_door.forget_clients()
    good, told = verified()
    assert not good
    assert "reader and opener and closer (the process's own identity)" in told
    assert "must not have *: it allows */write" in told


def test_one_identity_with_all_the_roles_is_good(azure: SimulatedAzure, settings: Any) -> None:
    for one in Identity:
        setattr(settings, f"AZURE_{one.name}_CLIENT_ID", "only-one")
    azure_door.forget_clients()
    azure.control("POST", "roles", {"only-one": [definition(one) for one in Identity]})
    good, told = verified("--json")
    assert good
    assert [row["identities"] for row in json.loads(told)["verdicts"]] == [list(Identity)]


def test_an_optional_one_that_nobody_named_is_not_asked_for(
    azure: SimulatedAzure, settings: Any
) -> None:
    settings.AZURE_KEEPER_CLIENT_ID = ""
    azure_door.forget_clients()
    good, told = verified("--json")
    assert good
    asked = [one for row in json.loads(told)["verdicts"] for one in row["identities"]]
    assert KEEPER.value not in asked


def test_a_process_that_has_one_identity_asks_of_that_one_alone(
    azure: SimulatedAzure, settings: Any
) -> None:
    settings.AZURE_SUBSCRIPTIONS = [SUBSCRIPTION]  # it may list none
    settings.AZURE_READER_CLIENT_ID = "nobody-here-has-this"
    azure.control("POST", "roles", {"nobody-here-has-this": []})
    azure_door.forget_clients()
    good, told = verified("--only", "second-closer", "--json")
    assert good
    assert [row["identities"] for row in json.loads(told)["verdicts"]] == [[SECOND.value]]


def test_without_a_subscription_nothing_is_called_good(azure: SimulatedAzure) -> None:
    azure.control("POST", "roles", {"portal-reader": []})
    assert verified() == (False, "\n")


def test_an_azure_that_does_not_answer_is_a_problem_and_no_verdict(azure: SimulatedAzure) -> None:
    azure.fault(operation="permission.list", principal="portal-closer", action="status", status=503)
    good, told = verified()
    assert not good
    assert "Azure answered with an error" in told
    azure.fault(operation="subscription.list", action="status", status=503)
    assert not verified()[0]


def test_many_small_roles_add_up(azure: SimulatedAzure) -> None:
    many = [{"actions": [action.name]} for action in NEEDED[READER]]
    azure.control("POST", "roles", {"portal-reader": many})
    assert len(read_permissions(READER, SUBSCRIPTION)) == len(many)
    assert verified()[0]
