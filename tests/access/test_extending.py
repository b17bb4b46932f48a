"""More time: a new request, decided like any other, that leaves no gap and no overrun."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from access import services
from access.clock import db_now
from access.errors import Invalid, NotAllowed, WrongState
from access.models import AccessRequest, Grant, GrantExtension, LedgerEntry, Person
from tests.support.cast import Cast, approve, approved
from tests.support.estate import machine
from tests.support.ruling import one_approver, put_in_force

pytestmark = pytest.mark.django_db


@pytest.fixture
def open_grant(cast: Cast) -> Grant:
    grant = approved(machine(), by=cast.alice, approver=cast.bob)
    now = db_now()
    Grant.objects.update(state="open", opened_at=now)
    grant.refresh_from_db()
    return grant


def more(grant: Grant, *, by: Person, minutes: int = 60, **changes: object) -> AccessRequest:
    values = {"reason": "The restore takes longer", "key": uuid.uuid4(), **changes}
    return services.extend(grant.access_request, minutes=minutes, by=by, **values)  # type: ignore[arg-type]


def test_alice_asks_for_more_and_bob_approves(cast: Cast, open_grant: Grant) -> None:
    ended = open_grant.ends_at
    asked = more(open_grant, by=cast.alice)
    assert (asked.extends, asked.asked_start, asked.state) == (
        open_grant.access_request, ended, "pending",
    )  # fmt: skip
    open_grant.refresh_from_db()
    assert open_grant.ends_at == ended  # nothing is longer until somebody says so
    approve(asked, by=cast.bob)
    open_grant.refresh_from_db()
    assert open_grant.ends_at == ended + timedelta(minutes=60)
    assert asked.grants.count() == 0  # the same doors simply stay open
    assert GrantExtension.objects.get().until == open_grant.ends_at
    lines = LedgerEntry.objects.filter(event="grant.extended")
    assert lines.count() == 1


def test_nobody_extends_what_is_another_s_or_approves_their_own(
    cast: Cast, open_grant: Grant
) -> None:
    with pytest.raises(NotAllowed):
        more(open_grant, by=cast.charlie)
    asked = more(open_grant, by=cast.alice)
    with pytest.raises(NotAllowed, match="own request"):
        approve(asked, by=cast.alice)


def test_an_approver_may_give_less_time(cast: Cast, open_grant: Grant) -> None:
    asked = more(open_grant, by=cast.alice, minutes=120)
    before = open_grant.ends_at
    approve(asked, by=cast.bob, minutes=30)
    open_grant.refresh_from_db()
    assert open_grant.ends_at == before + timedelta(minutes=30)


def test_the_same_key_twice_is_one_request_and_a_second_one_waits(
    cast: Cast, open_grant: Grant
) -> None:
    key = uuid.uuid4()
    assert more(open_grant, by=cast.alice, key=key) == more(open_grant, by=cast.alice, key=key)
    with pytest.raises(Invalid, match="already asked for this"):
        more(open_grant, by=cast.alice)


def test_what_is_over_cannot_be_extended_by_asking_or_by_approving(
    cast: Cast, open_grant: Grant
) -> None:
    asked = more(open_grant, by=cast.alice)
    Grant.objects.update(
        starts_at=db_now() - timedelta(hours=1), ends_at=db_now() - timedelta(milliseconds=1)
    )
    with pytest.raises(WrongState):
        approve(asked, by=cast.bob)
    asked.refresh_from_db()
    assert asked.state == "pending"
    with pytest.raises(WrongState, match="is over"):
        more(open_grant, by=cast.alice)


def test_the_policy_limits_how_often_and_how_long(cast: Cast, open_grant: Grant) -> None:
    put_in_force(one_approver(extension={"most": 1, "max_minutes": 60}))
    with pytest.raises(Invalid, match="between 5 and 60"):
        more(open_grant, by=cast.alice, minutes=61)
    approve(more(open_grant, by=cast.alice), by=cast.bob)
    with pytest.raises(Invalid, match="at most 1 time"):
        more(open_grant, by=cast.alice)


def test_more_time_on_top_of_more_time_is_more_for_the_first(cast: Cast, open_grant: Grant) -> None:
    first = more(open_grant, by=cast.alice)
    approve(first, by=cast.bob)
    second = services.extend(
        first, minutes=30, reason="And longer", key=uuid.uuid4(), by=cast.alice
    )
    assert second.extends == open_grant.access_request
    ended = Grant.objects.get(pk=open_grant.pk).ends_at
    approve(second, by=cast.bob)
    assert Grant.objects.get(pk=open_grant.pk).ends_at == ended + timedelta(minutes=30)


def test_it_lapses_with_what_it_would_have_lengthened(cast: Cast, open_grant: Grant) -> None:
    asked = more(open_grant, by=cast.alice)
    assert asked.lapses_at <= open_grant.ends_at
