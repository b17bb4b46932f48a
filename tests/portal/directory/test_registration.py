"""What is registered in Entra is what the code reads, letter for letter."""

from __future__ import annotations

import json
import re
import subprocess
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from access.models import Role
from portal.directory.registration import OF_ACCESS_TOKENS, OF_ID_TOKENS, PERMISSIONS, ROLES
from portal.directory.roles import roles_named
from portal.signin.entra.arriving import app_roles
from portal.signin.entra.bearer import GIVES
from tests.support.graph import ALL

ROOT = Path(__file__).resolve().parents[3]
PORTAL = "https://access.example.test"


def printed(*more: str) -> str:
    out = StringIO()
    call_command("entra_registration", f"--portal-url={PORTAL}", *more, stdout=out)
    return out.getvalue()


def manifest(*more: str) -> dict[str, Any]:
    return dict(json.loads(printed("--manifest", *more)))


def files(text: str) -> dict[str, Any]:
    """The JSON that the script writes, by name of its file."""
    found = re.findall(r"^cat > (\S+) <<'?JSON'?\n(.*?)\nJSON$", text, re.DOTALL | re.MULTILINE)
    return {name: json.loads(body) for name, body in found}


def test_each_role_is_one_that_sign_in_and_the_directory_know() -> None:
    for role in manifest()["appRoles"]:
        (known,) = app_roles({"roles": [role["value"]]})
        assert roles_named([role["value"]]) == {known}
        assert ROLES[Role(known)][0] == role["id"]
    assert {Role(value) for value in app_roles({"roles": [v for _, v, _ in ROLES.values()]})} == {
        *Role
    }


def test_a_programs_roles_are_those_that_count_for_programs() -> None:
    given = {
        role["value"].lower()
        for role in manifest()["appRoles"]
        if "Application" in role["allowedMemberTypes"]
    }
    assert given == set(GIVES) == {"engineer", "auditor"}


def test_roles_keep_their_ids() -> None:
    """An assignment names the id: another one would take everybody's role away."""
    assert {role["value"]: role["id"] for role in manifest()["appRoles"]} == {
        "Engineer": "720f5fce-7c0b-49a1-9435-f90254c670b5",
        "Approver": "95d1bc11-f5ea-46fb-b112-4577d0593c09",
        "Auditor": "10fba56d-8d0a-46d0-84ed-616b19fce96d",
        "Admin": "ceadd4d8-b2b9-41f1-ba6c-db6f4eb228e4",
    }


def test_each_claim_that_is_asked_for_is_read() -> None:
    code = "".join(file.read_text() for file in (ROOT / "portal/signin").rglob("*.py"))
    claims = manifest()["optionalClaims"]
    names = {row["name"] for rows in claims.values() for row in rows}
    assert names == {*OF_ID_TOKENS, *OF_ACCESS_TOKENS}
    assert [name for name in names if f'"{name}"' not in code] == []


def test_the_permissions_are_those_that_the_readings_need() -> None:
    """The fake Graph refuses each question without its own."""
    assert set(PERMISSIONS) == ALL
    assert f"for PERMISSION in {' '.join(PERMISSIONS)}; do" in printed()


def test_tokens_are_of_the_version_that_is_believed_and_lead_to_our_addresses() -> None:
    made = manifest()
    assert made["api"]["requestedAccessTokenVersion"] == 2
    assert made["web"]["redirectUris"] == [
        f"{PORTAL}/sign-in/entra/callback/",
        f"{PORTAL}/signed-out/",
    ]
    assert made["signInAudience"] == "AzureADMyOrg"
    assert set(made["web"]["implicitGrantSettings"].values()) == {False}


def test_groups_are_in_tokens_only_where_they_give_roles() -> None:
    assert manifest()["groupMembershipClaims"] == "None"
    assert manifest("--group-roles")["groupMembershipClaims"] == "SecurityGroup"
    assert "User.Read'" not in printed()
    assert "offline_access User.Read'" in printed("--group-roles")


@pytest.mark.parametrize("more", [[], ["--step-up=c7"], ["--step-up=c1", "--group-roles"]])
def test_the_script_is_one_that_bash_can_read(more: list[str]) -> None:
    text = printed(*more)
    done = subprocess.run(
        ["bash", "-n"], input=text, text=True, capture_output=True, timeout=20, check=False
    )
    assert done.returncode == 0, done.stderr
    assert files(text)["application.json"] == manifest(*more)
    assert "client-secret" not in text


def test_the_step_up_has_a_policy_behind_it(settings: object) -> None:
    from portal.directory.guarding import _guards

    made = files(printed("--step-up=c7"))
    assert _guards(made["policy.json"], "c7")
    assert "policy.json" not in files(printed())


@pytest.mark.parametrize(
    "wrong",
    [
        ["--portal-url=http://access.example.test"],
        ["--portal-url=https://access.example.test/elsewhere"],
        [f"--portal-url={PORTAL}", "--step-up=mfa"],
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("entra_registration", *wrong)
