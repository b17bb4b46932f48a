"""What follows when the directory takes something away: sessions, what is due, what is open."""

from __future__ import annotations

import pytest
from django.test import Client

from access.models import Grant, LedgerEntry, Person
from access.states import GrantState
from portal.directory.roles import replace_roles
from portal.directory.sync import sync_directory
from portal.models import BrowserSession
from tests.access.api.calling import token_of
from tests.access.contract import Story, wake_up
from tests.portal.directory.conftest import lines, person, roles_of
from tests.support.azure import SimulatedAzure
from tests.support.browsers import signed_in
from tests.support.cast import Cast, run_engine
from tests.support.graph import TENANT, FakeGraph, oid


@pytest.fixture
def window(live_estate: SimulatedAzure, cast: Cast, graph: FakeGraph) -> Story:
    """Alice and Bob are in the directory too."""
    for name, roles in (("alice", ["Engineer"]), ("bob", ["Engineer", "Approver"])):
        graph.user(name, *roles)
        Person.objects.filter(pk=getattr(cast, name).pk).update(
            tenant_id=TENANT, object_id=oid(name)
        )
        getattr(cast, name).refresh_from_db()
    sync_directory()
    return Story(live_estate, cast, "window", "jit.opened", "jit.initiate", "rule.delete")


def state_of(grant: Grant) -> str:
    grant.refresh_from_db()
    return str(grant.state)


@pytest.mark.django_db(transaction=True)
class TestAccess:
    def test_what_was_approved_is_not_opened_for_who_was_disabled(
        self, window: Story, graph: FakeGraph
    ) -> None:
        """X-15"""
        grant = window.granted()
        graph.users[oid("alice")]["accountEnabled"] = False
        sync_directory()
        run_engine()
        assert state_of(grant) == GrantState.CLOSED
        assert grant.opened_at is None
        assert "no longer active" in grant.close_reason

    @pytest.mark.parametrize("how", ["disabled", "deleted", "role taken"])
    def test_what_is_open_is_closed(self, window: Story, graph: FakeGraph, how: str) -> None:
        """X-15, X-31: at the next look at its gate, a minute later at most."""
        grant = window.open()
        if how == "disabled":
            graph.users[oid("alice")]["accountEnabled"] = False
        elif how == "deleted":
            graph.delete("alice")
        else:
            graph.take("alice", "Engineer")
        sync_directory()
        wake_up()
        run_engine()
        assert state_of(grant) == GrantState.CLOSED
        assert window.doors_in_azure() == 0

    def test_an_approver_who_left_before_the_start_approved_nothing(
        self, window: Story, graph: FakeGraph
    ) -> None:
        """X-31"""
        grant = window.granted()
        graph.take("bob", "Approver")
        sync_directory()
        run_engine()
        state_of(grant)
        assert (grant.opened_at, window.doors_in_azure()) == (None, 0)
        assert LedgerEntry.objects.filter(event="person.roles_changed").count() == 1


@pytest.mark.django_db
class TestSessions:
    @pytest.fixture
    def bob(self, graph: FakeGraph) -> Client:
        graph.user("bob", "Engineer", "Approver")
        sync_directory()
        return signed_in(person("bob"))

    def is_in(self, browser: Client) -> bool:
        return bool(browser.get("/").status_code == 200)

    def test_losing_a_role_signs_the_person_out(self, graph: FakeGraph, bob: Client) -> None:
        """X-31"""
        assert self.is_in(bob)
        graph.take("bob", "Approver")
        sync_directory()
        assert not self.is_in(bob)
        ended = BrowserSession.objects.filter(person=person("bob"), ended_at__isnull=False)
        assert ended.count() == 1
        assert [line.event for line in LedgerEntry.objects.order_by("-seq")[:2]] == [
            "person.roles_changed", "session.ended",
        ]  # fmt: skip

    def test_being_disabled_does_too(self, graph: FakeGraph, bob: Client) -> None:
        """X-15"""
        graph.users[oid("bob")]["accountEnabled"] = False
        sync_directory()
        assert not self.is_in(bob)
        assert lines("session.ended").count() == 1

    def test_a_token_comes_back_with_an_account_that_was_off(
        self, graph: FakeGraph, bob: Client
    ) -> None:
        """Whoever was switched off for what a thief did is switched on again without it."""
        caller, _ = token_of(person("bob"))
        graph.users[oid("bob")]["accountEnabled"] = False
        sync_directory()
        assert caller.get("me/").status_code == 401
        graph.users[oid("bob")]["accountEnabled"] = True
        sync_directory()
        assert caller.get("me/").status_code == 401
        assert lines("token.revoked").count() == 1

    def test_gaining_one_does_not(self, graph: FakeGraph, bob: Client) -> None:
        graph.assign("bob", "Auditor")
        sync_directory()
        assert self.is_in(bob)
        assert roles_of("bob") == {"approver", "auditor", "engineer"}

    def test_replacing_roles_is_one_change_and_one_line(self, graph: FakeGraph) -> None:
        graph.user("bob", "Engineer")
        sync_directory()
        bob = person("bob")
        assert replace_roles(bob, {"auditor", "not a role"}, how="sign-in") == {"engineer"}
        assert bob.held_roles == {"auditor"}
        assert replace_roles(bob, {"auditor"}, how="reread") == frozenset()
        assert lines("person.roles_changed", "bob").count() == 1
