"""An incident is ordered and confirmed while people approve and workers open."""

from __future__ import annotations

from collections import Counter

import pytest

from access.engine.claim import claim
from access.engine.stage import stage
from access.errors import WrongState
from access.models import EndOrder, Grant, Lockdown, Person, Role
from access.services.lockdowns import confirm, lift, order
from access.states import WANTING
from tests.access.test_races import all_at_once
from tests.support.cast import Cast, approve, approved, ask, be_seen, person
from tests.support.estate import machine

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.tasks.look.apply_async", lambda *_args, **_options: None)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


def admins(number: int) -> list[Person]:
    return [person(f"Admin {n}", Role.ADMIN) for n in range(number)]


def test_of_eight_simultaneous_orders_one_stands(cast: Cast) -> None:
    machine()
    acts = [lambda who=who: order("all", "", "Now", by=who) for who in admins(8)]
    results = all_at_once(*acts)
    assert Counter(type(result) for result in results) == {Lockdown: 1, WrongState: 7}
    assert Lockdown.objects.count() == 1


def test_of_eight_simultaneous_confirmations_one_counts(cast: Cast) -> None:
    approved(machine(), by=cast.alice, approver=cast.bob)
    standing = order("all", "", "Now", by=cast.dana)
    results = all_at_once(*[lambda who=who: confirm(standing, by=who) for who in admins(8)])
    assert Counter(type(result) for result in results) == {Lockdown: 1, WrongState: 7}
    assert EndOrder.objects.count() == 1


def test_confirming_and_calling_off_at_once_is_one_of_the_two(cast: Cast) -> None:
    approved(machine(), by=cast.alice, approver=cast.bob)
    (dora,) = admins(1)
    for _ in range(10):
        standing = order("all", "", "Now", by=cast.dana)
        EndOrder.objects.all().delete()
        results = all_at_once(
            lambda s=standing: confirm(s, by=dora), lambda s=standing: lift(s, "No", by=cast.dana)
        )
        standing.refresh_from_db()
        assert bool(standing.confirmed_at) == EndOrder.objects.exists()
        assert not [
            r for r in results if isinstance(r, Exception) and not isinstance(r, WrongState)
        ]
        if standing.lifted_at is None:
            lift(standing, "Next", by=cast.dana)


def test_what_is_approved_in_the_instant_of_the_confirmation_does_not_stay_open(
    cast: Cast,
) -> None:
    (dora,), turns = admins(1), 12
    be_seen()
    for turn in range(turns):
        asked = ask(machine(f"vm-{turn}"), by=cast.alice)
        standing: list[Lockdown] = []

        def close(standing: list[Lockdown] = standing) -> None:
            standing.append(order("all", "", "Now", by=cast.dana))
            confirm(standing[0], by=dora)

        all_at_once(lambda asked=asked: approve(asked, by=cast.bob), close)
        for gate_id in set(Grant.objects.values_list("gate_id", flat=True)):
            lease = claim(gate_id)
            if lease is not None:
                stage(lease)
                release(gate_id)
        assert not Grant.objects.filter(state__in=WANTING).exists()
        lift(standing[0], "Next", by=cast.dana)


def release(gate_id: int) -> None:
    from access.models import Gate

    Gate.objects.filter(pk=gate_id).update(
        lease_token=None, lease_until=None, look_again_at=None, pause_until=None
    )
