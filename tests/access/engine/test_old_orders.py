"""What is kept of deletions says nothing of those that are not kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from access import services
from access.models import Grant
from access.states import GrantState
from links import deletions
from links.models import Deletion, Fate
from tests.access.contract import Story, wake_up
from tests.support.cast import run_engine


def look_often(times: int = 3) -> None:
    for _ in range(times):
        wake_up()
        run_engine(rounds=2)


def test_an_order_of_before_does_not_bear_out_that_the_next_link_is_gone(
    link: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second deletion was sent and could not be kept; only the first is known, long done. The
    vendor could go in through a link that is called closed."""
    first = link.open()
    services.end(first, by=link.cast.alice)
    look_often()
    grant = link.open()
    _age_orders(3)
    monkeypatch.setattr(deletions, "note", lambda *_: None)
    link.azure.control("POST", "pace", {"link_delete": 12})
    services.end(grant, by=link.cast.alice)
    run_engine(rounds=1)
    link.azure.fault(operation="link.list", action="empty_page")
    look_often()
    grant.refresh_from_db()
    assert (grant.state, link.doors_in_azure()) == (GrantState.CLOSING, 1)


def test_an_operation_that_never_ends_keeps_nobody_waiting_for_ever(
    link: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = link.open()
    monkeypatch.setattr(deletions, "ask", _always(Fate.AT_WORK))
    services.end(grant, by=link.cast.alice)
    look_often()
    grant.refresh_from_db()
    assert (grant.state, link.doors_in_azure()) == (GrantState.CLOSING, 0)
    _age_orders(deletions.REMEMBERED.total_seconds() + 1)
    Grant.objects.filter(pk=grant.pk).update(sent_at="2020-01-01T00:00:00Z")
    look_often()
    grant.refresh_from_db()
    assert grant.state == GrantState.CLOSED


def _age_orders(seconds: float) -> None:
    Deletion.objects.update(at=F("at") - timedelta(seconds=seconds))


def _always(fate: Any) -> Callable[[Any], Any]:
    return lambda _: fate
