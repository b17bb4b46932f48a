"""Break-glass: alice is on call and cannot wait. Everybody concerned hears of it."""

from __future__ import annotations

import uuid
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from access import gatekeeping, ledger, services
from access.clock import db_now
from access.errors import Invalid, NotAllowed, WrongState
from access.models import (
    AccessRequest,
    Grant,
    LedgerEntry,
    Lockdown,
    Machine,
    Notice,
    NoticePreference,
    Person,
    PersonRole,
    Review,
    Role,
)
from access.services.break_glass import open_at_once
from access.services.reviews import review
from tests.access.test_races import all_at_once
from tests.support.azure import SimulatedAzure
from tests.support.cast import (
    Cast,
    approve,
    approved,
    ask,
    let_pass,
    person,
    run_engine,
    submission,
)
from tests.support.estate import machine
from tests.support.glass import WHY, break_glass, is_over, on_call
from tests.support.ruling import one_approver, put_in_force

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _named(db: None) -> None:
    on_call()


@pytest.fixture
def vm(db: None) -> Machine:
    return machine()


def events(asked: AccessRequest) -> list[str]:
    lines = LedgerEntry.objects.filter(reference=asked.reference).order_by("seq")
    return list(lines.values_list("event", flat=True))


def told(asked: AccessRequest, event: str = "break_glass.opened") -> set[str]:
    rows = Notice.objects.filter(reference=asked.reference, event=event)
    return {row.person.display_name if row.person else row.contact for row in rows}


def refusal_of(asked: AccessRequest) -> str:
    grant = asked.grants.select_related("machine", "access_request__requester").get()
    found = gatekeeping.refusal_of(grant, db_now())
    return found.reason if found else ""


class TestOpening:
    def test_it_is_approved_at_once_by_nobody(self, cast: Cast, vm: Machine) -> None:
        asked = break_glass(vm, by=cast.alice)
        grant = asked.grants.get()
        assert (asked.state, asked.approved_how, asked.decided_by) == (
            "approved", "break-glass", None,
        )  # fmt: skip
        assert grant.ends_at - grant.starts_at == timedelta(minutes=30)
        assert abs(grant.starts_at - db_now()) < timedelta(seconds=10)

    def test_one_line_says_who_what_and_why(self, cast: Cast, vm: Machine) -> None:
        asked = break_glass(vm, by=cast.alice)
        assert events(asked) == ["break_glass.opened"]
        line = LedgerEntry.objects.get(reference=asked.reference)
        assert (line.actor_name, line.outcome) == ("Alice", "success")
        assert line.subject == vm.resource_key
        assert (line.data["reason"], line.data["minutes"]) == (WHY, 30)
        assert ledger.verify()[1] is None

    def test_the_same_form_twice_opens_once(self, cast: Cast, vm: Machine) -> None:
        form = submission(vm, reason=WHY)
        assert open_at_once(form, by=cast.alice) == open_at_once(form, by=cast.alice)
        assert (Grant.objects.count(), Review.objects.count()) == (1, 1)

    def test_a_form_that_was_sent_as_a_request_opens_nothing(self, cast: Cast, vm: Machine) -> None:
        form = submission(vm, reason=WHY)
        asked = services.submit(form, by=cast.alice)
        with pytest.raises(WrongState, match=asked.reference):
            open_at_once(form, by=cast.alice)
        assert not Grant.objects.exists()

    def test_workers_are_woken(
        self, cast: Cast, vm: Machine, monkeypatch: pytest.MonkeyPatch,
        django_capture_on_commit_callbacks: object,
    ) -> None:  # fmt: skip
        woken: list[int] = []
        monkeypatch.setattr("access.tasks.wake", lambda gates, **_: woken.extend(gates))
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
            asked = break_glass(vm, by=cast.alice)
        assert asked.grants.get().gate_id in woken

    def test_the_review_is_due_at_the_same_hour_of_her_next_working_day(
        self, cast: Cast, vm: Machine
    ) -> None:
        Person.objects.filter(pk=cast.alice.pk).update(zone="Asia/Tokyo")
        asked = break_glass(vm, by=Person.objects.get(pk=cast.alice.pk))
        due = asked.review.due_at.astimezone(ZoneInfo("Asia/Tokyo"))
        opened = asked.decided_at.astimezone(ZoneInfo("Asia/Tokyo"))
        assert due.time() == opened.time()
        assert due.weekday() < 5
        assert timedelta(hours=23) < due - opened < timedelta(days=4)

    def test_a_request_that_waits_goes_on_waiting_and_is_linked(
        self, cast: Cast, vm: Machine
    ) -> None:
        waits = ask(vm, by=cast.alice)
        asked = break_glass(vm, by=cast.alice)
        waits.refresh_from_db()
        assert (waits.state, asked.review.overtook) == ("pending", waits)
        line = LedgerEntry.objects.get(event="break_glass.opened")
        assert line.data["overtook"] == waits.reference
        services.deny(waits, by=cast.bob, terms_digest=waits.terms_digest, comment="Not now")


