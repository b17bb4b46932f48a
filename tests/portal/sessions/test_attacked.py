"""Sessions under attack, on PostgreSQL. Each test is named for the harm that it once let happen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import connection, transaction

from access.clock import db_now
from access.models import Person
from access.services import tokens
from portal.models import BrowserSession
from portal.signin.ending import end_all, sign_out_everywhere
from portal.signin.sessions import SessionStore, digest
from tests.portal.sessions.conftest import cookie_of
from tests.support.browsers import signed_in
from tests.support.cast import Cast

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def in_thread(act: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        try:
            act()
        except SessionInterrupted:
            pass  # the end came first
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def renew(key: str, seconds: float) -> str:
    """What a confirmation does, and how long it takes to."""
    with transaction.atomic():
        store = SessionStore(key)
        store.cycle_key()
        time.sleep(seconds)
    return str(store.session_key)


def test_no_row_of_new_keys_outlives_the_end_of_all(cast: Cast) -> None:
    """Whoever has two browsers renewed the one while the end waited for the other, twice."""
    one, two = sorted((cookie_of(signed_in(cast.alice)) for _ in range(2)), key=digest)
    threads = [
        in_thread(lambda: renew(renew(one, 0.4), 1.2)),
        in_thread(lambda: renew(two, 0.9)),
    ]
    time.sleep(0.2)
    end_all(cast.alice, by="test", why="test")
    for thread in threads:
        thread.join()
    assert not BrowserSession.objects.filter(ended_at__isnull=True).exists()


def test_renewing_and_losing_a_role_at_once_wait_for_each_other_in_one_order(cast: Cast) -> None:
    from portal.directory.roles import replace_roles
    from tests.access.test_races import all_at_once

    for _ in range(6):
        replace_roles(cast.alice, {"engineer", "approver"}, how="test")
        keys = [cookie_of(signed_in(cast.alice)) for _ in range(2)]
        done = all_at_once(
            lambda: replace_roles(Person.objects.get(pk=cast.alice.pk), {"engineer"}, how="test"),
            *[lambda key=key: SessionStore(key).cycle_key() for key in keys],
        )
        errors = [one for one in done if isinstance(one, Exception)]
        assert all(type(error).__name__ == "SessionInterrupted" for error in errors), done
        assert not BrowserSession.objects.filter(ended_at__isnull=True).exists()


def test_no_token_is_made_beneath_the_order_that_takes_them_all_back(cast: Cast) -> None:
    """Whoever had taken the session made a token while the order waited, and kept it."""
    made = threading.Event()

    def making() -> None:
        with transaction.atomic():
            wish = tokens.TokenWish("mine", ["read"], days=1)
            tokens.write(cast.alice, wish, now=db_now(), lasts=timedelta(days=1))
            made.set()
            time.sleep(0.5)

    signed_in(cast.alice)
    thread = in_thread(making)
    assert made.wait(5)
    sign_out_everywhere(cast.alice, by=cast.dana, reason="Her laptop was stolen")
    thread.join()
    assert not tokens.live(cast.alice, db_now()).exists()
