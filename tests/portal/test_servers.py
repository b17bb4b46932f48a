"""What the settings give to PostgreSQL's own library."""

from __future__ import annotations

from typing import Any

import psycopg.conninfo
import pytest

from portal.settings.servers import database, short_waits

PARSED: dict[str, Any] = {
    "ENGINE": "django.db.backends.postgresql",
    "OPTIONS": {"sslmode": "require", "connect_timeout": 7},
}


@pytest.mark.parametrize(
    ("made", "at_most"), [(database(PARSED), 40), (short_waits(PARSED), 20)], ids=["all", "closer"]
)
def test_a_server_that_falls_silent_is_given_up(made: dict[str, Any], at_most: float) -> None:
    """By the kernel, whether something is on its way there or an answer is waited for."""
    options = {name: value for name, value in made["OPTIONS"].items() if name != "pool"}
    known = psycopg.conninfo.conninfo_to_dict(psycopg.conninfo.make_conninfo("", **options))
    silent = int(known["keepalives_idle"]) + int(known["keepalives_interval"]) * int(
        known["keepalives_count"]
    )
    assert 0 < silent <= at_most
    assert 0 < int(known["tcp_user_timeout"]) <= at_most * 1000
    assert known["sslmode"] == "require"


def test_what_the_address_says_wins() -> None:
    assert database(PARSED)["OPTIONS"]["connect_timeout"] == 7
