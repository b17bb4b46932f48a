"""A database that was only migrated refuses to change a ledger line.

Django makes a table of SQLite anew when a column changes, and its triggers are gone without a word.
So a new database is asked, apart from what the test suite puts in order.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

from tests.support.product import ROOT


def test_a_new_sqlite_has_all_three_after_the_last_migration(tmp_path: Path) -> None:
    file = tmp_path / "new.sqlite3"
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v", "0"],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "portal.settings.testing",
            "TEST_DATABASE_URL": f"sqlite:///{file}",
        },
        check=True,
        timeout=240,
    )
    with sqlite3.connect(file) as made:
        rows = made.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    assert {name for (name,) in rows if name.startswith("access_ledger_")} == {
        "access_ledger_no_update",
        "access_ledger_no_delete",
        "access_ledger_no_replace",
    }