class TestWhoIsTold:
    def test_all_stages_the_owner_administrators_auditors_and_the_contact(
        self, cast: Cast, vm: Machine, settings: object
    ) -> None:
        settings.NOTICES_SECURITY_CONTACT = ["soc@example.test"]
        person("Oscar", Role.ENGINEER)  # of the owner's group, and no approver
        second = person("Ann", Role.APPROVER)
        NoticePreference.objects.create(
            person=second, muted=["deciding", "decided", "open", "ending", "rules", "security"],
            digest="hourly",
        )  # fmt: skip
        asked = break_glass(vm, by=cast.alice)
        assert told(asked) == {"Bob", "Ann", "Oscar", "Dana", "Erin", "soc@example.test"}
        assert not Notice.objects.filter(reference=asked.reference, digest=True).exists()

    def test_x74_an_administrator_cannot_take_the_contact_off(
        self, cast: Cast, vm: Machine, settings: object
    ) -> None:
        settings.NOTICES_SECURITY_CONTACT = ["soc@example.test"]
        PersonRole.objects.create(person=cast.dana, role=Role.ENGINEER)
        PersonRole.objects.filter(role__in=[Role.AUDITOR, Role.APPROVER]).delete()
        asked = break_glass(vm, by=Person.objects.get(pk=cast.dana.pk))
        assert told(asked) == {"soc@example.test", "Bob"}  # bob: of the owner's group


class TestWhatIsRefused:
    def test_who_is_not_named_by_the_policy(self, cast: Cast, vm: Machine) -> None:
        with pytest.raises(NotAllowed, match="does not let you"):
            break_glass(vm, by=cast.charlie)
        line = LedgerEntry.objects.get(event="break_glass.open.refused")
        assert (line.outcome, line.actor_name) == ("denied", "Charlie")
        assert not AccessRequest.objects.exists()

    def test_everybody_where_no_policy_allows_it(self, cast: Cast, vm: Machine) -> None:
        put_in_force(one_approver())
        with pytest.raises(NotAllowed):
            break_glass(vm, by=cast.alice)

    def test_a_guest_whom_only_a_role_names(self, cast: Cast, vm: Machine) -> None:
        put_in_force(one_approver(break_glass={"who": [{"role": "engineer"}]}))
        Person.objects.filter(pk=cast.alice.pk).update(is_guest=True)
        with pytest.raises(NotAllowed):
            break_glass(vm, by=Person.objects.get(pk=cast.alice.pk))
        break_glass(vm, by=cast.alan)

    def test_who_is_named_and_is_no_engineer(self, cast: Cast, vm: Machine) -> None:
        with pytest.raises(NotAllowed, match="Engineer role"):
            break_glass(vm, by=cast.dana)

    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("minutes", {"minutes": 91}),
            ("minutes", {"minutes": 4}),
            ("reason", {"reason": "  urgent \n "}),
            ("kind", {"kind": "link", "vendor_name": "V", "vendor_company": "V"}),
            ("kind", {"port": 4711}),
        ],
    )
    def test_what_is_beyond_the_bounds(
        self, cast: Cast, vm: Machine, field: str, changes: dict[str, object]
    ) -> None:
        with pytest.raises(Invalid) as refused:
            break_glass(vm, by=cast.alice, **changes)
        assert set(refused.value.fields) == {field}
        assert not AccessRequest.objects.exists()

    def test_a_start_that_is_not_now(self, cast: Cast, vm: Machine) -> None:
        with pytest.raises(Invalid) as refused:
            break_glass(vm, by=cast.alice, start=db_now() + timedelta(hours=1))
        assert set(refused.value.fields) == {"start"}

    def test_several_machines_at_once(self, cast: Cast, vm: Machine) -> None:
        other = machine("vm-app-02")
        with pytest.raises(Invalid, match="one machine"):
            break_glass(vm, by=cast.alice, others=((other.pk, 22),))

    def test_what_the_policy_does_not_allow_at_all(self, cast: Cast, vm: Machine) -> None:
        put_in_force(one_approver(allow=False, approvals=None, max_minutes=None, why="Frozen."))
        with pytest.raises(Invalid, match="Frozen"):
            break_glass(vm, by=cast.alice)

    def test_no_longer_than_with_an_approval(self, cast: Cast, vm: Machine) -> None:
        put_in_force(
            one_approver(
                max_minutes=60, break_glass={"who": [{"role": "engineer"}], "max_minutes": 240}
            )
        )
        with pytest.raises(Invalid, match="between 5 and 60"):
            break_glass(vm, by=cast.alice, minutes=90)

    def test_a_way_that_would_not_work(self, cast: Cast, vm: Machine) -> None:
        Machine.objects.filter(pk=vm.pk).update(bastion=None)
        with pytest.raises(Invalid, match="No Bastion host"):
            break_glass(vm, by=cast.alice)

    def test_in_a_lockdown(self, cast: Cast, vm: Machine) -> None:
        now = db_now()
        Lockdown.objects.create(
            scope="all", value="", reason="Somebody is in", ordered_by=cast.dana, ordered_at=now,
            lapses_at=now + timedelta(minutes=15),
        )  # fmt: skip
        with pytest.raises(Invalid, match="Incident"):
            break_glass(vm, by=cast.alice)

    def test_a_ticket_is_not_asked_for_at_night(self, cast: Cast, vm: Machine) -> None:
        glass = {"who": [{"role": "engineer"}]}
        put_in_force(one_approver(ticket={"required": True}, break_glass=glass))
        assert break_glass(vm, by=cast.alice).state == "approved"


