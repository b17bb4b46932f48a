"""The index for parts of words: where PostgreSQL has it, and where nobody may make it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from access import search_index
from access.filters import machines_like
from access.models import Machine
from tests.support.estate import machine

pytestmark = pytest.mark.django_db(transaction=True)


def indexes() -> list[str]:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "access_machine")
    return [name for name, each in found.items() if each["index"]]


@pytest.fixture
def stranger() -> Iterator[None]:
    """A database user who may read and write, and make no extension; and there is none."""
    name = "bench_stranger"
    with connection.cursor() as cursor:
        search_index.remove(connection)
        cursor.execute("DROP EXTENSION IF EXISTS pg_trgm")
        cursor.execute(f"DROP ROLE IF EXISTS {name}")
        cursor.execute(f"CREATE ROLE {name}")
        cursor.execute(f"SET ROLE {name}")
        yield
        cursor.execute("RESET ROLE")
        cursor.execute(f"DROP ROLE {name}")
    search_index.install(connection)


@pytest.mark.postgres
@pytest.mark.usefixtures("stranger")
def test_an_upgrade_does_not_fail_where_no_extension_may_be_made() -> None:
    """On many managed servers the portal's user owns its tables and nothing else."""
    assert search_index.install(connection) is False
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
    assert search_index.NAME not in indexes()
    machine("vm-needle-01")
    assert machines_like(Machine.objects.all(), "needle").count() == 1


@pytest.mark.postgres
def test_it_is_there_after_the_migrations_and_may_be_made_again() -> None:
    assert search_index.install(connection) is True
    assert search_index.NAME in indexes()
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        text = machines_like(Machine.objects.order_by(), "needle").explain()
        cursor.execute("RESET enable_seqscan")
    assert search_index.NAME in text  # its columns are written as the search asks for them


@pytest.mark.skipif(connection.vendor == "postgresql", reason="of SQLite")
def test_sqlite_goes_without() -> None:
    assert search_index.install(connection) is False
    machine("vm-needle-01")
    assert machines_like(Machine.objects.all(), "needle staging").count() == 1
