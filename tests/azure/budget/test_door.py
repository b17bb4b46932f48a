"""The door pays for each call before it is sent: simulated Azure, with a bucket of its own, sees
what the portal keeps to."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from access.errands import errand
from access.errors import Later, Never
from portal.azure.sessions import live_sessions
from portal.budget import left
from tests.azure.budget.calling import Small, attempt, crowd, list_links
from tests.azure.simulator.service import BASTION
from tests.support.product import eventually

Made = Callable[..., Small]


def test_without_a_token_no_call_is_made(small: Made) -> None:
    """A call that Azure would refuse costs it and us something, and delays who comes next."""
    budget = small(4.5, 0.1, share=0)
    assert [attempt() for _ in range(4)] == [None] * 4
    later = attempt()
    assert later is not None
    assert 5 < later < 7.5  # a token and some, so that not all come back at once
    assert budget.asked == 4
    assert budget.throttled == []


def test_a_token_that_is_on_its_way_is_waited_for(small: Made) -> None:
    """Were the gate given back instead, the bucket would run over while nobody comes."""
    budget = small(2, 4, share=0)
    begun = time.monotonic()
    assert [attempt() for _ in range(6)] == [None] * 6
    assert 0.9 < time.monotonic() - begun < 2.5
    assert budget.throttled == []


def test_many_who_wait_keep_azure_busy_at_its_own_rate_and_earn_no_refusal(small: Made) -> None:
    """R-04: all of them done in 1.15 of the time that the bucket itself needs."""
    budget, count = small(20, 20), 80
    begun = time.monotonic()
    found = crowd(8, count // 8)
    took = time.monotonic() - begun
    assert found == [None] * count
    assert budget.asked == count
    assert budget.throttled == []
    assert took < 1.15 * (count - 20) / 20 + 0.5


def test_whoever_holds_a_lease_that_ends_does_not_wait(small: Made) -> None:
    """A worker that waited beyond its lease would send what another has meanwhile decided."""
    small(1.05, 1, share=0)
    assert attempt() is None
    begun = time.monotonic()
    with errand(closing=True, until=lambda: begun + 0.2, begun=True):
        assert attempt() is not None
    assert time.monotonic() - begun < 0.4
    with errand(closing=True, until=lambda: begun + 60, begun=True):
        assert attempt() is None


def test_a_look_that_has_not_begun_keeps_nobody_from_sending(small: Made) -> None:
    """Who waits in line cannot shut anything meanwhile; and what a look has found is not lost for
    want of a second token."""
    budget = small(1.05, 1, share=0)
    with errand(closing=True):
        assert attempt() is None
        assert attempt() is None  # it waited
    begun = time.monotonic()
    with errand(closing=True):
        later = attempt()
    assert time.monotonic() - begun < 0.6
    assert later is not None
    with errand(closing=True), pytest.raises(Never, match="not allowed"):
        attempt("CLOSER")  # it waits, and is sent
    assert budget.throttled == []


def test_reading_the_estate_leaves_what_closing_needs(small: Made) -> None:
    budget = small(10.5, 0.01, share=0.5)
    assert [attempt() for _ in range(5)] == [None] * 5
    assert attempt() is not None
    with errand(closing=True):
        assert [attempt() for _ in range(5)] == [None] * 5
        assert attempt() is not None
    assert budget.asked == 10


def test_who_waits_for_something_to_be_opened_goes_before_what_is_looked_at_for_its_own_sake(
    small: Made,
) -> None:
    """A thousand hosts whose sessions are read would take all that is left to others."""
    small(20.5, 0.01, share=0.5)
    while attempt() is None:
        pass
    with errand(closing=False, opening=True):
        assert attempt() is None
        while attempt() is None:
            pass
    with errand(closing=True):
        assert attempt() is None


def test_the_opener_leaves_it_too_where_one_identity_serves_as_all(
    small: Made, settings: object
) -> None:
    from portal.azure import door

    for name in ("READER", "OPENER", "CLOSER"):
        setattr(settings, f"AZURE_{name}_CLIENT_ID", "portal-closer")
    door.forget_clients()
    small(10.5, 0.01, share=0.5)
    with errand(closing=True):  # a look that closes one door and opens another
        for _ in range(5):
            _initiate()
        with pytest.raises(Later):
            _initiate()
    (mine,) = [each for each in left() if each.calls == "writes"]
    assert mine.tokens >= mine.reserve - 1


def test_an_opener_of_its_own_has_a_bucket_of_its_own(small: Made) -> None:
    small(10.5, 0.01, share=0.5)
    for _ in range(9):
        _initiate()
    with errand(closing=True):
        assert attempt() is None


def test_when_azure_says_no_nothing_is_sent_until_its_time_is_over(small: Made) -> None:
    """R-11: whoever knocks all the same makes it last longer."""
    budget = small(50, 50)
    budget.refuse(2)
    begun = time.monotonic()
    with errand(closing=True):
        assert attempt() == 2
        while (later := attempt()) is not None:
            assert budget.asked == 1 or time.monotonic() - begun >= 2
            assert 0 < later <= 2.2
            time.sleep(0.1)
    assert 2 <= time.monotonic() - begun < 3.5
    assert budget.asked == 2
    assert budget.early == []


def test_a_long_refusal_is_told_with_the_time_that_it_has_left(small: Made) -> None:
    budget = small(50, 50)
    budget.refuse(60)
    assert attempt() == 60
    with errand(closing=True):
        later = attempt()
    assert later is not None
    assert 58 < later <= 60.1
    assert budget.asked == 1
    (shut,) = [each for each in left() if each.shut_until]
    assert (shut.principal, shut.calls) == ("portal-reader", "writes")


def test_when_azure_takes_calls_again_one_finds_out_and_closes_go_first(small: Made) -> None:
    """Fifty gates that all come back in the same second would only be refused again."""
    budget = small(50, 50)
    budget.refuse(1)
    assert attempt() == 1
    time.sleep(1.1)
    with errand(closing=False, until=time.monotonic):
        assert attempt() is not None
    with errand(closing=True, until=time.monotonic):
        assert attempt() is None
        budget.refuse(1)
        assert attempt() == 1
    budget.refuse(60)
    assert all(crowd(8, 1))
    assert budget.asked == 4  # one of eight, and it was refused
    assert budget.early == []


def test_one_host_that_is_busy_shuts_nobody_else_out(small: Made) -> None:
    """Azure says in the same answer that the subscription has calls left: that gate rests alone,
    else a host that is busy for ever would keep all others from being closed."""
    budget = small(50, 50)
    budget.refuse(60, remaining=40)
    with pytest.raises(Later) as info:
        list_links()
    assert info.value.retry_after == 60
    assert attempt() is None
    assert budget.asked == 2


def test_what_others_spend_of_the_same_bucket_is_learnt_from_azures_answers(
    small: Made, settings: object
) -> None:
    """Somebody's script has the same identity: we think of 500 calls, and Azure has 6."""
    budget = small(10, 0.01, share=0)
    settings.AZURE_BUDGET_WRITES = (500, 0.01)  # type: ignore[attr-defined]
    assert [attempt() for _ in range(10)] == [None] * 10
    assert attempt() is not None
    assert budget.throttled == []


