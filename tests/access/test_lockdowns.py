"""Closing everything: one administrator orders it, another confirms it, and nobody alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from access import ledger, tasks
from access.clock import db_now
from access.errors import Invalid, NotAllowed, WrongState
from access.lockdowns import in_force, is_shut, reason_shut
from access.models import (
    EndOrder,
    Grant,
    LedgerEntry,
    Lockdown,
    Machine,
    Notice,
    Person,
    Role,
)
from access.services import end
from access.services.lockdowns import confirm, lift, order
from access.unconfirmed import lapse_lockdowns
from tests.support import estate
from tests.support.cast import Cast, approve, approved, ask, person
from tests.support.glass import break_glass, on_call

REASON = "A stolen laptop"


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.tasks.look.apply_async", lambda *_args, **_options: None)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


@pytest.fixture
def dora(cast: Cast) -> Person:
    """Another administrator."""
    return person("Dora", Role.ADMIN)


@pytest.fixture
def vm(cast: Cast) -> Machine:
    return estate.machine()


@pytest.fixture
def ordered(cast: Cast, vm: Machine) -> Lockdown:
    return order("all", "", REASON, by=cast.dana)


def events(prefix: str = "lockdown.") -> list[str]:
    lines = LedgerEntry.objects.filter(event__startswith=prefix).order_by("seq")
    return list(lines.values_list("event", flat=True))


class TestWhoMay:
    @pytest.mark.parametrize("who", ["alice", "bob", "erin"])
    def test_only_administrators_order_confirm_and_lift(
        self, cast: Cast, ordered: Lockdown, who: str
    ) -> None:
        somebody = getattr(cast, who)
        with pytest.raises(NotAllowed):
            order("all", "", REASON, by=somebody)
        with pytest.raises(NotAllowed):
            confirm(ordered, by=somebody)
        with pytest.raises(NotAllowed):
            lift(ordered, "Over", by=somebody)
        assert events() == [
            "lockdown.ordered", "lockdown.order.refused", "lockdown.confirm.refused",
            "lockdown.lift.refused",
        ]  # fmt: skip

    def test_nobody_confirms_their_own_order(self, cast: Cast, ordered: Lockdown) -> None:
        with pytest.raises(NotAllowed, match="Another administrator"):
            confirm(ordered, by=cast.dana)

    def test_nor_with_another_account_of_theirs(self, cast: Cast, ordered: Lockdown) -> None:
        """X-03"""
        again = person("Dana (adm)", Role.ADMIN)
        Person.objects.filter(pk__in=[again.pk, cast.dana.pk]).update(person_key="dana")
        again.refresh_from_db()
        with pytest.raises(NotAllowed, match="another account"):
            confirm(ordered, by=again)
        assert Lockdown.objects.get().confirmed_at is None


class TestTheOrder:
    def test_it_needs_a_reason_and_a_part_that_there_is(self, cast: Cast, vm: Machine) -> None:
        for scope, value, reason in (
            ("all", "", " "),
            ("all", "", "x" * 1001),
            ("subscription", "", REASON),
            ("subscription", "nowhere", REASON),
            ("all", "something", REASON),
            ("planet", "earth", REASON),
        ):
            with pytest.raises(Invalid):
                order(scope, value, reason, by=cast.dana)
        assert not Lockdown.objects.exists()

    def test_sent_twice_it_is_one_and_a_second_administrators_is_refused(
        self, cast: Cast, dora: Person, ordered: Lockdown
    ) -> None:
        assert order("all", "", REASON, by=cast.dana) == ordered
        with pytest.raises(WrongState, match="Dana ordered the same already"):
            order("all", "", "Mine", by=dora)
        assert events() == ["lockdown.ordered", "lockdown.order.refused"]

    def test_every_administrator_is_told_but_the_one_who_did_it(
        self, dora: Person, ordered: Lockdown
    ) -> None:
        told = Notice.objects.filter(event="lockdown.ordered", person__isnull=False)
        assert [notice.person for notice in told] == [dora]

    def test_from_then_on_nobody_asks_and_nobody_approves(self, cast: Cast, vm: Machine) -> None:
        waiting = ask(vm, by=cast.alice)
        order("all", "", REASON, by=cast.dana)
        with pytest.raises(Invalid, match="Incident"):
            ask(vm, by=cast.alan)
        with pytest.raises(WrongState, match="Incident"):
            approve(waiting, by=cast.bob)
        assert not Grant.objects.exists()

    def test_not_even_break_glass_opens_anything(
        self, cast: Cast, vm: Machine, ordered: Lockdown
    ) -> None:
        on_call()
        with pytest.raises((Invalid, WrongState), match="Incident"):
            break_glass(vm, by=cast.alice)
        assert not Grant.objects.exists()

    def test_what_is_open_is_not_ended_by_one_person_alone(self, cast: Cast, vm: Machine) -> None:
        approved(vm, by=cast.alice, approver=cast.bob)
        order("all", "", REASON, by=cast.dana)
        assert not EndOrder.objects.exists()

    def test_unconfirmed_it_is_over_at_its_time_even_if_nobody_sweeps(
        self, cast: Cast, dora: Person, vm: Machine, ordered: Lockdown
    ) -> None:
        Lockdown.objects.update(lapses_at=db_now() - timedelta(seconds=1))
        assert reason_shut(vm) == ""
        with pytest.raises(WrongState, match="in time"):
            confirm(ordered, by=dora)
        tasks.sweep()
        tasks.sweep()
        ordered.refresh_from_db()
        assert (ordered.lifted_by, bool(ordered.lifted_at)) == (None, True)
        assert events().count("lockdown.lapsed") == 1
        assert Notice.objects.filter(event="lockdown.lapsed").exists()

    def test_one_that_is_over_does_not_stand_in_the_way_of_the_next(
        self, cast: Cast, dora: Person, ordered: Lockdown
    ) -> None:
        Lockdown.objects.update(lapses_at=db_now() - timedelta(seconds=1))
        assert order("all", "", "Again", by=dora).pk != ordered.pk

    def test_a_confirmed_one_does_not_lapse(self, ordered: Lockdown, dora: Person) -> None:
        confirm(ordered, by=dora)
        Lockdown.objects.update(lapses_at=db_now() - timedelta(seconds=1))
        assert lapse_lockdowns() == 0
        assert in_force().lockdowns


class TestTheConfirmation:
    def test_all_that_is_open_or_waits_gets_an_end_order(
        self, cast: Cast, dora: Person, vm: Machine
    ) -> None:
        held = approved(vm, by=cast.alice, approver=cast.bob)
        later = approved(vm, by=cast.alan, approver=cast.bob, start=db_now() + timedelta(hours=2))
        confirm(order("all", "", REASON, by=cast.dana), by=dora)
        orders = EndOrder.objects.order_by("grant_id")
        assert [each.grant for each in orders] == [held, later]
        assert {(each.how, each.reason, each.by) for each in orders} == {("lockdown", REASON, dora)}
        line = LedgerEntry.objects.get(event="lockdown.confirmed")
        assert line.data["grants"] == 2
        assert ledger.verify()[1] is None

    def test_one_that_somebody_ended_already_stays_theirs(
        self, cast: Cast, dora: Person, vm: Machine
    ) -> None:
        grant = approved(vm, by=cast.alice, approver=cast.bob)
        end(grant, by=cast.alice)
        confirm(order("all", "", REASON, by=cast.dana), by=dora)
        assert EndOrder.objects.get().by == cast.alice

    def test_twice_is_refused(self, ordered: Lockdown, dora: Person) -> None:
        confirm(ordered, by=dora)
        with pytest.raises(WrongState, match="confirmed already"):
            confirm(ordered, by=dora)

    def test_a_thousand_grants_take_as_many_queries_as_ten(
        self, cast: Cast, dora: Person, vm: Machine
    ) -> None:
        """R-18: the order of the database's work does not grow with them."""
        few = self.queries_for(10, cast, dora, vm)
        many = self.queries_for(1000, cast, dora, vm)
        assert many <= few + 2, (few, many)
        assert EndOrder.objects.count() == 1010

    def queries_for(self, number: int, cast: Cast, dora: Person, vm: Machine) -> int:
        many_grants(number, cast, vm)
        standing = order("all", "", f"{number} of them", by=cast.dana)
        with CaptureQueriesContext(
            connection,
        ) as seen:
            confirm(standing, by=dora)
        lift(standing, "Next", by=cast.dana)
        inserts = [q for q in seen.captured_queries if "access_endorder" in q["sql"]]
        return len(seen) - max(0, len(inserts) - 2)  # SQLite takes fewer rows in one insert


