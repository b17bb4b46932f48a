"""Time that a test moves: for the database, for Azure, and for what the engine measures itself.

The product reads the database's clock, and nothing else decides. So that clock is moved where it
is read: on SQLite ``strftime`` is ours, on PostgreSQL ``clock_timestamp`` and its sisters are those
of a schema that stands before ``pg_catalog`` in the search path. By itself no time goes by.

    with virtual_time(azure) as clock:
        clock.advance(3600)  # an hour later, in an instant, for everybody
"""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from azure.core.pipeline.transport import HttpTransport
from django.db import connection, connections
from django.db.backends.signals import connection_created

from tests.support.azure import SimulatedAzure

# Modules that measure or wait with ``time``: what they sleep through goes by at once.
WAITING = ("access.", "jit.", "links.", "portal.azure.", "portal.budget", "portal.closer")
BEGINNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday
TICK = 0.001  # between two times that somebody reads a clock that stands still
# Here by a hundredth of that: it counts by itself, and Azure and the process do not hear of it.
STANDS_AT = (
    f"SELECT timestamptz '{BEGINNING.isoformat()}'"
    f" + make_interval(secs => seconds + {{ticks}} * {TICK / 100:f}) FROM virtual.clock"
)
LATEST = "(SELECT last_value FROM virtual.ticks)"
ON_POSTGRES = f"""
CREATE SCHEMA IF NOT EXISTS virtual;
CREATE SEQUENCE IF NOT EXISTS virtual.ticks;
CREATE TABLE IF NOT EXISTS virtual.clock (seconds double precision NOT NULL);
DELETE FROM virtual.clock;
INSERT INTO virtual.clock VALUES (0);
SELECT setval('virtual.ticks', 1);
CREATE OR REPLACE FUNCTION virtual.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
  $${STANDS_AT.format(ticks="nextval('virtual.ticks')")}$$;
CREATE OR REPLACE FUNCTION virtual.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS
  $${STANDS_AT.format(ticks=LATEST)}$$;
CREATE OR REPLACE FUNCTION virtual.now() RETURNS timestamptz LANGUAGE sql STABLE AS
  $${STANDS_AT.format(ticks=LATEST)}$$;
"""
PATH = "SET search_path = virtual, pg_catalog, public"


class Clock:
    """How far everybody is ahead of the beginning.

    It stands still but for this, and for a tick each time the database reads it: then the same seed
    meets the same moments, and a machine that is slow is not a portal that is late.
    """

    def __init__(self, azure: SimulatedAzure) -> None:
        self.azure, self.ahead = azure, 0.0
        self._told = 0.0  # how far ahead Azure was told to be

    def now(self) -> datetime:
        return BEGINNING + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        return self.ahead

    def advance(self, seconds: float) -> None:
        self.ahead += seconds
        self.azure.advance(self.ahead - self._told)
        self._told = self.ahead
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("UPDATE virtual.clock SET seconds = %s", [self.ahead])

    def install(self, made: Any) -> None:
        """On a connection to the database that is about to be used."""
        if made.vendor == "sqlite":
            real = sqlite3.connect(":memory:", check_same_thread=False)
            made.connection.create_function("strftime", -1, self._strftime(real))
        else:
            with made.cursor() as cursor:
                cursor.execute(PATH)

    def _strftime(self, real: sqlite3.Connection) -> Any:
        def strftime(form: str, moment: Any = "now", *more: Any) -> Any:
            if str(moment).lower() == "now":
                self.ahead += TICK
                moment = self.now().strftime("%Y-%m-%d %H:%M:%S.%f")
            marks = ", ".join("?" * (2 + len(more)))
            return real.execute(f"SELECT strftime({marks})", (form, moment, *more)).fetchone()[0]

        return strftime


class Hands:
    """``time`` for a module that measures and waits by itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def time(self) -> float:
        return self._clock.now().timestamp()

    def sleep(self, seconds: float) -> None:
        self._clock.advance(seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


@contextmanager
def virtual_time(azure: SimulatedAzure) -> Iterator[Clock]:
    """For this process, its threads, its database and its simulator, until the end of the block."""
    clock = Clock(azure)
    azure.control("POST", "clock", {"stop_at": BEGINNING.isoformat()})
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(ON_POSTGRES)

    def created(connection: Any, **_: Any) -> None:
        clock.install(connection)

    connection_created.connect(created, weak=False)
    connection.ensure_connection()
    clock.install(connection)
    hands, replaced = Hands(clock), []
    for name, module in list(sys.modules.items()):
        if name.startswith(WAITING) and getattr(module, "time", None) is time:
            module.time = hands  # type: ignore[attr-defined]
            replaced.append(module)
    try:
        with patch.object(HttpTransport, "sleep", lambda _self, seconds: clock.advance(seconds)):
            yield clock
    finally:
        connection_created.disconnect(created)
        for module in replaced:
            module.time = time  # type: ignore[attr-defined]
        connections.close_all()  # what was installed on them goes with them