class TestOverAndOver:
    def test_not_while_she_has_it_open_already(self, cast: Cast, vm: Machine) -> None:
        asked = break_glass(vm, by=cast.alice)
        with pytest.raises(WrongState, match=asked.reference):
            break_glass(vm, by=cast.alice)

    def test_again_once_it_is_over(self, cast: Cast, vm: Machine) -> None:
        is_over(break_glass(vm, by=cast.alice))
        assert break_glass(vm, by=cast.alice).state == "approved"

    def test_three_that_nobody_has_reviewed_are_the_most(self, cast: Cast) -> None:
        first, *_ = [is_over(break_glass(machine(f"vm-{n}"), by=cast.alice)) for n in range(3)]
        with pytest.raises(WrongState, match=f"reviewed: {first.reference}, "):
            break_glass(machine("vm-3"), by=cast.alice)
        review(first, by=cast.bob, verdict="justified", comment="I was in the call")
        assert break_glass(Machine.objects.get(name="vm-3"), by=cast.alice).state == "approved"

    def test_her_other_account_counts_too(self, cast: Cast) -> None:
        put_in_force(one_approver(break_glass={"who": [{"role": "engineer"}]}))
        Person.objects.filter(pk__in=[cast.alice.pk, cast.alan.pk]).update(person_key="one human")
        for number in range(3):
            break_glass(machine(f"vm-{number}"), by=Person.objects.get(pk=cast.alice.pk))
        with pytest.raises(WrongState):
            break_glass(machine("vm-3"), by=Person.objects.get(pk=cast.alan.pk))

    @pytest.mark.postgres
    @pytest.mark.django_db(transaction=True)
    def test_eight_at_once_are_three(self, cast: Cast) -> None:
        machines = [machine(f"vm-{number}") for number in range(8)]
        results = all_at_once(
            *[
                lambda vm=vm: break_glass(vm, by=Person.objects.get(pk=cast.alice.pk))
                for vm in machines
            ]
        )
        assert len([each for each in results if isinstance(each, AccessRequest)]) == 3
        assert len([each for each in results if isinstance(each, WrongState)]) == 5

    @pytest.mark.postgres
    @pytest.mark.django_db(transaction=True)
    def test_the_same_form_eight_times_at_once_opens_once(self, cast: Cast, vm: Machine) -> None:
        form = submission(vm, reason=WHY)
        results = all_at_once(*[lambda: open_at_once(form, by=cast.alice)] * 8)
        assert len({each.pk for each in results}) == 1
        assert Grant.objects.count() == 1


