"""Who may order a change of a JIT policy, what is refused, and one at a time."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from access.errors import Invalid, NotAllowed, WrongState
from access.models import Grant, Heartbeat, LedgerEntry, Machine
from jit import orders, tasks
from jit.models import JitPort, PolicyOrder
from jit.orders import Wanted, order, plan_for
from portal.azure import door
from tests.support.azure import SimulatedAzure
from tests.support.cast import Cast, approved
from tests.support.policies import (
    bare,
    dana,
    named,
    ordered,
    ours,
    policed,
    step,
    work,
)

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["dana", "policed"]


class TestWhoMay:
    def test_the_identity_that_opens_may_not(
        self, policed: SimulatedAzure, dana: Any, settings: Any
    ) -> None:
        settings.AZURE_KEEPER_CLIENT_ID = "portal-opener"
        door.forget_clients()
        made = step(ordered(bare(), (22, 60), by=dana))
        assert made.failed_at is not None
        assert "jitNetworkAccessPolicies/write" in made.problem
        (refused,) = policed.record("jit.put")
        assert (refused["principal"], refused["status"]) == ("portal-opener", 403)
        assert LedgerEntry.objects.filter(event="policy.change_failed").count() == 1

    def test_without_an_identity_of_its_own_nobody_is_the_keeper(
        self, policed: SimulatedAzure, dana: Any, settings: Any
    ) -> None:
        made = ordered(bare(), (22, 60), by=dana)
        settings.AZURE_KEEPER_CLIENT_ID = ""
        door.forget_clients()
        assert "no identity that may" in step(made).problem
        Heartbeat.objects.filter(name=orders.KEEPER).delete()
        tasks.keep()
        assert not orders.keeper_seen()
        with pytest.raises(WrongState, match="may not change"):
            ordered(named("vm-app-01"), (22, 60), by=dana)

    def test_only_administrators_order(self, policed: SimulatedAzure, cast: Cast) -> None:
        for person in (cast.alice, cast.bob, cast.erin):
            with pytest.raises(NotAllowed):
                ordered(bare(), (22, 60), by=person)
        assert LedgerEntry.objects.filter(event="policy.change.refused").count() == 3
        assert not PolicyOrder.objects.exists()


class TestWhatIsRefused:
    @pytest.mark.parametrize("ports", [[], [(3389, 60)]])
    def test_a_port_with_a_live_grant_stays(
        self, policed: SimulatedAzure, dana: Any, cast: Cast, ports: list[tuple[int, int]]
    ) -> None:
        vm = named("vm-app-01")
        grant = approved(vm, by=cast.alice, approver=cast.bob)
        with pytest.raises(Invalid, match=grant.access_request.reference):
            ordered(vm, *ports, by=dana)
        ordered(vm, (22, 60), *ports, by=dana)  # shorter, but still there

    def test_a_grant_that_came_after_the_order_keeps_its_port(
        self, policed: SimulatedAzure, dana: Any, cast: Cast
    ) -> None:
        vm = named("vm-app-01")
        made = ordered(vm, (3389, 60), by=dana)
        grant = approved(vm, by=cast.alice, approver=cast.bob)
        assert grant.access_request.reference in step(made).problem
        assert ours(policed) == []
        assert Grant.objects.get(pk=grant.pk).state == "scheduled"

    def test_names_that_are_too_long_together(self, policed: SimulatedAzure, dana: Any) -> None:
        vm = bare()
        vm.name = "vm-" + "x" * 47
        vm.save()
        with pytest.raises(WrongState, match="57 characters together; Azure takes 56"):
            ordered(vm, (22, 60), by=dana)

    def test_what_no_bastion_reaches(self, policed: SimulatedAzure, dana: Any) -> None:
        Machine.objects.filter(name="vm-bare-01").update(bastion=None)
        with pytest.raises(WrongState, match="No Bastion host reaches vm-bare-01"):
            ordered(bare(), (22, 60), by=dana)

    @pytest.mark.parametrize(
        ("ports", "words"),
        [
            ([(22, 4)], "5 minutes to 24 hours"),
            ([(22, 1441)], "5 minutes to 24 hours"),
            ([(22, 60), (22, 90)], "once"),
            ([(0, 60)], "from 1 to 65535"),
            ([], "nothing would change"),
            ([(port, 60) for port in range(1, 23)], "At most 20"),
        ],
    )
    def test_ports_that_cannot_be(
        self, policed: SimulatedAzure, dana: Any, ports: list[tuple[int, int]], words: str
    ) -> None:
        with pytest.raises(Invalid, match=words):
            ordered(bare(), *ports, by=dana)

    def test_a_page_that_grew_old(self, policed: SimulatedAzure, dana: Any) -> None:
        shown = plan_for(named("vm-app-01")).before
        JitPort.objects.update(max_minutes=30)
        with pytest.raises(WrongState, match="changed since you looked"):
            order(named("vm-app-01"), Wanted(uuid.uuid4(), "r", [(22, 60)]), shown=shown, by=dana)


class TestOneAtATime:
    def test_the_same_key_orders_once(self, policed: SimulatedAzure, dana: Any) -> None:
        key = uuid.uuid4()
        first = ordered(bare(), (22, 60), by=dana, key=key)
        assert ordered(bare(), (22, 60), by=dana, key=key).pk == first.pk
        work()
        assert ordered(bare(), (22, 90), by=dana, key=key).pk == first.pk
        assert LedgerEntry.objects.filter(event="policy.change_ordered").count() == 1

    def test_a_second_change_of_the_policy_waits_for_the_first(
        self, policed: SimulatedAzure, dana: Any
    ) -> None:
        ordered(bare(), (22, 60), by=dana)
        with pytest.raises(WrongState, match="Dana has ordered a change of this policy"):
            ordered(named("vm-app-01"), (22, 60), by=dana)
        work()
        ordered(named("vm-app-01"), (22, 60), by=dana)
        work()
        assert PolicyOrder.objects.filter(done_at__isnull=False).count() == 2

    def test_the_database_says_so_too(self, policed: SimulatedAzure, dana: Any) -> None:
        made = ordered(bare(), (22, 60), by=dana)
        made.pk, made.submission_key = None, uuid.uuid4()
        with pytest.raises(IntegrityError), transaction.atomic():
            made.save(force_insert=True)

    @pytest.mark.postgres
    def test_two_orders_at_the_same_moment(self, policed: SimulatedAzure, dana: Any) -> None:
        def one(name: str) -> str:
            try:
                ordered(named(name), (22, 60), by=dana)
            except WrongState:
                return "refused"
            finally:
                connection.close()
            return "ordered"

        with ThreadPoolExecutor(2) as pool:
            told = list(pool.map(one, ["vm-app-01", "vm-app-02"]))
        assert sorted(told) == ["ordered", "refused"]
