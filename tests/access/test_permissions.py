"""Which role gives what is said in one table, and asked in one place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from access import policy
from access.errors import NotAllowed
from access.models import Person, Role, Scope
from access.policy.table import PROGRAMS_HOLD, TABLE, Act, Programs
from access.policy.words import markdown
from access.services import tokens
from tests.support.cast import Cast, ask, person
from tests.support.estate import machine

ROOT = Path(__file__).parents[2]
BOTH = frozenset(Scope.values)
# Who may name a role besides the table: it decides nothing by it.
NAMES_ROLES = {
    "access/policy/table.py": "the table",
    "access/models/people.py": "where they are defined",
    "portal/embedded/people.py": "whom the demo has",
    "portal/signin/views.py": "words for the demo's people",
    "portal/directory/registration.py": "words and ids for Entra's manifest",
    "portal/signin/entra/bearer.py": "which scopes a program's role is worth",
}
# Who may read which roles somebody holds: to show them, to keep them, to see whether they changed.
READS_ROLES = {
    "access/models/people.py", "access/policy/table.py", "access/trying.py",
    "access/presenters/people.py", "access/views/people.py", "access/api/me.py",
    "portal/web/context.py", "portal/signin/sessions.py", "portal/directory/roles.py",
    "portal/management/commands/portal.py", "portal/signin/entra/bearer.py",
    "portal/signin/entra/reread.py", "portal/directory/writing.py", "portal/signin/stepup.py",
}  # fmt: skip
CHANGES = (
    {act for act in Act if act.name.startswith(("CHANGE_", "MANAGE_", "CLOSE_", "REMOVE_", "END_"))}
    | {Act.KEEP_VENDORS, Act.BLOCK_VENDOR}
    | {Act.DECIDE, Act.NAME_DEPUTY, Act.TAKE_BACK_DEPUTY, Act.REVOKE_TOKEN, Act.BREAK_GLASS}
)


def sources() -> Iterator[tuple[str, ast.AST]]:
    for top in ("access", "jit", "links", "portal"):
        for path in (ROOT / top).rglob("*.py"):
            if "migrations" not in path.parts:
                yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def test_every_power_has_its_row_and_words():
    assert set(TABLE) == set(Act)
    assert all(power.roles for power in TABLE.values())
    assert len({act.label for act in Act}) == len(Act)


def test_no_role_is_named_outside_the_table():
    """A check somewhere else would be one that nobody finds who reads the table."""
    members = {role.name for role in Role}
    found = [
        f"{path}:{node.lineno}"
        for path, tree in sources()
        if path not in NAMES_ROLES
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "Role"
        and node.attr in members
    ]
    assert not found, "Give it an Act in access/policy/table.py, and ask has(person, act) instead."


def test_no_role_is_compared_as_text():
    """Neither in the sources, nor in a template."""
    asked = re.compile(r"held_roles|roles__role|role__in")
    found = [
        path
        for path in (str(p.relative_to(ROOT)) for p in _texts())
        if path not in READS_ROLES and asked.search((ROOT / path).read_text())
    ]
    assert not found, "Ask access.policy.has, or say here why it only shows or keeps the roles."


def _texts() -> Iterator[Path]:
    for top in ("access", "jit", "links", "portal", "templates"):
        for path in (ROOT / top).rglob("*"):
            if path.suffix in (".py", ".html") and "migrations" not in path.parts:
                yield path


@pytest.mark.django_db
def test_roles_count_while_the_account_is_active(cast: Cast):
    assert policy.has(cast.bob, Act.DECIDE)
    cast.bob.is_active = False
    assert not any(policy.has(cast.bob, act) for act in Act)


@pytest.mark.django_db
def test_a_guest_decides_nothing_unless_the_settings_let_guests(cast: Cast, settings):
    guest = person("Gwen", *Role)
    guest.is_guest = True
    guest.save()
    settings.ENTRA_GUESTS_APPROVE = False
    assert not policy.has(guest, Act.DECIDE)
    assert not policy.has(guest, Act.NAME_DEPUTY)
    assert not policy.has(guest, Act.REVIEW)
    assert guest not in policy.people_with(Act.DECIDE)
    settings.ENTRA_GUESTS_APPROVE = True
    assert policy.has(guest, Act.DECIDE)
    assert guest in policy.people_with(Act.DECIDE)
    assert not policy.has(guest, Act.REVIEW)


@pytest.mark.django_db
def test_a_guest_administrator_does_not_say_who_decides(settings):
    """Else whoever may not approve would name who may."""
    guest = person("Gus", Role.ADMIN)
    guest.is_guest = True
    settings.ENTRA_GUESTS_APPROVE = False
    with pytest.raises(NotAllowed, match="Guests of another organisation"):
        policy.check_may_propose_policy(guest)
    assert policy.has(guest, Act.END_ANY), "closing is never the danger"


@pytest.mark.django_db
def test_a_program_reads_and_asks_and_does_nothing_else_whatever_it_was_given():
    """X-02. An Approver or Administrator role that a program got by mistake gives it nothing."""
    program = person("Pipeline", *Role)
    Person.objects.filter(pk=program.pk).update(is_application=True)
    program = Person.objects.get(pk=program.pk)
    may = {act for act in Act if policy.has(program, act)}
    assert may == {act for act in Act if TABLE[act].programs is Programs.MAY}
    assert not may & CHANGES
    only_admin = person("Robot", Role.ADMIN, Role.APPROVER)
    only_admin.is_application = True
    assert not any(policy.has(only_admin, act) for act in Act)
    assert {Role.ENGINEER, Role.AUDITOR} == PROGRAMS_HOLD
    assert program not in policy.people_with(Act.DECIDE)
    assert program not in policy.people_with(Act.HEAR_OF_TROUBLE)
    assert program in policy.people_with(Act.READ_LEDGER)


@pytest.mark.django_db
@pytest.mark.parametrize("role", list(Role))
def test_a_token_is_never_for_deciding(role: Role):
    """X-02. Even if a view forgot to ask, the table would not have it."""
    holder = person("Holder", role)
    holder.scopes = BOTH
    may = {act for act in Act if policy.has(holder, act)}
    assert not may & (CHANGES - {Act.END_ANY, Act.REVOKE_TOKEN})
    holder.scopes = frozenset({Scope.READ.value})
    assert not any(TABLE[act].by_token is Scope.REQUEST for act in Act if policy.has(holder, act))
    holder.scopes = frozenset()
    assert not any(policy.has(holder, act) for act in Act)


@pytest.mark.django_db
@pytest.mark.parametrize("decision", ["approve", "deny"])
def test_a_view_that_forgot_to_ask_lets_no_token_decide(
    cast: Cast, decision: str, monkeypatch: pytest.MonkeyPatch
):
    """X-02: the second wall. The API asks a token's scope, and the table asks again."""
    monkeypatch.setattr("access.api.scopes._check", lambda *_: None)
    asked = ask(machine(), by=cast.alice)
    made = tokens.make(tokens.TokenWish("laptop", BOTH, 1), by=cast.bob)
    answer = Client().post(
        f"/api/v1/requests/{asked.reference}/{decision}/",
        {"terms_digest": asked.terms_digest, "comment": "Yes"},
        content_type="application/json",
        headers={"Authorization": f"Bearer {made.secret}"},
    )
    assert answer.status_code == 403
    assert "No program decides, and no token" in answer.json()["detail"]
    asked.refresh_from_db()
    assert asked.state == "pending"


@pytest.mark.django_db
def test_whom_a_query_finds_is_whom_the_table_lets(cast: Cast):
    """Two readings of one table: they must not part."""
    strange = person("Stranger")
    gone = person("Gone", *Role)
    Person.objects.filter(pk=gone.pk).update(is_active=False)
    guest, program = person("Guest", *Role), person("Program", *Role)
    Person.objects.filter(pk=guest.pk).update(is_guest=True)
    Person.objects.filter(pk=program.pk).update(is_application=True)
    everybody = list(Person.objects.all())
    assert strange in everybody
    for act in Act:
        found = list(policy.people_with(act))
        assert len(found) == len(set(found)), act
        assert set(found) == {each for each in everybody if policy.has(each, act)}, act


def test_the_page_for_people_is_the_table(capsys: pytest.CaptureFixture[str]):
    call_command("permissions")
    printed = capsys.readouterr().out
    assert printed == markdown()
    page = (ROOT / "docs/permissions.md").read_text()
    assert printed in page, "manage.py permissions prints what docs/permissions.md must hold"
