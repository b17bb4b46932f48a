"""What the directory says becomes what the portal knows, and nothing else does."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from access.approvers import Pool
from access.clock import db_now
from access.models import Notice, Person
from portal.directory.graph import Unknown
from portal.directory.roles import replace_roles
from portal.directory.sync import sync_directory, sync_directory_task
from portal.models import DirectoryReading
from tests.portal.directory.conftest import lines, person, roles_of
from tests.support.cast import Cast
from tests.support.graph import CLIENT, TENANT, FakeGraph, oid

pytestmark = pytest.mark.django_db


class TestRoles:
    def test_who_was_given_a_role_and_never_signed_in_is_a_candidate(
        self, graph: FakeGraph
    ) -> None:
        graph.user("bob", "Engineer", "Approver")
        done = sync_directory()
        assert (done.created, roles_of("bob")) == (1, {"engineer", "approver"})
        assert person("bob") in Pool(db_now()).people
        line = lines("person.created", "bob").get()
        assert line.data["roles"] == ["approver", "engineer"]
        assert (line.actor_kind, line.actor_name) == ("system", "directory")

    def test_overseers_hear_of_who_may_decide_from_now_on(
        self, graph: FakeGraph, settings: object
    ) -> None:
        """Whoever can give a role in Entra could otherwise let a friend in unseen."""
        settings.NOTICES_SECURITY_CONTACT = ["security@example.test"]
        graph.user("dora", "Admin")
        sync_directory()
        told = Notice.objects.filter(event="person.gained")
        assert not told.exists()  # by the first reading everybody is new
        graph.user("mallory", "Engineer", "Approver")
        sync_directory()
        sync_directory()
        assert told.filter(contact="security@example.test").count() == 1
        assert told.get(person=person("dora")).data["why"] == "New: Approver"

    def test_a_second_reading_without_a_change_writes_nothing(self, graph: FakeGraph) -> None:
        graph.user("bob", "Approver", employeeId="E-7", manager=oid("dora"))
        graph.user("dora", "Admin")
        sync_directory()
        seen, before = lines("").model.objects.count(), person("bob").roles_read_at
        done = sync_directory()
        assert (done.created, done.changed, done.disabled) == (0, 0, 0)
        assert lines("").model.objects.count() == seen
        assert person("bob").roles_read_at > before

    def test_a_group_gives_its_role_to_direct_members_as_tokens_do(self, graph: FakeGraph) -> None:
        for name in ("bob", "nora"):
            graph.user(name)
        graph.group("inner", "nora")
        graph.group("approvers", "bob", "inner", "printer")
        graph.assign("approvers", "Approver")
        sync_directory()
        assert roles_of("bob") == {"approver"}
        assert not Person.objects.filter(object_id=oid("nora")).exists()

    def test_groups_of_the_settings_give_theirs_to_everybody_inside(
        self, graph: FakeGraph, settings: object
    ) -> None:
        for name in ("bob", "nora"):
            graph.user(name)
        graph.group("inner", "nora")
        settings.ENTRA_GROUP_ROLES = {graph.group("outer", "bob", "inner"): "auditor"}
        graph.assign("bob", "Engineer")
        sync_directory()
        assert (roles_of("bob"), roles_of("nora")) == ({"engineer", "auditor"}, {"auditor"})

    def test_a_group_of_the_settings_that_is_gone_holds_nobody_and_is_told(
        self, graph: FakeGraph, settings: object
    ) -> None:
        graph.user("bob")
        one = graph.group("auditors", "bob")
        settings.ENTRA_GROUP_ROLES = {one: "auditor"}
        sync_directory()
        del graph.groups[one]
        sync_directory()
        assert roles_of("bob") == set()
        assert one in DirectoryReading.objects.get().problem

    def test_a_role_taken_away_goes_from_the_person_too(self, graph: FakeGraph) -> None:
        """X-31"""
        graph.user("bob", "Engineer", "Approver")
        sync_directory()
        graph.take("bob", "Approver")
        sync_directory()
        assert roles_of("bob") == {"engineer"}
        line = lines("person.roles_changed", "bob").get()
        assert line.data == {
            "name": "Bob", "how": "directory",
            "before": ["approver", "engineer"], "after": ["engineer"],
        }  # fmt: skip

    def test_who_has_no_assignment_any_more_keeps_the_account_and_no_role(
        self, graph: FakeGraph
    ) -> None:
        graph.user("bob", "Approver")
        sync_directory()
        graph.take("bob", "Approver")
        sync_directory()
        assert (person("bob").is_active, roles_of("bob")) == (True, set())

    def test_roles_of_other_portals_give_nothing(self, graph: FakeGraph) -> None:
        graph.user("bob", "Elsewhere")
        assert sync_directory().created == 0

    def test_a_program_is_not_made_here_and_loses_its_role_here(self, graph: FakeGraph) -> None:
        """X-31: its token would be good for an hour more."""
        graph.assign("robot", "Engineer", kind="ServicePrincipal")
        assert sync_directory().created == 0
        program = Person.objects.create(
            tenant_id=TENANT, object_id=oid("robot"), display_name="Robot", is_application=True
        )
        replace_roles(program, ["engineer", "approver", "admin"], how="token")
        sync_directory()
        assert roles_of("robot") == {"engineer"}
        graph.take("robot", "Engineer")
        sync_directory()
        assert (person("robot").is_active, roles_of("robot")) == (True, set())

    def test_many_pages_are_read_to_the_last(self, graph: FakeGraph) -> None:
        graph.page = 3
        names = [f"engineer-{n}" for n in range(40)]
        for name in names:
            graph.user(name)
        graph.group("engineers", *names)
        graph.assign("engineers", "Engineer")
        assert sync_directory().created == 40
        assert Person.objects.filter(roles__role="engineer").count() == 40


class TestAccounts:
    @pytest.mark.parametrize("how", ["disabled", "deleted"])
    def test_a_disabled_or_deleted_account_is_nobody(self, graph: FakeGraph, how: str) -> None:
        graph.user("alice", "Engineer")
        sync_directory()
        if how == "deleted":
            graph.delete("alice")
        else:
            graph.users[oid("alice")]["accountEnabled"] = False
        assert sync_directory().disabled == 1
        assert (person("alice").is_active, roles_of("alice")) == (False, set())
        assert lines("person.disabled", "alice").count() == 1
        assert sync_directory().disabled == 0

    def test_an_account_that_is_on_again_comes_back_with_its_roles(self, graph: FakeGraph) -> None:
        graph.user("alice", "Engineer", accountEnabled=False)
        assert sync_directory().created == 0
        graph.users[oid("alice")]["accountEnabled"] = True
        sync_directory()
        graph.users[oid("alice")]["accountEnabled"] = False
        sync_directory()
        graph.users[oid("alice")]["accountEnabled"] = True
        sync_directory()
        assert (person("alice").is_active, roles_of("alice")) == (True, {"engineer"})
        assert lines("person.enabled", "alice").count() == 1

    def test_people_of_other_tenants_and_the_demo_are_left_alone(
        self, graph: FakeGraph, cast: Cast
    ) -> None:
        sync_directory()
        assert Person.objects.filter(is_active=True).count() == 6
        assert {row.role for row in cast.bob.roles.all()} == {"engineer", "approver"}

    def test_guests_are_known_as_guests(self, graph: FakeGraph) -> None:
        graph.user("gus", "Approver", userType="Guest")
        sync_directory()
        assert person("gus").is_guest
        graph.users[oid("gus")]["userType"] = "Member"
        sync_directory()
        assert not person("gus").is_guest
        graph.user("greta", "Approver", userPrincipalName="greta_else.test#EXT#@example.test")
        sync_directory()
        assert person("greta").is_guest  # a member by what an administrator set, of another house
        assert lines("person.facts_changed", "gus").get().data["guest"] == [True, False]

    def test_a_name_is_shown_as_the_directory_has_it(self, graph: FakeGraph) -> None:
        graph.user("bob", "Engineer", displayName="B\x00ob " + "x" * 300, mail=None)
        sync_directory()
        bob = person("bob")
        assert (bob.display_name[:5], len(bob.display_name)) == ("Bob x", 200)
        assert bob.mail == "bob@example.test"


class TestHumans:
    def test_two_accounts_of_one_human_are_one_human(self, graph: FakeGraph) -> None:
        graph.user("alice", "Engineer", employeeId="E17")
        graph.user("alice-admin", "Approver", employeeId="e17 ")
        sync_directory()
        assert person("alice").is_same_human(person("alice-admin"))

    def test_a_number_that_vanishes_does_not_make_two_of_one(self, graph: FakeGraph) -> None:
        graph.user("alice", "Engineer", employeeId="E17")
        graph.user("alice-admin", "Approver", employeeId="E17")
        sync_directory()
        graph.users[oid("alice-admin")]["employeeId"] = None
        sync_directory()
        assert person("alice").is_same_human(person("alice-admin"))

    def test_a_key_set_by_hand_stays(self, graph: FakeGraph) -> None:
        graph.user("alice", "Engineer")
        sync_directory()
        Person.objects.filter(object_id=oid("alice")).update(person_key="by-hand")
        graph.users[oid("alice")]["employeeId"] = "E17"
        sync_directory()
        assert person("alice").person_key == "by-hand"

    def test_who_counts_as_the_same_human_is_told_without_the_number(
        self, graph: FakeGraph
    ) -> None:
        graph.user("alice", "Engineer", employeeId="E17")
        graph.user("alan", "Approver")
        sync_directory()
        graph.users[oid("alan")]["employeeId"] = "E17"
        sync_directory()
        told = lines("person.facts_changed", "alan").get().data
        assert told == {"name": "Alan", "same_human_as": [person("alice").identity]}

    def test_the_manager_is_whom_the_directory_names(self, graph: FakeGraph) -> None:
        graph.user("alice", "Engineer", manager=oid("bob"))
        graph.user("bob", "Approver", manager=oid("nobody-here"))
        sync_directory()
        assert (person("alice").manager, person("bob").manager) == (person("bob"), None)
        graph.users[oid("alice")]["manager"] = None
        sync_directory()
        assert person("alice").manager is None
        assert lines("person.facts_changed", "alice").last().data["manager"][1] == ""


QUESTIONS = {
    "our registration": "appId=",
    "assignments": "appRoleAssignedTo",
    "members": "/members",
    "users": "/users",
}
FAULTS = {
    "refused": {"status": 403, "code": "Authorization_RequestDenied"},
    "gone astray": {"status": 404, "code": "Request_BadRequest"},
    "busy for ever": {"status": 429, "headers": {"Retry-After": "0"}},
    "broken": {"status": 500},
    "cut off": {"cut": True},
    "no JSON": {"body": b"<html>"},
    "no list": {"body": b'{"values": []}'},
    "another host": {
        "body": b'{"id": "x", "value": [], "@odata.nextLink": "https://graph.invalid/v1.0/users"}'
    },
    "elsewhere": {"status": 302, "headers": {"Location": "https://graph.invalid/"}},
}


class TestPartialReadings:
    """A reading that is not whole takes nothing from anybody."""

    @pytest.mark.parametrize("what", QUESTIONS)
    @pytest.mark.parametrize("how", FAULTS)
    def test_nobody_loses_anything(self, graph: FakeGraph, what: str, how: str) -> None:
        graph.page = 2
        for name in ("bob", "nora", "otto"):
            graph.user(name, "Engineer")
        graph.group("approvers", "bob", "nora", "otto")
        graph.assign("approvers", "Approver")
        sync_directory()
        graph.users[oid("bob")]["accountEnabled"] = False
        graph.take("nora", "Engineer")
        read = DirectoryReading.objects.get().finished_at
        if what == "our registration" and how in ("no list", "another host"):
            return  # not a list
        graph.say(QUESTIONS[what], after=1 if what == "members" else 0, **FAULTS[how])
        with pytest.raises(Unknown):
            sync_directory()
        assert roles_of("bob") == roles_of("nora") == {"engineer", "approver"}
        assert person("bob").is_active
        reading = DirectoryReading.objects.get()
        assert (reading.finished_at, bool(reading.problem)) == (read, True)

    def test_a_busy_graph_is_waited_for(self, graph: FakeGraph) -> None:
        graph.user("bob", "Approver")
        graph.say("/users", status=429, headers={"Retry-After": "1"}, times=1)
        assert sync_directory().created == 1

    def test_a_list_without_an_end_is_given_up(self, graph: FakeGraph) -> None:
        link = f"{graph.url}/v1.0/servicePrincipals(appId='{CLIENT}')/appRoleAssignedTo?$skip=1"
        page = b'{"value": [], "@odata.nextLink": "' + link.encode() + b'"}'
        graph.say("appRoleAssignedTo", body=page)
        with pytest.raises(Unknown, match="circle"):
            sync_directory()

    def test_no_token_is_sent_to_another_host(self, graph: FakeGraph) -> None:
        from tests.support.graph import fake_graph

        with fake_graph() as other:
            body = b'{"value": [], "@odata.nextLink": "' + other.url.encode() + b'/v1.0/users"}'
            graph.say("appRoleAssignedTo", body=body)
            with pytest.raises(Unknown, match="another host"):
                sync_directory()
            assert other.asked == []

    def test_users_that_may_not_be_read_are_not_taken_for_disabled(self, graph: FakeGraph) -> None:
        """Graph leaves properties empty that the identity may not see."""
        graph.user("bob", "Approver")
        sync_directory()
        graph.users[oid("bob")]["accountEnabled"] = None
        with pytest.raises(Unknown, match=r"User\.Read\.All"):
            sync_directory()
        assert person("bob").is_active

    def test_what_sign_in_has_seen_since_is_not_set_back(self, graph: FakeGraph) -> None:
        graph.user("bob", "Approver")
        sync_directory()
        asked_at = db_now()
        replace_roles(person("bob"), ["engineer"], how="sign-in")
        replace_roles(person("bob"), ["approver"], how="directory", asked_at=asked_at)
        assert roles_of("bob") == {"engineer"}

    def test_the_schedule_survives_a_directory_that_is_away(self, graph: FakeGraph) -> None:
        graph.say("/msi/token", status=500)
        sync_directory_task()
        assert "could not sign in" in DirectoryReading.objects.get().problem

    def test_without_an_identity_nothing_is_asked_and_nothing_is_due(
        self, graph: FakeGraph, settings: object
    ) -> None:
        sync_directory()
        graph.asked.clear()
        settings.AZURE_DIRECTORY_CLIENT_ID = ""
        sync_directory_task()
        assert (graph.asked, DirectoryReading.objects.count()) == ([], 0)
        with pytest.raises(CommandError, match="AZURE_DIRECTORY_CLIENT_ID"):
            call_command("sync_directory")


class TestStepUp:
    @pytest.fixture
    def context(self, graph: FakeGraph, settings: object) -> str:
        settings.ENTRA_STEP_UP_CONTEXT = "c1"
        return "c1"

    def test_a_policy_in_force_guards_it(self, graph: FakeGraph, context: str) -> None:
        graph.guard(context)
        sync_directory()
        assert DirectoryReading.objects.get().step_up_guarded is True

    @pytest.mark.parametrize(
        "changes",
        [
            {"state": "disabled"},
            {"state": "enabledForReportingButNotEnforced"},
            {"grantControls": None},
            {"conditions": {"applications": {"includeApplications": ["All"]}}},
        ],
    )
    def test_any_other_does_not(
        self, graph: FakeGraph, context: str, changes: dict[str, object]
    ) -> None:
        graph.guard("c2")
        graph.guard(context, **changes)
        sync_directory()
        assert DirectoryReading.objects.get().step_up_guarded is False

    def test_who_may_not_read_policies_does_not_know(self, graph: FakeGraph, context: str) -> None:
        graph.permissions.remove("Policy.Read.All")
        graph.user("bob", "Approver")
        assert sync_directory().created == 1
        reading = DirectoryReading.objects.get()
        assert reading.step_up_guarded is None
        assert "Policy.Read.All" in reading.problem


def test_the_command_says_what_it_found(
    graph: FakeGraph, capsys: pytest.CaptureFixture[str]
) -> None:
    graph.user("bob", "Approver")
    call_command("sync_directory")
    assert "1 people: 1 new" in capsys.readouterr().out
