"""Ending all sessions, while one of them gets a new key."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import connection, transaction

from portal.models import BrowserSession
from portal.signin.ending import end_all
from portal.signin.sessions import SessionStore
from tests.portal.sessions.conftest import cookie_of
from tests.support.browsers import signed_in
from tests.support.cast import Cast

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def test_no_new_key_carries_a_session_past_its_end(cast: Cast):
    """X-34: the key changes in a transaction that commits while the end waits for the row."""
    key = cookie_of(signed_in(cast.alice))
    changed = threading.Event()

    def confirming() -> None:
        try:
            with transaction.atomic():
                SessionStore(key).cycle_key()
                changed.set()
                time.sleep(0.5)
        finally:
            connection.close()

    other = threading.Thread(target=confirming)
    other.start()
    assert changed.wait(5)
    ended = end_all(cast.alice, by="test", why="test")
    other.join()
    assert ended == 1
    assert not BrowserSession.objects.filter(ended_at__isnull=True).exists()


def test_of_many_ends_at_once_one_is_recorded(cast: Cast):
    from access.models import LedgerEntry

    for _ in range(3):
        signed_in(cast.alice)
    counts: list[int] = []

    def ending() -> None:
        try:
            counts.append(end_all(cast.alice, by="test", why="test"))
        finally:
            connection.close()

    threads = [threading.Thread(target=ending) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == [0, 0, 0, 0, 0, 3]
    assert LedgerEntry.objects.filter(event="session.ended").count() == 1
