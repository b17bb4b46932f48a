"""Database triggers that refuse to change, delete or overwrite a ledger line.

Used by the migration, and by the test suite which must empty tables between tests. A database
owner can still switch triggers off; the hash chain and its head make that visible.
"""

from typing import Any

POSTGRES_INSTALL = (
    """
    CREATE OR REPLACE FUNCTION access_ledger_refuse() RETURNS trigger AS $$
    BEGIN RAISE EXCEPTION 'the ledger is append-only'; END; $$ LANGUAGE plpgsql
    """,
    """
    CREATE TRIGGER access_ledger_no_change BEFORE UPDATE OR DELETE ON access_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION access_ledger_refuse()
    """,
    """
    CREATE TRIGGER access_ledger_no_truncate BEFORE TRUNCATE ON access_ledgerentry
    FOR EACH STATEMENT EXECUTE FUNCTION access_ledger_refuse()
    """,
)
POSTGRES_REMOVE = (
    "DROP TRIGGER IF EXISTS access_ledger_no_change ON access_ledgerentry",
    "DROP TRIGGER IF EXISTS access_ledger_no_truncate ON access_ledgerentry",
)
# The insert guard is there because INSERT OR REPLACE deletes without firing a delete trigger.
SQLITE_INSTALL = (
    """
    CREATE TRIGGER access_ledger_no_update BEFORE UPDATE ON access_ledgerentry
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
    """,
    """
    CREATE TRIGGER access_ledger_no_delete BEFORE DELETE ON access_ledgerentry
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
    """,
    """
    CREATE TRIGGER access_ledger_no_replace BEFORE INSERT ON access_ledgerentry
    WHEN EXISTS (SELECT 1 FROM access_ledgerentry WHERE seq = NEW.seq)
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
    """,
)
SQLITE_REMOVE = (
    "DROP TRIGGER IF EXISTS access_ledger_no_update",
    "DROP TRIGGER IF EXISTS access_ledger_no_delete",
    "DROP TRIGGER IF EXISTS access_ledger_no_replace",
)


def install(connection: Any) -> None:
    """Raises ``KeyError`` on a database engine that no trigger was written for."""
    _run(connection, {"postgresql": POSTGRES_INSTALL, "sqlite": SQLITE_INSTALL})


def remove(connection: Any) -> None:
    _run(connection, {"postgresql": POSTGRES_REMOVE, "sqlite": SQLITE_REMOVE})


def _run(connection: Any, statements: dict[str, tuple[str, ...]]) -> None:
    with connection.cursor() as cursor:
        for statement in statements[connection.vendor]:
            cursor.execute(statement)
