"""The ledger's first head, and the triggers that make its lines unchangeable."""

from django.db import migrations

from access import ledger_guard

GENESIS = "0" * 64


def install(apps, schema_editor):
    apps.get_model("access", "LedgerHead").objects.get_or_create(pk=1, defaults={"hash": GENESIS})
    ledger_guard.install(schema_editor.connection)


def remove(apps, schema_editor):
    ledger_guard.remove(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("access", "0001_initial")]
    operations = [migrations.RunPython(install, remove)]
