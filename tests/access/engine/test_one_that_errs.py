"""R-12: a link that Azure cannot delete keeps no other open; a host that is not well is asked with
one link at a time, and others' links go before it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import LazySettings

from access import engine, ledger, services
from access.clock import db_now
from access.engine.compare import DoorCase
from access.engine.dividing import MOST_IN_A_ROW, PROBED_FROM, divided
from access.kinds import Door, Seen
from access.models import Gate, Grant, LedgerEntry, Machine
from access.states import GrantState
from portal.budget.spending import pay
from portal.budget.stores import Key
from tests.access.contract import Story, connect, settle_now, wake_up
from tests.access.engine.test_many_at_once import sent_at_once, several
from tests.support.cast import approved, be_seen, run_engine

ERROR: dict[str, Any] = {"operation": "link.delete", "action": "status", "status": 500}


def looks(number: int) -> None:
    """What rests need not, but looks stay apart: nothing is seen of a deletion at once. Each gives
    its gate back."""
    for _ in range(number):
        wake_up()
        Grant.objects.update(not_before=None)
        be_seen()
        for gate_id in engine.due_gates():
            engine.look_at(gate_id)
            assert Gate.objects.get(pk=gate_id).lease_token is None


def end_all(**which: Any) -> None:
    Grant.objects.filter(**which).update(ends_at=db_now())


def still_open() -> set[str]:
    return {
        grant.machine.resource_key
        for grant in Grant.objects.exclude(state=GrantState.CLOSED).select_related("machine")
    }


@pytest.mark.parametrize("bad", [1, 3])
def test_what_azure_cannot_delete_keeps_no_other_open(link: Story, bad: int) -> None:
    several(link, 50)
    machines = list(Machine.objects.filter(grants__state=GrantState.OPEN).order_by("pk"))
    cursed = {machine.resource_key for machine in machines[7 : 7 + 11 * bad : 11]}
    for each in cursed:
        link.azure.fault(**ERROR, vm=each)
    end_all()
    looks(12)
    assert still_open() == cursed
    assert len(link.azure.state()["links"]) == bad
    assert len(sent_at_once(link)) < 60  # one by one it would be more
    rests = Grant.objects.exclude(state=GrantState.CLOSED)
    assert all(grant.erred > 0 and "InternalServerError" in grant.problem for grant in rests)
    gate = Gate.objects.get(kind="link")
    assert (gate.pause_until, gate.problem) == (None, "")
    link.azure.mend()
    looks(4)
    assert not still_open()
    assert ledger.verify()[1] is None


def test_who_ends_beside_it_later_does_not_wait_for_it(link: Story) -> None:
    first = several(link, 3)
    link.azure.fault(**ERROR, vm=first.machine.resource_key)
    end_all(pk=first.pk)
    looks(5)
    gate = Gate.objects.get(kind="link")
    assert (gate.erred, gate.pause_until) == (5, None)  # nobody waits beside it
    Grant.objects.exclude(pk=first.pk).update(ends_at=db_now())
    looks(1)
    sent = [row for row in link.azure.record("link.delete") if row["status"] == 202]
    assert sum(len(row["body"]["vms"]) for row in sent) == 2
    looks(3)
    assert still_open() == {first.machine.resource_key}


def test_it_is_tried_for_ever_by_itself_and_its_gate_does_not_rest(link: Story) -> None:
    first = several(link, 4)
    link.azure.fault(**ERROR, vm=first.machine.resource_key)
    end_all()
    looks(6)
    before, lines = len(sent_at_once(link)), LedgerEntry.objects.count()
    looks(5)
    assert sent_at_once(link)[before:] == [1] * 5
    assert Grant.objects.get(pk=first.pk).tries == 0  # which tell whether Azure takes it at all
    assert LedgerEntry.objects.count() == lines  # it was told when it began
    wake_up()
    run_engine()
    first.refresh_from_db()
    assert first.not_before is not None
    assert first.not_before > db_now()
    assert Gate.objects.get(kind="link").pause_until is None


def test_who_is_inside_must_go_though_the_door_cannot_be_shut(link: Story) -> None:
    first = several(link, 3)
    connect(link.azure, first)
    link.azure.fault(**ERROR, vm=first.machine.resource_key)
    end_all()
    looks(6)
    assert link.azure.state()["sessions"] == []
    assert still_open() == {first.machine.resource_key}


def test_a_host_that_is_not_well_is_asked_with_one_each_time_another(link: Story) -> None:
    several(link, 20)
    link.azure.fault(**ERROR)
    end_all()
    looks(30)
    assert sent_at_once(link) == [20, *[1] * 29]
    asked = {row["body"]["vms"][0]["vm"]["id"] for row in link.azure.record("link.delete")[1:]}
    assert len(asked) > 4
    assert not Grant.objects.filter(erred__gt=0).exists()  # none of them is to blame
    gate = Gate.objects.get(kind="link")
    assert (gate.erred, gate.failures) == (30, 30)
    assert gate.pause_until is not None
    link.azure.mend()
    looks(1)
    assert sent_at_once(link)[30:] == [1, 1, 18]  # in that one look
    looks(3)
    assert not still_open()


def test_below_what_is_kept_for_closing_it_is_not_even_sent(
    link: Story, settings: LazySettings
) -> None:
    first = several(link, 2)
    Gate.objects.filter(kind="link").update(erred=PROBED_FROM)
    end_all()
    wake_up()
    settings.AZURE_BUDGET_WRITES, settings.AZURE_BUDGET_FOR_CLOSES = (200.0, 10.0), 0.99
    subscription = first.gate.resource_key.split("/")[2]
    for _ in range(100):
        pay(Key(subscription, settings.AZURE_CLOSER_CLIENT_ID, "writes"), first=True, floor=0)
    be_seen()
    for _ in range(2):  # in the first they begin to be closed
        Gate.objects.filter(kind="link").update(look_again_at=db_now())
        engine.look_at(first.gate_id)
    assert sent_at_once(link) == []
    assert "no more calls" in Gate.objects.get(kind="link").problem
    Gate.objects.filter(kind="link").update(erred=PROBED_FROM - 1, look_again_at=db_now())
    engine.look_at(first.gate_id)
    assert sent_at_once(link) == [1, 1]


def test_one_to_blame_that_azure_takes_by_now_finds_those_that_it_does_not(link: Story) -> None:
    """It goes last, and what goes before ends the look each time."""
    several(link, 4)
    first, *cursed = Grant.objects.order_by("pk")[:3]
    for each in cursed:
        link.azure.fault(**ERROR, vm=each.machine.resource_key)
    end_all(pk__in=[first.pk, *(each.pk for each in cursed)])
    looks(1)
    Grant.objects.filter(pk=first.pk).update(erred=2)
    looks(8)
    assert still_open() == {
        each.machine.resource_key for each in Grant.objects.exclude(pk=first.pk)
        .select_related("machine")
    }  # fmt: skip
    end_all()
    looks(3)
    assert still_open() == {each.machine.resource_key for each in cursed}


def test_one_alone_and_then_one_to_blame_leave_the_gate_free(link: Story) -> None:
    first = several(link, 3)
    end_all(pk=first.pk)
    link.azure.fault(**ERROR)
    looks(2)
    link.azure.mend()
    other = Grant.objects.exclude(pk=first.pk).first()
    assert other is not None
    link.azure.fault(**ERROR, vm=other.machine.resource_key)
    end_all(pk=other.pk)
    looks(4)
    assert Grant.objects.get(pk=first.pk).state == GrantState.CLOSED
    end_all()
    looks(4)
    assert still_open() == {other.machine.resource_key}
    link.azure.mend()
    looks(3)
    assert not still_open()
    assert Gate.objects.get(kind="link").erred == 0


def test_ends_that_come_while_a_host_is_not_well_begin_at_once(link: Story) -> None:
    """What lets anybody in is forgotten then, and the page shows no way in any more."""
    several(link, 10)
    link.azure.fault(**ERROR)
    end_all(pk__in=Grant.objects.values_list("pk", flat=True)[:4])
    looks(2)
    end_all()
    looks(1)
    assert set(Grant.objects.values_list("state", flat=True)) == {GrantState.CLOSING}


def test_a_role_that_was_missing_blames_nobody(link: Story) -> None:
    """What was refused is sent together again, when it is taken."""
    several(link, 8)
    link.azure.fault(operation="link.delete", action="status", status=403)
    end_all()
    looks(3)
    before = len(sent_at_once(link))
    link.azure.mend()
    looks(1)
    assert sent_at_once(link)[before:] == [8]


def test_a_host_that_breaks_down_halfway_blames_few(link: Story) -> None:
    several(link, 40)
    link.azure.fault(**ERROR, times=1)
    end_all()
    looks(1)
    taken = {"operation": "link.delete", "action": "slow", "seconds": 0, "times": 1}
    link.azure.control("POST", "faults", [taken, ERROR])
    looks(1)
    assert len(sent_at_once(link)) <= 2 + MOST_IN_A_ROW + 1
    assert Grant.objects.filter(erred__gt=0).count() <= 4
    assert Gate.objects.get(kind="link").pause_until is not None
    link.azure.mend()
    looks(5)
    assert not still_open()


def test_of_several_to_blame_one_speaks_for_all_and_one_that_is_taken_brings_the_others(
    link: Story,
) -> None:
    several(link, 6)
    end_all()
    Grant.objects.update(erred=1)
    link.azure.fault(**ERROR)
    looks(1)  # begins to close them, which is another matter than before
    Grant.objects.update(erred=1)
    before = len(sent_at_once(link))
    looks(1)
    assert sent_at_once(link)[before:] == [1]
    rests = Grant.objects.values_list("not_before", flat=True).distinct()
    assert len(set(rests)) == 1
    link.azure.mend()
    looks(1)
    assert sent_at_once(link)[before:] == [1, 1, 5]


def test_what_is_shut_already_is_closed_though_another_cannot_be(link: Story) -> None:
    """The look does not end with the one that cannot be shut."""
    first = several(link, 2)
    other = Grant.objects.exclude(pk=first.pk).get()
    end_all(pk=other.pk)
    looks(1)
    link.azure.fault(**ERROR, vm=first.machine.resource_key)
    end_all(pk=first.pk)
    looks(3)
    assert still_open() == {first.machine.resource_key}


def test_an_order_to_open_that_may_have_been_carried_out_is_not_forgotten(link: Story) -> None:
    """Azure opened all and said 409; one by one the first broke down, and the others ended."""
    asked = [
        approved(Machine.objects.get(name=name), by=by, approver=link.cast.bob, kind="link")
        for name, by in (("vm-app-01", link.cast.alice), ("vm-app-02", link.cast.alan))
    ]
    conflict = {"action": "status", "status": 409, "when": "after", "times": 1}
    broken = {"action": "status", "status": 503}
    link.azure.control(
        "POST", "faults", [{"operation": "link.create", **each} for each in (conflict, broken)]
    )
    run_engine(rounds=1)
    assert link.doors_in_azure() == 2
    link.azure.mend()
    for grant in asked:
        services.end(grant, by=grant.access_request.requester)
    for _ in range(3):
        wake_up()
        settle_now()
        run_engine()
    assert link.doors_in_azure() == 0
    assert {grant.state for grant in Grant.objects.filter(kind="link")} == {GrantState.CLOSED}


def case(number: int) -> DoorCase:
    over_at = datetime(2026, 3, 2, 9, number, tzinfo=UTC)
    return DoorCase(Door(Machine(pk=number), 22, over_at=over_at), [], Seen(open=True))


def sizes(count: int, erred: int) -> list[list[int]]:
    cases = [case(number) for number in range(count)]
    return [sorted(each.door.machine.pk for each in order) for order in divided(cases, erred)]


def test_one_alone_tells_in_turns_the_newest_and_any_other() -> None:
    assert sizes(3, 0) == [[0, 1, 2]]
    assert sizes(3, 1) == [[2], [0, 1]]
    assert {sizes(3, 2)[0][0] for _ in range(50)} == {0, 1}
    assert sizes(2, 4) == [[0], [1]]
    assert sizes(1, 5) == [[0]]
    assert sizes(0, 1) == []
