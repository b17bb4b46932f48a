"""What ends at one host at once costs a handful of statements, and goes to Azure in parts."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from access import engine, ledger
from access.clock import db_now
from access.models import AccessRequest, Grant, LedgerEntry, Machine, Notice, RequestedDoor
from access.states import GrantState
from links.models import Invitation, Rotation
from tests.access.contract import Story, wake_up
from tests.support.cast import be_seen, run_engine

SLACK = 4  # statements that a full chunk may cost beyond a few


def copies(first: Grant, count: int) -> None:
    """As many more like the one that is open, each of a request and a machine of its own, with
    their links in Azure."""
    asked, machine = first.access_request, first.machine
    invitation = Invitation.objects.get(access_request=asked)
    rows = []
    for number in range(count):
        key = f"{machine.resource_id}-{number}"
        mine = _copy(machine, resource_id=key, resource_key=key.lower(), vm_id=key[-60:])
        request = _copy(asked, submission_key=f"00000000-0000-0000-0000-{number:012d}")
        RequestedDoor.objects.create(
            access_request=request, machine=mine, vm_id=mine.vm_id, kind="link", port=first.port,
            requester=request.requester, pending=False,
        )  # fmt: skip
        _copy(invitation, access_request=request)
        rows.append(_copy(first, access_request=request, machine=mine))
    Grant.objects.filter(kind="window").delete()


def _copy(row: Any, **changes: Any) -> Any:
    made = type(row).objects.get(pk=row.pk)
    made.pk = None
    for name, value in changes.items():
        setattr(made, name, value)
    made.save(force_insert=True)
    return made


def place_links(link: Story) -> None:
    known = {each["vm"].lower() for each in link.azure.state()["links"]}
    wanted = [
        {"bastion": grant.gate.resource_id, "vm": grant.machine.resource_id}
        for grant in Grant.objects.filter(kind="link").select_related("gate", "machine")
        if grant.machine.resource_key not in known
    ]
    link.azure.control("POST", "hand", {"add_links": wanted})


def several(link: Story, count: int) -> Grant:
    """So many open at one host; the first of them."""
    first = link.open()
    copies(first, count - 1)
    place_links(link)
    return first


def sent_at_once(link: Story) -> list[int]:
    """How many links each deletion was for."""
    return [len(row["body"]["vms"]) for row in link.azure.record("link.delete")]


def statements_of_each_look(link: Story, count: int) -> list[int]:
    first = several(link, count)
    Grant.objects.update(ends_at=db_now())
    be_seen()
    looks = []
    while Grant.objects.exclude(state=GrantState.CLOSED).exists():
        assert len(looks) < 10, "it never ends"
        wake_up()
        with CaptureQueriesContext(
            connection,
        ) as asked:
            engine.look_at(first.gate_id)
        looks.append(len(asked))
    return looks


@pytest.mark.parametrize("count", [5, 50])
def test_a_look_costs_the_same_however_many_end(link: Story, count: int) -> None:
    """With hundreds at a host, the last would be shut minutes late."""
    looks = statements_of_each_look(link, count)
    assert max(looks) < 100, looks
    assert LedgerEntry.objects.filter(event="grant.closed").count() >= count
    assert Notice.objects.filter(event="visit.ended").count() == count
    assert Rotation.objects.count() == count
    assert ledger.verify()[1] is None


def test_azure_is_never_asked_for_more_than_it_takes_at_once(link: Story, settings: Any) -> None:
    settings.ACCESS_CHUNK = 4
    several(link, 10)
    Grant.objects.update(ends_at=db_now())
    for _ in range(4):
        wake_up()
        run_engine()
    assert not Grant.objects.exclude(state=GrantState.CLOSED).exists()
    assert sent_at_once(link) == [4, 4, 2]


def test_what_waits_for_its_turn_is_closing_already_and_nothing_of_it_is_kept(
    link: Story, settings: Any
) -> None:
    settings.ACCESS_CHUNK = 2
    several(link, 5)
    link.azure.control("POST", "pace", {"link_delete": 12})
    Grant.objects.update(ends_at=db_now())
    run_engine(rounds=6)
    assert set(Grant.objects.values_list("state", flat=True)) == {GrantState.CLOSING}
    assert Grant.objects.filter(sent_at__isnull=False).count() == 2
    gate = Grant.objects.first().gate  # type: ignore[union-attr]
    assert gate.look_again_at is not None
    assert (gate.look_again_at - db_now()).total_seconds() < 1
    assert AccessRequest.objects.count() == Machine.objects.filter(grants__isnull=False).count()


def test_what_waits_for_its_turn_does_not_wait_for_those_that_rest(
    link: Story, settings: Any
) -> None:
    """Locked by somebody, they are tried again in minutes; the others are overdue meanwhile."""
    settings.ACCESS_CHUNK = 2
    several(link, 3)
    Grant.objects.update(ends_at=db_now())
    link.azure.fault(
        operation="link.delete", action="status", status=409, code="ScopeLocked", retry_after=120,
        times=4,
    )  # fmt: skip
    run_engine(rounds=1)
    assert engine.due_gates()
    wake_up()
    run_engine()
    assert Grant.objects.filter(state=GrantState.CLOSED).count() == 1
