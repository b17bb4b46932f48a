"""SQLite as the product needs it."""

from pathlib import Path
from typing import Any

# IMMEDIATE: with SQLite's own default, two transactions that read before they write fail with
# "database is locked". recursive_triggers lets the ledger's triggers see REPLACE.
PRAGMAS = (
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=NORMAL;"
    "PRAGMA foreign_keys=ON;"
    "PRAGMA recursive_triggers=ON;"
)


def sqlite(path: Path) -> dict[str, Any]:
    """A ``DATABASES`` entry for a file."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": PRAGMAS},
    }
