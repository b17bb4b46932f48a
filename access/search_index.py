"""An index for parts of words, so that a search for machines need not read every one of them.

PostgreSQL alone has it, with its extension ``pg_trgm``. Whoever owns the database may create that
extension; where they may not, or where it is not there, all goes on without: a search is slower,
and nothing else. SQLite knows nothing of it.
"""

import logging
from typing import Any

from django.db import DatabaseError, transaction

logger = logging.getLogger(__name__)
NAME = "machine_search"
COLUMNS = (
    "name", "owner", "environment", "resource_group", "subscription_name", "subscription_id",
)  # fmt: skip  # those of ``access.filters.machines_like``, as Django asks for parts of them
WITHOUT = (
    "The index for searching machines was not made: %s. All works without it, only slower in "
    "large estates. To have it, let an owner of the database run CREATE EXTENSION pg_trgm, and "
    "then run manage.py search_index."
)


def install(connection: Any) -> bool:
    """Whether it is there now. May be repeated; outside a transaction, and locks no writer out."""
    if connection.vendor != "postgresql":
        return False
    try:
        with transaction.atomic(connection.alias), connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        parts = ", ".join(f"UPPER({name}::text) gin_trgm_ops" for name in COLUMNS)
        with connection.cursor() as cursor:
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")  # half made the last time
            cursor.execute(
                f"CREATE INDEX CONCURRENTLY {NAME} ON access_machine USING gin ({parts})"
            )
            cursor.execute("ANALYZE access_machine")
    except DatabaseError as error:
        logger.warning(WITHOUT, str(error).strip().splitlines()[0])
        return False
    return True


def remove(connection: Any) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")
