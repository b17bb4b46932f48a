"""The database's clock: the only one that decides. A worker's own clock may be wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from django.db import connection

_own: ContextVar[bool] = ContextVar("own_clock", default=False)


@contextmanager
def own_clock() -> Iterator[None]:
    """For the second closer alone, while there is no database to ask: this process's clock."""
    mark = _own.set(True)
    try:
        yield
    finally:
        _own.reset(mark)


def is_own() -> bool:
    """Whether there is no database to ask."""
    return _own.get()


def db_now() -> datetime:
    """Aware UTC. Read it once per operation and pass it on."""
    if _own.get():
        return datetime.now(UTC)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT clock_timestamp()")
            moment: datetime = cursor.fetchone()[0]
            return moment.astimezone(UTC)
        cursor.execute("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')")
        return datetime.fromisoformat(cursor.fetchone()[0]).replace(tzinfo=UTC)
