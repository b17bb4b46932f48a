"""``manage.py verify_ledger``: recompute the whole chain. Exit status 1 at the first break."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from access import ledger


class Command(BaseCommand):
    help = "Recomputes every hash of the ledger and compares."

    def handle(self, *_args: Any, **_options: Any) -> None:
        count, broken = ledger.verify()
        if broken is not None:
            raise CommandError(f"The ledger is broken at line {broken.seq}: {broken.problem}.")
        self.stdout.write(self.style.SUCCESS(f"The ledger holds: {count} lines verified."))
