"""Two people click at once. Needs PostgreSQL: SQLite lets only one writer in anyway."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from access import engine, ledger, services
from access.engine.claim import Lease, LeaseLost, claim, hold
from access.errors import AccessError, Invalid, WrongState
from access.models import AccessRequest, Decision, EndOrder, Gate, Grant, LedgerEntry, Person, Role
from tests.conftest import CI
from tests.support.cast import Cast, approve, ask, be_seen, person, submission
from tests.support.estate import machine

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


@pytest.fixture
def many_clients(transactional_db: None) -> None:
    """A server that lets 400 in. CI's does; many a developer's does not."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW max_connections")
        most = int(cursor.fetchone()[0])
    if most < 450:
        assert not CI, "CI's server must let 450 clients in"
        pytest.skip(f"needs a PostgreSQL with max_connections of 450; this one has {most}")


def all_at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Results or errors, in the order of the acts; each in a thread with its own connection."""
    barrier, results = threading.Barrier(len(acts)), [None] * len(acts)

    def run(index: int, act: Callable[[], Any]) -> None:
        try:
            barrier.wait(timeout=60)
            results[index] = act()
        except Exception as error:  # noqa: BLE001
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(i, act)) for i, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    return results


def test_of_eight_simultaneous_approvals_one_wins(cast: Cast) -> None:
    """R-16"""
    approvers = [person(f"Approver {n}", Role.APPROVER) for n in range(8)]
    asked = ask(machine(), by=cast.alice)
    results = all_at_once(*[lambda who=who: approve(asked, by=who) for who in approvers])
    won = [result for result in results if isinstance(result, AccessRequest)]
    lost = [result for result in results if isinstance(result, WrongState)]
    assert (len(won), len(lost)) == (1, 7)
    assert all("already approved by Approver" in str(error) for error in lost)
    assert Grant.objects.count() == 1
    told = Counter(LedgerEntry.objects.values_list("event", flat=True))
    assert told["request.approved"] == 1
    assert told["request.approve.refused"] == 7
    assert ledger.verify()[1] is None


@pytest.mark.timeout(240)
def test_x19_of_200_approvals_and_200_denials_one_wins(cast: Cast, many_clients: None) -> None:
    """R-16: 400 people, each with a connection of their own, all let go at one moment."""
    deciders = [person(f"Approver {n}", Role.APPROVER) for n in range(400)]
    asked = ask(machine(), by=cast.alice)

    def deny(who: Person) -> AccessRequest:
        return services.deny(asked, by=who, terms_digest=asked.terms_digest, comment="No")

    yes = [lambda who=who: approve(asked, by=who) for who in deciders[:200]]
    no = [lambda who=who: deny(who) for who in deciders[200:]]
    results = all_at_once(*[act for pair in zip(yes, no, strict=True) for act in pair])
    assert Counter(type(result) for result in results) == {AccessRequest: 1, WrongState: 399}
    told = Counter(LedgerEntry.objects.values_list("event", flat=True))
    assert told["request.approved"] + told["request.denied"] == 1
    assert told["request.approve.refused"] + told["request.deny.refused"] == 399
    assert Decision.objects.count() == 1
    asked.refresh_from_db()
    assert asked.grants.count() == (1 if asked.state == "approved" else 0)
    assert ledger.verify()[1] is None


def test_the_same_form_sent_eight_times_at_once_is_one_request(cast: Cast) -> None:
    form = submission(machine())
    results = all_at_once(*[lambda: services.submit(form, by=cast.alice)] * 8)
    assert len({result.pk for result in results}) == 1


def test_two_people_ask_for_a_link_at_once_and_one_gets_the_place(cast: Cast) -> None:
    vm = machine()
    results = all_at_once(
        lambda: ask(vm, by=cast.alice, kind="link"), lambda: ask(vm, by=cast.alan, kind="link")
    )
    assert Counter(type(result) for result in results) == {AccessRequest: 1, Invalid: 1}


def test_ending_twice_at_once_is_one_order(cast: Cast) -> None:
    grant = approve(ask(machine(), by=cast.alice), by=cast.bob).grants.get()
    results = all_at_once(*[lambda: services.end(grant, by=cast.alice)] * 6)
    assert not [result for result in results if isinstance(result, Exception)]
    assert EndOrder.objects.count() == 1
    assert LedgerEntry.objects.filter(event="grant.end_ordered").count() == 1


def test_of_eight_workers_one_gets_the_gate(cast: Cast) -> None:
    gate = approve(ask(machine(), by=cast.alice), by=cast.bob).grants.get().gate
    be_seen()
    results = all_at_once(*[lambda: claim(gate.pk)] * 8)
    assert len([result for result in results if isinstance(result, Lease)]) == 1


def test_a_worker_that_wakes_late_cannot_write(cast: Cast) -> None:
    """K9: the lease ran out while the process was stopped; another took over."""
    from django.db import transaction

    gate = approve(ask(machine(), by=cast.alice), by=cast.bob).grants.get().gate
    be_seen()
    late = claim(gate.pk)
    assert late is not None
    Gate.objects.filter(pk=gate.pk).update(lease_until="2020-01-01T00:00:00Z")
    quick = claim(gate.pk)
    assert quick is not None
    with transaction.atomic():
        hold(quick)
    with pytest.raises(LeaseLost), transaction.atomic():
        hold(late)


def test_a_hundred_lines_from_many_threads_make_one_unbroken_chain(cast: Cast) -> None:
    from django.db import transaction

    def write() -> None:
        for number in range(12):
            with transaction.atomic():
                ledger.record("test.line", by="tester", data={"n": number})

    results = all_at_once(*[write] * 8)
    assert not [result for result in results if result is not None]
    assert ledger.verify() == (96, None)


def test_an_approval_and_an_end_in_the_middle_of_a_look_do_not_block(cast: Cast) -> None:
    """While a worker holds a gate, people go on deciding."""
    first = approve(ask(machine("vm-1"), by=cast.alice), by=cast.bob).grants.get()
    second = ask(machine("vm-2"), by=cast.alice)
    be_seen()
    assert claim(first.gate_id) is not None
    results = all_at_once(
        lambda: services.end(first, by=cast.alice), lambda: approve(second, by=cast.bob)
    )
    assert not [result for result in results if isinstance(result, AccessError)]
    assert engine.due_gates() == []  # leased: nobody else looks


def test_approvals_and_a_worker_at_the_same_gate_never_wait_for_each_other(cast: Cast) -> None:
    """An approval takes the ledger's head and then refers to the gate; a worker holds the gate
    and then takes the head. With a full lock on the gate one of them dies in a deadlock."""
    from django.db import transaction

    first = approve(ask(machine("vm-0"), by=cast.alice), by=cast.bob).grants.get()
    waiting = [ask(machine(f"vm-{number}"), by=cast.alan) for number in range(1, 33)]
    be_seen()
    lease = claim(first.gate_id)
    assert lease is not None

    def decide(mine: list[AccessRequest]) -> None:
        for asked in mine:
            approve(asked, by=cast.bob)

    def look() -> None:
        for _ in range(40):
            with transaction.atomic():
                hold(lease)
                ledger.record("grant.opened", by="worker")

    results = all_at_once(look, *[lambda n=n: decide(waiting[n::4]) for n in range(4)])
    assert not [result for result in results if isinstance(result, Exception)]
    assert ledger.verify()[1] is None
