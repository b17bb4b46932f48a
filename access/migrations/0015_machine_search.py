"""Indexes that lists and searches need at a million rows. On PostgreSQL each is made beside those
who write, so that nobody waits for it."""

from typing import Any

from django.db import migrations, models

from access import search_index


class AddIndexBeside(migrations.AddIndex):
    def database_forwards(self, app_label: Any, editor: Any, before: Any, after: Any) -> None:
        if editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, editor, before, after)
            return
        model = after.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(editor.connection.alias, model):
            editor.add_index(model, self.index, concurrently=True)


def install(_apps: Any, editor: Any) -> None:
    search_index.install(editor.connection)


def remove(_apps: Any, editor: Any) -> None:
    search_index.remove(editor.connection)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("access", "0014_measures_and_restorations")]
    operations = [
        AddIndexBeside(
            "accessrequest",
            models.Index(fields=["-created_at", "-id"], name="request_newest"),
        ),
        AddIndexBeside("ledgerentry", models.Index(fields=["at"], name="ledger_by_moment")),
        AddIndexBeside(
            "ledgerentry",
            models.Index(
                fields=["outcome", "-seq"],
                name="ledger_unsuccessful",
                condition=models.Q(outcome__in=["denied", "failed"]),
            ),
        ),
        migrations.RunPython(install, remove),
    ]