@pytest.mark.postgres
def test_azure_is_never_called_inside_a_transaction(small: Made) -> None:
    """What is rolled back was spent all the same, and a lock would be held while Azure thinks."""
    budget = small(10, 10)
    with pytest.raises(RuntimeError, match="inside a transaction"), transaction.atomic():
        list_links()
    assert budget.asked == 0


def test_waiting_for_a_list_of_sessions_is_on_the_same_errand(small: Made) -> None:
    """The SDK polls in a thread of its own, which would know nothing of it."""
    small(10, 0.01, share=0.8)
    with errand(closing=True):
        for _ in range(3):
            live_sessions(BASTION)
    (reads,) = [each for each in left() if each.calls == "reads"]
    assert reads.tokens < reads.reserve


@pytest.mark.postgres
def test_polling_leaves_no_connection_to_the_database_behind(small: Made) -> None:
    """Each would be one of the hundred that PostgreSQL has."""
    small(100, 100)
    live_sessions(BASTION)
    before = _connections()
    for _ in range(5):
        live_sessions(BASTION)
    # The last thread may still be on its way out.
    eventually(lambda: _connections() == before, seconds=5)


def _connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def _initiate() -> None:
    """A call of the opener's, which Azure refuses for what is in it: it is paid for all the same."""
    from access.errors import Never
    from portal.azure import door
    from portal.azure.roles import Identity
    from tests.azure.budget.calling import SUB

    try:
        with door.calling():
            client = door.security(SUB, Identity.OPENER)
            client.jit_network_access_policies.initiate("rg-app", "westeurope", "default", {})
    except Never:
        return
