"""On SQLite, changing a column makes a table anew, and its triggers are lost with the old one: 0013
left the ledger without its guard there. On PostgreSQL they outlived it, and are made once more."""

from typing import Any

from django.db import migrations

from access import ledger_guard


def guard_again(apps: Any, schema_editor: Any) -> None:  # noqa: ARG001
    ledger_guard.remove(schema_editor.connection)
    ledger_guard.install(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("access", "0015_machine_search")]
    operations = [migrations.RunPython(guard_again, migrations.RunPython.noop)]
