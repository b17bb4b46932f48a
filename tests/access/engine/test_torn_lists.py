"""R-20: Azure's list of links comes back empty, or with a part of its rows, and bears no sign of
it. Nobody may be told that a link is gone that stands, and none that stands is made anew."""

from __future__ import annotations

from datetime import timedelta

import pytest

from access import services
from access.clock import db_now
from access.engine import compare
from access.models import Grant
from access.states import GrantState
from links import deletions, missing
from tests.access.contract import Story, settle_now, wake_up
from tests.support.cast import run_engine

TORN = pytest.mark.parametrize("action", ["empty_page", "partial_page"])


def look_often(times: int = 3) -> None:
    for _ in range(times):
        wake_up()
        run_engine(rounds=2)


@TORN
def test_a_link_is_deleted_before_a_list_without_it_is_believed(link: Story, action: str) -> None:
    """The vendor could go in through a link that the page calls closed."""
    grant = link.open()
    link.azure.fault(operation="link.list", action=action)
    services.end(grant, by=link.cast.alice)
    look_often()
    grant.refresh_from_db()
    assert (grant.state, link.doors_in_azure()) == (GrantState.CLOSED, 0)
    assert link.sent("link.delete") == 1


@TORN
def test_while_azure_is_at_work_on_the_deletion_it_is_not_called_closed(
    link: Story, action: str
) -> None:
    grant = link.open()
    link.azure.control("POST", "pace", {"link_delete": 12})
    link.azure.fault(operation="link.list", action=action)
    services.end(grant, by=link.cast.alice)
    look_often()
    grant.refresh_from_db()
    assert (grant.state, link.doors_in_azure()) == (GrantState.CLOSING, 1)
    link.azure.advance(13)
    look_often()
    grant.refresh_from_db()
    assert (grant.state, link.doors_in_azure()) == (GrantState.CLOSED, 0)


@TORN
def test_a_deletion_that_failed_is_not_taken_for_done(link: Story, action: str) -> None:
    grant = link.open()
    link.azure.fault(operation="link.delete", action="lro_failed", times=1)
    link.azure.fault(operation="link.list", action=action)
    services.end(grant, by=link.cast.alice)
    look_often()
    grant.refresh_from_db()
    assert (grant.state, link.doors_in_azure()) == (GrantState.CLOSING, 1)
    settle_now()
    look_often()
    grant.refresh_from_db()
    assert (grant.state, link.doors_in_azure()) == (GrantState.CLOSED, 0)


def test_who_knows_of_no_order_gives_it_its_time_and_sends_it_again(
    link: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was sent, and the worker died before it could keep what it knew of it."""
    grant = link.open()
    services.end(grant, by=link.cast.alice)
    run_engine(rounds=1)
    deletions.forget()
    look_often()
    grant.refresh_from_db()
    assert grant.state == GrantState.CLOSING
    monkeypatch.setattr(deletions, "ITS_TIME", timedelta(0))
    settle_now()
    look_often()
    grant.refresh_from_db()
    assert (grant.state, link.sent("link.delete")) == (GrantState.CLOSED, 2)


def test_of_an_order_that_azure_took_and_tells_nothing_of_it_is_asked_by_name(
    link: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It named no address, or that of somebody else."""
    grant = link.open()
    monkeypatch.setattr(deletions, "_is_azure", lambda _address: False)
    monkeypatch.setattr(deletions, "ITS_TIME", timedelta(0))
    services.end(grant, by=link.cast.alice)
    look_often()
    grant.refresh_from_db()
    assert (grant.state, link.sent("link.delete")) == (GrantState.CLOSED, 1)


def test_two_lists_with_holes_do_not_bear_each_other_out(link: Story) -> None:
    """Seed 69: a worker stopped before it sent anything, and the list of all links lacked this one,
    and so did the one of this one alone."""
    grant = link.open()
    services.end(grant, by=link.cast.alice)
    long_ago = db_now() - timedelta(minutes=5)
    sent = Grant.objects.filter(pk=grant.pk)
    sent.update(
        state=GrantState.CLOSING, sent_at=long_ago, due_at=long_ago, close_reason="Ended by Alice."
    )
    link.azure.fault(operation="link.list", action="empty_page", times=2)
    for _ in range(20):
        look_often(1)
        grant.refresh_from_db()
        assert grant.state != GrantState.CLOSED or link.doors_in_azure() == 0
    assert (grant.state, link.doors_in_azure()) == (GrantState.CLOSED, 0)


@TORN
def test_an_open_link_that_a_list_leaves_out_is_not_made_anew(link: Story, action: str) -> None:
    """Its address would change in the vendor's hands."""
    grant = link.open()
    link.azure.fault(operation="link.list", action=action)
    look_often(1)
    grant.refresh_from_db()
    assert (grant.state, grant.outstanding) == (GrantState.OPEN, compare.MISSING)
    assert link.sent("link.create") == 1
    link.azure.mend()
    Grant.objects.update(not_before=None)
    look_often(1)
    grant.refresh_from_db()
    assert (grant.outstanding, grant.tries) == ("", 0)


def test_one_that_is_really_gone_is_opened_again_in_the_end(link: Story) -> None:
    grant = link.open()
    gone = {"bastion": grant.gate.resource_id, "vm": grant.machine.resource_id}
    link.azure.control("POST", "hand", {"delete_link": gone})
    for _ in range(compare.DOUBTS + 2):
        settle_now()
        look_often(1)
    assert (link.doors_in_azure(), link.sent("link.create")) == (1, 2)


class TestAnOrderThatAzureNeverTakes:
    """Nobody knows what Azure says to a deletion of what is not there. Were it always no, a grant
    whose link somebody else deleted would be closing for ever."""

    def _refused(self, link: Story) -> Grant:
        grant = link.open()
        link.azure.fault(operation="link.delete", action="status", status=400, code="NoSuchLink")
        return grant

    def _look(self, link: Story, grant: Grant) -> None:
        services.end(grant, by=link.cast.alice)
        for _ in range(2 * missing.REFUSALS):
            Grant.objects.update(not_before=None)
            look_often(1)
        grant.refresh_from_db()

    def test_what_is_not_there_is_closed_all_the_same(self, link: Story) -> None:
        grant = self._refused(link)
        host = link.machine.bastion
        assert host is not None
        where = {"bastion": host.resource_id, "vm": link.machine.resource_id}
        link.azure.control("POST", "hand", {"delete_link": where})
        self._look(link, grant)
        assert (grant.state, link.doors_in_azure()) == (GrantState.CLOSED, 0)
        assert link.sent("link.delete") >= missing.REFUSALS

    def test_what_stands_is_never_called_closed(self, link: Story) -> None:
        grant = self._refused(link)
        link.azure.fault(operation="link.list", action="empty_page", times=missing.REFUSALS)
        self._look(link, grant)
        assert (grant.state, link.doors_in_azure()) == (GrantState.CLOSING, 1)