class TestLifting:
    def test_it_needs_a_reason_and_opens_the_way_again(
        self, cast: Cast, dora: Person, vm: Machine, ordered: Lockdown
    ) -> None:
        confirm(ordered, by=dora)
        with pytest.raises(Invalid):
            lift(ordered, "", by=dora)
        lift(ordered, "The laptop was found", by=cast.dana)
        assert reason_shut(vm) == ""
        ask(vm, by=cast.alice)
        with pytest.raises(WrongState, match="over already"):
            lift(ordered, "Again", by=dora)

    def test_what_was_ended_stays_ended(self, cast: Cast, dora: Person, vm: Machine) -> None:
        approved(vm, by=cast.alice, approver=cast.bob)
        standing = confirm(order("all", "", REASON, by=cast.dana), by=dora)
        lift(standing, "Over", by=dora)
        assert EndOrder.objects.count() == 1

    def test_an_unconfirmed_one_is_called_off(
        self, cast: Cast, dora: Person, ordered: Lockdown
    ) -> None:
        lift(ordered, "A false alarm", by=cast.dana)
        with pytest.raises(WrongState, match="over already"):
            confirm(ordered, by=dora)


class TestScopes:
    @pytest.fixture
    def other(self, vm: Machine) -> Machine:
        """In another subscription, group and host."""
        far = estate.host("bastion-far")
        return estate.machine(
            "vm-far", bastion=far, subscription_id="22222222-2222-2222-2222-222222222222",
            subscription_name="Far", resource_group="rg-far",
        )  # fmt: skip

    @pytest.fixture(params=["subscription", "group", "host", "machine"])
    def part(self, request: pytest.FixtureRequest, vm: Machine) -> tuple[str, str]:
        assert vm.bastion is not None
        values = {
            "subscription": vm.subscription_id,
            "group": f"{vm.subscription_id}/{vm.resource_group.upper()}",
            "host": vm.bastion.resource_key,
            "machine": vm.resource_id,
        }
        return request.param, values[request.param]

    def test_only_what_is_in_it_is_shut_and_ended(
        self, cast: Cast, dora: Person, vm: Machine, other: Machine, part: tuple[str, str]
    ) -> None:
        mine = approved(vm, by=cast.alice, approver=cast.bob)
        approved(other, by=cast.alan, approver=cast.bob)
        confirm(order(*part, REASON, by=cast.dana), by=dora)
        assert "Incident: nothing in" in reason_shut(vm)
        assert reason_shut(other) == ""
        assert [each.grant for each in EndOrder.objects.all()] == [mine]
        assert list(Machine.objects.filter(is_shut())) == [vm]
        assert list(Grant.objects.filter(is_shut("machine__"))) == [mine]

    def test_a_machine_outside_azure_is_in_no_subscription(
        self, cast: Cast, vm: Machine, other: Machine
    ) -> None:
        Machine.objects.filter(pk=other.pk).update(subscription_id="", resource_group="")
        other.refresh_from_db()
        order("subscription", vm.subscription_id, REASON, by=cast.dana)
        assert reason_shut(other) == ""
        order("all", "", REASON, by=cast.dana)
        assert reason_shut(other)

    def test_asking_whether_a_machine_is_shut_is_one_query(
        self, cast: Cast, vm: Machine, part: tuple[str, str]
    ) -> None:
        order(*part, REASON, by=cast.dana)
        with CaptureQueriesContext(connection) as seen:
            assert reason_shut(vm)
        assert len(seen) <= 1

    def test_a_subscription_is_called_by_its_name(self, cast: Cast, vm: Machine) -> None:
        order("subscription", vm.subscription_id, REASON, by=cast.dana)
        assert (
            reason_shut(vm) == "Incident: nothing in subscription Test is opened until it is over."
        )


