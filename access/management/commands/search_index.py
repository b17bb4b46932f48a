"""The index for searching machines, made now: for databases whose portal may not do it itself."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from access import search_index


class Command(BaseCommand):
    help = "Makes the index for searching machines, once PostgreSQL has the extension pg_trgm."

    def handle(self, *_: Any, **__: Any) -> None:
        if not search_index.install(connection):
            raise CommandError("The index was not made; the log says why.")
        self.stdout.write("Searches for machines have their index now.")
