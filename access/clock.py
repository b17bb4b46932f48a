"""The database's clock: the only one that decides. A worker's own clock may be wrong."""

from datetime import UTC, datetime

from django.db import connection


def db_now() -> datetime:
    """Aware UTC. Read it once per operation and pass it on."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT clock_timestamp()")
            moment: datetime = cursor.fetchone()[0]
            return moment.astimezone(UTC)
        cursor.execute("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')")
        return datetime.fromisoformat(cursor.fetchone()[0]).replace(tzinfo=UTC)
