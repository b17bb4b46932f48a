"""Two answers of the directory at once: the later question counts. Needs PostgreSQL."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import pytest

from access import ledger
from access.clock import db_now
from portal.directory.graph import Graph
from portal.directory.identity import token
from portal.directory.reading import Directory, read_directory
from portal.directory.roles import replace_roles
from portal.directory.sync import sync_directory
from portal.directory.writing import Written, known_ids, write_directory
from tests.access.test_races import all_at_once
from tests.portal.directory.conftest import lines, person, roles_of
from tests.support.browsers import signed_in
from tests.support.graph import FakeGraph, oid

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def read_now() -> Directory:
    with closing(Graph(token)) as graph:
        return read_directory(graph, known_ids())


def test_of_a_sign_in_and_a_slow_reading_the_later_question_counts(graph: FakeGraph) -> None:
    graph.user("bob", "Engineer", "Approver")
    sync_directory()
    bob = person("bob")
    for turn in range(8):
        early, late = db_now() - timedelta(seconds=1), db_now()
        wanted = {"engineer"} if turn % 2 else {"approver"}
        done = all_at_once(
            lambda late=late, wanted=wanted: replace_roles(
                bob, wanted, how="sign-in", asked_at=late
            ),
            lambda early=early: replace_roles(
                bob, {"admin", "auditor"}, how="directory", asked_at=early
            ),
        )
        assert not [one for one in done if isinstance(one, Exception)], done
        assert roles_of("bob") == wanted
    assert ledger.verify()[1] is None


def test_two_readings_at_once_make_everybody_once(graph: FakeGraph) -> None:
    names = [f"engineer-{n}" for n in range(12)]
    for name in names:
        graph.user(name, "Engineer", manager=oid("engineer-0"))
    reads = [read_now(), read_now()]
    done = all_at_once(*[lambda read=read: write_directory(read) for read in reads])
    assert all(isinstance(one, Written) for one in done), done
    assert lines("person.created").count() == len(names)
    assert {person(name).manager_id for name in names} == {person("engineer-0").pk}
    assert ledger.verify()[1] is None


def test_a_reading_that_began_before_a_dismissal_takes_nothing_back(graph: FakeGraph) -> None:
    graph.user("alice", "Engineer")
    sync_directory()
    before = read_now()
    graph.users[oid("alice")]["accountEnabled"] = False
    sync_directory()
    write_directory(before)
    assert (person("alice").is_active, roles_of("alice")) == (False, set())


def test_somebody_who_signs_out_meanwhile_stops_nothing(graph: FakeGraph) -> None:
    """Ending all sessions and signing out lock the same rows."""
    graph.user("bob", "Engineer")
    sync_directory()
    for _ in range(6):
        replace_roles(person("bob"), {"engineer", "approver"}, how="sign-in")
        browser = signed_in(person("bob"))
        done = all_at_once(
            lambda: replace_roles(person("bob"), {"engineer"}, how="directory"),
            lambda browser=browser: browser.post("/sign-out/").status_code,
            lambda browser=browser: browser.get("/").status_code,
        )
        assert not [one for one in done if isinstance(one, Exception)], done
