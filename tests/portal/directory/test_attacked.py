"""Readings that would do harm. Each test is named for the harm that one once did."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import call_command

from access.models import LedgerEntry, Person
from portal.directory.graph import Unknown
from portal.directory.roles import replace_roles
from portal.directory.sync import sync_directory
from portal.models import DirectoryReading
from tests.portal.directory.conftest import lines, person, roles_of
from tests.support.browsers import signed_in
from tests.support.graph import FakeGraph, oid

pytestmark = pytest.mark.django_db
NAMES = ("bob", "dora", "erin", "frank", "greta")


@pytest.fixture
def house(graph: FakeGraph) -> FakeGraph:
    for name in NAMES:
        graph.user(name, "Engineer")
    graph.assign("dora", "Admin")
    sync_directory()
    return graph


def held() -> dict[str, set[str]]:
    return {name: roles_of(name) for name in NAMES}


class TestEverybodyAtOnce:
    """One slip of an administrator, or one answer that is whole and wrong, signed everybody out,
    closed what was open and left nobody who could mend it."""

    def refused(self) -> str:
        before, told = held(), LedgerEntry.objects.count()
        with pytest.raises(Unknown) as refusal:
            sync_directory()
        assert held() == before
        assert Person.objects.filter(is_active=True).count() == len(NAMES)
        assert LedgerEntry.objects.count() == told
        assert DirectoryReading.objects.get().problem == str(refusal.value)
        return str(refusal.value)

    def test_no_assignment_is_left(self, house: FakeGraph) -> None:
        browser = signed_in(person("bob"))
        house.assigned.clear()
        assert "5 of 5" in self.refused()
        assert browser.get("/").status_code == 200

    def test_no_account_is_found(self, house: FakeGraph) -> None:
        house.users.clear()
        assert "5 of 5" in self.refused()

    def test_most_are_gone(self, house: FakeGraph) -> None:
        for name in NAMES[:3]:
            house.users[oid(name)]["accountEnabled"] = False
        assert "3 of 5" in self.refused()

    def test_some_are_not(self, house: FakeGraph) -> None:
        for name in NAMES[:2]:
            house.users[oid(name)]["accountEnabled"] = False
        assert sync_directory().disabled == 2

    def test_who_looks_at_it_can_say_that_it_is_meant(self, house: FakeGraph, capsys: Any) -> None:
        house.assigned.clear()
        call_command("sync_directory", "--believe")
        assert set(map(frozenset, held().values())) == {frozenset()}

    def test_app_roles_that_may_not_be_read_are_not_taken_for_none(self, house: FakeGraph) -> None:
        for some in (NAMES[3:], NAMES[2:3]):  # so few are left that nobody would wonder
            for name in some:
                house.delete(name)
            sync_directory()
        before = {name: roles_of(name) for name in NAMES[:2]}
        body = json.dumps({"id": oid("portal"), "appRoles": None}).encode()
        house.say("servicePrincipals", body=body, times=1)
        with pytest.raises(Unknown):
            sync_directory()
        assert {name: roles_of(name) for name in NAMES[:2]} == before


class TestOneAccount:
    """What one account is called stopped the reading of all, so whoever left stayed."""

    @pytest.mark.parametrize(
        "facts",
        [
            {"displayName": "\ud800 Mallory"},
            {"mail": "\udfff@example.test"},
            {"employeeId": "\ud800"},
            {"employeeId": "ΐ" * 50},
            {"employeeId": "ß" * 50},
            {"displayName": ["x"], "mail": {"a": 1}},
            {"displayName": "\0", "userPrincipalName": None, "mail": None},
        ],
    )
    def test_stops_nobody_elses_dismissal(self, graph: FakeGraph, facts: dict[str, Any]) -> None:
        graph.user("bob", "Engineer")
        sync_directory()
        graph.user("aaron", "Engineer", **facts)
        graph.users[oid("bob")]["accountEnabled"] = False
        sync_directory()
        assert not person("bob").is_active
        assert person("aaron").is_active
        graph.users[oid("aaron")]["displayName"] = "Somebody"
        sync_directory()

    def test_two_numbers_that_begin_alike_are_two_people(self, graph: FakeGraph) -> None:
        graph.user("bob", "Engineer", employeeId="ß" * 49 + "1")
        graph.user("dora", "Engineer", employeeId="ß" * 49 + "2")
        sync_directory()
        assert person("bob").person_key != person("dora").person_key

    def test_in_another_spelling_is_the_same_human(self, graph: FakeGraph) -> None:
        graph.user("bob", "Engineer", employeeId=" e-7 ")
        graph.user("bob-adm", "Approver", employeeId="E-7")
        graph.user("bob-adm2", "Approver", employeeId="\uff25-7")  # a wide letter
        graph.user("bob-adm3", "Approver", employeeId="E\u200b-7")
        sync_directory()
        assert person("bob").is_same_human(person("bob-adm"))
        assert person("bob").is_same_human(person("bob-adm2"))
        assert person("bob").is_same_human(person("bob-adm3"))


class TestTheLaterQuestionCounts:
    def test_an_older_answer_gives_nobody_their_role_back(self, house: FakeGraph) -> None:
        from contextlib import closing

        from portal.directory.graph import Graph
        from portal.directory.identity import token
        from portal.directory.reading import read_directory
        from portal.directory.writing import known_ids, write_directory

        with closing(Graph(token)) as graph:
            old = read_directory(graph, known_ids())
        replace_roles(person("dora"), {"engineer"}, how="reread")
        write_directory(old)
        assert roles_of("dora") == {"engineer"}
        assert lines("person.roles_changed", "dora").count() == 1
