"""What load balancers and supervisors are told."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client

from access.models import Grant, Heartbeat
from tests.support.cast import Cast, approve, ask, be_seen
from tests.support.estate import machine

pytestmark = pytest.mark.django_db


def test_it_lives_without_asking_the_database(client: Client, django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        assert client.get("/healthz").json() == {"status": "ok"}


def test_ready_while_closing_is_looked_after(client: Client) -> None:
    be_seen()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["closer"]) == (200, True)


def test_not_ready_when_the_closer_was_not_seen_for_a_minute(client: Client) -> None:
    Heartbeat.objects.update_or_create(name="closer", defaults={"at": "2020-01-01T00:00:00Z"})
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["closer"]) == (503, False)


def test_what_is_overdue_is_counted(client: Client, cast: Cast) -> None:
    be_seen()
    grant = approve(ask(machine(), by=cast.alice), by=cast.bob).grants.get()
    long_ago = "2020-01-01T00:00:00Z"
    Grant.objects.filter(pk=grant.pk).update(state="closing", due_at=long_ago, close_reason="Over.")
    assert client.get("/readyz").json()["overdue"] == 1


def test_a_database_that_is_away_is_said_without_its_words(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    def away() -> None:
        raise OperationalError("could not connect to host secret-host")

    monkeypatch.setattr(connection, "ensure_connection", away)
    monkeypatch.setattr(connection, "cursor", away)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"database": False})
