"""``manage.py reseal``: seal with the newest of FIELD_KEYS what older ones sealed.

Each app says in its configuration which columns of which models hold such: ``sealed``.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import models, transaction
from django.db.models import Q

from access.sealed import Unreadable, reseal


class Command(BaseCommand):
    help = "Seals all that is kept sealed with the newest key. Safe to repeat."

    def handle(self, *_args: Any, **_options: Any) -> None:
        with transaction.atomic():
            done = [(model, _all_of(model, columns)) for model, columns in _sealed()]
        counts = (f"{count} {model._meta.verbose_name_plural}" for model, count in done)
        self.stdout.write(f"Sealed anew: {', '.join(counts)}.")


def _sealed() -> Iterator[tuple[type[models.Model], Sequence[str]]]:
    for app in apps.get_app_configs():
        for name, columns in getattr(app, "sealed", {}).items():
            yield app.get_model(name), columns


def _all_of(model: type[models.Model], columns: Sequence[str]) -> int:
    """Locked first: what is emptied meanwhile must not be filled again."""
    filled = ~Q(**dict.fromkeys(columns, ""))
    rows = model._default_manager.select_for_update(no_key=True).filter(filled).order_by("pk")
    count = 0
    for count, row in enumerate(rows, start=1):  # noqa: B007 - how many there were
        try:
            for name in columns:
                if token := getattr(row, name):
                    setattr(row, name, reseal(token))
        except Unreadable as problem:
            raise CommandError(f"{row}: {problem}") from problem
        row.save(update_fields=list(columns))
    return count