def many_grants(number: int, cast: Cast, vm: Machine) -> None:
    """Open ones, made directly: how they came to be is told elsewhere."""
    from access.models import AccessRequest

    first = approved(vm, by=cast.alice, approver=cast.bob)
    like = first.access_request
    fields = {f.attname: getattr(like, f.attname) for f in AccessRequest._meta.concrete_fields}
    fields.pop("id")
    asked = [AccessRequest(**{**fields, "submission_key": key}) for key in keys(number - 1)]
    made = AccessRequest.objects.bulk_create(asked)
    now = db_now()
    Grant.objects.bulk_create(
        Grant(
            access_request=each, machine=vm, gate_id=first.gate_id, kind="window", port=22,
            exclusive=False, state="open", opened_at=now, starts_at=now,
            ends_at=now + timedelta(hours=1),
        )
        for each in made
    )  # fmt: skip


def keys(number: int) -> Iterator[object]:
    import uuid

    return (uuid.uuid4() for _ in range(number))


def test_an_extension_is_refused(cast: Cast, vm: Machine) -> None:
    from access.engine.extend import lengthen

    grant = approved(vm, by=cast.alice, approver=cast.bob)
    other = ask(estate.machine("vm-2"), by=cast.alan)
    order("machine", vm.resource_key, REASON, by=cast.dana)
    until = grant.ends_at + timedelta(minutes=30)
    with pytest.raises(WrongState, match="Incident"), transaction.atomic():
        lengthen([grant], until, by_request=other)
