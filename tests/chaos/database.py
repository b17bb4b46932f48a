"""A database for runs without pytest. SQLite's is kept, migrated, for the next time."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from tests.support.product import ROOT


@contextmanager
def emptied() -> Iterator[None]:
    """Dropped at the end of the block."""
    kept = _kept() if connection.vendor == "sqlite" else None
    if kept is not None and kept.exists():
        shutil.copy(kept, connection.settings_dict["TEST"]["NAME"])
    connection.creation.create_test_db(
        verbosity=0, autoclobber=True, serialize=False, keepdb=kept is not None
    )
    if kept is not None and not kept.exists():
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(connection.settings_dict["NAME"], kept)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(str(connection.settings_dict["NAME"]), verbosity=0)


def _kept() -> Path:
    """Named after all migrations: a changed one makes another."""
    files = sorted(ROOT.glob("*/migrations/*.py")) + sorted(ROOT.glob("*/*/migrations/*.py"))
    digest = hashlib.sha256(b"".join(each.read_bytes() for each in files)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"bastion-access-chaos-{digest}.sqlite3"