class TestTheLastCheck:
    def test_lets_it_through_without_an_approval(self, cast: Cast, vm: Machine) -> None:
        asked = break_glass(vm, by=cast.alice)
        PersonRole.objects.filter(role=Role.APPROVER).delete()
        assert refusal_of(asked) == ""

    def test_not_without_a_review_that_is_owed(self, cast: Cast, vm: Machine) -> None:
        """Who can write rows, but not sign in, opens nothing by calling it break-glass."""
        asked = break_glass(vm, by=cast.alice)
        Review.objects.all().delete()
        assert "nobody is to review it" in refusal_of(asked)

    def test_not_onto_another_machine_under_the_old_name(self, cast: Cast, vm: Machine) -> None:
        asked = break_glass(vm, by=cast.alice)
        Machine.objects.filter(pk=vm.pk).update(vm_id="another")
        assert "re-created" in refusal_of(asked)

    def test_not_for_who_is_no_longer_active(self, cast: Cast, vm: Machine) -> None:
        asked = break_glass(vm, by=cast.alice)
        Person.objects.filter(pk=cast.alice.pk).update(is_active=False)
        assert "no longer active" in refusal_of(asked)

    def test_not_for_who_is_no_longer_an_engineer(self, cast: Cast, vm: Machine) -> None:
        asked = break_glass(vm, by=cast.alice)
        PersonRole.objects.filter(person=cast.alice).delete()
        assert "Engineer role" in refusal_of(asked)

    def test_not_other_terms_than_those_that_were_told(self, cast: Cast, vm: Machine) -> None:
        asked = break_glass(vm, by=cast.alice)
        AccessRequest.objects.filter(pk=asked.pk).update(duration_minutes=600)
        assert "differs" in refusal_of(asked)

    def test_not_what_the_policy_forbids_meanwhile(self, cast: Cast, vm: Machine) -> None:
        asked = break_glass(vm, by=cast.alice)
        put_in_force(one_approver(allow=False, approvals=None, max_minutes=None, why="Frozen."))
        assert "Frozen." in refusal_of(asked)


class TestAfterwards:
    def test_more_time_is_decided_by_people(self, cast: Cast, vm: Machine) -> None:
        asked = break_glass(vm, by=cast.alice)
        Grant.objects.update(state="open", opened_at=db_now())
        more = services.extend(
            asked, minutes=30, reason="The restore takes longer", key=uuid.uuid4(), by=cast.alice
        )
        assert more.state == "pending"
        with pytest.raises(NotAllowed):
            approve(more, by=cast.alice)
        approve(more, by=cast.bob)
        more.refresh_from_db()
        assert more.state == "pending"  # the second stage wants its own approval
        approve(more, by=person("Ann", Role.APPROVER))
        more.refresh_from_db()
        assert (more.state, more.approved_how) == ("approved", "people")

    def test_dana_revokes_it(self, cast: Cast, vm: Machine) -> None:
        grant = break_glass(vm, by=cast.alice).grants.get()
        services.end(grant, by=cast.dana, reason="This was no emergency")
        grant.refresh_from_db()
        assert grant.end_order.how == "revoked"

    def test_alice_ends_it(self, cast: Cast, vm: Machine) -> None:
        grant = break_glass(vm, by=cast.alice).grants.get()
        services.end(grant, by=cast.alice)
        assert grant.end_order.how == "owner"

    def test_she_shares_the_door_with_who_was_approved(self, cast: Cast, vm: Machine) -> None:
        put_in_force(one_approver(break_glass={"who": [{"role": "engineer"}]}))
        theirs = approved(vm, by=cast.alan, approver=cast.bob)
        assert break_glass(vm, by=cast.alice).grants.get().port == theirs.port


@pytest.mark.django_db(transaction=True)
def test_it_is_really_open_in_azure_at_once_and_shut_at_its_end(
    live_estate: SimulatedAzure, cast: Cast
) -> None:
    on_call()
    vm = Machine.objects.filter(jit_ports__isnull=False, os="linux").order_by("name")[0]
    grant = break_glass(vm, by=cast.alice).grants.get()
    run_engine()
    grant.refresh_from_db()
    assert (grant.state, len(live_estate.state()["open_windows"])) == ("open", 1)
    let_pass(grant, 31)
    run_engine()
    grant.refresh_from_db()
    assert (grant.state, len(live_estate.state()["open_windows"])) == ("closed", 0)
    done = review(grant.access_request, by=cast.bob, verdict="justified", comment="I saw the alarm")
    assert done.verdict == "justified"
    assert ledger.verify()[1] is None
