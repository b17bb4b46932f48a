"""The two machines: what is not a legal move is refused, and the database agrees."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest
from django.db import IntegrityError, transaction

from access.clock import db_now
from access.errors import WrongState
from access.models import AccessRequest, Grant
from access.states import (
    GRANT_MOVES,
    REQUEST_MOVES,
    GrantState,
    RequestState,
    move_grant,
    move_request,
)
from tests.support.cast import Cast, ask
from tests.support.estate import machine


@pytest.mark.parametrize(("now", "then"), list(product(GrantState, GrantState)))
def test_a_grant_moves_only_as_the_table_says(now: GrantState, then: GrantState) -> None:
    if then in GRANT_MOVES[now]:
        assert move_grant(now, then) == then
    else:
        with pytest.raises(WrongState):
            move_grant(now, then)


@pytest.mark.parametrize(("now", "then"), list(product(RequestState, RequestState)))
def test_a_decided_request_never_moves_again(now: RequestState, then: RequestState) -> None:
    if then in REQUEST_MOVES[now]:
        assert now == RequestState.PENDING
        assert move_request(now, then) == then
    else:
        with pytest.raises(WrongState):
            move_request(now, then)


def test_nothing_is_closed_but_by_way_of_closing() -> None:
    into_closed = {now for now, moves in GRANT_MOVES.items() if GrantState.CLOSED in moves}
    assert into_closed == {GrantState.CLOSING}


@pytest.mark.parametrize(
    "forged",
    [
        {"state": "open"},  # without opened_at
        {"state": "closed"},  # without closed_at
        {"state": "closing"},  # without due_at and reason
        {"state": "broken"},
        {"opened_at": "now"},  # while only scheduled
        {"ends_at": "start"},  # a window of no length
    ],
)
def test_the_database_refuses_a_grant_that_contradicts_itself(
    cast: Cast, forged: dict[str, str]
) -> None:
    asked = ask(machine(), by=cast.alice)
    now = db_now()
    values = {
        "state": "scheduled",
        "starts_at": now,
        "ends_at": now + timedelta(minutes=30),
        **forged,
    }
    values = {key: now if word in ("now", "start") else word for key, word in values.items()}
    door = asked.doors.get()
    offer = door.machine.jit_ports.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Grant.objects.create(
            access_request=asked, machine=door.machine, gate=offer.gate, kind="window",
            port=22, exclusive=False, **values,
        )  # fmt: skip


def test_the_database_refuses_that_somebody_approved_their_own(cast: Cast) -> None:
    asked = ask(machine(), by=cast.alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        AccessRequest.objects.filter(pk=asked.pk).update(
            state="approved", decided_by=cast.alice, decided_at=db_now()
        )
